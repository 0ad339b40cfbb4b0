//! The contract of a policy with its robot as a TOML file, by convention `robot.toml`:
//!
//! ```toml
//! control-period = 0.02        # seconds from one action to the next
//! history = 3                  # frames that an observation is stacked from [default: 1]
//! previous-action = true       # each frame ends with the action before it [default: false]
//!
//! [[observations]]             # in the order of the policy
//! name = "hip angle"
//! unit = "deg"                 # what the driver speaks
//! offset = 90.0                # the driver's value that is 0 to the policy [default: 0]
//! scale = 0.017453292          # policy = (driver - offset) * scale [default: 1]
//! low = 0.0                    # a working sensor is from low to high [default: anything]
//! high = 180.0
//!
//! [[actions]]
//! name = "hip torque"
//! unit = "N m"
//! offset = 0.0                 # driver = offset + policy * scale
//! scale = 20.0
//! low = -15.0                  # no command is beyond [default: the policy's own limits]
//! high = 15.0
//! rate = 200.0                 # nor changes by more in a second [default: anything]
//! ```
//!
//! Everything may be left out. `shifted = "gear=0.5"`, above the tables, says under what the policy was tuned, where
//! that is not what its file says already. Without `[[observations]]` or `[[actions]]` nothing is said of them.
//! Of discrete actions, `[[actions]]` names the choices.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lacewing_formats::policy::{
    Contract, ContractError, ContractSpec, MAX_TEXT_BYTES, Side, Signal, at_least, at_most,
};
use serde::Deserialize;
use thiserror::Error;

use super::files::{self, FileError};
use super::policy::Facts;

/// Fewer values between its limits, and a signal moves in steps that a policy would take for jumps.
const MIN_VALUES: f32 = 1000.0;

/// Why a contract cannot be used.
#[derive(Debug, Error)]
pub enum RobotError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no text.
    #[error("{} is no text: give a TOML file, by convention robot.toml; `lacewing export --help` says of what", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// It is no such TOML.
    #[error("{}: {source}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// It says what no contract does.
    #[error("{}: {source}", path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ContractError,
    },
    /// One name for two signals.
    #[error("{}: {side}s {first} and {second} are both called `{name}`: give each its own name", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// Which side.
        side: Side,
        /// The first of them.
        first: usize,
        /// The second.
        second: usize,
        /// What both are called.
        name: String,
    },
    /// An f32 tells too few values of a signal apart.
    #[error(
        "{}: {side} {index}: from low to high f32 has fewer than {MIN_VALUES} values: let the driver count from \
         nearer to 0",
        path.display()
    )]
    Coarse {
        /// The file.
        path: PathBuf,
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
    },
    /// A control period that is none.
    #[error("{}: control-period must be a number of seconds above 0", path.display())]
    Period {
        /// The file.
        path: PathBuf,
    },
}

/// A contract as `--contract` reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Robot {
    /// Seconds from one action to the next, where it says.
    pub control_period_s: Option<f64>,
    /// The contract's bytes, see [`lacewing_formats::policy::Contract`].
    pub contract: Vec<u8>,
}

impl Robot {
    /// What a policy file says, with this contract and its period. What was shifted when the policy was tuned
    /// stays, unless the contract has that too.
    ///
    /// # Errors
    /// [`ContractError`], not of a robot that was read.
    pub fn agreed<'a>(&'a mut self, facts: Facts<'a>) -> Result<Facts<'a>, ContractError> {
        let own = Contract::parse(&self.contract)?;
        let before = facts.contract.map_or("", |contract| contract.shifted());
        if own.shifted().is_empty() && !before.is_empty() {
            self.contract = ContractSpec { shifted: before, ..own.into() }.to_bytes()?;
        }
        let control_period_s = self.control_period_s.unwrap_or(facts.control_period_s);
        Ok(Facts { contract: Some(Contract::parse(&self.contract)?), control_period_s, ..facts })
    }
}

