//! The emulated board, as a device on a line sees it.

use crate::slots::Mapped;
use crate::{counter, memory};
use lacewing_runtime::store::Slot;
use lacewing_serial::{Board, Tuning};

/// An MPS2 board, and what there is to learn on, if anything.
pub struct Mps2<T> {
    slots: Mapped,
    tuning: Option<T>,
}

impl<T> Mps2<T> {
    /// With these slots.
    pub fn new(slots: Mapped, tuning: Option<T>) -> Self {
        Self { slots, tuning }
    }
}

impl<T: Tuning> Board<'static> for Mps2<T> {
    fn mapped(&self, slot: Slot) -> &'static [u8] {
        self.slots.slot(slot)
    }

    fn count(&self) -> u32 {
        counter::instructions()
    }

    fn stack(&self) -> u32 {
        memory::stack_high_water() as u32
    }

    fn tuning(&mut self) -> Option<&mut dyn Tuning> {
        self.tuning.as_mut().map(|tuning| tuning as _)
    }
}
