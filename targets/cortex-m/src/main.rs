//! Runs a policy out of flash: replays its probes, counts the instructions of a control step, and says
//! both by semihosting. No heap; the policy is used in place.
#![no_std]
#![no_main]

mod counter;
mod host;
mod replay;

use cortex_m_rt::entry;
use replay::Memory;

/// Where a policy may lie: at a multiple of 64.
#[repr(align(64))]
struct Aligned<T: ?Sized>(T);

/// The policy file, as it is.
static POLICY: &Aligned<[u8]> = &Aligned(*include_bytes!(env!(
    "LACEWING_POLICY",
    "set LACEWING_POLICY to the absolute path of a policy file: it goes into flash"
)));

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    match replay::run(&POLICY.0, MEMORY, &mut host::Output) {
        Ok(()) => host::succeed(),
        Err(error) => host::fail(&error),
    }
}
