//! Flash in memory.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use lacewing_runtime::store::Slot;
use std::cell::RefCell;
use std::rc::Rc;

const PAGE: usize = 512;

/// Flash of two slots.
#[derive(Clone)]
pub struct Nor(Rc<RefCell<Vec<u8>>>);

impl Nor {
    /// Of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Rc::new(RefCell::new(vec![0; bytes])))
    }

    /// What is in a slot.
    pub fn slot(&self, slot: Slot) -> Vec<u8> {
        let flash = self.0.borrow();
        let (a, b) = flash.split_at(flash.len() / 2);
        (if slot == Slot::A { a } else { b }).to_vec()
    }
}

impl ErrorType for Nor {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nor {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.0.borrow()[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().len()
    }
}

impl NorFlash for Nor {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        self.0.borrow_mut()[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let mut flash = self.0.borrow_mut();
        let flash = &mut flash[offset as usize..][..bytes.len()];
        assert!(flash.iter().all(|&byte| byte == 0xFF), "written twice without an erasure");
        flash.copy_from_slice(bytes);
        Ok(())
    }
}
