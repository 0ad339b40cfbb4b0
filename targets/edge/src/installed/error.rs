//! Why a command on the installed versions failed.

use crate::trust::TrustError;
use lacewing_runtime::deploy::DeployError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a command on the installed versions failed.
#[derive(Debug, Error)]
pub enum InstalledError {
    /// See [`DeployError`].
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// See [`TrustError`].
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A hash is not one.
    #[error("a SHA-256 has 64 hexadecimal digits")]
    Hash,
    /// Nothing says what to start.
    #[error(
        "version {number} has nothing to start: deploy it with --run 'COMMAND', which may call \
         `lacewing-edge act \"$LACEWING_POLICY\" --confirm`"
    )]
    NoRun {
        /// Which.
        number: u32,
    },
    /// It cannot be started.
    #[error("cannot start version {number}: {source}")]
    Run {
        /// Which.
        number: u32,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be known which version this is.
    #[error(
        "--confirm is for a version that `lacewing-edge start` has started: it takes LACEWING_ROOT and \
         LACEWING_VERSION from there"
    )]
    NotStarted,
    /// The health test failed.
    #[error("the health test `{health}` {what}: version {number} is left for version {now}")]
    Unhealthy {
        /// The test.
        health: String,
        /// What came of it.
        what: String,
        /// The version.
        number: u32,
        /// The one before, which is to be started.
        now: u32,
    },
    /// A unit's name is no name.
    #[error("a unit's name has letters, digits, `_`, `-` and `.` only: choose another --unit")]
    UnitName,
    /// The unit cannot be written.
    #[error("cannot write {path}: {source}; the policy is installed, but nothing starts it at boot", path = path.display())]
    Unit {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody can be told.
    #[error("cannot write: {0}")]
    Output(#[source] io::Error),
}
