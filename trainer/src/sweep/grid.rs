//! The grid file: which settings a sweep's runs have.
//!
//! ```toml
//! [base]                       # what all runs share
//! env = "CartPole-v1"
//! dqn.batch = 64
//!
//! [axes]                       # every combination of these is a run
//! method = ["dense", "set", "rigl"]
//! sparsity = [0.9, 0.95]
//! seed = "1..=5"
//!
//! [linked]                     # an axis whose values set several keys at once
//! size = [{ hidden = [64, 64], steps = 20_000 }, { hidden = [256, 256], steps = 50_000 }]
//!
//! [[exclude]]                  # combinations to leave out
//! method = "rigl"
//! sparsity = 0.95
//!
//! [[include]]                  # further ones: axes that are not named here are as above
//! method = "rigl"
//! bias = false
//! ```
//!
//! Keys are those of a run's `config.toml`, dotted where they are in tables.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::SweepError;
use crate::lab::config::{self, is_whole};
use crate::lab::files;
use crate::nearest;

/// Settings by dotted key.
pub type Settings = BTreeMap<String, Value>;

/// An axis: the settings of each of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The key that it sets, or the name of what is linked.
    pub name: String,
    /// What each of them sets.
    pub values: Vec<Settings>,
}

/// A grid file, read.
pub struct Grid {
    /// Where it comes from, for complaints.
    pub origin: String,
    /// Its text.
    pub text: String,
    /// What all runs share.
    pub base: Settings,
    /// In the order of names: the last varies the fastest.
    pub axes: Vec<Axis>,
    /// Each leaves out the combinations that have one of the values for every key.
    pub exclude: Vec<BTreeMap<String, Vec<Value>>>,
    /// Each is a grid of its own with the axes it does not name taken from above.
    pub include: Vec<Vec<Axis>>,
}

/// As in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    base: Table,
    #[serde(default)]
    axes: Table,
    #[serde(default)]
    linked: BTreeMap<String, Vec<Table>>,
    #[serde(default)]
    exclude: Vec<Table>,
    #[serde(default)]
    include: Vec<Table>,
}

impl Grid {
    /// Reads a grid file.
    ///
    /// # Errors
    /// [`SweepError::File`], [`SweepError::Grid`].
    pub fn file(path: &Path) -> Result<Self, SweepError> {
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        Self::parse(&path.display().to_string(), text)
    }

    /// Reads the text of a grid file, which comes from `origin`.
    ///
    /// # Errors
    /// [`SweepError::Grid`].
    pub fn parse(origin: &str, text: String) -> Result<Self, SweepError> {
        let complain = |problem| SweepError::Grid { origin: origin.to_string(), problem };
        let file: File = toml::from_str(&text).map_err(|error| complain(explain(&error)))?;
        let lists = |section: &str, table, least| {
            lists(table, least).map_err(|problem| complain(format!("[{section}] {problem}")))
        };
        let singles = |section: &str, table| {
            let settings = flat(table);
            let range = settings.iter().find_map(|(key, value)| misplaced_range(key, value));
            match range {
                Some(problem) => Err(complain(format!("[{section}] {problem}"))),
                None => Ok(settings),
            }
        };
        let mut axes: Vec<_> =
            lists("axes", file.axes, Least::List)?.into_iter().map(axis).collect();
        for (name, values) in file.linked {
            if values.is_empty() {
                return Err(complain(format!("[linked] {}", no_values(&name))));
            }
            let values = values.into_iter().map(|table| singles("linked", table));
            axes.push(Axis { name, values: values.collect::<Result<_, _>>()? });
        }
        axes.sort_by_key(|axis| (rank(&axis.name), axis.name.clone()));
        let each = |section: &'static str, tables: Vec<Table>| {
            let each = tables.into_iter().map(move |table| lists(section, table, Least::Value));
            each.collect::<Result<Vec<_>, _>>()
        };
        let exclude = each("[exclude]", file.exclude)?;
        let include = each("[include]", file.include)?;
        Ok(Self {
            origin: origin.to_string(),
            base: singles("base", file.base)?,
            axes,
            exclude: exclude.into_iter().map(|keys| keys.into_iter().collect()).collect(),
            include: include.into_iter().map(|keys| keys.into_iter().map(axis).collect()).collect(),
            text,
        })
    }
}

