//! Runs a policy and talks on UART 0: acts, measures, takes a new policy into the slot that does not run, tries it, and
//! goes back where it is not confirmed. No heap, no text.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use lacewing_cortex_m::line::{SCRATCH, talk};
use lacewing_serial::NoPlant;

#[entry]
fn main() -> ! {
    static mut MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    talk(MEMORY, None::<NoPlant>)
}

/// A bug: what runs is on trial, or was confirmed after it had run. A start counts against it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
