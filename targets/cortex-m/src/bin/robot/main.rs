//! What `serial` does, with a plant on the chip to go on learning on: a pendulum with 0.4 of its motor left.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use lacewing_cortex_m::line::{SCRATCH, talk};
use lacewing_cortex_m::pendulum::Pendulum;
use lacewing_runtime::learn::Block;
use lacewing_serial::{Bench, Rules};

/// Blocks of the learner, and of its replay.
const LEARNER: usize = 1024;
const REPLAY: usize = 1024;
const LOG_BYTES: usize = 2048;

const RULES: Rules = Rules { transitions: 4000, warm_up: 400, episode: 1 << 32, period_ms: 50 };

#[entry]
fn main() -> ! {
    static mut SCRATCH_MEMORY: [f32; SCRATCH] = [0.0; SCRATCH];
    static mut LEARNER_MEMORY: [Block; LEARNER] = [Block::ZERO; LEARNER];
    static mut REPLAY_MEMORY: [Block; REPLAY] = [Block::ZERO; REPLAY];
    static mut LOG: [u8; LOG_BYTES] = [0; LOG_BYTES];
    let plant = Pendulum::new(0.4);
    talk(SCRATCH_MEMORY, Some(Bench::new(plant, RULES, LEARNER_MEMORY, REPLAY_MEMORY, LOG)))
}

/// A bug: what runs is on trial, or was confirmed after it had run. A start counts against it.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    SCB::sys_reset()
}
