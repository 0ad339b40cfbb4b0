//! The slots in the chip's own flash: its last two sectors.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use lacewing_cortex_m::memory;
use stm32f4xx_hal::flash::{Error, UnlockedFlash};

/// Where the chip's flash begins.
const FLASH: usize = 0x0800_0000;
/// Bytes of a sector, from the sixth on, which has number 5 and as many bytes of flash before it.
const SECTOR: usize = 128 << 10;
const SECTORS_BEFORE: usize = 4;

/// Both slots. The HAL's own driver reads the chip's size to know its sectors; the memory map knows them already.
pub struct Slots<'f> {
    flash: UnlockedFlash<'f>,
    start: usize,
    bytes: usize,
}

impl<'f> Slots<'f> {
    /// Those of the memory map.
    pub fn new(flash: UnlockedFlash<'f>) -> Self {
        let (start, bytes) = memory::slots();
        Self { flash, start: start.addr() - FLASH, bytes }
    }
}

impl ErrorType for Slots<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Slots<'_> {
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

impl NorFlash for Slots<'_> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        for sector in (from..to).step_by(SECTOR) {
            let number = (self.start + sector as usize) / SECTOR + SECTORS_BEFORE;
            self.flash.erase(number as u8).map_err(failed)?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        self.flash.program(self.start + offset as usize, bytes.iter()).map_err(failed)
    }
}

fn failed(_: Error) -> NorFlashErrorKind {
    NorFlashErrorKind::Other
}
