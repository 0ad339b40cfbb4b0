//! Executed instructions, by the MPS2 boards' counter under the emulator's `-icount shift=6`.

use core::sync::atomic::{Ordering, compiler_fence};

/// FPGAIO COUNTER: counts up at 25 MHz (Arm application notes AN386 and AN500).
const COUNTER: *const u32 = 0x4002_8018 as *const u32;
const NANOSECONDS_PER_TICK: u64 = 40;
/// `-icount shift=6`: every instruction takes 2⁶ ns of the emulated time.
const NANOSECONDS_PER_INSTRUCTION: u64 = 64;

/// A moment to count from.
pub struct Counter(u32);

impl Counter {
    /// Now.
    pub fn start() -> Self {
        Self(ticks())
    }

    /// Instructions since then, exact to one; 2.7 · 10⁹ at most.
    pub fn instructions(&self) -> u64 {
        let ticks = ticks().wrapping_sub(self.0);
        u64::from(ticks) * NANOSECONDS_PER_TICK / NANOSECONDS_PER_INSTRUCTION
    }
}

/// Instructions so far, exact to one; wraps with the counter after 2.7 · 10⁹.
pub fn instructions() -> u32 {
    (u64::from(ticks()) * NANOSECONDS_PER_TICK / NANOSECONDS_PER_INSTRUCTION) as u32
}

fn ticks() -> u32 {
    compiler_fence(Ordering::SeqCst);
    // SAFETY: a register that these boards have; to read it changes nothing.
    #[expect(unsafe_code, reason = "a register of the board")]
    let ticks = unsafe { COUNTER.read_volatile() };
    compiler_fence(Ordering::SeqCst);
    ticks
}
