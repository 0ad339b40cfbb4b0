//! A driver in another process, spoken to in JSON lines.
//!
//! The process first writes `{"spec":{"id":…,"obs_dim":…,"act_low":[…],"act_high":[…],
//! "max_episode_steps":…}}`, or `"actions":n` for the limits where the actions are discrete. Then it
//! answers `{"reset":SEED}` with `{"obs":[…]}` and `{"action":[…]}` with
//! `{"obs":[…],"reward":…,"terminated":…,"truncated":…}`, or anything with `{"error":"…"}`. It ends
//! when its input does, or is killed two seconds later. So a simulator or a robot's driver serves
//! alike. Lines that are no such answers are passed over, and so is what comes before it was asked for. Where a
//! line may come twice, an answer also says `"request":N`, how many requests have come with this one: those to
//! earlier ones are passed over too.
//!
//! With `--adapt imitate` the answer to an action also has `"teacher":[…]`, what a teacher would have done in its
//! place: another controller, or a hand that took over. Steps without it are not learned from.
//!
//! The announcement may also name its signals in their order, with units, which are compared with the
//! policy's contract: `"obs_names":[…],"obs_units":[…],"act_names":[…],"act_units":[…],
//! "control_period_s":…`.

mod announcement;
mod answer;
mod error;
mod fit;
mod process;

pub use announcement::Spec;
pub use answer::{Notice, Unusable, read};
pub use error::DriverError;
pub use fit::fit;
pub use process::{LONGEST, kill};

use answer::{Announcement, Following, Start};
use process::Process;
use serde::Serialize;
use std::io;
use std::time::{Duration, Instant};

/// What follows an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The next observation.
    pub obs: Vec<f32>,
    /// The reward.
    pub reward: f64,
    /// The episode reached an end of its own.
    pub terminated: bool,
    /// The episode was cut off.
    pub truncated: bool,
    /// What a teacher would have done instead, in the driver's units.
    pub teacher: Option<Vec<f32>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Request<'a> {
    Reset(u64),
    Action(&'a [f32]),
}

/// A running driver; its process, and all that it has started, is ended when this is dropped.
pub struct Driver {
    process: Process,
    spec: Spec,
    /// What came of sending the last action.
    sent: Option<io::Result<()>>,
}

impl Driver {
    /// Runs `command` by the shell and reads its announcement; every answer may take as long as
    /// `patience`.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn spawn(command: &str, patience: Duration) -> Result<Self, DriverError> {
        let mut process = Process::spawn(command, patience)?;
        let Announcement { spec } = process.announcement().map_err(|error| match error {
            DriverError::Answer { line, source } => DriverError::Announcement { line, source },
            error => error,
        })?;
        Ok(Self { process, spec, sent: None })
    }

    /// What it announced.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Starts an episode and returns its first observation.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn reset(&mut self, seed: u64) -> Result<Vec<f32>, DriverError> {
        let start: Start = answer::usable(self.process.ask(&Request::Reset(seed)))?;
        Ok(start.observation(self.spec.obs_dim)?)
    }

    /// Sends `action`, in the driver's units; what follows is for [`Driver::outcome`].
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn send(&mut self, action: &[f32]) -> Result<(), DriverError> {
        self.sent = Some(self.process.send(&Request::Action(action))?);
        Ok(())
    }

    /// Whether there is an answer, or never will be: whether [`Driver::outcome`] need not wait long.
    pub fn has_answered(&mut self) -> bool {
        self.process.has_answered()
    }

    /// When the last answer came.
    pub fn answered(&self) -> Instant {
        self.process.came()
    }

    /// What followed the action that was sent.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn outcome(&mut self) -> Result<Outcome, DriverError> {
        let sent = self.sent.take().unwrap_or(Ok(()));
        let following: Following = answer::usable(self.process.answer_to(sent))?;
        Ok(following.outcome(self.spec.obs_dim)?)
    }
}
