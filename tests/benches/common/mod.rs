//! The agent that update benches train: HalfCheetah's shapes, noise for experience.

use lacewing_formats::topology::{Allocation, Structure};
use lacewing_runtime::learn::{AgentShape, Replay, Sparsity, Transition};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;
const TRANSITIONS: usize = 20_000;

/// Networks of an agent whose every network has this sparsity.
pub fn half_cheetah(sparsity: f64) -> AgentShape {
    let spread = Sparsity {
        actor: sparsity,
        critic: sparsity,
        allocation: Allocation::Er,
        dense_output: true,
        structure: Structure::Unstructured,
    };
    AgentShape::new(OBSERVATIONS, ACTIONS, &[256, 256], &spread).expect("sparsity within reach")
}

/// Memory for [`fill`].
pub fn replay_memory() -> Vec<f32> {
    vec![0.0; TRANSITIONS * Replay::row_len(OBSERVATIONS, ACTIONS)]
}

/// A full replay of random transitions.
pub fn fill(memory: &mut [f32]) -> Replay<'_> {
    let mut replay = Replay::new(memory, OBSERVATIONS, ACTIONS).expect("room for one");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut numbers = [0.0; 2 * OBSERVATIONS + ACTIONS];
    for _ in 0..replay.capacity() {
        numbers.fill_with(|| rng.next_u32() as f32 / u32::MAX as f32 - 0.5);
        replay
            .push(Transition {
                observation: &numbers[..OBSERVATIONS],
                next_observation: &numbers[OBSERVATIONS..2 * OBSERVATIONS],
                action: &numbers[2 * OBSERVATIONS..],
                reward: numbers[0],
                terminated: false,
            })
            .expect("finite numbers");
    }
    replay
}
