//! Partial configurations, laid over each other, and what can be wrong with one.

use std::path::Path;

use thiserror::Error;
use toml::Table;

use crate::lab::files::{self, FileError};

/// Why a configuration cannot run.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not TOML, or a field is missing, unknown or of the wrong kind.
    #[error("{origin}: {message}; a finished run's config.toml shows every field")]
    Parse {
        /// The file, or the defaults it was laid over.
        origin: String,
        /// What the parser says, on one line.
        message: String,
    },
    /// A setting of the algorithm makes no sense.
    #[error("{algorithm}.{complaint}")]
    Setting {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// Name of the setting, and what it must be.
        complaint: &'static str,
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
        let shown = error.to_string();
        let message = match (error.span(), shown.lines().next()) {
            // Over a text the first line names the place, and the next three draw it.
            (Some(_), Some(place)) => format!("{place}: {}", error.message()),
            // Over values the field comes last.
            _ => shown,
        };
        Self::Parse { origin: origin.to_string(), message: message.trim().replace('\n', " ") }
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
    /// [`ConfigError`] if it cannot be read or is not TOML.
    pub fn file(path: &Path) -> Result<Self, ConfigError> {
        let origin = path.display().to_string();
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        let table = text.parse().map_err(|error| ConfigError::parse(&origin, &error))?;
        Ok(Self { origin, table })
    }

    /// One setting as on the command line, e.g. `td3.batch=256`.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not TOML.
    pub fn setting(text: &str) -> Result<Self, ConfigError> {
        let table = text.parse().map_err(|error| ConfigError::parse(text, &error))?;
        Ok(Self { origin: text.to_string(), table })
    }
}

/// Lays `over` on `under`: tables field by field, all else whole. An allocation is one value.
pub(super) fn overlay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) if key != "allocation" => {
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
