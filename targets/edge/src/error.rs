//! What ends `lacewing-edge` with a status other than 0: one line that says what to do.

use crate::driver::DriverError;
use crate::installed::InstalledError;
use crate::trust::TrustError;
use lacewing_formats::artifact::{FileError, ReadError, SaveError};
use lacewing_formats::policy::Mismatch;
use lacewing_runtime::act::{ActError, InterfaceError, LoadError};
use lacewing_runtime::guard::RulesError;
use lacewing_runtime::learn::{LearnError, ReplayError, ResumeError, TunedError};
use lacewing_runtime::measure::EnergyError;
use lacewing_runtime::store::{FolderError, ImageError, StoreError};
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum EdgeError {
    /// The policy file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is no policy.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// The policy cannot be run here.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// See [`TrustError`].
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// See [`InstalledError`].
    #[error(transparent)]
    Installed(#[from] InstalledError),
    /// Standard input failed.
    #[error("cannot read observations: {0}")]
    Input(#[source] std::io::Error),
    /// Standard output failed.
    #[error("cannot write: {0}")]
    Output(#[source] std::io::Error),
    /// A line is not an array of numbers.
    #[error(
        "line {line}, column {column}: this is not a JSON array of finite numbers: write [x, y, …], one \
         observation a line; logs belong on standard error"
    )]
    Line {
        /// Which, counted from 1.
        line: u64,
        /// Where in it, counted from 1.
        column: usize,
    },
    /// An object that is none of those that are heard.
    #[error(
        "line {line}: {source}: act takes each observation as a bare array, [x, y, …], and of objects only \
         {{\"spec\":{{…}}}} and {{\"reset\":N}}"
    )]
    Notice {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line goes on and on.
    #[error("line {line} is longer than {limit} bytes: write one observation a line")]
    LongLine {
        /// Which, counted from 1.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// An observation has no action.
    #[error("line {line}: {source}")]
    Act {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        source: ActError,
    },
    /// The driver is not the policy's, or an observation or action is not as agreed.
    #[error("line {line}: {source}")]
    Command {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        source: InterfaceError,
    },
    /// The policy gives no action for what the environment observes.
    #[error("the policy cannot act on what the environment sent: {0}")]
    Step(#[source] ActError),
    /// The measurement cannot be written as JSON.
    #[error("cannot write the measurement: {0}")]
    Report(#[source] serde_json::Error),
    /// See [`EnergyError`].
    #[error(transparent)]
    Energy(#[from] EnergyError),
    /// The file holds only the policy.
    #[error(
        "{path} has no resume section to learn on from: take the policy file of the training run's folder, or give \
         it fresh critics by `lacewing adopt POLICY --out NEW`",
        path = path.display()
    )]
    NoResume {
        /// The file.
        path: PathBuf,
    },
    /// The file's resume section is of no use.
    #[error(
        "{path}: {source}; or give it fresh critics by `lacewing adopt POLICY --out NEW`",
        path = path.display()
    )]
    OtherResume {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ResumeError,
    },
    /// See [`ResumeError`].
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// See [`LearnError`].
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// See [`ReplayError`].
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// See [`DriverError`].
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// See [`Mismatch`].
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// See [`InterfaceError`].
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Fine-tuning stopped on its way.
    #[error("{source}; {out} holds the best policy so far", out = out.display())]
    Stopped {
        /// Why.
        source: Box<EdgeError>,
        /// Where the best policy is.
        out: PathBuf,
    },
    /// The environment is another than the policy's.
    #[error(
        "environment {id} has {} observations and {} actions, the policy {} and {}: take the policy of this \
         robot, or the driver of the policy's",
        found.0, found.1, policy.0, policy.1
    )]
    OtherEnvironment {
        /// Name of the environment.
        id: String,
        /// Its observations and actions.
        found: (usize, usize),
        /// The policy's.
        policy: (usize, usize),
    },
    /// One chooses among discrete actions, the other does not.
    #[error(
        "of environment {id} and the policy one has discrete actions and the other continuous ones: run the environment it was trained in"
    )]
    OtherActions {
        /// Name of the environment.
        id: String,
    },
    /// Learning needs too much memory.
    #[error(
        "{need} bytes of memory are needed and {limit} allowed: raise --memory or lower --replay ({transition} bytes a transition)"
    )]
    Memory {
        /// Needed.
        need: usize,
        /// Allowed.
        limit: usize,
        /// Bytes that a transition of the replay takes.
        transition: usize,
    },
    /// The system has not so much memory.
    #[error(
        "the system cannot give {need} bytes of memory: lower --replay ({transition} bytes a transition)"
    )]
    NoMemory {
        /// Needed.
        need: usize,
        /// Bytes that a transition of the replay takes.
        transition: usize,
    },
    /// No room for the replay's file.
    #[error(
        "cannot keep the replay in {folder} ({source}): free some of its disk, choose another folder, or lower \
         --replay",
        folder = folder.display()
    )]
    Spill {
        /// Where it should be.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A policy file would be named as something else.
    #[error("{path} is named as a model in another format, and a policy file is written: name it .lace", path = path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
    },
    /// The output file is there already.
    #[error("{path} already exists: choose another --out or pass --force to replace it", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Too few steps for one update.
    #[error(
        "--steps must be at least {needed}: this policy's algorithm learns from so many at once"
    )]
    Steps {
        /// The fewest.
        needed: usize,
    },
    /// The policy never moves.
    #[error(
        "of {updates} updates the first {critics_first} are the critics' alone (--critics-first), so that the policy \
         learns nothing: raise --steps or lower --critics-first"
    )]
    CriticsFirst {
        /// All updates.
        updates: u64,
        /// Those that only the critics make.
        critics_first: u64,
    },
    /// Nothing but a warm-up.
    #[error(
        "{steps} steps with a warm-up of {warm_up} learn nothing: raise --steps or lower --warm-up"
    )]
    WarmUp {
        /// All steps.
        steps: u64,
        /// Those before the first update.
        warm_up: u64,
    },
    /// An option of another kind of learning.
    #[error(
        "{option} is for --learning {learning}: lock-step, for simulators, judges by episodes and learns on the \
         core that it acts on"
    )]
    NotLive {
        /// Which.
        option: &'static str,
        /// Those that have it.
        learning: &'static str,
    },
    /// More updates of what is learned from once.
    #[error(
        "--updates-per-step is for algorithms that learn from a replay: this policy's learns from its present \
         steps once"
    )]
    UpdatesPerStep,
    /// A safe action that is none.
    #[error("--safe-action takes {expected} finite number(s), one for each action of the policy")]
    SafeAction {
        /// How many.
        expected: usize,
    },
    /// A safe action that the policy has not.
    #[error(
        "--safe-action: number {index} (counted from 0) is {value}, the policy's goes from {low} to {high}{whole}"
    )]
    UnsafeAction {
        /// Which.
        index: usize,
        /// What was given.
        value: f32,
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
        /// What else there is to say.
        whole: &'static str,
    },
    /// See [`RulesError`].
    #[error(transparent)]
    Guard(#[from] RulesError),
    /// A noise that is no standard deviation.
    #[error(
        "--noise must be a number from 0 up, and is for TD3: other algorithms explore by themselves"
    )]
    Noise,
    /// There is no such core.
    #[error("--cores: this process may not run on core {core}: see `nproc` and `taskset -p $$`")]
    Core {
        /// Its number.
        core: usize,
    },
    /// No room to count how long reactions take.
    #[error("cannot count reactions: {0}")]
    Histogram(#[source] hdrhistogram::CreationError),
    /// The learning thread is gone.
    #[error("the learning thread has ended: start again from the policy that was saved")]
    LearningEnded,
    /// The saved session cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError<FolderError>),
    /// See [`ImageError`].
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The saved session is another one.
    #[error(
        "the session in {folder} has another {what}: go on as it began, or choose another --state for a new one",
        folder = folder.display()
    )]
    OtherSession {
        /// Where it is.
        folder: PathBuf,
        /// In which they differ.
        what: &'static str,
    },
    /// A signal asked for an end.
    #[error("a signal ended it after step {step}: the same command goes on from there")]
    Interrupted {
        /// Steps of learning so far.
        step: u64,
    },
    /// A signal asked for an end, and there are no saves to go on from.
    #[error("a signal ended it after step {step}")]
    Ended {
        /// Steps of learning so far.
        step: u64,
    },
    /// The log cannot be read or written.
    #[error(
        "cannot use the log {path}: {source}; name a file, in a folder that is there, that you may read and write",
        path = path.display()
    )]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nobody can ask for the metrics.
    #[error("cannot serve metrics on {address}: {source}; choose another address and port")]
    Metrics {
        /// Where they should be.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The tuned policy is none that a file holds.
    #[error(transparent)]
    Tuned(#[from] TunedError),
    /// The tuned policy cannot be saved.
    #[error(transparent)]
    Save(#[from] SaveError),
}

impl EdgeError {
    /// Whether a signal asked for the end.
    pub fn is_interruption(&self) -> bool {
        match self {
            Self::Interrupted { .. } | Self::Ended { .. } => true,
            Self::Stopped { source, .. } => source.is_interruption(),
            _ => false,
        }
    }
}
