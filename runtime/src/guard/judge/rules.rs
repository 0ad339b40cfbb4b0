//! What a judge holds a learner to.

use crate::guard::baseline::MAX_WINDOWS;
use crate::guard::missing::Missing;
use thiserror::Error;

/// Fewest windows whose deviation says anything.
const MIN_WINDOWS: u32 = 3;

/// What a judge holds a learner to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeRules {
    /// Steps of a window.
    pub window: u32,
    /// Steps of an episode, half a window at most; 0 where there are none.
    pub episode: u32,
    /// Windows over which the frozen policy is measured, 3 to [`MAX_WINDOWS`].
    pub windows: u32,
    /// Share of the frozen policy's return that may be missing for a window.
    pub loss: f64,
    /// Steps for which the actor pauses after a switch.
    pub pause: u32,
    /// Roll-backs after which the actor learns no more.
    pub roll_backs: u32,
}

impl Default for JudgeRules {
    fn default() -> Self {
        Self { window: 1000, episode: 0, windows: 5, loss: 0.1, pause: 1000, roll_backs: 5 }
    }
}

impl JudgeRules {
    /// Refuses what has no meaning.
    pub(super) fn check(&self) -> Result<(), RulesError> {
        if self.window == 0 {
            return Err(RulesError::Window);
        }
        if u64::from(self.window) < 2 * u64::from(self.episode) {
            return Err(RulesError::Episode(2 * u64::from(self.episode)));
        }
        if !(MIN_WINDOWS..=MAX_WINDOWS as u32).contains(&self.windows) {
            return Err(RulesError::Windows);
        }
        if !(self.loss > 0.0 && self.loss.is_finite()) {
            return Err(RulesError::Loss);
        }
        Ok(())
    }

    /// Steps that are summed up.
    pub(super) fn length(&self) -> u32 {
        self.window - self.episode
    }

    /// What is missing of a mean of which so much may be, where less than `noise` in a window cannot be told. A
    /// tenth of the window is kept for rewards gone wrong, which hide a loss for some steps each.
    pub(super) fn missing(&self, mean: f64, noise: f64) -> Missing {
        let window = self.length() - self.length() / 10;
        Missing::new(mean, (self.loss * mean.abs(), noise), window, self.windows)
    }
}

/// Rules without a meaning.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RulesError {
    /// No steps.
    #[error("the guard's window has at least one step")]
    Window,
    /// Parts of episodes cannot be compared.
    #[error("the guard's window holds two episodes at least: give {0} steps or more")]
    Episode(u64),
    /// Too few to know their noise, or too many.
    #[error("the frozen policy is measured over 3 to 16 windows")]
    Windows,
    /// No share.
    #[error("the loss that the guard allows is a share: give a number above 0, such as 0.1")]
    Loss,
}
