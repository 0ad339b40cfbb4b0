//! Why an environment could not do what was asked.

use super::shift::ShiftError;
use thiserror::Error;

/// Why an environment could not be made, reset or stepped.
#[derive(Debug, Error)]
pub enum EnvError {
    /// No environment has this name.
    #[error("unknown environment `{id}`; did you mean `{closest}`? Known: {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The most similar known name.
        closest: &'static str,
        /// Every known name.
        known: String,
    },
    /// A shift could not be read or has a value out of range.
    #[error(transparent)]
    Shift(#[from] ShiftError),
    /// The environment has nothing this shift could change.
    #[error("{id} has no {what}: leave `{what}` out of --shift for this environment")]
    NotApplicable {
        /// The environment.
        id: &'static str,
        /// The shift's key.
        what: &'static str,
    },
    /// `dead-actuator` names an actuator that does not exist.
    #[error("{id} has {count} actuator(s), numbered from 0: dead-actuator={index} does not exist")]
    DeadActuator {
        /// The environment.
        id: &'static str,
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The action has the wrong length.
    #[error("the action has {given} value(s); this environment takes {expected}")]
    ActionLength {
        /// Values the environment takes.
        expected: usize,
        /// Values given.
        given: usize,
    },
    /// The place for the observation has the wrong length.
    #[error("room for {given} observation value(s); this environment gives {expected}")]
    ObsLength {
        /// Values the environment gives.
        expected: usize,
        /// Room given.
        given: usize,
    },
    /// The state has the wrong length.
    #[error("the state has {given} value(s); this environment's has {expected}")]
    StateLength {
        /// Values of the environment's state.
        expected: usize,
        /// Values given.
        given: usize,
    },
    /// A value is NaN or infinite.
    #[error("{what} value {index} is {value}: it must be finite")]
    NonFinite {
        /// "action" or "state".
        what: &'static str,
        /// Where.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// No episode is running.
    #[error("no episode is running: call reset before step")]
    NeedsReset,
}

impl EnvError {
    /// The error for a name that is not among `ids`.
    pub(super) fn unknown(id: &str, ids: impl Iterator<Item = &'static str>) -> Self {
        let known: Vec<_> = ids.collect();
        let lower = id.to_lowercase();
        let likeness = |known: &str| strsim::jaro_winkler(&lower, &known.to_lowercase());
        let closest = known
            .iter()
            .copied()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            .unwrap_or_default();
        Self::Unknown { id: id.to_owned(), closest, known: known.join(", ") }
    }
}
