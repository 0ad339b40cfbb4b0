//! Groups of runs that differ in nothing but the seed, and how they compare.

use std::collections::{BTreeMap, BTreeSet};

use super::ReportError;
use super::runs::Run;
use super::statistics::{Aggregate, RESAMPLES, Scores, interval, mean, probability_of_improvement};
use crate::lab::config::{ConfigError, Layer, Preset, RunConfig, written};
use crate::sweep::{Settings, flat, leave_out_what_says_nothing, part, rank};

/// How sparse a network is, which is an axis of plots and no other method.
const SPARSITY: &str = "sparsity";
/// What goes with it, unless groups of the same sparsity differ in it.
const WITH_SPARSITY: [&str; 2] = ["critic-sparsity", "policy-share"];

/// Least share of the best run's gain that a reference must have, lest what is counted in it explodes.
const LEAST_GAIN: f64 = 0.1;

/// Seed of all resampling: a report on the same runs is the same.
pub(super) const SEED: u64 = 20260;

/// Runs of the same settings, but for seed and environment.
#[derive(Clone, Debug)]
pub struct Group {
    /// The settings in which groups differ.
    pub label: String,
    /// The same without those that only say how sparse it is.
    pub family: String,
    /// Its method.
    pub method: Preset,
    /// For each environment the runs; it need not have any in some.
    pub runs: Vec<Vec<Run>>,
}

/// All groups, in the order in which runs were found.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The environments.
    pub envs: Vec<String>,
    /// One at least.
    pub all: Vec<Group>,
}

/// What the returns of an environment are counted in, whatever their algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'g> {
    /// The group: the first dense one there, else the best.
    pub label: &'g str,
    /// Its mean score.
    pub score: f64,
    /// Mean of the first evaluations of all runs there.
    pub start: f64,
    /// Whether it did better than those, by enough to count in.
    pub learned: bool,
}

/// A statistic with its 95 % interval by stratified bootstrap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Of all runs.
    pub value: f64,
    /// Its ends; none where no environment has two runs, which is no certainty.
    pub interval: Option<(f64, f64)>,
}

/// A group over all its environments.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Interquartile mean.
    pub iqm: Estimate,
    /// Mean of the environments' means.
    pub mean: Estimate,
    /// Median of the environments' means.
    pub median: Estimate,
    /// What is missing to [`Groups::full`] on the mean.
    pub gap: Estimate,
    /// Chance that a run of it is better than one of the baseline; none of the baseline itself, and
    /// where they share no environment.
    pub better: Option<Estimate>,
}

/// A run's settings that say something, as told from those that follow from its method.
struct Told {
    settings: Settings,
    /// Keys of those that do not follow.
    own: BTreeSet<String>,
    /// Keys that say nothing with its method.
    silent: BTreeSet<String>,
}

impl Told {
    fn of(config: &RunConfig) -> Result<Self, ConfigError> {
        let mut settings = flat(written(config)?);
        let usual = flat(written(&usual(config)?)?);
        let mut own: BTreeSet<_> = settings
            .keys()
            .chain(usual.keys())
            .filter(|key| settings.get(*key) != usual.get(*key))
            .cloned()
            .collect();
        own.extend(["algorithm", "method", "sparsity"].map(String::from));
        // What is kept of a run decides nothing about it.
        for key in ["env", "seed", "keep-replay"] {
            settings.remove(key);
            own.remove(key);
        }
        let mut silent: BTreeSet<_> = settings.keys().cloned().collect();
        leave_out_what_says_nothing(&mut settings);
        silent.retain(|key| !settings.contains_key(key));
        if config.method == Preset::Dense {
            // It has none from the start.
            silent.insert("sparsity".to_string());
        }
        Ok(Self { settings, own, silent })
    }

    fn value(&self, key: &str) -> Option<&toml::Value> {
        self.settings.get(key)
    }
}

/// What the method makes of the run's environment, algorithm and sparsity.
fn usual(config: &RunConfig) -> Result<RunConfig, ConfigError> {
    let defaults = RunConfig::defaults(&config.env, config.algorithm, config.method);
    let Some(sparsity) = config.sparsity.filter(|_| config.sparsity != defaults.sparsity) else {
        return Ok(defaults);
    };
    let settings = [
        format!("algorithm={}", config.algorithm.name()),
        // 0.0 and not 0, which would be no float.
        format!("sparsity={sparsity:?}"),
    ];
    let layers = settings.iter().map(|text| Layer::setting(text)).collect::<Result<_, _>>()?;
    RunConfig::from_layers(Some(&config.env), Some(config.method), layers)
}

