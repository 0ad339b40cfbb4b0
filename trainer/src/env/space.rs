//! What an environment takes as an action.

use lacewing_runtime::learn;
use serde::Serialize;

/// The actions of an environment, named as in Gymnasium.
///
/// Served as JSON ([`serve`](super::serve)) it is `"act_low":[…],"act_high":[…]` or `"actions":n`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ActionSpace {
    /// Continuous: a vector, each value with limits of its own.
    Box {
        /// Lowest useful value of each action, in the environment's units.
        #[serde(rename = "act_low")]
        low: Vec<f32>,
        /// Highest useful value of each action.
        #[serde(rename = "act_high")]
        high: Vec<f32>,
    },
    /// One of `n` choices.
    Discrete {
        /// How many there are, numbered from 0.
        #[serde(rename = "actions")]
        n: u32,
    },
}

impl ActionSpace {
    /// Numbers that [`Env::step`](super::Env::step) takes: one a continuous action, or the index of
    /// the choice alone.
    #[expect(clippy::len_without_is_empty, reason = "no environment takes no action")]
    pub fn len(&self) -> usize {
        match self {
            Self::Box { low, .. } => low.len(),
            Self::Discrete { .. } => 1,
        }
    }

    /// What an agent that acts in it is told.
    pub fn of_agent(&self) -> learn::ActionSpace {
        match self {
            Self::Box { low, .. } => learn::ActionSpace::Continuous(low.len() as u32),
            Self::Discrete { n } => learn::ActionSpace::Discrete(*n),
        }
    }

    /// Outputs of a policy network for it: one a continuous action, or one a choice.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Box { low, .. } => low.len(),
            Self::Discrete { n } => *n as usize,
        }
    }
}
