//! The slots in the board's flash chip, a W25Q64JV on FlexSPI 1. The program was copied out of it at the start and reads
//! nothing from it but policies, so it goes on in RAM while the chip is busy.

use cortex_m::{asm, interrupt};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use lacewing_cortex_m::memory;
use teensy4_bsp::ral::flexspi::{self, FLEXSPI1};
use teensy4_bsp::ral::{modify_reg, read_reg, write_reg};

/// Where the flash chip begins in the memory map.
const FLASH: usize = 0x6000_0000;
/// Bytes erased at once: 0.15 s as a rule and 2 s at most. By sectors of 4096 they take 0.7 s and 6 s.
const BLOCK: usize = 64 << 10;
/// Bytes programmed at once: what FlexSPI's FIFO takes at once, in two words. Pages, of 256 bytes, end with one.
const PIECE: usize = 8;

/// Where FlexSPI's table of commands has those to the flash chip: at its end, as its beginning is the boot ROM's.
const ENABLE_WRITE: u32 = 12;
const READ_STATUS: u32 = 13;
const ERASE_BLOCK: u32 = 14;
const PROGRAM: u32 = 15;
/// Their steps: opcodes of the W25Q64JV, the address, data.
const COMMANDS: [(u32, [u32; 3]); 4] = [
    (ENABLE_WRITE, [step(SEND, 0x06), 0, 0]),
    (READ_STATUS, [step(SEND, 0x05), step(READ, 1), 0]),
    (ERASE_BLOCK, [step(SEND, 0xD8), step(SEND_ADDRESS, 24), 0]),
    (PROGRAM, [step(SEND, 0x02), step(SEND_ADDRESS, 24), step(WRITE, PIECE as u32)]),
];

/// A step over one wire, as i.MX RT1060's reference manual encodes it under "Look Up Table".
const fn step(operation: u32, operand: u32) -> u32 {
    operation << 10 | operand
}
const SEND: u32 = 1;
const SEND_ADDRESS: u32 = 2;
const WRITE: u32 = 8;
const READ: u32 = 9;

const TABLE_KEY: u32 = 0x5AF0_5AF0;
/// The flash chip's status while it erases or programs.
const BUSY: u32 = 1;

/// Both slots.
pub struct Slots {
    port: FLEXSPI1,
    start: usize,
    bytes: usize,
}

impl Slots {
    /// Those of the memory map.
    pub fn new(port: FLEXSPI1) -> Self {
        write_reg!(flexspi, port, LUTKEY, TABLE_KEY);
        write_reg!(flexspi, port, LUTCR, UNLOCK: 1);
        for (command, [first, second, third]) in COMMANDS {
            for (at, steps) in [first | second << 16, third, 0, 0].into_iter().enumerate() {
                write_reg!(flexspi, port, LUT[4 * command as usize + at], steps);
            }
        }
        let (start, bytes) = memory::slots();
        Self { port, start: start.addr() - FLASH, bytes }
    }

    /// Erases a block or programs a piece, and waits until that is done.
    fn change(
        &self,
        command: u32,
        offset: usize,
        piece: Option<&[u8]>,
    ) -> Result<(), NorFlashErrorKind> {
        let address = (self.start + offset) as u32;
        // Whatever an interrupt might read of the flash is not to be had now.
        interrupt::free(|_| {
            let done = self.begin(command, address, piece).and_then(|()| self.wait());
            // FlexSPI has read ahead what was there before.
            modify_reg!(flexspi, self.port, MCR0, SWRESET: 1);
            while read_reg!(flexspi, self.port, MCR0, SWRESET == 1) {}
            asm::dsb();
            done
        })
    }

    fn begin(
        &self,
        command: u32,
        address: u32,
        piece: Option<&[u8]>,
    ) -> Result<(), NorFlashErrorKind> {
        self.send(ENABLE_WRITE, address, 0)?;
        let Some(piece) = piece else { return self.send(command, address, 0) };
        write_reg!(flexspi, self.port, IPTXFCR, CLRIPTXF: 1);
        while read_reg!(flexspi, self.port, INTR, IPTXWE == 0) {}
        for (at, bytes) in piece.as_chunks().0.iter().enumerate() {
            write_reg!(flexspi, self.port, TFDR[at], u32::from_le_bytes(*bytes));
        }
        // Only now the FIFO has them.
        write_reg!(flexspi, self.port, INTR, IPTXWE: 1);
        self.send(command, address, piece.len() as u32)
    }

    fn wait(&self) -> Result<(), NorFlashErrorKind> {
        loop {
            write_reg!(flexspi, self.port, IPRXFCR, CLRIPRXF: 1);
            self.send(READ_STATUS, 0, 1)?;
            if read_reg!(flexspi, self.port, RFDR[0]) & BUSY == 0 {
                return Ok(());
            }
        }
    }

    /// Sends a command with as many bytes of data.
    fn send(&self, command: u32, address: u32, bytes: u32) -> Result<(), NorFlashErrorKind> {
        // What is written as 1 is cleared.
        write_reg!(flexspi, self.port, INTR, IPCMDDONE: 1, IPCMDGE: 1, IPCMDERR: 1);
        write_reg!(flexspi, self.port, IPCR0, address);
        write_reg!(flexspi, self.port, IPCR1, ISEQID: command, IDATSZ: bytes);
        write_reg!(flexspi, self.port, IPCMD, TRG: 1);
        while read_reg!(flexspi, self.port, INTR, IPCMDDONE == 0) {}
        match read_reg!(flexspi, self.port, INTR, IPCMDGE, IPCMDERR) {
            (0, 0) => Ok(()),
            _ => Err(NorFlashErrorKind::Other),
        }
    }
}

impl ErrorType for Slots {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Slots {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        memory::read_slots(offset as usize, bytes);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes
    }
}

impl NorFlash for Slots {
    const WRITE_SIZE: usize = PIECE;
    const ERASE_SIZE: usize = BLOCK;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        (from as usize..to as usize)
            .step_by(BLOCK)
            .try_for_each(|offset| self.change(ERASE_BLOCK, offset, None))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        (offset as usize..)
            .step_by(PIECE)
            .zip(bytes.chunks_exact(PIECE))
            .try_for_each(|(offset, piece)| self.change(PROGRAM, offset, Some(piece)))
    }
}
