//! Why an environment could not do what was asked.

use super::mujoco::remedy;
use super::settings::SettingError;
use crate::nearest::nearest;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why an environment could not be made, reset or stepped.
#[derive(Debug, Error)]
pub enum EnvError {
    /// No environment has this name.
    #[error("unknown environment `{id}`; {}known: {known}", did_you_mean(*closest))]
    Unknown {
        /// What was asked for.
        id: String,
        /// The known name that is near, if one is.
        closest: Option<&'static str>,
        /// Every known name.
        known: String,
    },
    /// A shift or a wrap could not be read or has a value out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The environment's own time limit is shorter than the one asked for.
    #[error(
        "{id} itself ends after {own} steps: give a time-limit of at most {own}, or leave it out"
    )]
    TimeLimit {
        /// The environment.
        id: &'static str,
        /// Its own limit.
        own: u32,
    },
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
    /// A discrete action is not the number of a choice.
    #[error("action {value}: this environment takes a whole number from 0 to {}", n - 1)]
    Choice {
        /// What was given.
        value: f32,
        /// How many choices there are.
        n: u32,
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
    /// MuJoCo's library is not where it should be.
    #[error("MuJoCo 3.17.0 is not at {}: {}", path.display(), remedy())]
    MujocoMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is not a library of MuJoCo that this machine can open.
    #[error(
        "cannot use {} as MuJoCo's library: {reason}; {}", path.display(), remedy()
    )]
    MujocoOpen {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The library is of another version.
    #[error(
        "{} is MuJoCo {}.{}.{}, but 3.17.0 is needed: {}",
        path.display(), found / 1_000_000, found / 1000 % 1000, found % 1000, remedy()
    )]
    MujocoVersion {
        /// The file.
        path: PathBuf,
        /// What `mj_version()` says.
        found: i32,
    },
    /// MuJoCo refused a robot's model.
    #[error("MuJoCo cannot simulate {id}: {reason}")]
    MujocoModel {
        /// The environment.
        id: &'static str,
        /// MuJoCo's message.
        reason: String,
    },
    /// MuJoCo's library could not be fetched.
    #[error(
        "cannot install MuJoCo: {reason}. By hand: unpack the library from the `mujoco` 3.17.0 \
         wheel and set LACEWING_MUJOCO to its path"
    )]
    Install {
        /// What failed.
        reason: String,
    },
    /// There is no place for the library.
    #[error("no home folder: set XDG_CACHE_HOME to a folder MuJoCo can be installed in")]
    NoCacheDir,
    /// No episode is running.
    #[error("no episode is running: call reset before step")]
    NeedsReset,
}

pub(super) fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("did you mean `{name}`? "))
}

impl EnvError {
    /// The error for a library that does not open.
    pub(super) fn mujoco_open(path: &Path, error: &libloading::Error) -> Self {
        // The system's own words are in the source.
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Self::MujocoOpen { path: path.to_owned(), reason }
    }

    /// The error for a name that is not among `ids`.
    pub(super) fn unknown(id: &str, ids: impl Iterator<Item = &'static str>) -> Self {
        let known: Vec<_> = ids.collect();
        let closest = nearest(id, known.iter().copied());
        Self::Unknown { id: id.to_owned(), closest, known: known.join(", ") }
    }
}
