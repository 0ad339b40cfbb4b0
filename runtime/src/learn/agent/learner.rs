//! What the interaction loop asks of whatever learns.

use super::algorithm::Algorithm;
use super::{Agent, Losses};
use crate::learn::error::LearnError;
use crate::learn::memory::Replay;

/// Something that acts and learns: an [`Agent`], or another engine's.
pub trait Learner {
    /// Why it may fail.
    type Error;

    /// The action without exploration for one observation.
    ///
    /// # Errors
    /// Where the policy has diverged or the engine failed.
    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), Self::Error>;

    /// The action to learn from for one observation, after `step` steps.
    ///
    /// # Errors
    /// As [`Learner::act`].
    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), Self::Error>;

    /// An action without regard to any observation.
    fn random(&mut self, action: &mut [f32]);

    /// An episode begins: noise that depends on the last step starts afresh.
    fn begin_episode(&mut self);

    /// An observation has been seen, in training.
    fn observe(&mut self, observation: &[f32]);

    /// A step has brought a reward, and maybe an episode's end.
    fn reward(&mut self, reward: f32, ends: bool);

    /// Updates that are due after the `step`-th step, whose transition is in `data`.
    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32;

    /// One update.
    ///
    /// # Errors
    /// Where there is nothing to learn from, learning diverged or the engine failed.
    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, Self::Error>;
}

impl<A: Algorithm> Learner for Agent<'_, A> {
    type Error = LearnError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), LearnError> {
        Agent::act(self, observation, action)
    }

    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), LearnError> {
        Agent::explore(self, step, observation, action)
    }

    fn random(&mut self, action: &mut [f32]) {
        self.shape.actions.random(&mut self.explorer, action);
    }

    fn begin_episode(&mut self) {
        self.explorer.begin_episode();
    }

    fn observe(&mut self, observation: &[f32]) {
        self.statistics.observe(observation);
    }

    fn reward(&mut self, reward: f32, ends: bool) {
        self.statistics.reward(reward, self.algorithm.gamma(), ends);
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.algorithm.updates_due(step, data)
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, LearnError> {
        Agent::update(self, data)
    }
}
