//! Which links are alive over time.

use super::error::LearnError;
use lacewing_formats::topology::Drop;
use serde::{Deserialize, Serialize};

/// Which topology an agent has over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The topology drawn at the start stays.
    Static,
    /// Sparse evolutionary training: a [`Rewire`] every so often.
    Set(Rewire),
}

/// When and how much of the topology changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewire {
    /// Updates between two changes (e in Sokar et al. 2022).
    pub interval: u32,
    /// Share of the links that is exchanged (η there, ζ in Mocanu et al. 2018).
    pub fraction: f64,
    /// Which links go.
    pub drop: Drop,
}

impl Default for Method {
    /// Topology changes of the published DS-TD3 (Sokar et al. 2022, appendix, and its code).
    fn default() -> Self {
        Self::Set(Rewire { interval: 1000, fraction: 0.05, drop: Drop::SignedMagnitude })
    }
}

impl Method {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        match self {
            Self::Set(rewire)
                if rewire.interval == 0 || !(0.0..=1.0).contains(&rewire.fraction) =>
            {
                Err(LearnError::Config(
                    "the interval of rewire must be at least 1, its fraction 0 to 1",
                ))
            }
            _ => Ok(()),
        }
    }
}
