//! How far points are, read off their folders.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{Point, Sweep};
use crate::lab::checkpoint::Checkpoints;
use crate::lab::evaluations;
use crate::lab::folder::{CHECKPOINT, RunFolder};
use crate::lab::session::Summary;

/// What is going on with a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Trained to its end.
    Done,
    /// A process trains it.
    Running,
    /// It failed, and was not tried again yet.
    Failed,
    /// Interrupted; it goes on from its checkpoint.
    Stopped,
    /// Not begun.
    Waiting,
}

impl State {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Waiting => "waiting",
        }
    }
}

/// Where a point stands.
#[derive(Clone, Debug, Serialize)]
pub struct Standing<'s> {
    /// Number of the point.
    pub number: usize,
    /// Its name.
    pub name: &'s str,
    /// What is going on.
    pub state: State,
    /// Environment steps that will not be lost, of a running point those that are known of.
    pub step: u64,
    /// Environment steps of the whole run.
    pub steps: u64,
    /// Mean return of the last tenth of a finished run's evaluations, else that of the last evaluation.
    pub last_return: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its folder, from the sweep's.
    pub folder: &'s Path,
}

/// Where a point stands just now.
pub fn standing<'s>(sweep: &Sweep, point: &'s Point) -> Standing<'s> {
    let root = sweep.folder(point);
    let mut standing = Standing {
        number: point.number,
        name: &point.name,
        state: State::Waiting,
        step: 0,
        steps: point.config.steps,
        last_return: None,
        error: None,
        folder: &point.folder,
    };
    // Nothing may be there yet.
    let evaluations = evaluations::read(&root).unwrap_or_default();
    if let Some(summary) = Summary::read(&root) {
        (standing.state, standing.step) = (State::Done, summary.steps);
        // Not the summary's: earlier versions had another mean there.
        standing.last_return = evaluations::final_return(&evaluations);
        return standing;
    }
    let evaluated = evaluations.last();
    let saved = Checkpoints::peek(&root.join(CHECKPOINT)).map_or(0, |state| state.step);
    standing.last_return = evaluated.map(|&(_, mean)| mean);
    standing.step = saved;
    if RunFolder::is_held(&root) {
        standing.state = State::Running;
        standing.step = saved.max(evaluated.map_or(0, |&(step, _)| step));
    } else if let Ok(error) = fs::read_to_string(sweep.error(point)) {
        standing.state = State::Failed;
        standing.error = Some(error.trim().to_string());
    } else if saved > 0 {
        standing.state = State::Stopped;
    }
    standing
}
