//! A driver behind the guard of its sensors and the interface of the policy, and what becomes of answers
//! that cannot be used.

use crate::driver::{Driver, DriverError, Unusable};
use lacewing_runtime::act::Interface;
use lacewing_runtime::guard::{Gate, SensorCounts};
use lacewing_runtime::learn::session::Outcome;
use std::num::NonZeroU64;
use std::time::Instant;

/// Good answers that make up for a lost one.
const GOOD_FOR_LOST: u32 = 100;
/// Lost answers, not made up for, that a driver may have.
const MOST_LOST: u32 = 10;

/// What could not be used of what a robot sent, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Answers that could not be used.
    pub lost: u64,
    /// What the guard of the sensors has met and done.
    pub sensors: SensorCounts,
    /// Steps that were not learned from.
    pub skipped: u64,
}

/// A robot, or a simulator, behind its driver.
pub struct Robot<'m> {
    driver: Driver,
    /// The first to look at an observation.
    gate: Gate<'m>,
    /// The last to change an action.
    interface: Interface<'m>,
    /// Share of the last command that was at limits.
    saturated: f64,
    /// Steps of the present episode.
    steps: u64,
    /// Whether any answer could be used.
    proven: bool,
    /// The teacher's last action, in the policy's units, if only steps that have one are learned from.
    taught: Option<Vec<f32>>,
    /// Steps that had one.
    lessons: u64,
    lost: u64,
    /// Good answers that would make up for what was lost.
    debt: u32,
}

impl<'m> Robot<'m> {
    /// A robot whose driver has announced itself; `imitates` if it is learned from a teacher.
    pub fn new(driver: Driver, gate: Gate<'m>, interface: Interface<'m>, imitates: bool) -> Self {
        Self {
            driver,
            gate,
            interface,
            saturated: 0.0,
            steps: 0,
            proven: false,
            taught: imitates.then(Vec::new),
            lessons: 0,
            lost: 0,
            debt: 0,
        }
    }

    /// What the teacher would have done in place of the last action, in the policy's units.
    pub fn teacher(&self) -> Option<&[f32]> {
        self.taught.as_deref()
    }

    /// Whether there was nothing to imitate.
    pub fn is_untaught(&self) -> bool {
        self.taught.is_some() && self.lessons == 0
    }

    /// What could not be used so far.
    pub fn troubles(&self) -> Troubles {
        let (lost, sensors, skipped) = (self.lost, *self.gate.counts(), self.gate.skipped());
        Troubles { lost, sensors, skipped }
    }

    /// Starts an episode and writes the policy's first observation.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn reset(&mut self, seed: u64, observation: &mut [f32]) -> Result<(), DriverError> {
        self.steps = 0;
        self.interface.reset();
        loop {
            match self.driver.reset(seed) {
                Err(DriverError::Unusable(why)) => self.lose(why)?,
                first => {
                    let mut raw = first?;
                    self.proven = true;
                    self.gate.begin(&mut raw)?;
                    return self.see(&raw, observation);
                }
            }
        }
    }

    /// Takes one step with `action`, in the policy's units, or with the safe action where the guard is
    /// shut, and writes the policy's observation that follows; `None` where the answer cannot be used. An
    /// episode ends at the latest after as many steps as the driver announced.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn step(
        &mut self,
        action: &mut [f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, DriverError> {
        self.send(action)?;
        self.outcome(observation)
    }

    /// Sends `action`, in the policy's units, or the safe action where the guard is shut; what follows is
    /// for [`Robot::outcome`].
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn send(&mut self, action: &mut [f32]) -> Result<(), DriverError> {
        self.gate.send(action);
        self.interface.command(action)?;
        let (low, high) = self.interface.limits();
        let limits = low.iter().zip(high).zip(&*action);
        let at_limits = limits.filter(|((low, high), at)| at <= low || at >= high).count();
        self.saturated = at_limits as f64 / action.len().max(1) as f64;
        self.driver.send(action)
    }

    /// Share of the numbers of the last command that were at their limits; of discrete actions none is.
    pub fn saturated(&self) -> f64 {
        self.saturated
    }

    /// Steps of the present episode.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps of an episode, if the driver says so.
    pub fn episode(&self) -> Option<u64> {
        self.driver.spec().max_episode_steps.map(NonZeroU64::get)
    }

    /// Steps that the present episode would still have, as far as the driver says.
    pub fn rest(&self) -> u64 {
        self.episode().map_or(0, |most| most.saturating_sub(self.steps))
    }

    /// Whether [`Robot::outcome`] need not wait.
    pub fn has_answered(&mut self) -> bool {
        self.driver.has_answered()
    }

    /// When the last answer came.
    pub fn answered(&self) -> Instant {
        self.driver.answered()
    }

    /// What followed the action that was sent, as [`Robot::step`] has it.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn outcome(&mut self, observation: &mut [f32]) -> Result<Option<Outcome>, DriverError> {
        let mut answer = match self.driver.outcome() {
            Err(DriverError::Unusable(why)) => return self.lose(why).map(|()| None),
            answer => answer?,
        };
        let mut learnable = self.gate.observe(&mut answer.obs)?;
        if let Some(taught) = &mut self.taught {
            *taught = answer.teacher.take().unwrap_or_default();
            let is_lesson = self.interface.action_of(taught).is_ok();
            self.lessons += u64::from(is_lesson);
            learnable &= is_lesson;
        }
        self.see(&answer.obs, observation)?;
        self.debt = self.debt.saturating_sub(1);
        self.steps += 1;
        let cut = self.episode().is_some_and(|most| self.steps >= most);
        let (reward, terminated) = (answer.reward, answer.terminated);
        Ok(Some(Outcome { reward, terminated, truncated: answer.truncated || cut, learnable }))
    }

    /// What the guard lets through is within the contract.
    fn see(&mut self, raw: &[f32], observation: &mut [f32]) -> Result<(), DriverError> {
        observation.copy_from_slice(self.interface.observe(raw)?);
        Ok(())
    }

    /// One wrong message must not end hours of learning, a driver that knows no better must.
    fn lose(&mut self, why: Unusable) -> Result<(), DriverError> {
        if !self.proven {
            return Err(why.into());
        }
        self.lost += 1;
        self.debt += GOOD_FOR_LOST;
        if self.debt > MOST_LOST * GOOD_FOR_LOST {
            return Err(DriverError::Unreliable(why));
        }
        crate::warn(format_args!("an answer of the environment is dropped: {why}"));
        Ok(())
    }
}