/// The contract of a policy that is tuned under `shift`, in its bytes: what was agreed before, and that, behind
/// what it was tuned under before as far as there is room.
///
/// # Errors
/// [`ContractError::Text`] if the shift takes too many bytes to write down.
pub fn shifted(before: Option<Contract<'_>>, shift: &str) -> Result<Vec<u8>, ContractError> {
    let before = before.map(ContractSpec::from).unwrap_or_default();
    let both = match before.shifted {
        earlier if shift.is_empty() || earlier == shift => earlier.to_string(),
        "" => shift.to_string(),
        earlier => format!("{earlier}; {shift}"),
    };
    let shifted = if both.len() > MAX_TEXT_BYTES { shift } else { &both };
    ContractSpec { shifted, ..before }.to_bytes()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    control_period: Option<f64>,
    #[serde(default = "one")]
    history: u32,
    #[serde(default)]
    previous_action: bool,
    #[serde(default)]
    shifted: String,
    #[serde(default)]
    observations: Vec<Entry>,
    #[serde(default)]
    actions: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    offset: f32,
    scale: Option<f32>,
    low: Option<f64>,
    high: Option<f64>,
    rate: Option<f32>,
}

fn one() -> u32 {
    1
}

impl Entry {
    fn observation(&self) -> Signal<'_> {
        self.signal(|low| low as f32, |high| high as f32)
    }

    /// No command is beyond its limits, in whichever digits they are written.
    fn action(&self) -> Signal<'_> {
        self.signal(at_least, at_most)
    }

    fn signal(&self, least: impl Fn(f64) -> f32, most: impl Fn(f64) -> f32) -> Signal<'_> {
        // What f32 cannot hold is refused as infinite.
        let inside = |limit: f64, round: &dyn Fn(f64) -> f32| match limit as f32 {
            nearest if nearest.is_finite() => round(limit),
            beyond => beyond,
        };
        Signal {
            name: &self.name,
            unit: &self.unit,
            offset: self.offset,
            scale: self.scale.unwrap_or(1.0),
            low: self.low.map(|low| inside(low, &least)),
            high: self.high.map(|high| inside(high, &most)),
            rate: self.rate,
        }
    }
}

/// Reads the contract at `path`.
///
/// # Errors
/// [`RobotError`], with the line where there is one.
pub fn read(path: &Path) -> Result<Robot, RobotError> {
    let text = files::read(path)?;
    let text =
        str::from_utf8(&text).map_err(|_| RobotError::NoText { path: path.to_path_buf() })?;
    let file: File = toml::from_str(text)
        .map_err(|source| RobotError::Toml { path: path.to_path_buf(), source })?;
    if file.control_period.is_some_and(|period| !(period.is_finite() && period > 0.0)) {
        return Err(RobotError::Period { path: path.to_path_buf() });
    }
    let spec = ContractSpec {
        shifted: &file.shifted,
        history: file.history,
        previous_action: file.previous_action,
        observations: file.observations.iter().map(Entry::observation).collect(),
        actions: file.actions.iter().map(Entry::action).collect(),
    };
    for (side, signals) in [(Side::Observation, &spec.observations), (Side::Action, &spec.actions)]
    {
        check(path, side, signals)?;
    }
    let contract = spec
        .to_bytes()
        .map_err(|source| RobotError::Contract { path: path.to_path_buf(), source })?;
    Ok(Robot { control_period_s: file.control_period, contract })
}

/// What a file may hold, but nobody means.
fn check(path: &Path, side: Side, signals: &[Signal<'_>]) -> Result<(), RobotError> {
    let mut names = HashMap::new();
    for (index, Signal { name, low, high, .. }) in signals.iter().enumerate() {
        if let (false, Some(first)) = (name.is_empty(), names.insert(name, index)) {
            let (path, name) = (path.to_path_buf(), name.to_string());
            return Err(RobotError::Twice { path, side, first, second: index, name });
        }
        let Some((low, high)) = low.zip(*high) else { continue };
        let furthest = low.abs().max(high.abs());
        // Infinite limits and those in the wrong order are told as such.
        if low < high && high - low < MIN_VALUES * (furthest.next_up() - furthest) {
            return Err(RobotError::Coarse { path: path.to_path_buf(), side, index });
        }
    }
    Ok(())
}
