//! Why a run cannot go on.

use lacewing_runtime::learn::{ReplayError, ResumeError};
use thiserror::Error;

use super::checkpoint::CheckpointError;
use super::config::{ChangeError, ConfigError};
use super::files::FileError;
use super::folder::FolderError;
use super::memory::MemoryError;
use super::policy::PolicyError;
use crate::engine::EngineError;
use crate::env::EnvError;

/// Why a training loop stopped early.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The learner failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The run's files failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The policy cannot be written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The environment or the policy made something that is no number.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Why a run cannot go on.
#[derive(Debug, Error)]
pub enum LabError {
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration is not that of the checkpoint any more.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The learner failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The training loop failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The run's folder is unusable.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is not enough memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// No checkpoint is good.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A resume section is damaged.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// A transition was refused.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}
