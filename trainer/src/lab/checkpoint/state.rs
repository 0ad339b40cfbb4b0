//! What a checkpoint remembers beside the learner and the replay.

use lacewing_runtime::cost::Flops;
use lacewing_runtime::learn::{Changed, Losses, MAX_LOSSES, Score, Work};
use serde::{Deserialize, Serialize};

use crate::lab::log::Lengths;

/// The training loop's own state at an episode's end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoopState {
    /// The run's configuration as TOML; none in checkpoints of versions that did not remember it.
    #[serde(default)]
    pub config: Option<String>,
    /// Environment steps so far.
    pub step: u64,
    /// Finished episodes so far: the next one's reset seed follows from it.
    pub episodes: u64,
    /// Updates so far.
    pub updates: u64,
    /// Transitions that the replay holds, where it may have forgotten some.
    #[serde(default)]
    pub kept: Option<usize>,
    /// Step at which the replay was dropped, 0 for never: what it holds came later.
    #[serde(default)]
    pub refilled_from: u64,
    /// Mean return of the best evaluation so far.
    pub best: Option<f64>,
    /// The last evaluation; none in checkpoints of versions that remembered ten.
    #[serde(default)]
    pub last: Option<Score>,
    /// Its step.
    #[serde(default)]
    pub evaluated: u64,
    /// Sums towards the next row of the log.
    pub sums: Sums,
    /// Wall-clock seconds spent so far.
    pub wall_seconds: f64,
    /// The same at the log's last row.
    pub logged_seconds: f64,
    /// FLOPs of training so far, where the engine counts them.
    pub flops: Option<Flops>,
    /// Lengths of the logs.
    pub logs: Lengths,
}

/// What the log's next row averages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Returns of the training episodes.
    pub returns: Sum,
    /// Figures of the updates, in the algorithm's order.
    pub losses: [Sum; MAX_LOSSES],
    /// Updates.
    pub updates: u64,
    /// Changes of topology, where the engine counts them.
    pub changed: Option<Changed>,
}

impl LoopState {
    /// Adds what an engine has done.
    pub fn add(&mut self, work: Work) {
        *self.flops.get_or_insert_default() += work.flops;
        *self.sums.changed.get_or_insert_default() += work.changed;
    }
}

impl Sums {
    /// Adds the figures of an update.
    pub fn add(&mut self, losses: &Losses) {
        self.updates += 1;
        for (sum, loss) in self.losses.iter_mut().zip(losses.iter()) {
            if let Some(loss) = loss {
                sum.add(loss.into());
            }
        }
    }
}

/// A sum and how many values it has.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    total: f64,
    count: u64,
}

impl Sum {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.total += value;
        self.count += 1;
    }

    /// The mean, if there is a value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total / self.count as f64)
    }
}
