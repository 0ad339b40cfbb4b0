//! What the suites and benches of the learner share: agents as bytes, and experience made of noise.

use lacewing_runtime::learn::{Agent, Algorithm, Replay, Settings, Transition};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::convert::Infallible;

/// What an agent saves of itself.
pub fn save<A: Algorithm + Into<Settings>>(agent: &Agent<'_, A>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = agent.save::<Infallible>(|piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    bytes
}

/// Memory for a replay of so many transitions.
pub fn replay_memory(transitions: usize, observations: usize, actions: usize) -> Vec<f32> {
    vec![0.0; transitions * Replay::row_len(observations, actions)]
}

/// A full replay of random transitions, a quarter of which end their episode.
///
/// # Panics
/// If the memory has no room for one, or gives something else back.
pub fn full_replay(memory: &mut [f32], observations: usize, actions: usize) -> Replay<'_> {
    let mut replay = Replay::new(memory, observations, actions).unwrap();
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(11);
    let mut numbers = vec![0.0; 2 * observations + actions];
    for step in 0..replay.capacity() {
        numbers.fill_with(|| rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0);
        let (observation, rest) = numbers.split_at(observations);
        let (next_observation, action) = rest.split_at(observations);
        // One that critics can learn: it depends on what they see.
        let reward = observation[0] + 2.0 * action[actions - 1];
        let terminated = step % 4 == 0;
        let transition = Transition {
            observation,
            action,
            reward,
            next_observation,
            terminated,
            truncated: false,
        };
        replay.push(transition).unwrap();
        assert_eq!(replay.get(step), transition);
    }
    replay
}
