//! A change of the world's dynamics: what fine-tuning has to adapt to.

use super::settings::{Setting, SettingError, settings};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

impl FromStr for Shift {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut shift = Self::default();
        for setting in settings("shift", "gear=0.5,mass=1.3", text)? {
            match setting.key {
                "gear" => shift.gear = factor(&setting)?,
                "mass" => shift.mass = factor(&setting)?,
                "friction" => shift.friction = factor(&setting)?,
                "sensor-noise" => {
                    shift.sensor_noise = setting
                        .value("a finite number of at least 0", |noise: &f64| {
                            noise.is_finite() && *noise >= 0.0
                        })?;
                }
                "dead-actuator" => {
                    let must = "the number of an actuator, counted from 0";
                    shift.dead_actuator = Some(setting.value(must, |_| true)?);
                }
                _ => {
                    return Err(
                        setting.unknown("gear, mass, friction, sensor-noise, dead-actuator")
                    );
                }
            }
        }
        Ok(shift)
    }
}

/// Bounded so that no factor can push a simulation's numbers out of range.
fn factor(setting: &Setting<'_>) -> Result<f64, SettingError> {
    setting.value("a factor from 0.001 to 1000", |factor| (1e-3..=1e3).contains(factor))
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
    type Error = SettingError;

    fn try_from(text: String) -> Result<Self, SettingError> {
        text.parse()
    }
}

impl From<Shift> for String {
    fn from(shift: Shift) -> Self {
        shift.to_string()
    }
}
