//! A change of the world's dynamics: what fine-tuning has to adapt to.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How an environment differs from its original.
///
/// Read from and written as text such as `gear=0.5,mass=1.3,sensor-noise=0.05` (also in serde);
/// the empty text is no shift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shift {
    /// Factor on what an actuator delivers for a command (`gear`).
    pub gear: f64,
    /// Factor on masses and inertias (`mass`).
    pub mass: f64,
    /// Factor on contact friction (`friction`).
    pub friction: f64,
    /// Standard deviation of the Gaussian noise on each observed value (`sensor-noise`).
    pub sensor_noise: f64,
    /// The actuator whose command is replaced by 0, counted from 0 (`dead-actuator`).
    pub dead_actuator: Option<usize>,
}

impl Default for Shift {
    fn default() -> Self {
        Self { gear: 1.0, mass: 1.0, friction: 1.0, sensor_noise: 0.0, dead_actuator: None }
    }
}

/// Why a shift could not be read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ShiftError {
    /// A part is not `key=value`.
    #[error("shift `{part}` is not key=value; write for example gear=0.5,mass=1.3")]
    Syntax {
        /// The part.
        part: String,
    },
    /// The key is not known.
    #[error("unknown shift `{key}`; known: gear, mass, friction, sensor-noise, dead-actuator")]
    Key {
        /// The key.
        key: String,
    },
    /// A key stands twice.
    #[error("shift `{key}` is given twice; give it once")]
    Twice {
        /// The key.
        key: String,
    },
    /// The value is out of its range.
    #[error("shift {key}={value}: the value must be {must}")]
    Value {
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What it must be.
        must: &'static str,
    },
}

impl FromStr for Shift {
    type Err = ShiftError;

    fn from_str(text: &str) -> Result<Self, ShiftError> {
        let mut shift = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
                .ok_or_else(|| ShiftError::Syntax { part: part.to_owned() })?;
            if seen.contains(&key) {
                return Err(ShiftError::Twice { key: key.to_owned() });
            }
            seen.push(key);
            match key {
                "gear" => shift.gear = factor(key, value)?,
                "mass" => shift.mass = factor(key, value)?,
                "friction" => shift.friction = factor(key, value)?,
                "sensor-noise" => {
                    shift.sensor_noise =
                        number(key, value, "a finite number of at least 0", |noise| noise >= 0.0)?;
                }
                "dead-actuator" => {
                    let index = value.parse().map_err(|_| {
                        refused(key, value, "the number of an actuator, counted from 0")
                    })?;
                    shift.dead_actuator = Some(index);
                }
                _ => return Err(ShiftError::Key { key: key.to_owned() }),
            }
        }
        Ok(shift)
    }
}

fn refused(key: &str, value: &str, must: &'static str) -> ShiftError {
    ShiftError::Value { key: key.to_owned(), value: value.to_owned(), must }
}

fn number(
    key: &str,
    value: &str,
    must: &'static str,
    holds: impl Fn(f64) -> bool,
) -> Result<f64, ShiftError> {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && holds(number) => Ok(number),
        _ => Err(refused(key, value, must)),
    }
}

/// Bounded so that no factor can push a simulation's numbers out of range.
fn factor(key: &str, value: &str) -> Result<f64, ShiftError> {
    number(key, value, "a factor from 0.001 to 1000", |factor| (1e-3..=1e3).contains(&factor))
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = Self::default();
        let mut comma = "";
        for (key, value, unchanged) in [
            ("gear", self.gear, none.gear),
            ("mass", self.mass, none.mass),
            ("friction", self.friction, none.friction),
            ("sensor-noise", self.sensor_noise, none.sensor_noise),
        ] {
            if value != unchanged {
                write!(f, "{comma}{key}={value}")?;
                comma = ",";
            }
        }
        if let Some(index) = self.dead_actuator {
            write!(f, "{comma}dead-actuator={index}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Shift {
    type Error = ShiftError;

    fn try_from(text: String) -> Result<Self, ShiftError> {
        text.parse()
    }
}

impl From<Shift> for String {
    fn from(shift: Shift) -> Self {
        shift.to_string()
    }
}
