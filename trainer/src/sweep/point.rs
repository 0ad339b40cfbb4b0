//! Training one point.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::{Point, Sweep, SweepError};
use crate::lab::config::RunConfig;
use crate::lab::files;
use crate::lab::folder::{FolderError, RunFolder};
use crate::lab::session::{self, Outcome, Summary};

/// Whoever looks at a point holds it for a moment.
const A_LOOK: Duration = Duration::from_secs(1);

/// How a point ended.
#[derive(Debug)]
pub enum Ended {
    /// It was trained before.
    Already,
    /// It is trained now.
    Finished(Summary),
    /// It was asked to stop, and left a checkpoint at this step.
    Interrupted {
        /// Environment steps done.
        step: u64,
    },
}

/// Trains a point to its end, from its checkpoint if there is one; does nothing if that was done before.
/// What fails is also written to the point's `error.txt`.
///
/// # Errors
/// [`SweepError`]; [`SweepError::Busy`] where another process trains it.
pub fn train(sweep: &Sweep, point: &Point, stop: &AtomicBool) -> Result<Ended, SweepError> {
    let folder = sweep.folder(point);
    if Summary::read(&folder).is_some() {
        return Ok(Ended::Already);
    }
    let trained = enter(sweep, point).and_then(|(folder, config)| {
        // Another process may have finished it since.
        if Summary::read(folder.root()).is_some() {
            return Ok(Ended::Already);
        }
        let _ = fs::remove_file(sweep.error(point));
        Ok(match session::train(&folder, &config, stop)? {
            Outcome::Finished(summary) => Ended::Finished(summary),
            Outcome::Interrupted { step } => Ended::Interrupted { step },
        })
    });
    match &trained {
        Err(error) if !matches!(error, SweepError::Busy { .. }) => {
            record_failure(sweep, point, &error.to_string());
        }
        _ => {}
    }
    trained
}

/// Leaves word of why a point failed.
pub(super) fn record_failure(sweep: &Sweep, point: &Point, error: &str) {
    // The disk may be what failed: the caller tells the error in any case.
    let _ = files::create_folder(&sweep.folder(point));
    let _ = files::write_atomic(&sweep.error(point), format!("{error}\n").as_bytes());
}

/// The point's folder, held, with the configuration to train.
fn enter(sweep: &Sweep, point: &Point) -> Result<(RunFolder, RunConfig), SweepError> {
    let root = sweep.folder(point);
    let patience = Instant::now();
    let entered = loop {
        let starting = sweep.lock();
        let entered = RunFolder::enter(&root, &point.config);
        drop(starting);
        match entered {
            Err(FolderError::Busy { .. }) if patience.elapsed() < A_LOOK => {
                std::thread::sleep(A_LOOK / 20);
            }
            entered => break entered,
        }
    };
    let (folder, config) = entered.map_err(|error| match error {
        FolderError::Busy { .. } => {
            SweepError::Busy { root: sweep.root().to_path_buf(), name: point.name.clone() }
        }
        error => SweepError::Folder(error),
    })?;
    if config != point.config {
        return Err(SweepError::Changed { config: root.join(crate::lab::folder::CONFIG) });
    }
    Ok((folder, config))
}
