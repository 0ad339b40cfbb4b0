//! Goes on learning on the chip: a Pendulum policy out of flash, the plant beside it with a motor that has become
//! weak; says by semihosting what it returned before and after, and the instructions of a step and of an update.
#![no_std]
#![no_main]

mod tune;

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use lacewing_cortex_m::{host, memory};
use tune::Memory;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    match tune::run(memory::policy(), MEMORY, &mut host::Output) {
        Ok(()) => host::succeed(),
        Err(error) => host::fail(&error),
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    host::panicked()
}
