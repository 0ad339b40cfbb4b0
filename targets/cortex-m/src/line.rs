//! A device on a board's line.

use crate::board::Mps2;
use crate::memory;
use crate::slots::{Mapped, SlotFlash};
use crate::uart::Uart;
use core::fmt::{Debug, Display};
use cortex_m::asm;
use cortex_m::peripheral::SCB;
use lacewing_runtime::store::{Flash, Storage};
use lacewing_serial::{Board, Device, Tuning};

/// Numbers of scratch: for layers 1024 wide.
pub const SCRATCH: usize = 2 * 1024;

/// Cycles: 0.4 ms on the fastest chip, where the last two bytes need 0.2 ms to leave at 115,200 baud.
const BYTES_LEAVE: u32 = 240_000;

/// Talks on UART 0 of an MPS2 board for ever.
pub fn talk<T: Tuning>(scratch: &'static mut [f32; SCRATCH], tuning: Option<T>) -> ! {
    let flash = SlotFlash::take();
    let board = Mps2::new(Mapped::all(), tuning);
    let range = 0..flash.bytes() as u32;
    let Ok(storage) = Flash::new(flash, range) else { SCB::sys_reset() };
    let uart = Uart::start();
    serve(storage, board, scratch, || uart.read(), |byte| uart.write(byte))
}

/// Talks for ever: `read` waits for a byte of the line, `write` sends one.
pub fn serve<S: Storage<Error: Debug + Display>>(
    storage: S,
    board: impl Board<'static>,
    scratch: &mut [f32; SCRATCH],
    mut read: impl FnMut() -> u8,
    mut write: impl FnMut(u8),
) -> ! {
    let mut device = Device::start(storage, board, memory::policy(), scratch);
    loop {
        let Some(answer) = device.receive(read()) else { continue };
        answer.iter().for_each(|&byte| write(byte));
        if device.restarts() {
            // The end of the answer is on its way yet.
            asm::delay(BYTES_LEAVE);
            SCB::sys_reset();
        }
    }
}
