//! What finished runs left: their settings, evaluations and figures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lacewing_runtime::learn::AlgorithmKind;

use super::ReportError;
use super::statistics::mean;
use crate::lab::config::{Preset, RunConfig};
use crate::lab::evaluations;
use crate::lab::files;
use crate::lab::folder::{CONFIG, PROGRESS, RunFolder, SUMMARY};
use crate::lab::policy;
use crate::lab::robustness::{self, Measured};
use crate::shell;
use crate::sweep::{self, Sweep};

/// Figures of a run as of its end, by their columns in `progress.csv`.
pub(super) const AT_THE_END: [&str; 6] = [
    "actor_sparsity",
    "policy_links",
    "critic_links",
    "flops_convention",
    "flops_done",
    "wall_seconds",
];

/// Figures that are noisy: a run's is the mean of its last tenth.
pub(super) const OF_THE_LAST_TENTH: [&str; 4] =
    ["policy_dormant", "critic_dormant", "policy_snr", "critic_snr"];

/// A column that only runs with fake features have, of which the way is of interest.
pub(super) const REAL_INPUTS: &str = "real_inputs";

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its folder.
    pub folder: PathBuf,
    /// All that decided it.
    pub config: RunConfig,
    /// Environment steps and mean return of each evaluation, one at least.
    pub evaluations: Vec<(u64, f64)>,
    /// Further columns, a figure for each evaluation; those that the run's version did not write yet
    /// are not there.
    columns: BTreeMap<&'static str, Vec<Option<f64>>>,
    /// What `lacewing robustness` measured.
    pub robustness: Vec<Measured>,
}

/// A run that counts in no figure.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its folder.
    pub folder: PathBuf,
    /// What is the matter with it: running, stopped, a copy.
    pub state: String,
    /// The command that goes on with it, where it is not finished.
    go_on: Option<String>,
}

/// The runs of some folders.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// In the order of the folders, those of a sweep by their numbers.
    pub runs: Vec<Run>,
    /// Left out of all figures.
    pub left_out: Vec<LeftOut>,
}

impl Found {
    /// What is left out and why, in words: folders with the same state beside each other by their number.
    pub fn told(&self) -> Vec<(String, &str)> {
        let beside = |a: &LeftOut, b: &LeftOut| {
            a.folder.parent() == b.folder.parent() && a.state == b.state && a.go_on.is_some()
        };
        let told = |runs: &[LeftOut]| match runs {
            [first, _, ..] => format!("{} runs, the first {}", runs.len(), first.folder.display()),
            runs => runs.iter().map(|run| run.folder.display().to_string()).collect(),
        };
        self.left_out.chunk_by(beside).map(|runs| (told(runs), &*runs[0].state)).collect()
    }
}

/// Finds the runs of folders, each a run's or a sweep's; one that is named twice counts once.
///
/// # Errors
/// [`ReportError`] naming the folder or file, also where no run is finished.
pub fn find(roots: &[PathBuf]) -> Result<Found, ReportError> {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for root in roots {
        for (folder, state) in folders(root)? {
            if !seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())) {
                continue;
            }
            if !folder.join(SUMMARY).is_file() {
                let kind = if folder == *root { "train --resume" } else { "sweep run" };
                let go_on = Some(format!("{kind} {}", shell::path(root)));
                found.left_out.push(LeftOut { folder, state: state.to_string(), go_on });
                continue;
            }
            let run = Run::read(folder)?;
            match run.flaw(&found.runs) {
                Some(state) => {
                    found.left_out.push(LeftOut { folder: run.folder, state, go_on: None });
                }
                None => found.runs.push(run),
            }
        }
    }
    if !found.runs.is_empty() {
        return Ok(found);
    }
    let mut unfinished = found.left_out.iter().filter_map(|run| Some((run, run.go_on.clone()?)));
    let waiting = unfinished.clone().count();
    Err(match (unfinished.next(), found.left_out.first()) {
        (Some((first, go_on)), _) => {
            ReportError::NothingFinished { unfinished: waiting, first: first.folder.clone(), go_on }
        }
        (None, Some(first)) => ReportError::NothingCounts {
            count: found.left_out.len(),
            first: first.folder.clone(),
            state: first.state.clone(),
        },
        (None, None) => ReportError::NoRuns { root: roots.first().cloned().unwrap_or_default() },
    })
}

/// The runs of a folder, and where those that are not finished stand.
fn folders(root: &Path) -> Result<Vec<(PathBuf, &'static str)>, ReportError> {
    if root.join(sweep::POINTS).is_file() {
        let sweep = Sweep::open(root)?;
        let points = sweep.points().iter();
        let state = |point| sweep::standing(&sweep, point).state.name();
        return Ok(points.map(|point| (sweep.folder(point), state(point))).collect());
    }
    if root.join(CONFIG).is_file() {
        let state = if RunFolder::is_held(root) { "running" } else { "stopped" };
        return Ok(vec![(root.to_path_buf(), state)]);
    }
    Err(ReportError::NoRuns { root: root.to_path_buf() })
}

