//! The learning half of a fine-tuning: takes transitions in, and makes the updates they are worth in slices.

use super::actor::Actor;
use super::agent::{Learner, Losses, Work};
use super::algo::AnyAgent;
use super::error::LearnError;
use super::memory::{Replay, Transition};

/// Updates that may wait for time; what is due beyond that is left out, and counted.
const MOST_OWED: u32 = 256;

/// An agent that learns from what another, a copy of its policy, does ([`Actor`]), in whatever
/// time there is.
#[derive(Debug)]
pub struct Tuner<'m> {
    agent: AnyAgent<'m>,
    data: Replay<'m>,
    /// Learning starts after this many steps.
    warm_up: u64,
    /// How many times as many updates are made as are due.
    updates_per_step: u32,
    /// Transitions taken in.
    steps: u64,
    /// Updates that are due.
    owed: u32,
    forgone: u64,
}

impl<'m> Tuner<'m> {
    /// Goes on learning as `agent`, into `data`, after `steps` transitions, once there are `warm_up`.
    pub fn new(agent: AnyAgent<'m>, data: Replay<'m>, steps: u64, warm_up: u64) -> Self {
        Self { agent, data, warm_up, updates_per_step: 1, steps, owed: 0, forgone: 0 }
    }

    /// With so many times the updates that are due, as far as there is time for them, where learning is from
    /// a replay.
    #[must_use]
    pub fn with_updates_per_step(self, updates_per_step: u32) -> Self {
        Self { updates_per_step, ..self }
    }

    /// The agent and what it has learned from: learning ends here.
    pub fn into_parts(self) -> (AnyAgent<'m>, Replay<'m>) {
        (self.agent, self.data)
    }

    /// The agent.
    pub fn agent(&self) -> &AnyAgent<'m> {
        &self.agent
    }

    /// What it has learned from.
    pub fn data(&self) -> &Replay<'m> {
        &self.data
    }

    /// See [`AnyAgent::take_work`].
    pub fn take_work(&mut self) -> Work {
        self.agent.take_work()
    }

    /// Goes back to an earlier policy ([`AnyAgent::roll_back`]). Steps of another one are forgotten where
    /// learning is from the present policy's only.
    ///
    /// # Errors
    /// As [`AnyAgent::roll_back`].
    pub fn roll_back(&mut self, to: &Actor<'_>) -> Result<(), LearnError> {
        self.agent.roll_back(to)?;
        if self.is_on_policy() {
            self.data.clear();
            self.owed = 0;
        }
        Ok(())
    }

    /// Transitions taken in so far, with those before it began.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Updates that were due and had no time.
    pub fn forgone(&self) -> u64 {
        self.forgone
    }

    /// Whether it learns from steps of its present policy only.
    fn is_on_policy(&self) -> bool {
        self.agent.settings().iteration().is_some()
    }

    /// Whether a transition can be taken in, and the policy is one to act with: not amid an update. Where
    /// learning is from the present policy's steps only, not amid an iteration; steps taken meanwhile are
    /// worth nothing and should be dropped.
    pub fn takes(&self) -> bool {
        let amid_iteration = self.is_on_policy() && self.owed > 0;
        !(self.agent.is_learning() || amid_iteration)
    }

    /// Whether what comes while [`Tuner::takes`] says no may wait.
    pub fn keeps(&self) -> bool {
        !self.is_on_policy()
    }

    /// Takes in a transition; `begins` where it does not follow the one before.
    ///
    /// # Errors
    /// [`LearnError::Replay`] if it holds what is no number; nothing is stored then.
    ///
    /// # Panics
    /// If [`Tuner::takes`] says no.
    pub fn take(&mut self, transition: Transition<'_>, begins: bool) -> Result<(), LearnError> {
        assert!(self.takes(), "an update is on its way");
        if begins {
            self.data.cut();
        }
        self.data.push(transition)?;
        if begins {
            self.agent.observe(transition.observation);
        }
        self.agent.observe(transition.next_observation);
        self.agent.reward(transition.reward, transition.terminated || transition.truncated);
        self.steps += 1;
        let on_policy = self.is_on_policy();
        if on_policy || self.steps > self.warm_up {
            let due = self.agent.updates_due(self.steps, &self.data);
            // An iteration is learned from as a whole, and once.
            let due = self.owed + if on_policy { due } else { self.updates_per_step * due };
            self.owed = if on_policy { due } else { due.min(MOST_OWED) };
            self.forgone += u64::from(due - self.owed);
        }
        Ok(())
    }

    /// Whether an update is due or on its way.
    pub fn owes(&self) -> bool {
        self.owed > 0
    }

    /// As much of an update as `more` allows ([`AnyAgent::learn`]); its figures where it is finished. An
    /// update that fails is not tried again.
    ///
    /// # Errors
    /// As [`AnyAgent::learn`].
    pub fn learn(&mut self, more: &mut dyn FnMut() -> bool) -> Result<Option<Losses>, LearnError> {
        if !self.owes() {
            return Ok(None);
        }
        let learned = self.agent.learn(&mut self.data, more);
        if !matches!(learned, Ok(None)) {
            self.owed -= 1;
        }
        learned
    }
}
