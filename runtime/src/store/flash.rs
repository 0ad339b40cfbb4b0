//! Two slots in raw flash.

use super::{Slot, Storage, UNIT};
use core::ops::Range;
use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};
use thiserror::Error;

/// Why the flash failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FlashError {
    /// The driver says so.
    #[error(
        "the flash failed ({0}): the save before is still good; mark the page bad if it goes on"
    )]
    Driver(NorFlashErrorKind),
    /// It cannot hold two slots there.
    #[error(
        "no two slots fit there: give an even number of pages of {page} bytes, within the flash and \
         beginning with a page"
    )]
    Range {
        /// Bytes of a page.
        page: u32,
    },
}

/// Two slots, one after the other, in a range of pages.
///
/// Every save erases the pages that it needs, of the slots by turns; how often is counted in
/// [`Flash::erases`]. A page bears some 10,000 to 100,000 erasures.
#[derive(Debug)]
pub struct Flash<F> {
    flash: F,
    start: u32,
    capacity: u32,
    erases: u64,
}

impl<F: NorFlash> Flash<F> {
    const WORDS_FIT: () =
        assert!(UNIT.is_multiple_of(F::WRITE_SIZE) && UNIT.is_multiple_of(F::READ_SIZE));

    /// The slots in the bytes `range` of `flash`, half of it each.
    ///
    /// # Errors
    /// [`FlashError::Range`] where the halves are no whole pages of the flash.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, FlashError> {
        let () = Self::WORDS_FIT;
        let page = F::ERASE_SIZE as u32;
        let capacity = range.end.saturating_sub(range.start) / 2;
        let whole = range.start.is_multiple_of(page)
            && capacity > 0
            && capacity.is_multiple_of(page)
            && range.end == range.start + 2 * capacity
            && range.end as usize <= flash.capacity();
        if !whole {
            return Err(FlashError::Range { page });
        }
        Ok(Self { flash, start: range.start, capacity, erases: 0 })
    }

    /// Pages erased since this was made.
    pub fn erases(&self) -> u64 {
        self.erases
    }

    /// The flash itself.
    pub fn free(self) -> F {
        self.flash
    }

    fn address(&self, slot: Slot, offset: u32) -> u32 {
        offset
            + match slot {
                Slot::A => self.start,
                Slot::B => self.start + self.capacity,
            }
    }
}

impl<F: NorFlash> Storage for Flash<F> {
    type Error = FlashError;

    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn read(&mut self, slot: Slot, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let address = self.address(slot, offset);
        self.flash.read(address, bytes).map_err(driver)
    }

    fn erase(&mut self, slot: Slot, offset: u32) -> Result<u32, FlashError> {
        let (address, page) = (self.address(slot, offset), F::ERASE_SIZE as u32);
        self.erases += 1;
        self.flash.erase(address, address + page).map_err(driver)?;
        Ok(offset + page)
    }

    fn write(&mut self, slot: Slot, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let address = self.address(slot, offset);
        self.flash.write(address, bytes).map_err(driver)
    }

    /// What a driver has written is there.
    fn sync(&mut self, _: Slot) -> Result<bool, FlashError> {
        Ok(true)
    }
}

fn driver(error: impl NorFlashError) -> FlashError {
    FlashError::Driver(error.kind())
}
