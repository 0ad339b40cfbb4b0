//! Whatever a serial line does, a chip answers every frame and runs a policy that is whole.
#![no_main]

mod common;
#[expect(dead_code, reason = "the property test looks at more of what came of events")]
#[path = "../../../targets/serial/tests/line/mod.rs"]
mod line;

use libfuzzer_sys::fuzz_target;
use line::{Event, play};

/// Most events of an input.
const MOST: usize = 200;

fuzz_target!(|input: &[u8]| {
    let mut bytes = input.iter().copied();
    let mut events = Vec::new();
    while let Some(kind) = bytes.next()
        && events.len() < MOST
    {
        let mut word = || u32::from_le_bytes([(); 4].map(|()| bytes.next().unwrap_or(0)));
        events.push(match kind % 16 {
            0 => Event::Any(kind / 16, word()),
            1 => Event::Again(usize::from(kind / 16)),
            2 => Event::Cut(word() as usize),
            3 => Event::Flip(word() as usize),
            4 => Event::Noise(bytes.by_ref().take(usize::from(kind)).collect()),
            5 => Event::Long(16 * usize::from(kind)),
            6 => Event::PowerCut,
            _ => Event::Next,
        });
    }
    play(&events);
    common::kept(input);
});
