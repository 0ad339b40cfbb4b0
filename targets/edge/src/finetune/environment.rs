//! An environment in another process, spoken to in JSON lines.
//!
//! The process first writes `{"spec":{"id":…,"obs_dim":…,"act_low":[…],"act_high":[…],
//! "max_episode_steps":…}}`, or `"actions":n` for the limits where the actions are discrete. Then it
//! answers `{"reset":SEED}` with `{"obs":[…]}` and `{"action":[…]}` with
//! `{"obs":[…],"reward":…,"terminated":…,"truncated":…}`, or anything with `{"error":"…"}`. It ends
//! when its input does, or is killed two seconds later. So a simulator or a robot's driver serves
//! alike.

use super::announcement::Spec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use thiserror::Error;

/// What a process has to end after its input did.
const TIME_TO_END: Duration = Duration::from_secs(2);

/// Why the environment gave no step.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The shell could not be started.
    #[error("cannot run the environment command: {0}")]
    Start(#[source] std::io::Error),
    /// Reading from or writing to the process failed.
    #[error("cannot talk to the environment: {0}")]
    Pipe(#[source] std::io::Error),
    /// The process ended early.
    #[error("the environment ended without an answer: run its command by hand to see why")]
    Ended,
    /// The answer is not of the protocol.
    #[error("the environment answered `{line}`: {source}")]
    Answer {
        /// What it wrote.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The environment reports an error.
    #[error("the environment reports: {0}")]
    Reported(String),
    /// An observation has another length than the environment announced.
    #[error("the environment announced {expected} observations and sent {found}")]
    Observations {
        /// Announced.
        expected: usize,
        /// Sent.
        found: usize,
    },
}

/// What follows an action.
#[derive(Clone, Debug, Deserialize)]
pub struct Outcome {
    /// The next observation.
    pub obs: Vec<f32>,
    /// The reward.
    pub reward: f64,
    /// The episode reached an end of its own.
    pub terminated: bool,
    /// The episode was cut off.
    pub truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Request<'a> {
    Reset(u64),
    Action(&'a [f32]),
}

#[derive(Deserialize)]
struct Announcement {
    spec: Spec,
}

#[derive(Deserialize)]
struct Start {
    obs: Vec<f32>,
}

#[derive(Deserialize)]
struct Complaint {
    error: String,
}

/// A running environment; its process is ended when this is dropped.
pub struct Environment {
    process: Process,
    spec: Spec,
}

impl Environment {
    /// Runs `command` by the shell and reads its announcement.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn spawn(command: &str) -> Result<Self, EnvironmentError> {
        let mut process = Process::spawn(command)?;
        let Announcement { spec } = process.answer()?;
        Ok(Self { process, spec })
    }

    /// What it announced.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Starts an episode and returns its first observation.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn reset(&mut self, seed: u64) -> Result<Vec<f32>, EnvironmentError> {
        let start: Start = self.process.ask(&Request::Reset(seed))?;
        self.check(start.obs)
    }

    /// Takes one step with `action`, in the environment's units.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn step(&mut self, action: &[f32]) -> Result<Outcome, EnvironmentError> {
        let mut outcome: Outcome = self.process.ask(&Request::Action(action))?;
        outcome.obs = self.check(outcome.obs)?;
        Ok(outcome)
    }

    fn check(&self, obs: Vec<f32>) -> Result<Vec<f32>, EnvironmentError> {
        let (expected, found) = (self.spec.obs_dim, obs.len());
        if expected == found {
            Ok(obs)
        } else {
            Err(EnvironmentError::Observations { expected, found })
        }
    }
}

struct Process {
    child: Child,
    /// Taken on drop: the end of its input is what ends the process.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn spawn(command: &str) -> Result<Self, EnvironmentError> {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(EnvironmentError::Start)?;
        let answers = child.stdout.take().ok_or(EnvironmentError::Ended)?;
        Ok(Self { requests: child.stdin.take(), child, answers: BufReader::new(answers) })
    }

    fn ask<A: DeserializeOwned>(&mut self, request: &Request<'_>) -> Result<A, EnvironmentError> {
        let requests = self.requests.as_mut().ok_or(EnvironmentError::Ended)?;
        let mut line = serde_json::to_vec(request).map_err(|e| EnvironmentError::Pipe(e.into()))?;
        line.push(b'\n');
        let sent = requests.write_all(&line).and_then(|()| requests.flush());
        // Its last words, if there are any, say more than that it is gone.
        let answer = self.answer();
        if matches!(answer, Err(EnvironmentError::Ended)) {
            sent.map_err(EnvironmentError::Pipe)?;
        }
        answer
    }

    fn answer<A: DeserializeOwned>(&mut self) -> Result<A, EnvironmentError> {
        let mut line = String::new();
        if self.answers.read_line(&mut line).map_err(EnvironmentError::Pipe)? == 0 {
            return Err(EnvironmentError::Ended);
        }
        serde_json::from_str(&line).map_err(|source| match serde_json::from_str(&line) {
            Ok(Complaint { error }) => EnvironmentError::Reported(error),
            Err(_) => EnvironmentError::Answer { line: line.trim_end().to_owned(), source },
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.requests.take();
        // It may be gone already, and nothing is left to tell about it. A driver that does not end
        // with its input must not keep an error from being told.
        let end = Instant::now() + TIME_TO_END;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > end {
                let _ = self.child.kill().and_then(|()| self.child.wait());
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