impl Groups {
    /// Groups runs: in the same environment they are together where no setting but the seed differs;
    /// groups of several environments are one where their labels are the same.
    ///
    /// # Errors
    /// [`ReportError::Config`].
    pub fn of(runs: Vec<Run>) -> Result<Self, ReportError> {
        let told = runs.iter().map(|run| Told::of(&run.config)).collect::<Result<Vec<_>, _>>()?;
        let mut envs: Vec<String> = Vec::new();
        for run in &runs {
            if !envs.contains(&run.config.env) {
                envs.push(run.config.env.clone());
            }
        }
        let keys = differing(&runs, &told);
        let of_sparsity = |key: &String| {
            key == SPARSITY
                || WITH_SPARSITY.contains(&&**key) && !tells_apart(key, &keys, &runs, &told)
        };
        let of_method: Vec<_> = keys.iter().filter(|key| !of_sparsity(key)).collect();
        let mut all: Vec<Group> = Vec::new();
        for (run, told) in runs.into_iter().zip(&told) {
            let label = label(told, keys.iter());
            let at = envs.iter().position(|env| *env == run.config.env).unwrap_or(0);
            let known = all.iter().position(|group| group.label == label);
            let group = known.unwrap_or_else(|| {
                let family = self::label(told, of_method.iter().copied());
                let method = run.config.method;
                all.push(Group { label, family, method, runs: vec![Vec::new(); envs.len()] });
                all.len() - 1
            });
            all[group].runs[at].push(run);
        }
        Ok(Self { envs, all })
    }

    /// Every run with its environment and its group's label.
    pub fn runs(&self) -> impl Iterator<Item = (&str, &str, &Run)> {
        self.envs.iter().enumerate().flat_map(move |(at, env)| {
            self.all.iter().flat_map(move |group| {
                group.runs[at].iter().map(move |run| (env.as_str(), group.label.as_str(), run))
            })
        })
    }

    /// The group that others are compared with: the first dense one, else the first.
    pub fn baseline(&self) -> usize {
        self.all.iter().position(|group| group.method == Preset::Dense).unwrap_or(0)
    }

    /// Whether there are several environments, whose returns have to be made comparable.
    pub fn are_normalised(&self) -> bool {
        self.envs.len() > 1
    }

    /// The score that lacks nothing: that of the environment's reference.
    pub fn full(&self) -> f64 {
        if self.are_normalised() { 1.0 } else { self.reference(0).score }
    }

