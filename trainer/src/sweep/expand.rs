//! From a grid to the settings of each of its runs.

use std::collections::BTreeSet;

use lacewing_runtime::learn::AlgorithmKind;
use toml::{Table, Value};

use super::SweepError;
use super::grid::{Axis, Grid, MOST_POINTS, Settings, rank};
use crate::lab::config::{self, Preset};
use crate::nearest;

/// Settings that say nothing where every link lives.
const OF_SPARSE: [&str; 5] =
    ["sparsity", "critic-sparsity", "policy-share", "allocation", "structure"];

/// Settings of a run, and a name that tells it from the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Made of what it sets.
    pub name: String,
    /// Those of `[base]` among them.
    pub settings: Settings,
}

/// Combinations of a grid.
pub struct Combinations {
    /// Those that are left, in order.
    pub all: Vec<Combination>,
    /// How many `[[exclude]]` left out.
    pub excluded: usize,
}

impl Grid {
    /// All combinations, in order.
    ///
    /// # Errors
    /// [`SweepError::Grid`] for too many, none, or an exclusion without effect.
    pub fn combinations(&self) -> Result<Combinations, SweepError> {
        let complain = |problem| SweepError::Grid { origin: self.origin.clone(), problem };
        let mut all = match self.axes.is_empty() && !self.include.is_empty() {
            true => Vec::new(),
            false => self.product(&self.axes)?,
        };
        let before = all.len();
        for rule in &self.exclude {
            let count = all.len();
            if let Some(key) = rule.keys().find(|key| all.iter().all(|set| !set.contains_key(*key)))
            {
                let known = all.iter().flat_map(Settings::keys).map(String::as_str);
                let advice = match nearest::nearest(key, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "name one of theirs, or delete it".into(),
                };
                return Err(complain(format!(
                    "[[exclude]] names `{key}`, which no run of [axes] sets; {advice}"
                )));
            }
            all.retain(|set| {
                !rule
                    .iter()
                    .all(|(key, values)| set.get(key).is_some_and(|value| values.contains(value)))
            });
            if all.len() == count {
                let rule: Vec<_> =
                    rule.iter().map(|(key, values)| format!("{key} = {}", list(values))).collect();
                return Err(complain(format!(
                    "[[exclude]] {} leaves nothing out: correct its values, or delete it",
                    rule.join(", ")
                )));
            }
        }
        let excluded = before - all.len();
        for own in &self.include {
            let sets = |axis: &Axis, key: &str| axis.values.iter().any(|set| set.contains_key(key));
            let inherited =
                self.axes.iter().filter(|axis| !own.iter().any(|own| sets(axis, &own.name)));
            let mut axes: Vec<_> = inherited.chain(own).cloned().collect();
            axes.sort_by_key(|axis| (rank(&axis.name), axis.name.clone()));
            all.extend(self.product(&axes)?);
        }
        if all.is_empty() {
            return Err(complain("there is nothing to train: [[exclude]] leaves out all".into()));
        }
        Ok(Combinations { all: named(all), excluded })
    }

    /// Every combination of the axes' values over the base; the last axis varies the fastest.
    fn product(&self, axes: &[Axis]) -> Result<Vec<Settings>, SweepError> {
        let count = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.values.len()));
        if count.is_none_or(|count| count > MOST_POINTS) {
            let problem = format!("more than {MOST_POINTS} combinations: shorten a list of [axes]");
            return Err(SweepError::Grid { origin: self.origin.clone(), problem });
        }
        if let Some(problem) = set_twice(axes) {
            return Err(SweepError::Grid { origin: self.origin.clone(), problem });
        }
        let mut all = vec![self.base.clone()];
        for axis in axes {
            let over = |under: &Settings| {
                let under = under.clone();
                axis.values.iter().map(move |value| lay(under.clone(), value)).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(over).collect();
        }
        Ok(all)
    }
}

/// Settings with others over them: `topology.amount` replaces `topology.amount.cosine`, and the other
/// way round.
fn lay(mut under: Settings, over: &Settings) -> Settings {
    under.retain(|key, _| !over.keys().any(|new| within(key, new) || within(new, key)));
    under.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    under
}

