//! A driver with the interface of the policy, and what becomes of answers that cannot be used.

use crate::driver::{Driver, DriverError, Outcome, Unusable};
use lacewing_runtime::act::Interface;
use std::time::Instant;

/// Good answers that make up for a lost one.
const GOOD_FOR_LOST: u32 = 100;
/// Lost answers, not made up for, that a driver may have.
const MOST_LOST: u32 = 10;

/// A robot, or a simulator, behind its driver.
pub struct Robot<'m> {
    driver: Driver,
    /// The last to change an action.
    interface: Interface<'m>,
    /// Steps of the present episode.
    steps: u64,
    /// Whether any answer could be used.
    proven: bool,
    lost: u64,
    /// Good answers that would make up for what was lost.
    debt: u32,
}

impl<'m> Robot<'m> {
    /// A robot whose driver has announced itself.
    pub fn new(driver: Driver, interface: Interface<'m>) -> Self {
        Self { driver, interface, steps: 0, proven: false, lost: 0, debt: 0 }
    }

    /// Answers that could not be used.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Starts an episode and writes the policy's first observation.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn reset(&mut self, seed: u64, observation: &mut [f32]) -> Result<(), DriverError> {
        self.steps = 0;
        self.interface.reset();
        loop {
            let first = self.driver.reset(seed).and_then(|raw| self.see(&raw, observation));
            match first {
                Err(DriverError::Unusable(why)) => self.lose(why)?,
                first => {
                    self.proven |= first.is_ok();
                    return first;
                }
            }
        }
    }

    /// Takes one step with `action`, in the policy's units, and writes the policy's observation that
    /// follows; `None` where the answer cannot be used. An episode ends at the latest after as many
    /// steps as the driver announced.
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

    /// Sends `action`, in the policy's units; what follows is for [`Robot::outcome`].
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn send(&mut self, action: &mut [f32]) -> Result<(), DriverError> {
        self.interface.command(action)?;
        self.driver.send(action)
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
        let answer = self.driver.outcome();
        match answer.and_then(|it| self.see(&it.obs, observation).map(|()| it)) {
            Err(DriverError::Unusable(why)) => self.lose(why).map(|()| None),
            Err(error) => Err(error),
            Ok(mut outcome) => {
                self.debt = self.debt.saturating_sub(1);
                self.steps += 1;
                let most = self.driver.spec().max_episode_steps;
                outcome.truncated |= most.is_some_and(|most| self.steps >= most.get());
                Ok(Some(outcome))
            }
        }
    }

    fn see(&mut self, raw: &[f32], observation: &mut [f32]) -> Result<(), DriverError> {
        observation.copy_from_slice(self.interface.observe(raw).map_err(Unusable::from)?);
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
