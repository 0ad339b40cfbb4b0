//! A resume section of any bytes is refused, or an agent comes of it that acts and learns.
#![no_main]

mod common;

use lacewing_runtime::learn::{AnyAgent, Block, Learner, Replay, Resume};
use lacewing_tests::learner::{fill, replay_memory};
use libfuzzer_sys::fuzz_target;

/// Sections may ask for more memory and time than there is for a try: some MiB are enough.
const MOST_BLOCKS: usize = 1 << 14;
/// Numbers of an observation, for the same reason.
const WIDEST: usize = 1000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(resume) = Resume::parse(bytes) else { return };
    let (settings, training) = (*resume.settings(), *resume.training());
    let needed = AnyAgent::blocks(resume.shape(), &settings, &training);
    if needed > MOST_BLOCKS || resume.shape().observations() > WIDEST {
        return;
    }
    let mut memory = vec![Block::ZERO; needed];
    let Ok(mut agent) = resume.restore(settings, training, &mut memory) else { return };
    let shape = agent.shape().clone();
    let (observations, numbers) = (shape.observations(), shape.action_numbers());
    let mut action = vec![0.0; numbers];
    // Weights may be so large that they overflow, which is told.
    let _ = agent.act(&vec![0.1; observations], &mut action);
    let _ = agent.explore(5, &vec![0.1; observations], &mut action);
    let mut memory = replay_memory(100, observations, numbers);
    let Ok(mut data) = Replay::new(&mut memory, observations, numbers) else { return };
    fill(&mut data, shape.actions);
    let _ = agent.update(&mut data);
    common::kept(bytes);
});
