//! The agent that update benches train: HalfCheetah's shapes, noise for experience.

use lacewing_runtime::learn::{AgentShape, Replay};
use lacewing_tests::learner;

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;
const TRANSITIONS: usize = 20_000;

/// Networks of an agent whose every network has this sparsity.
pub fn half_cheetah(sparsity: f64) -> AgentShape {
    let spread = learner::sparsity(sparsity);
    learner::td3_shape(OBSERVATIONS, ACTIONS as u32, &[256, 256], &spread)
        .expect("sparsity within reach")
}

/// Memory for [`fill`].
pub fn replay_memory() -> Vec<f32> {
    learner::replay_memory(TRANSITIONS, OBSERVATIONS, ACTIONS)
}

/// A full replay of random transitions.
pub fn fill(memory: &mut [f32]) -> Replay<'_> {
    learner::full_replay(memory, OBSERVATIONS, ACTIONS)
}
