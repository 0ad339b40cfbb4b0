//! A run's figures over time: `progress.csv` and the TensorBoard events beside it.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::files::{self, FileError};
use super::folder::RunFolder;
use super::tensorboard::EventWriter;

/// Columns before and behind the algorithm's own figures.
const FIRST: &str = "step,episodes,updates,eval_mean,eval_std,train_return";
const LAST: &str = "actor_sparsity,wall_seconds";

/// One evaluation and what training looked like then. Absent figures become empty cells.
#[derive(Clone, Debug)]
pub struct Row {
    /// Environment steps so far.
    pub step: u64,
    /// Finished training episodes so far.
    pub episodes: u64,
    /// Updates so far.
    pub updates: u64,
    /// Mean return of the evaluation's episodes.
    pub eval_mean: f64,
    /// Their population standard deviation.
    pub eval_std: f64,
    /// Mean return of the training episodes finished since the last row.
    pub train_return: Option<f64>,
    /// Means of the algorithm's figures since the last row, one for each of the log's names.
    pub losses: Vec<Option<f64>>,
    /// Share of the actor's links that are pruned.
    pub actor_sparsity: f64,
    /// Wall-clock seconds spent training, over all processes of the run.
    pub wall_seconds: f64,
}

/// Lengths of the logs at a checkpoint, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    csv: u64,
    events: u64,
}

/// The open logs of a run.
pub struct Log {
    csv: File,
    csv_path: PathBuf,
    csv_bytes: u64,
    events: EventWriter,
    events_path: PathBuf,
    /// Names of the algorithm's figures.
    losses: &'static [&'static str],
}

impl Log {
    /// Opens the logs at the lengths of a checkpoint, dropping later rows; the default lengths
    /// start new ones. `losses` names the algorithm's figures.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(
        folder: &RunFolder,
        lengths: Lengths,
        losses: &'static [&'static str],
    ) -> Result<Self, FileError> {
        let (csv_path, events_path) = (folder.progress_csv(), folder.events());
        let (csv, csv_bytes) = files::open_log(&csv_path, lengths.csv)
            .map_err(|source| FileError::write(&csv_path, source))?;
        let events = EventWriter::open(&events_path, lengths.events, now())
            .map_err(|source| FileError::write(&events_path, source))?;
        let mut log = Self { csv, csv_path, csv_bytes, events, events_path, losses };
        if csv_bytes == 0 {
            log.append(&format!("{FIRST},{},{LAST}\n", losses.join(",")))?;
        }
        Ok(log)
    }

    /// Adds one row to both logs.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn row(&mut self, row: &Row) -> Result<(), FileError> {
        let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let line = format!(
            "{},{},{},{},{},{},{},{},{:.1}\n",
            row.step,
            row.episodes,
            row.updates,
            row.eval_mean,
            row.eval_std,
            cell(row.train_return),
            row.losses.iter().map(|&loss| cell(loss)).collect::<Vec<_>>().join(","),
            row.actor_sparsity,
            row.wall_seconds,
        );
        self.append(&line)?;
        let mut scalars = vec![
            ("eval/return_mean", row.eval_mean),
            ("eval/return_std", row.eval_std),
            ("sparsity/actor", row.actor_sparsity),
        ];
        scalars.extend(row.train_return.map(|value| ("train/return", value)));
        let tags: Vec<_> = self.losses.iter().map(|name| format!("train/{name}")).collect();
        let losses = tags.iter().zip(&row.losses);
        scalars.extend(losses.filter_map(|(tag, &value)| Some((tag.as_str(), value?))));
        self.events
            .scalars(row.step, now(), &scalars)
            .map_err(|source| FileError::write(&self.events_path, source))
    }

    /// Makes both logs durable and tells their lengths.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn sync(&mut self) -> Result<Lengths, FileError> {
        self.csv.sync_data().map_err(|source| FileError::write(&self.csv_path, source))?;
        self.events.sync().map_err(|source| FileError::write(&self.events_path, source))?;
        Ok(Lengths { csv: self.csv_bytes, events: self.events.bytes() })
    }

    fn append(&mut self, text: &str) -> Result<(), FileError> {
        let written = self.csv.write_all(text.as_bytes());
        written.map_err(|source| FileError::write(&self.csv_path, source))?;
        self.csv_bytes += text.len() as u64;
        Ok(())
    }
}

/// Seconds since 1970, for TensorBoard's wall-time axis only.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
