//! Runs a policy out of flash: replays its probes, counts the instructions of a control step, and says
//! both by semihosting. No heap; the policy is used in place.
#![no_std]
#![no_main]

mod replay;

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use lacewing_cortex_m::{host, memory};
use replay::Memory;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    match replay::run(memory::policy(), MEMORY, &mut host::Output) {
        Ok(()) => host::succeed(),
        Err(error) => host::fail(&error),
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    host::panicked()
}