    /// What returns in an environment are counted in.
    pub fn reference(&self, env: usize) -> Reference<'_> {
        let there = self.all.iter().filter(|group| !group.runs[env].is_empty());
        let score = |group: &Group| mean(&scores_of(&group.runs[env]));
        let best = there.clone().max_by(|a, b| score(a).total_cmp(&score(b)));
        let dense = there.clone().find(|group| group.method == Preset::Dense);
        let group = dense.or(best).expect("an environment is one of some run");
        let runs = || there.clone().flat_map(|group| &group.runs[env]);
        let starts: Vec<_> = runs().map(|run| run.evaluations[0].1).collect();
        let (score, start) = (score(group), mean(&starts));
        let most = runs().map(|run| run.score() - start).fold(0.0, f64::max);
        let learned = score - start > LEAST_GAIN * most;
        Reference { label: &group.label, score, start, learned }
    }

    /// Environments whose returns are pooled: all but those where the reference learned nothing.
    pub fn pooled(&self) -> Vec<usize> {
        let pooled = |env: &usize| !self.are_normalised() || self.reference(*env).learned;
        (0..self.envs.len()).filter(pooled).collect()
    }

    /// A group's label, and in how many of the environments that are pooled it has runs, where not in all.
    pub fn pooled_label(&self, group: &Group) -> String {
        let envs = self.pooled();
        match envs.iter().filter(|&&env| !group.runs[env].is_empty()).count() {
            all if all == envs.len() => group.label.clone(),
            some => format!("{} ({some} of {} environments)", group.label, envs.len()),
        }
    }

    /// Scores of each group for each environment that is pooled, in several normalised: 0 is the mean of
    /// all runs' first evaluations there, 1 the reference. So signs of returns do not matter.
    pub fn scores(&self) -> Vec<Scores> {
        let pooled: Vec<_> =
            self.pooled().into_iter().map(|env| (env, self.reference(env))).collect();
        let normalised = |run: f64, reference: &Reference<'_>| match self.are_normalised() {
            true => (run - reference.start) / (reference.score - reference.start),
            false => run,
        };
        let of_group = |group: &Group| {
            let task = |(env, reference): &(usize, Reference<'_>)| {
                let scores = scores_of(&group.runs[*env]).into_iter();
                scores.map(|score| normalised(score, reference)).collect()
            };
            pooled.iter().map(task).collect()
        };
        self.all.iter().map(of_group).collect()
    }

    /// How each group does over all its environments.
    pub fn compare(&self) -> Vec<Comparison> {
        let full = self.full();
        let compare = |(at, scores): (usize, Scores)| {
            let tasks: Scores = scores.into_iter().filter(|task| !task.is_empty()).collect();
            let of = |aggregate: Aggregate| estimate([&tasks], |[tasks]| aggregate.of(tasks));
            Comparison {
                iqm: of(Aggregate::Iqm),
                mean: of(Aggregate::Mean),
                median: of(Aggregate::Median),
                gap: of(Aggregate::OptimalityGap(full)),
                better: (at != self.baseline()).then(|| self.better(at)).flatten(),
            }
        };
        self.scores().into_iter().enumerate().map(compare).collect()
    }

    /// Chance that a run of a group is better than one of the baseline in the same environment: of returns
    /// as they are, since runs are compared with those of the same environment only.
    fn better(&self, group: usize) -> Option<Estimate> {
        let pairs = self.all[group].runs.iter().zip(&self.all[self.baseline()].runs);
        let shared = pairs.filter(|(ours, theirs)| !ours.is_empty() && !theirs.is_empty());
        let (ours, theirs): (Scores, Scores) =
            shared.map(|(ours, theirs)| (scores_of(ours), scores_of(theirs))).unzip();
        let better = || estimate([&ours, &theirs], |[x, y]| probability_of_improvement(x, y));
        (!ours.is_empty()).then(better)
    }
}

fn scores_of(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(Run::score).collect()
}

/// A statistic of scores, with its interval.
pub(super) fn estimate<const N: usize>(
    scores: [&[Vec<f64>]; N],
    statistic: impl Fn([&[Vec<f64>]; N]) -> f64,
) -> Estimate {
    let value = statistic(scores);
    let varies = scores.iter().copied().flatten().any(|task| task.len() > 1);
    let interval = varies.then(|| interval(scores, SEED, RESAMPLES, statistic));
    Estimate { value, interval }
}

/// Keys in which runs of one environment differ and that say something, in the order of names.
fn differing(runs: &[Run], told: &[Told]) -> Vec<String> {
    let mut of_env: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for (run, told) in runs.iter().zip(told) {
        of_env.entry(&run.config.env).or_default().push(told);
    }
    // Every group says its method.
    let mut keys = BTreeSet::from(["method".to_string()]);
    for told in of_env.values() {
        let own: BTreeSet<_> = told.iter().flat_map(|told| &told.own).collect();
        let varies = |key: &&&String| {
            let mut speaking = told.iter().filter(|one| !one.silent.contains(**key));
            let first = speaking.next().map(|one| one.value(key));
            speaking.any(|one| Some(one.value(key)) != first)
        };
        keys.extend(own.iter().filter(varies).map(|key| (*key).clone()));
    }
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|key| rank(key));
    keys
}

/// Whether runs of one environment differ in a key and in no other of those that groups are made by.
fn tells_apart(key: &str, keys: &[String], runs: &[Run], told: &[Told]) -> bool {
    let others = || keys.iter().filter(|other| *other != key);
    let mut values = BTreeMap::new();
    runs.iter().zip(told).any(|(run, told)| {
        let value = told.value(key);
        *values.entry((&run.config.env, label(told, others()))).or_insert(value) != value
    })
}

fn label<'k>(told: &Told, keys: impl Iterator<Item = &'k String>) -> String {
    let parts = keys.filter_map(|key| Some(part(key, told.value(key)?)));
    parts.collect::<Vec<_>>().join(" ")
}
