//! What the suites and benches of the learner share: agents as bytes, and experience made of noise.

use lacewing_formats::topology::{Allocation, AllocationError, Amount, Schedule, Structure};
use lacewing_runtime::learn::{
    ActionSpace, Agent, AgentShape, Algorithm, AlgorithmKind, Method, Replay, Seeds, Settings,
    Sparsity, Transition,
};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::convert::Infallible;

/// As many pruned links in the policy as in the critics, whose outputs are dense; any link may live.
pub fn sparsity(share: f64) -> Sparsity {
    Sparsity {
        policy: share,
        critic: share,
        allocation: Allocation::Er,
        dense_output: true,
        structure: Structure::Unstructured,
    }
}

/// TD3's networks.
///
/// # Errors
/// [`AllocationError`] if the sparsity is out of reach.
pub fn td3_shape(
    observations: usize,
    actions: u32,
    hidden: &[usize],
    sparsity: &Sparsity,
) -> Result<AgentShape, AllocationError> {
    let actions = ActionSpace::Continuous(actions);
    AgentShape::new(AlgorithmKind::Td3, observations, actions, [hidden; 2], sparsity)
}

/// SET that changes a fifth of the links at every seventh update.
pub fn every_seventh() -> Method {
    let schedule = Schedule { from: 0, until: u64::MAX, every: 7 };
    Method { schedule, amount: Amount::Constant(0.2), ..Method::DS_TD3 }
}

/// One seed for all that is random.
pub fn seeds(seed: u64) -> Seeds {
    Seeds { learning: seed, exploration: seed }
}

/// All pieces that something hands out, in one.
pub fn written(
    write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Infallible>) -> Result<(), Infallible>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = write(&mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    bytes
}

/// What an agent saves of itself.
pub fn save<A: Algorithm + Into<Settings>>(agent: &Agent<'_, A>) -> Vec<u8> {
    written(|sink| agent.save(sink))
}

/// The order in which an epoch goes through an iteration's steps (Fisher and Yates).
pub fn shuffled(steps: usize, mut rng: impl Rng) -> Vec<usize> {
    let mut order: Vec<_> = (0..steps).collect();
    for last in (1..steps).rev() {
        let any = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        order.swap(last, any as usize);
    }
    order
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
    fill(&mut replay, ActionSpace::Continuous(actions as u32));
    replay
}

/// Fills an empty replay with random transitions, a quarter of which end their episode.
///
/// # Panics
/// If it gives something else back.
pub fn fill(replay: &mut Replay<'_>, actions: ActionSpace) {
    let observations = replay.observations();
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(11);
    let mut numbers = vec![0.0; 2 * observations + actions.numbers()];
    for step in 0..replay.capacity() {
        numbers.fill_with(|| rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0);
        let (observation, rest) = numbers.split_at_mut(observations);
        let (next_observation, action) = rest.split_at_mut(observations);
        // One that critics can learn: it depends on what they see.
        let reward = observation[0] + 2.0 * action[action.len() - 1];
        if let ActionSpace::Discrete(count) = actions {
            action[0] = ((action[0] + 1.0) / 2.0 * count as f32).min(count as f32 - 1.0).floor();
        }
        let terminated = step % 4 == 0;
        let transition = Transition {
            observation,
            action,
            reward,
            next_observation,
            terminated,
            truncated: !terminated && step % 7 == 0,
        };
        replay.push(transition).unwrap();
        assert_eq!(replay.get(step), transition);
    }
}
