//! What a compact replay holds, and the memory that takes.

use super::ReplayValues;
use super::coding::Coding;
use crate::arena::Block;
use crate::learn::agent::{ActionSpace, AgentShape, AlgorithmKind};

/// Transitions to one episode's end that there is a place for.
const STEPS_AN_END: usize = 16;

/// What a compact replay holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayShape {
    /// Numbers of an observation.
    pub observations: usize,
    /// Numbers of an action.
    pub actions: usize,
    /// Transitions at most.
    pub transitions: usize,
    /// Ends of episodes at most, at least 1: where episodes are short, they decide how many transitions
    /// are held.
    pub ends: usize,
    /// As what observations are kept.
    pub values: ReplayValues,
    /// As what actions are kept; bytes stand for [−1, 1].
    pub action_values: ReplayValues,
}

impl ReplayShape {
    /// For an agent whose observations are to be kept as `values`. Discrete actions stay f32, being one
    /// number that must be exact, and actions that may be beyond [−1, 1] take two bytes at least. There
    /// is a place for an episode's end to 16 transitions; for one to each where an algorithm waits for
    /// all the steps of an iteration.
    pub fn new(
        shape: &AgentShape,
        algorithm: AlgorithmKind,
        values: ReplayValues,
        transitions: usize,
    ) -> Self {
        let action_values = match (shape.actions, algorithm, values) {
            (ActionSpace::Discrete(_), ..) => ReplayValues::F32,
            (_, AlgorithmKind::Ppo, ReplayValues::U8) => ReplayValues::F16,
            _ => values,
        };
        let ends = match algorithm {
            AlgorithmKind::Ppo => transitions.max(1),
            AlgorithmKind::Td3 | AlgorithmKind::Sac | AlgorithmKind::Dqn => {
                transitions / STEPS_AN_END + 1
            }
        };
        let (observations, actions) = (shape.observations(), shape.action_numbers());
        Self { observations, actions, transitions, ends, values, action_values }
    }

    /// Observations that there are places for: one a transition, one an end, and the newest.
    pub(super) fn frames(&self) -> usize {
        self.transitions + self.ends + 1
    }

    /// Bytes of a transition within an episode.
    pub fn transition_bytes(&self) -> usize {
        self.observation_bytes() + self.action_bytes() + size_of::<f32>()
    }

    pub(super) fn observation_bytes(&self) -> usize {
        self.observations * self.values.bytes()
    }

    pub(super) fn action_bytes(&self) -> usize {
        self.actions * self.action_values.bytes()
    }

    /// Blocks of memory that it takes; at most `usize::MAX / Block::BYTES`, where nothing can be.
    pub fn blocks(&self) -> usize {
        let most = usize::MAX / Block::BYTES;
        let frames = self.transitions.checked_add(self.ends).and_then(|sum| sum.checked_add(1));
        let bytes = frames.and_then(|frames| frames.checked_mul(self.transition_bytes()));
        let Some(bytes) = bytes else { return most };
        Coding::blocks(self.values, self.observations)
            + Coding::blocks(self.action_values, self.actions)
            + Block::for_slice::<u32>(self.ends)
            + Block::for_slice::<u8>(bytes)
    }
}
