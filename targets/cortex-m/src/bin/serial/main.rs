//! Runs a policy and talks on UART 0: acts, measures, takes a new policy into the slot that does not run, tries it, and
//! goes back where it is not confirmed. No heap, no text.
#![no_std]
#![no_main]

mod flash;
mod uart;

use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use flash::{Mapped, SlotFlash};
use lacewing_cortex_m::memory;
use lacewing_runtime::store::Flash;
use lacewing_serial::Device;
use uart::Uart;

/// Numbers of scratch: for layers 1024 wide.
const SCRATCH: usize = 2 * 1024;

#[entry]
fn main() -> ! {
    static mut SCRATCH_MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    let flash = SlotFlash::take();
    let mapped = Mapped::of(&flash);
    let range = 0..flash.bytes() as u32;
    let Ok(storage) = Flash::new(flash, range) else { SCB::sys_reset() };
    let mut device = Device::start(storage, mapped, memory::policy(), SCRATCH_MEMORY);
    let uart = Uart::start();
    loop {
        let Some(answer) = device.receive(uart.read()) else { continue };
        answer.iter().for_each(|&byte| uart.write(byte));
        if device.restarts() {
            SCB::sys_reset();
        }
    }
}

/// A bug: what runs is on trial, or was confirmed after it had run. A start counts against it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
