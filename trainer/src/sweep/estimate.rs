//! How long a sweep will take, and how much disk: from a timed moment of each kind of run. What fails in it
//! would fail in training.

use std::collections::BTreeMap;
use std::time::Duration;

use lacewing_runtime::learn::Growth;

use super::{Point, Sweep, SweepError};
use crate::lab::config::{Preset, RunConfig};
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
    /// Seconds that one core takes for all points.
    pub core_seconds: f64,
    /// Seconds of the longest point.
    pub longest: f64,
    /// Bytes of all points' folders in the end.
    pub bytes: u64,
}

/// Times a moment of each kind of run, and tries the settings of algorithms that are in none of those moments.
///
/// # Errors
/// [`SweepError::Failing`] naming what fails at once.
pub fn estimate(sweep: &Sweep) -> Result<Estimate, SweepError> {
    let kinds = by(sweep, kind);
    let mut untried = by(sweep, settings);
    let mut problems: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let share = BUDGET / u32::try_from(kinds.len()).unwrap_or(u32::MAX);
    let moment = share.clamp(SHORTEST, LONGEST);
    let mut all = Estimate { kinds: kinds.len(), core_seconds: 0.0, longest: 0.0, bytes: 0 };
    for points in kinds.values() {
        untried.remove(&settings(&points[0].config));
        let sample = match session::sample(&points[0].config, moment) {
            Ok(sample) => sample,
            Err(error) => {
                problems.entry(error.to_string()).or_default().push(&points[0].name);
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
    for points in untried.values() {
        if let Err(error) = session::attempt(&points[0].config) {
            problems.entry(error.to_string()).or_default().push(&points[0].name);
        }
    }
    if problems.is_empty() {
        return Ok(all);
    }
    let problem = |(error, names): (String, Vec<_>)| format!("point {}: {error}", names.join(", "));
    Err(SweepError::Failing { problems: problems.into_iter().map(problem).collect() })
}

fn by(sweep: &Sweep, name: impl Fn(&RunConfig) -> String) -> BTreeMap<String, Vec<&Point>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for point in sweep.points() {
        all.entry(name(&point.config)).or_default().push(point);
    }
    all
}

impl Estimate {
    /// Seconds until the last point is done, `jobs` at a time.
    pub fn wall_seconds(&self, jobs: usize) -> f64 {
        (self.core_seconds / jobs.max(1) as f64).max(self.longest)
    }
}

/// What decides most whether learning diverges.
fn settings(config: &RunConfig) -> String {
    format!("{} {:?}", config.env, config.settings())
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