/// Whether a dotted key is in the table of another.
fn within(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

/// What is wrong where a value of one axis would replace one of another.
fn set_twice(axes: &[Axis]) -> Option<String> {
    let mut setters: Vec<(&str, &str)> = Vec::new();
    for axis in axes {
        let keys: BTreeSet<_> = axis.values.iter().flat_map(Settings::keys).collect();
        for key in &keys {
            let same = |of: &str| of == *key || within(of, key) || within(key, of);
            if let Some((_, name)) = setters.iter().find(|(of, _)| same(of)) {
                return Some(format!(
                    "`{key}` is set by two axes, {name} and {}: values of one would replace the other's, so \
                     let one of them set it",
                    axis.name
                ));
            }
        }
        setters.extend(keys.into_iter().map(|key| (key.as_str(), axis.name.as_str())));
    }
    None
}

/// A dense network has no sparsity and a fixed topology no changes: without such settings all
/// combinations that differ only there are the same run.
pub(crate) fn leave_out_what_says_nothing(settings: &mut Settings) {
    let method = settings.get("method").and_then(|name| name.clone().try_into::<Preset>().ok());
    let Some(method) = method else { return };
    settings.retain(|key, _| match method {
        Preset::Dense => !OF_SPARSE.contains(&&**key) && !key.starts_with("topology."),
        // Its sparsity says how narrow it is.
        Preset::SmallDense => {
            !matches!(&**key, "allocation" | "structure") && !key.starts_with("topology.")
        }
        Preset::Static => !key.starts_with("topology."),
        _ => true,
    });
}

/// Where runs of several algorithms are in a grid, so are settings of each, which say nothing of the others.
/// Of an algorithm that no run has they stay, and are refused.
fn leave_out_other_algorithms(all: &mut [Settings]) {
    let mut trained = Vec::new();
    for algorithm in all.iter().map(algorithm) {
        if !trained.contains(&algorithm) {
            trained.push(algorithm);
        }
    }
    for settings in all {
        let own = algorithm(settings);
        settings.retain(|key, _| {
            let table = key.split_once('.').and_then(|(table, _)| config::of_table(table));
            table.is_none() || table == own || !trained.contains(&table)
        });
    }
}

/// The algorithm of a run, where what decides it is legal.
fn algorithm(settings: &Settings) -> Option<AlgorithmKind> {
    match settings.get("algorithm") {
        Some(name) => name.clone().try_into().ok(),
        None => settings.get("env")?.as_str().map(config::usual),
    }
}

/// Names made of the settings in which combinations differ and which say something.
fn named(mut all: Vec<Settings>) -> Vec<Combination> {
    let keys: BTreeSet<_> = all.iter().flat_map(Settings::keys).collect();
    let varies = |key: &&String| all.iter().any(|set| set.get(*key) != all[0].get(*key));
    let mut varying: Vec<_> = keys.into_iter().filter(varies).cloned().collect();
    varying.sort_by_key(|key| rank(key));
    all.iter_mut().for_each(leave_out_what_says_nothing);
    leave_out_other_algorithms(&mut all);
    let name = |settings: &Settings| {
        let parts = varying.iter().filter_map(|key| Some(part(key, settings.get(key)?)));
        let parts: Vec<_> = parts.collect();
        if parts.is_empty() { "run".to_string() } else { parts.join("_") }
    };
    all.into_iter().map(|settings| Combination { name: name(&settings), settings }).collect()
}

/// `rigl`, `sparsity=0.9`: what stands for itself has no key. Fit for the name of a folder.
pub(crate) fn part(key: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        // 1e30, not thirty zeros.
        Value::Float(number) => format!("{number:?}"),
        other => other.to_string(),
    };
    let unsafe_ones = |c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c));
    let parts: Vec<_> = text.split(unsafe_ones).filter(|part| !part.is_empty()).collect();
    let text = parts.join("-");
    match key {
        "env" | "algorithm" | "method" | "structure" => text,
        _ => format!("{key}={text}"),
    }
}

fn list(values: &[Value]) -> String {
    Value::from(values.to_vec()).to_string()
}

/// Dotted keys back in their tables.
pub(super) fn table(settings: &Settings) -> Table {
    let mut root = Table::new();
    for (key, value) in settings {
        let mut path: Vec<&str> = key.split('.').collect();
        let Some(last) = path.pop() else { continue };
        let mut at = &mut root;
        for name in path {
            let inner = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else {
                unreachable!("`lay` keeps values out of tables")
            };
            at = inner;
        }
        at.insert(last.to_string(), value.clone());
    }
    root
}
