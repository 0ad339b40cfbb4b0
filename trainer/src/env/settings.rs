//! Text of the form `key=value,key=value`, which shifts and wraps are read from.

use super::error::did_you_mean;
use crate::nearest::nearest;
use std::str::FromStr;
use thiserror::Error;

/// Why such text could not be read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SettingError {
    /// A part is not `key=value`.
    #[error("{of} `{part}` is not key=value; write for example {example}")]
    Syntax {
        /// "shift" or "wrap".
        of: &'static str,
        /// The part.
        part: String,
        /// How it should look.
        example: &'static str,
    },
    /// The key is not known.
    #[error("unknown {of} `{key}`; {}known: {known}", did_you_mean(nearest(key, known.split(", "))))]
    Key {
        /// "shift" or "wrap".
        of: &'static str,
        /// The key.
        key: String,
        /// Every known key.
        known: &'static str,
    },
    /// A key stands twice.
    #[error("{of} `{key}` is given twice; give it once")]
    Twice {
        /// "shift" or "wrap".
        of: &'static str,
        /// The key.
        key: String,
    },
    /// The value is out of its range.
    #[error("{of} {key}={value}: the value must be {must}")]
    Value {
        /// "shift" or "wrap".
        of: &'static str,
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What it must be.
        must: &'static str,
    },
}

/// One part of the text.
pub(super) struct Setting<'a> {
    of: &'static str,
    pub(super) key: &'a str,
    value: &'a str,
}

/// Splits the text of an `of` into its parts, no key twice; empty parts are passed over.
pub(super) fn settings<'a>(
    of: &'static str,
    example: &'static str,
    text: &'a str,
) -> Result<Vec<Setting<'a>>, SettingError> {
    let mut settings: Vec<Setting<'_>> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| SettingError::Syntax { of, part: part.to_owned(), example })?;
        if settings.iter().any(|setting| setting.key == key) {
            return Err(SettingError::Twice { of, key: key.to_owned() });
        }
        settings.push(Setting { of, key, value });
    }
    Ok(settings)
}

impl Setting<'_> {
    /// The value, if it can be read and `holds`.
    pub(super) fn value<T: FromStr>(
        &self,
        must: &'static str,
        holds: impl FnOnce(&T) -> bool,
    ) -> Result<T, SettingError> {
        self.value.parse().ok().filter(holds).ok_or_else(|| SettingError::Value {
            of: self.of,
            key: self.key.to_owned(),
            value: self.value.to_owned(),
            must,
        })
    }

    /// The error for a key that is none of `known`.
    pub(super) fn unknown(&self, known: &'static str) -> SettingError {
        SettingError::Key { of: self.of, key: self.key.to_owned(), known }
    }
}
