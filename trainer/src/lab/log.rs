//! A run's figures over time: `progress.csv` and the TensorBoard events beside it.
//!
//! A row is an evaluation; a figure that there is not is an empty cell, and no event.
//!
//! | column | what it is |
//! |---|---|
//! | `step`, `episodes`, `updates` | environment steps, finished training episodes and updates so far |
//! | `eval_mean`, `eval_std` | return of the evaluation's episodes, and its population standard deviation |
//! | `train_return` | mean return of the training episodes finished since the last row |
//! | the algorithm's own | means of [`Algorithm::LOSSES`] over the updates since the last row |
//! | `actor_sparsity` | share of the deployed policy's links that are pruned |
//! | `wall_seconds` | wall-clock seconds so far, over all processes of the run |
//! | `updates_per_second` | since the last row, this evaluation's time included |
//! | `flops_convention` | FLOPs of training so far as papers count them: [`step_flops`] (Evci et al. 2020, App. H) |
//! | `flops_done` | FLOPs of the passes really made so far, evaluations left out: [`Flops`] |
//! | `policy_links`, `critic_links` | live links of the network that learns to act (of SAC with the head for deviations, which no policy has), of all critics together |
//! | `critic_sparsity` | share of the critics' links that are pruned |
//! | `links_dropped` | links that changes of topology took since the last row, in all networks; where the method grows as many came |
//! | `newborn_share` | share of those that the change before had grown |
//! | `policy_moved`, `critic_moved` | share of the live links that were not there at the start |
//! | `policy_dormant`, `critic_dormant` | share of hidden units that are dormant by `dormant-tau`, of the policy and the first critic: [`dormant`] (Sokar et al. 2023, def. 3.1), over 256 samples |
//! | `policy_snr`, `critic_snr` | signal-to-noise ratio of their gradients, mean over live links and biases: [`SignalToNoise`], over 64 samples |
//! | `real_inputs` | share of the policy's links to observations that go to real features; only where some are fake (Grooten et al. 2023) |
//!
//! [`Algorithm::LOSSES`]: lacewing_runtime::learn::Algorithm::LOSSES
//! [`step_flops`]: lacewing_runtime::cost::step_flops
//! [`dormant`]: lacewing_runtime::learn::dormant
//! [`SignalToNoise`]: lacewing_runtime::learn::SignalToNoise

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use lacewing_runtime::cost::Flops;
use lacewing_runtime::learn::Changed;
use serde::{Deserialize, Serialize};

use super::files::{self, FileError};
use super::folder::RunFolder;
use super::tensorboard::EventWriter;
use crate::engine::{Diagnosis, Finding};

/// Columns before and behind the algorithm's own figures.
const FIRST: &str = "step,episodes,updates,eval_mean,eval_std,train_return";
const LAST: &str = "actor_sparsity,wall_seconds";

/// A column behind those: its name, TensorBoard's tag and the figure.
type Column = (&'static str, &'static str, fn(&Row) -> Option<f64>);

const FURTHER: [Column; 14] = [
    ("updates_per_second", "train/updates_per_second", |row| Some(row.updates_per_second)),
    ("flops_convention", "flops/convention", |row| Some(row.flops?.convention as f64)),
    ("flops_done", "flops/done", |row| Some(row.flops?.done as f64)),
    ("policy_links", "links/policy", |row| Some(row.diagnosis.policy?.links as f64)),
    ("critic_links", "links/critic", |row| Some(row.diagnosis.critics?.links as f64)),
    ("critic_sparsity", "sparsity/critic", |row| Some(row.diagnosis.critics?.sparsity)),
    ("links_dropped", "links/dropped", |row| Some(row.changed?.dropped as f64)),
    ("newborn_share", "links/newborn_share", |row| newborn_share(row.changed?)),
    ("policy_moved", "moved/policy", |row| Some(row.diagnosis.policy?.moved)),
    ("critic_moved", "moved/critic", |row| Some(row.diagnosis.critics?.moved)),
    ("policy_dormant", "dormant/policy", |row| dormant(row.diagnosis.policy?)),
    ("critic_dormant", "dormant/critic", |row| dormant(row.diagnosis.critics?)),
    ("policy_snr", "gradient_snr/policy", |row| snr(row.diagnosis.policy?)),
    ("critic_snr", "gradient_snr/critic", |row| snr(row.diagnosis.critics?)),
];

/// Only of runs with fake features: ordinary logs stay as they are.
const OF_FAKES: Column = ("real_inputs", "links/real_inputs", |row| row.diagnosis.real_inputs);

fn newborn_share(changed: Changed) -> Option<f64> {
    (changed.dropped > 0).then(|| changed.newborn as f64 / changed.dropped as f64)
}

fn dormant(finding: Finding) -> Option<f64> {
    Some(finding.health?.dormant)
}

/// Gradients may be too large for a ratio where learning is about to diverge.
fn snr(finding: Finding) -> Option<f64> {
    Some(finding.health?.gradient_snr).filter(|ratio| ratio.is_finite())
}

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
    /// Since the last row.
    pub updates_per_second: f64,
    /// Of training so far.
    pub flops: Option<Flops>,
    /// Of the topology since the last row.
    pub changed: Option<Changed>,
    /// A look at the networks.
    pub diagnosis: Diagnosis,
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
    /// Behind the last of the fixed columns.
    further: Vec<Column>,
}

impl Log {
    /// Opens the logs at the lengths of a checkpoint, dropping later rows; the default lengths
    /// start new ones. `losses` names the algorithm's figures; `fakes` tells that some of the
    /// environment's features are fake.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(
        folder: &RunFolder,
        lengths: Lengths,
        losses: &'static [&'static str],
        fakes: bool,
    ) -> Result<Self, FileError> {
        let (csv_path, events_path) = (folder.progress_csv(), folder.events());
        let (csv, csv_bytes) = files::open_log(&csv_path, lengths.csv)
            .map_err(|source| FileError::write(&csv_path, source))?;
        let events = EventWriter::open(&events_path, lengths.events, now())
            .map_err(|source| FileError::write(&events_path, source))?;
        let further: Vec<_> = FURTHER.into_iter().chain(fakes.then_some(OF_FAKES)).collect();
        let names: Vec<_> = further.iter().map(|&(name, ..)| name).collect();
        let mut log = Self { csv, csv_path, csv_bytes, events, events_path, losses, further };
        if csv_bytes == 0 {
            let further = names.join(",");
            log.append(&format!("{FIRST},{},{LAST},{further}\n", losses.join(",")))?;
        }
        Ok(log)
    }

    /// Adds one row to both logs.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn row(&mut self, row: &Row) -> Result<(), FileError> {
        let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let further: Vec<_> = self.further.iter().map(|(.., figure)| figure(row)).collect();
        let line = format!(
            "{},{},{},{},{},{},{},{},{:.1},{}\n",
            row.step,
            row.episodes,
            row.updates,
            row.eval_mean,
            row.eval_std,
            cell(row.train_return),
            row.losses.iter().map(|&loss| cell(loss)).collect::<Vec<_>>().join(","),
            row.actor_sparsity,
            row.wall_seconds,
            further.iter().map(|&figure| cell(figure)).collect::<Vec<_>>().join(","),
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
        let tagged = self.further.iter().zip(further);
        scalars.extend(tagged.filter_map(|((_, tag, _), value)| Some((*tag, value?))));
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
