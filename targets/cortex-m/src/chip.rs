//! A chip on a board, as a device on a line sees it.

use crate::line::{SCRATCH, serve};
use crate::memory;
use crate::slots::Mapped;
use core::fmt::{Debug, Display};
use core::panic::PanicInfo;
use cortex_m::peripheral::{DWT, SCB};
use lacewing_runtime::store::{Slot, Storage};
use lacewing_serial::Board;

/// A chip whose cycle counter runs.
pub struct Chip(Mapped);

impl Chip {
    /// With the slots of its memory map.
    pub fn new() -> Self {
        Self(Mapped::all())
    }
}

impl Default for Chip {
    fn default() -> Self {
        Self::new()
    }
}

impl Board<'static> for Chip {
    fn mapped(&self, slot: Slot) -> &'static [u8] {
        self.0.slot(slot)
    }

    fn count(&self) -> u32 {
        DWT::cycle_count()
    }

    /// They are what takes the time here.
    fn counts_cycles(&self) -> bool {
        true
    }

    fn stack(&self) -> u32 {
        memory::stack_high_water() as u32
    }
}

/// Talks for ever, on a line of the chip's HAL.
pub fn talk<S: Storage<Error: Debug + Display>, R, W>(
    storage: S,
    scratch: &mut [f32; SCRATCH],
    mut read: impl FnMut() -> nb::Result<u8, R>,
    mut write: impl FnMut(u8) -> nb::Result<(), W>,
) -> ! {
    serve(
        storage,
        Chip::new(),
        scratch,
        // What came too fast or damaged ends a frame that its checksum then refuses.
        || nb::block!(read()).unwrap_or(0),
        // Sending does not fail.
        |byte| {
            let _ = nb::block!(write(byte));
        },
    )
}

/// A bug: what runs is on trial, or was confirmed after it had run. A start counts against it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
