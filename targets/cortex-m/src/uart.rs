//! UART 0 of the MPS2 boards: the APB UART of Arm's Cortex-M System Design Kit (its technical reference
//! manual, DDI 0479, section 4.3).
#![expect(unsafe_code, reason = "registers of the board")]

const BASE: *mut u32 = 0x4000_4000 as *mut u32;
const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const BAUD_DIVIDER: usize = 4;

const TRANSMIT_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 1 << 1;
const ENABLE_BOTH: u32 = 0b11;
/// Of the 25 MHz of these boards: 115,200 Baud.
const DIVIDER: u32 = 217;

/// The line, by polling.
pub struct Uart(());

impl Uart {
    /// Ready for use.
    pub fn start() -> Self {
        write(BAUD_DIVIDER, DIVIDER);
        write(CONTROL, ENABLE_BOTH);
        Self(())
    }

    /// Waits for a byte.
    pub fn read(&self) -> u8 {
        while read(STATE) & RECEIVE_FULL == 0 {}
        read(DATA) as u8
    }

    /// Sends a byte.
    pub fn write(&self, byte: u8) {
        while read(STATE) & TRANSMIT_FULL != 0 {}
        write(DATA, byte.into());
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: a register that these boards have.
    unsafe { BASE.add(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: a register that these boards have.
    unsafe { BASE.add(register).write_volatile(value) }
}
