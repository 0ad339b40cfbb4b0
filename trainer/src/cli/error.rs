//! What any command may report.

use lacewing_formats::policy::ContractError;
use lacewing_runtime::act::LoadError;
use lacewing_runtime::learn::{AdoptError, ResumeError};
use lacewing_runtime::measure::EnergyError;
use thiserror::Error;

use super::sign::SignError;
use crate::deploy::DeployError;
use crate::device::{AdviseError, DoesNotFit, ProfileError};
use crate::engine::EngineError;
use crate::env::{EnvError, SettingError};
use crate::lab::config::ConfigError;
use crate::lab::contract::RobotError;
use crate::lab::deployed::PlayError;
use crate::lab::error::LabError;
use crate::lab::error::TrainError;
use crate::lab::files::FileError;
use crate::lab::folder::FolderError;
use crate::lab::memory::MemoryError;
use crate::lab::policy::PolicyError;
use crate::lab::robustness::RobustnessError;
use crate::onnx::OnnxError;
use crate::report::ReportError;
use crate::sweep::{BUSY, INTERRUPTED, SweepError};
use crate::view::ViewError;

/// Why a command failed. Every message says what to do next.
#[derive(Debug, Error)]
pub enum CliError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Usage(String),
    /// Stopped by the user; the run can continue.
    #[error("{0}")]
    Interrupted(String),
    /// The other end of a pipe is gone.
    #[error("cannot go on serving: {0}; start the other program again")]
    Pipe(#[source] std::io::Error),
    /// Playing a policy failed.
    #[error(transparent)]
    Play(#[from] PlayError),
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
    /// A policy is unusable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A contract cannot be read.
    #[error(transparent)]
    Robot(#[from] RobotError),
    /// A contract cannot be.
    #[error("contract: {0}")]
    Contract(#[from] ContractError),
    /// A policy cannot be adopted.
    #[error("{0}")]
    Adopt(#[from] AdoptError),
    /// There is not enough memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// ONNX went wrong.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A shift of the dynamics is not understood.
    #[error(transparent)]
    Shift(#[from] SettingError),
    /// A resume section is damaged.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// An agent could not be shown.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A sweep cannot go on.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// Runs cannot be reported on.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A policy cannot be signed or verified.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A policy did not come onto a robot.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A device is not known.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A policy does not fit on a device.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    /// No energy can be measured.
    #[error(transparent)]
    Energy(#[from] EnergyError),
    /// Nothing can be advised.
    #[error(transparent)]
    Advise(#[from] AdviseError),
    /// Robustness cannot be measured.
    #[error(transparent)]
    Robustness(#[from] RobustnessError),
    /// Points of a sweep failed, or a run that can go on.
    #[error("{0}")]
    Failed(String),
    /// The runtime cannot load the policy.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl CliError {
    /// Exit code: 2 for usage, 130 for an interrupt as shells expect, 75 where another process trains a
    /// sweep's point, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Sweep(SweepError::Busy { .. }) => BUSY,
            _ => 1,
        }
    }
}
