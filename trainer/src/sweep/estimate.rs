//! How long a sweep will take, and how much disk: from a timed moment of each kind of run.

use std::collections::BTreeMap;
use std::time::Duration;

use lacewing_runtime::learn::Growth;

use super::{Point, Sweep};
use crate::lab::config::{Preset, RunConfig};
use crate::lab::error::LabError;
use crate::lab::session;

/// Time for all samples together, between the two limits for one.
const BUDGET: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// What a sweep takes.
#[derive(Debug)]
pub struct Estimate {
    /// Kinds of runs that were timed.
    pub kinds: usize,
    /// Points of kinds that could not be timed, which are not in the figures.
    pub unknown: usize,
    /// Why the last of them could not.
    pub problem: Option<LabError>,
    /// Seconds that one core takes for all points.
    pub core_seconds: f64,
    /// Seconds of the longest point.
    pub longest: f64,
    /// Bytes of all points' folders in the end.
    pub bytes: u64,
}

/// Times a moment of each kind of run.
pub fn estimate(sweep: &Sweep) -> Estimate {
    let mut kinds: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
    for point in sweep.points() {
        kinds.entry(kind(&point.config)).or_default().push(point);
    }
    let share = BUDGET / u32::try_from(kinds.len()).unwrap_or(u32::MAX);
    let moment = share.clamp(SHORTEST, LONGEST);
    let mut all = Estimate {
        kinds: kinds.len(),
        unknown: 0,
        problem: None,
        core_seconds: 0.0,
        longest: 0.0,
        bytes: 0,
    };
    for points in kinds.values() {
        let sample = match session::sample(&points[0].config, moment) {
            Ok(sample) => sample,
            Err(error) => {
                all.unknown += points.len();
                all.problem = Some(error);
                continue;
            }
        };
        for Point { config, .. } in points {
            let seconds = sample.seconds(config);
            all.core_seconds += seconds * f64::from(config.threads);
            all.longest = all.longest.max(seconds);
            all.bytes += sample.bytes(config);
        }
    }
    all
}

impl Estimate {
    /// Seconds until the last point is done, `jobs` at a time.
    pub fn wall_seconds(&self, jobs: usize) -> f64 {
        (self.core_seconds / jobs.max(1) as f64).max(self.longest)
    }
}

/// What decides how long a step takes. What is pruned is timed as it begins, dense.
fn kind(config: &RunConfig) -> String {
    let links = match (config.method, config.topology.grow) {
        (Preset::SmallDense, _) => format!("narrow {:?}", config.sparsity),
        (Preset::Dense, _) | (_, Growth::Nothing) => "dense".to_string(),
        _ => format!(
            "{} {:?} {:?} {:?}",
            config.structure, config.sparsity, config.critic_sparsity, config.allocation
        ),
    };
    let updates = config.updates() as f64 / config.steps as f64;
    format!(
        "{} {} {links} {:?} {} {updates:.1} {} {:?} {:?}",
        config.env,
        config.algorithm.name(),
        config.hidden,
        config.batch(),
        config.threads,
        config.engine,
        config.device,
    )
}
