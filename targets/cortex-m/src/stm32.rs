//! An STM32 board, as a device on a line sees it.

use crate::memory;
use crate::slots::Mapped;
use cortex_m::peripheral::DWT;
use lacewing_runtime::store::Slot;
use lacewing_serial::Board;

/// A board whose cycle counter runs.
pub struct Stm32(Mapped);

impl Stm32 {
    /// With the slots of its memory map.
    pub fn new() -> Self {
        Self(Mapped::all())
    }
}

impl Default for Stm32 {
    fn default() -> Self {
        Self::new()
    }
}

impl Board<'static> for Stm32 {
    fn mapped(&self, slot: Slot) -> &'static [u8] {
        self.0.slot(slot)
    }

    /// Cycles, which are what takes the time here.
    fn instructions(&self) -> u32 {
        DWT::cycle_count()
    }

    fn stack(&self) -> u32 {
        memory::stack_high_water() as u32
    }
}
