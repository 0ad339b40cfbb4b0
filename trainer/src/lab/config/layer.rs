//! Partial configurations, laid over each other, and what can be wrong with one.

use std::path::Path;

use thiserror::Error;
use toml::{Table, Value};

use super::moved;
use crate::lab::files::{self, FileError};
use crate::nearest;

/// Why a configuration cannot run.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not TOML, or a field is missing, unknown or of the wrong kind.
    #[error("{origin}: {message} (a finished run's config.toml shows every field)")]
    Parse {
        /// The file, or the defaults it was laid over.
        origin: String,
        /// What the parser says, on one line.
        message: String,
    },
    /// Not `KEY=VALUE`.
    #[error("`{text}` is no setting: write KEY=VALUE as in config.toml, e.g. td3.batch=256")]
    NoSetting {
        /// What was given.
        text: String,
    },
    /// The table of an earlier version.
    #[error("{origin}: `[rewire]` is called `[topology]` now: write {replacement} in its place")]
    Moved {
        /// The file or setting.
        origin: String,
        /// The new lines.
        replacement: String,
    },
    /// A setting of the algorithm makes no sense.
    #[error("{algorithm}.{complaint}")]
    Setting {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// Name of the setting, and what it must be.
        complaint: &'static str,
    },
    /// A setting is another algorithm's.
    #[error(
        "`{setting}` says nothing of a {algorithm} run: leave it out, or set {algorithm}'s own; --algorithm \
         chooses another"
    )]
    Foreign {
        /// The setting.
        setting: String,
        /// Name of the run's algorithm.
        algorithm: &'static str,
    },
    /// A field's value makes no sense.
    #[error("{field} {problem}")]
    Value {
        /// The field as it is called in `config.toml`.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
}

impl ConfigError {
    pub(super) fn parse(origin: &str, error: &toml::de::Error) -> Self {
        Self::parse_over(&Table::new(), origin, error)
    }

    /// The same, where a name that is none may be that of a field in another table of `defaults`.
    pub(super) fn parse_over(defaults: &Table, origin: &str, error: &toml::de::Error) -> Self {
        let shown = error.to_string();
        let shown = shown.replace(error.message(), &nearest::without_long_list(error.message()));
        let message = match (error.span(), shown.lines().next()) {
            // Over a text the first line names the place, and the next three draw it.
            (Some(_), Some(place)) => {
                format!("{place}: {}", nearest::without_long_list(error.message()))
            }
            // Over values the field comes last.
            _ => shown,
        };
        let mut message = message.trim().replace('\n', " ");
        if error.message().ends_with("expected a sequence") {
            message += ": write a list in brackets, e.g. hidden=[256,256]";
        }
        if let Some((name, nearest)) = nearest::expected(error.message()) {
            let is_field = error.message().starts_with("unknown field");
            let mut tables = defaults.iter().filter(|_| is_field);
            let elsewhere = tables
                .find_map(|(table, fields)| fields.get(name).map(|_| format!("{table}.{name}")));
            if let Some(meant) = elsewhere.as_deref().or(nearest) {
                message += &format!("; did you mean `{meant}`?");
            }
        }
        Self::Parse { origin: origin.to_string(), message }
    }
}

/// Some fields of a configuration, and where they come from.
pub struct Layer {
    pub(super) origin: String,
    pub(super) table: Table,
}

impl Layer {
    /// A (possibly partial) TOML file.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read, is not TOML or has tables of an earlier version.
    pub fn file(path: &Path) -> Result<Self, ConfigError> {
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        Self::text(&path.display().to_string(), &text)
    }

    /// The text of such a file, which comes from `origin`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not TOML or has tables of an earlier version.
    pub fn text(origin: &str, text: &str) -> Result<Self, ConfigError> {
        let table: Table = text.parse().map_err(|error| ConfigError::parse(origin, &error))?;
        if let Some(fields) = moved::rewire(&table) {
            let lines = fields.iter().map(|(field, value)| format!(", `{field} = {value}`"));
            let replacement = format!("the lines `[topology]`{}", lines.collect::<String>());
            return Err(ConfigError::Moved { origin: origin.to_string(), replacement });
        }
        Ok(Self { origin: origin.to_string(), table })
    }

    /// One setting as on the command line, e.g. `td3.batch=256`. A value that is not TOML is a string,
    /// since shells take the quotes away: `init=sparsity-aware`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no setting, or one of an earlier version.
    pub fn setting(text: &str) -> Result<Self, ConfigError> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(ConfigError::NoSetting { text: text.to_string() });
        };
        let digits = value.trim().trim_start_matches(['+', '-']);
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_');
        let quoted = || format!("{key}={}", Value::from(value.trim())).parse();
        let table: Table = match text.parse() {
            Err(_) if number => {
                let message = "whole numbers of TOML are at most 9223372036854775807".into();
                return Err(ConfigError::Parse { origin: text.to_string(), message });
            }
            // What begins as a list, table or string of TOML was meant to be one.
            Err(_) if !value.trim_start().starts_with(['[', '{', '"', '\'']) => quoted(),
            parsed => parsed,
        }
        .map_err(|error| ConfigError::parse(text, &error))?;
        if let Some(fields) = moved::rewire(&table) {
            let fields = fields.iter().map(|(field, value)| format!("`topology.{field}={value}`"));
            let replacement = fields.collect::<Vec<_>>().join(" and ");
            return Err(ConfigError::Moved { origin: text.to_string(), replacement });
        }
        Ok(Self { origin: text.to_string(), table })
    }
}

