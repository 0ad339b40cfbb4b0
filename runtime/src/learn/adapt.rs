//! What of a trained agent a fine-tuning may move.

use super::error::LearnError;
use core::str::FromStr;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which parameters of a network learn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Learns {
    /// Weights and biases of all layers.
    #[default]
    All,
    /// Those of the last layer.
    OutputLayer,
    /// The biases of all layers, as in BitFit (Ben Zaken et al. 2022).
    Biases,
}

/// What of an agent learns; by default all of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapt {
    /// What of the policy.
    pub policy: Learns,
    /// The policy learns after this update; critics from the first on.
    pub policy_after: u64,
    /// Whether critics learn. Else the policy follows what they thought when they were saved.
    pub critics: bool,
    /// Weight `w` of a pull towards the policy π₀ that the agent started from: the actor's loss is
    /// `−mean Q(s, π(s)) + w · mean |Q| · mean ‖π(s) − π₀(s)‖²`, TD3+BC's (Fujimoto & Gu 2021, eq. 3 to
    /// 5, w = 1/α) with π₀(s) for the recorded action. For TD3 and SAC.
    pub stay_near: f32,
}

impl Default for Adapt {
    fn default() -> Self {
        Self { policy: Learns::All, policy_after: 0, critics: true, stay_near: 0.0 }
    }
}

/// The word names nothing that learns.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("take all, actor, output-layer or biases")]
pub struct NoAdapt;

impl FromStr for Adapt {
    type Err = NoAdapt;

    /// `all`, `actor` (against critics that stay as they are), `output-layer` or `biases` (of the policy,
    /// and the critics).
    fn from_str(word: &str) -> Result<Self, NoAdapt> {
        let all = Self::default();
        Ok(match word {
            "all" => all,
            "actor" => Self { critics: false, ..all },
            "output-layer" => Self { policy: Learns::OutputLayer, ..all },
            "biases" => Self { policy: Learns::Biases, ..all },
            _ => return Err(NoAdapt),
        })
    }
}

impl Adapt {
    /// What of a network learns in an update, if anything; `policy` says which network it is.
    pub(super) fn learns(&self, policy: bool, update: u64) -> Option<Learns> {
        match policy {
            true => (update > self.policy_after).then_some(self.policy),
            false => self.critics.then_some(Learns::All),
        }
    }

    /// Refuses what an algorithm without critics, or without a pull, cannot do.
    pub(super) fn check(&self, has_critics: bool, has_pull: bool) -> Result<(), LearnError> {
        if !(self.stay_near >= 0.0 && self.stay_near.is_finite()) {
            return Err(LearnError::Config("stay-near must be a number from 0 up"));
        }
        if self.stay_near > 0.0 && !has_pull {
            return Err(LearnError::Config("stay-near is for TD3 and SAC"));
        }
        if !has_critics && (self.policy_after > 0 || !self.critics) {
            return Err(LearnError::Config(
                "DQN has no critic to learn before its policy, or to leave as it is",
            ));
        }
        Ok(())
    }
}
