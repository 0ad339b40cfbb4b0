//! Why a driver gave no step.

use super::Unusable;
use lacewing_runtime::act::InterfaceError;
use lacewing_runtime::guard::SensorError;
use thiserror::Error;

/// Why a driver gave no step.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The shell could not be started.
    #[error("cannot run the environment command: {0}")]
    Start(#[source] std::io::Error),
    /// Reading from or writing to the process failed.
    #[error("cannot talk to the environment: {0}")]
    Pipe(#[source] std::io::Error),
    /// The process ended early.
    #[error("the environment ended without an answer: run its command by hand to see why")]
    Ended,
    /// The process is there and says nothing.
    #[error(
        "the environment has not answered for {seconds} s: run its command by hand to see why, or give \
         it longer with --answer-timeout"
    )]
    Silent {
        /// How long was waited.
        seconds: f64,
    },
    /// A line without end.
    #[error(
        "the environment writes a line of more than {limit} bytes: end each answer with a newline"
    )]
    Long {
        /// The limit.
        limit: u64,
    },
    /// It does not begin with an announcement.
    #[error(
        "the environment does not announce itself by `{line}` ({source}): it must first write \
         {{\"spec\":{{\"id\":\"NAME\",\"obs_dim\":N,\"act_low\":[…],\"act_high\":[…]}}}}, with \"actions\":N in place \
         of limits where actions are discrete, and \"max_episode_steps\", if there is one, as a whole number from 1 up; let it log to standard error"
    )]
    Announcement {
        /// What it wrote.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The answer is not of the protocol.
    #[error(
        "the environment answered `{line}`: {source}; each answer must be one whole line of JSON"
    )]
    Answer {
        /// What it wrote.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The environment reports an error.
    #[error("the environment reports: {0}")]
    Reported(String),
    /// The answer is of the protocol, but nothing can be learned from it.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// Too many such answers.
    #[error(
        "more than ten answers of the environment at once, or one in a hundred, cannot be used: \
         {0}; mend the driver or its sensors"
    )]
    Unreliable(#[source] Unusable),
    /// The guard refuses to act on what sensors say.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// The action cannot be sent.
    #[error(transparent)]
    Command(#[from] InterfaceError),
}