/// Tables that are one value.
const WHOLE: [&str; 2] = ["allocation", "amount"];

/// Whether the table of this name is one value, which another replaces as a whole.
pub fn is_whole(name: &str) -> bool {
    WHOLE.contains(&name)
}

/// c of the balanced allocation (the code of Grooten et al. 2023).
pub const CLOSENESS: f64 = 0.2;

/// The table of an allocation rule that is named alone.
pub fn allocation(rule: &str) -> Table {
    let mut table = Table::from_iter([("rule".to_string(), Value::from(rule))]);
    if rule == "balanced" {
        table.insert("closeness".into(), CLOSENESS.into());
    }
    table
}

/// Lays `over` on `under`: tables field by field, all else whole.
pub(super) fn overlay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) if !is_whole(&key) => {
                overlay(under, over);
            }
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// An error in one field.
pub(super) fn value_error(field: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value { field, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::config::RunConfig;

    /// The configuration of Pendulum under one setting.
    fn with(setting: &str) -> Result<RunConfig, ConfigError> {
        RunConfig::from_layers(Some("Pendulum-v1"), None, vec![Layer::setting(setting)?])
    }

    #[test]
    fn a_value_that_is_not_toml_is_a_string() {
        let value = |setting: &str| Layer::setting(setting).unwrap().table["key"].clone();
        for text in ["sparsity-aware", "layer-mean", "erk", " erk ", "k-per-32", ".9", "it's"] {
            assert_eq!(value(&format!("key={text}")), Value::from(text.trim()), "{text}");
        }
        assert_eq!(value("key=0.9"), Value::Float(0.9));
        assert_eq!(value("key=1_000"), Value::Integer(1000));
        assert_eq!(value("key=true"), Value::Boolean(true));
        assert_eq!(value("key='erk'"), Value::from("erk"));
        assert_eq!(value("key=[64, 64]"), Value::from(vec![64, 64]));
        assert_eq!(value("key={constant=0.1}")["constant"], Value::Float(0.1));
        let quoted = [with("init='per-unit'"), with("topology.newborn=\"layer-mean\"")];
        let bare = [with("init=per-unit"), with("topology.newborn=layer-mean")];
        assert_eq!(quoted.map(Result::unwrap), bare.map(Result::unwrap));
    }

    #[test]
    fn a_value_begun_as_toml_must_end_so() {
        for bad in ["hidden=[64", "topology.amount={cosine=0.3", "init='dense", "=3"] {
            let error = Layer::setting(bad).err().unwrap();
            assert!(matches!(error, ConfigError::Parse { .. }), "{bad}: {error}");
        }
        assert!(matches!(Layer::setting("seed").err(), Some(ConfigError::NoSetting { .. })));
    }

    #[test]
    fn an_amount_is_replaced_as_a_whole() {
        let settings = ["method=rigl", "topology.amount.constant=0.1"];
        let layers = settings.map(|text| Layer::setting(text).unwrap()).into();
        let config = RunConfig::from_layers(Some("Pendulum-v1"), None, layers).unwrap();
        assert_eq!(config.topology.amount, lacewing_formats::topology::Amount::Constant(0.1));
    }

    #[test]
    fn misspelt_names_get_the_nearest_one() {
        for (setting, meant) in [
            ("td3.lerning-rate=0.1", "learning-rate"),
            ("sparsty=0.9", "sparsity"),
            ("td4.batch=3", "td3"),
            ("learning-rate=0.1", "td3.learning-rate"),
            ("topology.gamma=0.9", "td3.gamma"),
            ("method=riggle", "rigl"),
            ("algorithm=td", "td3"),
            ("structure=k-per-3", "k-per-32"),
            ("init=sparsity", "sparsity-aware"),
            ("topology.drop=signed", "signed-magnitude"),
            ("allocation.rule=inputonly", "input-only"),
        ] {
            let told = with(setting).unwrap_err().to_string();
            assert!(told.contains(&format!("; did you mean `{meant}`?")), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }

    #[test]
    fn names_far_from_all_get_none() {
        for setting in ["topology.drop=stop", "zzzz=3", "method=xyz"] {
            let told = with(setting).unwrap_err().to_string();
            assert!(!told.contains("did you mean") && told.contains("expected "), "{told}");
        }
        let told = with("zzzz=3").unwrap_err().to_string();
        assert!(told.contains("expected one of ") && told.len() < 150, "{told}");
        let told = with("seed=18446744073709551615").unwrap_err().to_string();
        assert!(told.contains("at most 9223372036854775807"), "{told}");
    }

    #[test]
    fn what_rewire_was_is_told_in_todays_words() {
        let text = "[rewire]\ninterval = 500\nfraction = 0.1\ndrop = 'magnitude'\n";
        let told = Layer::text("old.toml", text).err().unwrap().to_string();
        for line in
            ["`[topology]`", "`every = 500`", "`amount.constant = 0.1`", "`drop = \"magnitude\"`"]
        {
            assert!(told.contains(line), "no {line} in {told}");
        }
        let told = with("rewire.fraction=0.1").unwrap_err().to_string();
        assert!(told.contains("`topology.amount.constant=0.1`"), "{told}");
    }
}
