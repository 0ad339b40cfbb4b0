//! What stands between a policy and its actuators.

use crate::guard::first_non_finite;
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::ActionHead;
use thiserror::Error;

/// Why an interface cannot be made, or gives no command.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum InterfaceError {
    /// The memory is too short.
    #[error("the interface needs memory for {needed} numbers and got {found}")]
    Memory {
        /// See [`Interface::numbers`].
        needed: usize,
        /// Given.
        found: usize,
    },
    /// Something has another length.
    #[error("{found} numbers are given where {expected} are expected")]
    Length {
        /// What would fit.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// No action fits the limits of both.
    #[error(
        "action {action} lies from {} to {} for the policy and from {} to {} for the driver, so that \
         none is within both: correct the driver's limits, or take the policy of this robot",
        policy.0, policy.1, driver.0, driver.1
    )]
    Disjoint {
        /// Which, counted from 0.
        action: usize,
        /// The policy's limits.
        policy: (f32, f32),
        /// The driver's.
        driver: (f32, f32),
    },
    /// An action is no number.
    #[error("action {action} (counted from 0) is NaN or infinite: it was not sent")]
    NoNumber {
        /// Which.
        action: usize,
    },
    /// There is no such discrete action.
    #[error("{action} is none of the {choices} discrete actions: it was not sent")]
    NoChoice {
        /// What was asked for.
        action: f32,
        /// How many there are.
        choices: usize,
    },
}

/// Limits of the commands to the actuators: applying them is the last that is done to an action,
/// whatever was done before.
#[derive(Debug)]
pub struct Interface<'m> {
    /// Of scaled actions; empty for discrete ones.
    low: &'m mut [f32],
    high: &'m mut [f32],
    /// Discrete actions; 0 where they are scaled.
    choices: usize,
}

impl<'m> Interface<'m> {
    /// Numbers of memory that [`Interface::new`] takes.
    pub fn numbers(view: &PolicyView<'_>) -> usize {
        2 * view.action_head().limits().map_or(0, |limits| limits.0.len())
    }

    /// The limits of the policy file, in the caller's memory.
    ///
    /// # Errors
    /// [`InterfaceError::Memory`] if there are fewer than [`Interface::numbers`].
    pub fn new(view: &PolicyView<'_>, memory: &'m mut [f32]) -> Result<Self, InterfaceError> {
        let (needed, found) = (Self::numbers(view), memory.len());
        let memory = memory.get_mut(..needed).ok_or(InterfaceError::Memory { needed, found })?;
        let (low, high) = memory.split_at_mut(needed / 2);
        let choices = match view.action_head() {
            ActionHead::Scaled { low: own_low, high: own_high } => {
                low.copy_from_slice(own_low);
                high.copy_from_slice(own_high);
                0
            }
            ActionHead::Argmax => view.header().outputs(),
        };
        Ok(Self { low, high, choices })
    }

    /// Least and greatest value of each scaled action.
    pub fn limits(&self) -> (&[f32], &[f32]) {
        (self.low, self.high)
    }

    /// From now on commands keep within these limits too: of both the narrower. Says whether any of
    /// them is narrower than what was.
    ///
    /// # Errors
    /// [`InterfaceError::Disjoint`], [`InterfaceError::Length`]; nothing has changed then.
    pub fn narrow(&mut self, low: &[f32], high: &[f32]) -> Result<bool, InterfaceError> {
        let expected = self.low.len();
        for found in [low.len(), high.len()] {
            if found != expected {
                return Err(InterfaceError::Length { expected, found });
            }
        }
        let both = || self.low.iter().zip(&*self.high).zip(low.iter().zip(high));
        for (action, ((&own_low, &own_high), (&low, &high))) in both().enumerate() {
            // Also where a limit is NaN.
            if !(own_low.max(low) <= own_high.min(high) && low <= high) {
                let (policy, driver) = ((own_low, own_high), (low, high));
                return Err(InterfaceError::Disjoint { action, policy, driver });
            }
        }
        let narrower =
            both().any(|((own_low, own_high), (low, high))| low > own_low || high < own_high);
        self.low.iter_mut().zip(low).for_each(|(own, &other)| *own = own.max(other));
        self.high.iter_mut().zip(high).for_each(|(own, &other)| *own = own.min(other));
        Ok(narrower)
    }

    /// Turns an action of the policy into the command for the actuators, in place.
    ///
    /// # Errors
    /// [`InterfaceError`] where there is none; nothing may be sent then.
    pub fn command(&self, action: &mut [f32]) -> Result<(), InterfaceError> {
        let (expected, found) = (if self.choices > 0 { 1 } else { self.low.len() }, action.len());
        if found != expected {
            return Err(InterfaceError::Length { expected, found });
        }
        if let Some(action) = first_non_finite(action) {
            return Err(InterfaceError::NoNumber { action });
        }
        if self.choices > 0 {
            let (action, choices) = (action[0], self.choices);
            let known = (0.0..choices as f32).contains(&action) && libm::truncf(action) == action;
            return if known { Ok(()) } else { Err(InterfaceError::NoChoice { action, choices }) };
        }
        for ((action, &low), &high) in action.iter_mut().zip(&*self.low).zip(&*self.high) {
            *action = action.clamp(low, high);
        }
        Ok(())
    }
}
