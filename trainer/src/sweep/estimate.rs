//! How long a sweep will take, and how much disk: from a timed sample of each kind of run.
//!
//! A sample is the run itself with fewer random steps and shorter episodes, stopped after it has learned for a
//! moment; some twenty kinds take ten seconds or so. What grows over a run, such as the replay of a checkpoint, is counted, not measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lacewing_runtime::learn::{Growth, Settings};

use super::run::process;
use super::status::summary;
use super::{Point, Sweep, SweepError, standing};
use crate::env::{self, Shift, Wrap};
use crate::lab::checkpoint::Checkpoints;
use crate::lab::config::{Preset, RunConfig};
use crate::lab::error::LabError;
use crate::lab::files::FileError;
use crate::lab::folder::CHECKPOINT;

/// Time for all samples together, between the two limits for one.
const BUDGET: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(2);
/// Enough to begin learning where an update is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// Steps of an episode at most: where it ends, a run can be stopped.
const EPISODE: u32 = 100;

/// What a sweep takes.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// Kinds of runs that were timed.
    pub kinds: usize,
    /// Points of kinds that could not be timed; they are not in the figures.
    pub unknown: usize,
    /// Seconds of one core after the other.
    pub core_seconds: f64,
    /// Seconds of the longest point.
    pub longest: f64,
    /// Bytes of all points' folders in the end.
    pub bytes: u64,
}

/// What was measured of a kind.
struct Sample {
    /// Seconds a step.
    step: f64,
    /// Bytes of a transition in a checkpoint.
    transition: f64,
    /// Bytes of all else in a run's folder.
    rest: u64,
}

/// Times a moment of each kind of run, in processes of `program`.
///
/// # Errors
/// [`SweepError`] if a process cannot be started, or its files not be written.
pub fn estimate(sweep: &Sweep, program: &Path) -> Result<Estimate, SweepError> {
    let mut kinds: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
    for point in sweep.points() {
        kinds.entry(kind(&point.config)).or_default().push(point);
    }
    let moment = (BUDGET / u32::try_from(kinds.len()).unwrap_or(u32::MAX)).clamp(SHORTEST, LONGEST);
    let mut all =
        Estimate { kinds: kinds.len(), unknown: 0, core_seconds: 0.0, longest: 0.0, bytes: 0 };
    for points in kinds.values() {
        let Some(sample) = sample(&points[0].config, program, moment)? else {
            all.unknown += points.len();
            continue;
        };
        for point in points {
            let seconds = sample.step * point.config.steps as f64;
            all.core_seconds += seconds * f64::from(point.config.threads);
            all.longest = all.longest.max(seconds);
            let kept = point.config.experience().min(point.config.steps as usize);
            all.bytes += sample.rest + (sample.transition * kept as f64) as u64;
        }
    }
    Ok(all)
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
    format!(
        "{} {} {links} {:?} {} {} {:?} {:?}",
        config.env,
        config.algorithm.name(),
        config.hidden,
        config.batch(),
        config.threads,
        config.engine,
        config.device,
    )
}

/// The run with its beginning, its episodes and its evaluations shortened: of as many steps as the run it
/// evaluates as many.
fn shortened(config: &RunConfig) -> Result<RunConfig, LabError> {
    let mut short = config.clone();
    let own = env::make(&config.env, &Shift::default())?.spec().max_episode_steps;
    let episode = own.min(EPISODE);
    let (name, wrap) = env::parts(&config.env)?;
    short.env = format!("{name}[{}]", Wrap { time_limit: Some(episode), ..wrap });
    let evaluated = u64::from(config.evaluate_episodes) * u64::from(own);
    short.evaluate_every = (config.evaluate_every * u64::from(episode) / evaluated).max(1);
    short.evaluate_episodes = 1;
    short.set_start_steps(config.start_steps().min(config.batch()));
    let mut settings = short.settings();
    if let Settings::Ppo(ppo) = &mut settings {
        ppo.steps = ppo.batch;
        short.set_settings(settings);
    }
    short.checkpoint_every = config.steps;
    Ok(short)
}

/// None where the run fails, or is too slow to tell.
fn sample(
    config: &RunConfig,
    program: &Path,
    moment: Duration,
) -> Result<Option<Sample>, SweepError> {
    let folder =
        tempfile::tempdir().map_err(|source| FileError::write(&std::env::temp_dir(), source))?;
    let point = Point::new(0, "sample", shortened(config)?);
    let sweep = Sweep::write(folder.path(), "", vec![point.clone()])?;
    let mut child = process(&sweep, &point, program, Stdio::null(), Stdio::null())?;
    let random = point.config.start_steps();
    let started = Instant::now();
    let mut learning = None;
    while matches!(child.try_wait(), Ok(None)) {
        if started.elapsed() > PATIENCE {
            // It is only a sample.
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        if learning.is_none() && standing(&sweep, &point).step > random {
            learning = Some(Instant::now());
        }
        if learning.is_some_and(|since| since.elapsed() >= moment) {
            drop(child.stdin.take());
        }
        sleep(SHORTEST / 30);
    }
    let root = sweep.folder(&point);
    let (steps, seconds) = match (summary(&root), Checkpoints::peek(&root.join(CHECKPOINT))) {
        (Some(summary), _) => (summary.steps, summary.wall_seconds),
        (None, Some(state)) => (state.step, state.wall_seconds),
        (None, None) => return Ok(None),
    };
    if steps <= random {
        return Ok(None);
    }
    let (replay, rest) = sizes(&root);
    Ok(Some(Sample {
        // Random steps cost little.
        step: seconds / (steps - random) as f64,
        transition: replay as f64 / (steps as usize).min(config.experience()) as f64,
        // In the end there are also the best policy and the checkpoint before the last.
        rest: 2 * rest,
    }))
}

/// Bytes of the replay's files below a folder, and of all others.
fn sizes(folder: &Path) -> (u64, u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(replay, rest), entry| match entry.metadata() {
        Ok(found) if found.is_dir() => {
            let (inner_replay, inner_rest) = sizes(&entry.path());
            (replay + inner_replay, rest + inner_rest)
        }
        Ok(found) if entry.path().extension().is_some_and(|end| end == "seg") => {
            (replay + found.len(), rest)
        }
        Ok(found) => (replay, rest + found.len()),
        Err(_) => (replay, rest),
    })
}
