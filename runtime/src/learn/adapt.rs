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
    /// Whether the policy follows the recorded actions and not the critics' advice: behaviour cloning where
    /// another policy acted, DAgger (Ross et al. 2011, alg. 3.1) where actions are a teacher's in states of
    /// its own, regression where they are targets. By the matching loss of tanh (Auer et al. 1996), whose
    /// gradient before it is `2 (π(s) − a)` where that of `‖π(s) − a‖²` vanishes for actions at limits.
    /// For TD3 and SAC.
    pub imitate: bool,
}

impl Default for Adapt {
    fn default() -> Self {
        Self { policy: Learns::All, policy_after: 0, critics: true, stay_near: 0.0, imitate: false }
    }
}

/// The word names nothing that learns.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("take all, actor, output-layer, biases or imitate")]
pub struct NoAdapt;

impl Adapt {
    /// The policy follows recorded actions, and nothing else learns.
    pub const IMITATE: Self = Self {
        policy: Learns::All,
        policy_after: 0,
        critics: false,
        stay_near: 0.0,
        imitate: true,
    };
}

impl FromStr for Adapt {
    type Err = NoAdapt;

    /// `all`, `actor` (against critics that stay as they are), `output-layer` or `biases` (of the policy,
    /// and the critics), `imitate` (the policy, by the recorded actions).
    fn from_str(word: &str) -> Result<Self, NoAdapt> {
        let all = Self::default();
        Ok(match word {
            "all" => all,
            "actor" => Self { critics: false, ..all },
            "output-layer" => Self { policy: Learns::OutputLayer, ..all },
            "biases" => Self { policy: Learns::Biases, ..all },
            "imitate" => Self::IMITATE,
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
        if self.imitate && !has_pull {
            return Err(LearnError::Config("imitate is for TD3 and SAC"));
        }
        if !has_critics && (self.policy_after > 0 || !self.critics) {
            return Err(LearnError::Config(
                "DQN has no critic to learn before its policy, or to leave as it is",
            ));
        }
        Ok(())
    }
}
