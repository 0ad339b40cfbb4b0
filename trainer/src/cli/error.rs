//! What any command may report.

use thiserror::Error;

use crate::algo::td3::TrainError;
use crate::engine::EngineError;
use crate::env::EnvError;
use crate::lab::config::ConfigError;
use crate::lab::error::LabError;
use crate::lab::files::FileError;
use crate::lab::folder::FolderError;

/// Why a command failed. Every message says what to do next.
#[derive(Debug, Error)]
pub enum CliError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Usage(String),
    /// Stopped by the user; the run can continue.
    #[error("{0}")]
    Interrupted(String),
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A training run failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The training loop failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The learner failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// A run's folder is unusable.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl CliError {
    /// Exit code: 2 for usage, 130 for an interrupt as shells expect, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 130,
            _ => 1,
        }
    }
}
