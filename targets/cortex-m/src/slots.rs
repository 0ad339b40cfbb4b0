//! The slots' flash. The MPS2 boards have none that can be written, so their SSRAM stands in for it and keeps
//! the rules of NOR flash: what is erased is ones, and a write only makes zeros.
#![expect(unsafe_code, reason = "memory that is written while programs lie in it")]

use crate::memory;
use core::slice;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use lacewing_runtime::store::Slot;

/// What writes the slots: there is one.
pub struct SlotFlash {
    start: *mut u8,
    bytes: usize,
}

impl SlotFlash {
    /// To be called once.
    pub fn take() -> Self {
        let (start, bytes) = memory::slots();
        Self { start, bytes }
    }

    /// Bytes of both slots.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes bytes, all of which have been checked to lie in the slots.
    fn change(&mut self, offset: u32, count: usize, to: impl Fn(usize, u8) -> u8) {
        for at in 0..count {
            // SAFETY: within the slots, which nothing else writes. Whoever reads a slot by [`Mapped`] keeps no
            // reference to it while it is written.
            unsafe {
                let byte = self.start.add(offset as usize + at);
                byte.write_volatile(to(at, byte.read_volatile()));
            }
        }
    }
}

impl ErrorType for SlotFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for SlotFlash {
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

impl NorFlash for SlotFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.change(from, (to - from) as usize, |_, _| 0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        self.change(offset, bytes.len(), |at, old| old & bytes[at]);
        Ok(())
    }
}

/// The slots in the memory map, as they are read in place.
pub struct Mapped {
    start: *const u8,
    bytes: usize,
}

impl Mapped {
    /// Both.
    pub fn all() -> Self {
        let (start, bytes) = memory::slots();
        Self { start, bytes }
    }

    /// One of them. It is to be asked for where nothing is written to it, and kept only while nothing is.
    pub fn slot(&self, slot: Slot) -> &'static [u8] {
        let half = self.bytes / 2;
        let offset = if slot == Slot::A { 0 } else { half };
        // SAFETY: half of the slots; what is written goes to the other one.
        unsafe { slice::from_raw_parts(self.start.add(offset), half) }
    }
}