impl Run {
    fn read(folder: PathBuf) -> Result<Self, ReportError> {
        let config = RunConfig::from_file(&folder.join(CONFIG))?;
        let path = folder.join(PROGRESS);
        let text = files::read(&path)?;
        let damaged =
            |line, problem: String| ReportError::Csv { path: path.clone(), line, problem };
        let unreadable = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            damaged(line, error.to_string())
        };
        let mut reader = csv::Reader::from_reader(&*text);
        let names = reader.headers().map_err(unreadable)?.clone();
        let place = |name: &str| names.iter().position(|column| column == name);
        let needed = |name| place(name).ok_or_else(|| damaged(1, format!("no column {name}")));
        let (step, eval_mean) = (needed("step")?, needed("eval_mean")?);
        let wanted = AT_THE_END.into_iter().chain(OF_THE_LAST_TENTH).chain([REAL_INPUTS]);
        let wanted: Vec<_> = wanted.filter_map(|name| Some((name, place(name)?))).collect();
        let mut evaluations = Vec::new();
        let mut columns = BTreeMap::<_, Vec<_>>::new();
        for row in reader.records() {
            let row = row.map_err(unreadable)?;
            let line = row.position().map_or(1, csv::Position::line);
            let bad = |at: usize| {
                damaged(line, format!("`{}` in column {} is no number", &row[at], &names[at]))
            };
            let number = |at: usize| {
                let number = row[at].parse().ok();
                number.filter(|number: &f64| number.is_finite()).ok_or_else(|| bad(at))
            };
            let steps = row[step].parse().map_err(|_| bad(step))?;
            // Returns that are no number are no damage: learning may diverge.
            let mean = row[eval_mean].parse().map_err(|_| bad(eval_mean))?;
            evaluations.push((steps, mean));
            for &(name, at) in &wanted {
                let figure = if row[at].is_empty() { None } else { Some(number(at)?) };
                columns.entry(name).or_default().push(figure);
            }
        }
        if evaluations.is_empty() {
            return Err(damaged(1, "there is no evaluation".into()));
        }
        if config.algorithm == AlgorithmKind::Sac {
            // The log's are those of the network that learns, which has a second head.
            columns.insert("policy_links", vec![links_of_policy(&folder)]);
        }
        let robustness = robustness::read(&folder)?;
        Ok(Self { folder, config, evaluations, columns, robustness })
    }

    /// Why it does not count beside those before it.
    fn flaw(&self, others: &[Run]) -> Option<String> {
        if let Some((step, mean)) = self.evaluations.iter().find(|(_, mean)| !mean.is_finite()) {
            return Some(format!("diverged (return {mean} at step {step})"));
        }
        let same = others.iter().find(|other| other.config == self.config)?;
        Some(format!("a copy of {}: the same settings and seed", same.folder.display()))
    }

    /// Environment steps and a figure of each evaluation that has it.
    pub(super) fn over_time(&self, name: &str) -> Vec<(u64, f64)> {
        let column = self.columns.get(name).into_iter().flatten();
        let steps = self.evaluations.iter().map(|&(step, _)| step);
        steps.zip(column).filter_map(|(step, figure)| Some((step, (*figure)?))).collect()
    }

    /// Evaluations of the last tenth: those that the run is judged by, one at least.
    pub(super) fn last_tenth(&self) -> usize {
        self.evaluations.len().div_ceil(10)
    }

    /// Mean return of the last tenth of all evaluations.
    pub fn score(&self) -> f64 {
        evaluations::final_return(&self.evaluations).unwrap_or(f64::NAN)
    }

    /// A figure by its column's name, if the run has it.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let column = self.columns.get(name)?;
        if AT_THE_END.contains(&name) {
            return *column.last()?;
        }
        let late = &column[column.len() - self.last_tenth()..];
        let late: Vec<_> = late.iter().copied().flatten().collect();
        (!late.is_empty()).then(|| mean(&late))
    }

    /// Share of the policy's links that are pruned; of a small dense one, that of the network it is to
    /// be compared with.
    pub fn sparsity(&self) -> Option<f64> {
        match self.config.method {
            Preset::SmallDense => self.config.sparsity,
            _ => self.figure("actor_sparsity"),
        }
    }
}

/// Links of the policy in a run's folder, if there is one.
fn links_of_policy(folder: &Path) -> Option<f64> {
    let bytes = policy::read(folder).ok()?;
    let view = policy::parse(&bytes, folder).ok()?;
    Some(view.layers().map(|layer| layer.links()).sum::<usize>() as f64)
}
