//! What a driver or an environment says of its signals, beside a policy's contract.

use super::contract::{Contract, Side, Signal};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Two control periods are the same up to this share.
const SAME_PERIOD: f64 = 0.01;

/// Names and units in order, and the control period; whatever is left out is not compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Announced {
    /// Names of the observations; an empty one is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obs_names: Option<Vec<String>>,
    /// Their units; an empty one is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obs_units: Option<Vec<String>>,
    /// Names of the actions, or of what a discrete action chooses from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_names: Option<Vec<String>>,
    /// Their units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_units: Option<Vec<String>>,
    /// Seconds from one action to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_period_s: Option<f64>,
}

/// Where a policy's contract and a driver's announcement differ. Signals are counted from 0.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Mismatch {
    /// Another number of signals.
    #[error(
        "the policy expects {expected} {side}s and the driver names {found}: run the driver of the \
         robot that the policy is for"
    )]
    Count {
        /// Which side.
        side: Side,
        /// In the contract.
        expected: usize,
        /// Announced.
        found: usize,
    },
    /// Another signal in this place.
    #[error(
        "{side} {index}: the policy expects {expected}, the driver announces `{found}`: put the \
         driver's {side}s in the policy's order, or correct the contract"
    )]
    Name {
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
        /// Name and unit in the contract.
        expected: String,
        /// Announced.
        found: String,
    },
    /// Another unit.
    #[error(
        "{side} {index}: the policy expects {expected}, the driver announces {found}: let the driver \
         speak that unit, or correct scale and unit in the contract"
    )]
    Unit {
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
        /// Name and unit in the contract.
        expected: String,
        /// Announced unit.
        found: String,
    },
    /// Another control period.
    #[error(
        "the policy acts every {expected} s and the driver every {found} s: run the driver at the \
         policy's period, or correct control-period in the contract"
    )]
    Period {
        /// The policy's.
        expected: f64,
        /// Announced.
        found: f64,
    },
}

impl Announced {
    /// Compares with a policy's contract and control period.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub fn compare(&self, contract: &Contract<'_>, period: f64) -> Result<(), Mismatch> {
        let Self { obs_names, obs_units, act_names, act_units, control_period_s } = self;
        compare(Side::Observation, contract.observations(), [obs_names, obs_units])?;
        compare(Side::Action, contract.actions(), [act_names, act_units])?;
        match *control_period_s {
            Some(found) if !is_same_period(period, found) => {
                Err(Mismatch::Period { expected: period, found })
            }
            _ => Ok(()),
        }
    }
}

/// Whether two control periods are the same.
pub fn is_same_period(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME_PERIOD * a.abs().max(b.abs())
}

fn compare<'a>(
    side: Side,
    signals: impl ExactSizeIterator<Item = Signal<'a>> + Clone,
    [names, units]: [&Option<Vec<String>>; 2],
) -> Result<(), Mismatch> {
    if signals.len() == 0 {
        return Ok(());
    }
    for announced in [names, units].into_iter().flatten() {
        let (expected, found) = (signals.len(), announced.len());
        if expected != found {
            return Err(Mismatch::Count { side, expected, found });
        }
    }
    let differs = |said: &str, found: &str| !said.is_empty() && !found.is_empty() && said != found;
    // All names first: two that are swapped say more than their units.
    for (index, (signal, found)) in signals.clone().zip(names.iter().flatten()).enumerate() {
        if differs(signal.name, found) {
            let (expected, found) = (named(&signal), found.clone());
            return Err(Mismatch::Name { side, index, expected, found });
        }
    }
    for (index, (signal, found)) in signals.zip(units.iter().flatten()).enumerate() {
        if differs(signal.unit, found) {
            let (expected, found) = (named(&signal), found.clone());
            return Err(Mismatch::Unit { side, index, expected, found });
        }
    }
    Ok(())
}

fn named(signal: &Signal<'_>) -> String {
    match (signal.name, signal.unit) {
        (name, "") => alloc::format!("`{name}`"),
        ("", unit) => unit.to_string(),
        (name, unit) => alloc::format!("`{name}` in {unit}"),
    }
}