/// What an axis must be.
#[derive(Clone, Copy, PartialEq)]
enum Least {
    /// A list or a range.
    List,
    /// Also a single value.
    Value,
}

/// Where a key stands among others: seeds vary the fastest.
pub(crate) fn rank(key: &str) -> usize {
    let first = ["env", "algorithm", "method", "sparsity", "structure"];
    match key {
        "seed" => first.len() + 1,
        _ => first.iter().position(|name| *name == key).unwrap_or(first.len()),
    }
}

/// The settings of a table, those of tables in it by dotted keys.
pub(crate) fn flat(table: Table) -> Settings {
    let mut settings = Settings::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if !is_whole(&key) => {
                let inner = flat(inner).into_iter();
                settings.extend(inner.map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            Value::String(rule) if key == "allocation" => {
                settings.insert(key, Value::Table(config::allocation(&rule)));
            }
            value => drop(settings.insert(key, value)),
        }
    }
    settings
}

/// The values of each key of a section.
fn lists(table: Table, least: Least) -> Result<Vec<(String, Vec<Value>)>, String> {
    let mut lists = Vec::new();
    for (key, value) in flat(table) {
        let values = match value {
            Value::Array(values) => values,
            Value::String(text) if text.contains("..") => range(&key, &text)?,
            value if least == Least::Value => vec![value],
            value => {
                return Err(format!(
                    "{key} = {value} is no list: write {key} = [{value}], or put a single value under \
                     [base]; a range is written \"1..=5\""
                ));
            }
        };
        if values.is_empty() {
            return Err(no_values(&key));
        }
        if let Some(problem) = values.iter().find_map(|value| misplaced_range(&key, value)) {
            return Err(problem);
        }
        lists.push((key, values));
    }
    Ok(lists)
}

fn no_values(key: &str) -> String {
    format!("{key} has no values: list one at least")
}

/// What is wrong with a range where a single value stands.
fn misplaced_range(key: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    range(key, text).is_ok().then(|| {
        format!("{key}: a range stands alone, not in a list, and under [axes]: {key} = \"{text}\"")
    })
}

/// `"1..=5"` is 1, 2, 3, 4, 5; `"1..5"` is 1, 2, 3, 4.
fn range(key: &str, text: &str) -> Result<Vec<Value>, String> {
    let bounds = text.split_once("..").and_then(|(first, last)| {
        let (last, more) = match last.strip_prefix('=') {
            Some(last) => (last, 1),
            None => (last, 0),
        };
        let last: i64 = last.trim().parse().ok()?;
        Some((first.trim().parse().ok()?, last.checked_add(more)?))
    });
    match bounds {
        Some((first, end)) if first < end && end - first <= MOST_POINTS as i64 => {
            Ok((first..end).map(Value::from).collect())
        }
        _ => Err(format!(
            "{key} = \"{text}\" is no range: write e.g. \"1..=5\" for 1 to 5, at most {MOST_POINTS} values"
        )),
    }
}

/// More are a slip of the pen.
pub(super) const MOST_POINTS: usize = 100_000;

fn axis((key, values): (String, Vec<Value>)) -> Axis {
    let one = |value| flat(Table::from_iter([(key.clone(), value)]));
    Axis { values: values.into_iter().map(one).collect(), name: key }
}

/// The parser's complaint on one line, with the name that was meant.
fn explain(error: &toml::de::Error) -> String {
    let shown = error.to_string();
    let place = shown.lines().next().filter(|_| error.span().is_some());
    let mut problem = place.map_or_else(String::new, |place| format!("{place}: "));
    problem += &error.message().replace('\n', " ");
    if let Some((name, nearest)) = nearest::expected(error.message()) {
        let setting = "a run's settings go under [base], lists of them under [axes]";
        problem += &match nearest.filter(|_| !name.is_empty()) {
            None => format!("; {setting}"),
            Some(nearest) => format!("; did you mean `{nearest}`? ({setting})"),
        };
    }
    problem
}
