//! What a policy and its robot agree on beyond the network: which number is what, and how far an
//! actuator may go.

use super::{ActionHead, MAX_TEXT_BYTES};
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most frames that an observation is stacked from.
pub const MAX_HISTORY: u32 = 64;
/// No contract takes more bytes.
pub const MAX_CONTRACT_BYTES: u32 = 1 << 25;

/// One number that a driver sends or takes; all is in the driver's units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal<'a> {
    /// What it is called; empty: not said.
    pub name: &'a str,
    /// The unit that the driver speaks; empty: not said.
    pub unit: &'a str,
    /// The driver's value that is 0 to the policy.
    pub offset: f32,
    /// Of an observation what the driver's value, less the offset, is multiplied by; of an action what
    /// the policy's value is multiplied by before the offset is added. Not 0.
    pub scale: f32,
    /// Least value: a working sensor gives none below, and no command is below.
    pub low: Option<f32>,
    /// Greatest value.
    pub high: Option<f32>,
    /// Most change of a command in a second, above 0; observations have none.
    pub rate: Option<f32>,
}

impl Default for Signal<'_> {
    fn default() -> Self {
        Self { name: "", unit: "", offset: 0.0, scale: 1.0, low: None, high: None, rate: None }
    }
}

impl Signal<'_> {
    /// What commands keep within where the policy's own limits are `low` and `high`: these, scaled and
    /// offset, and the signal's.
    pub fn limits(&self, low: f32, high: f32) -> (f32, f32) {
        let [a, b] = [low, high].map(|limit| self.offset + self.scale * limit);
        let low = self.low.unwrap_or(f32::MIN).max(a.min(b));
        (low, self.high.unwrap_or(f32::MAX).min(a.max(b)))
    }
}

/// Which way a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the driver.
    Observation,
    /// To the driver.
    Action,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observation => "observation",
            Self::Action => "action",
        })
    }
}

/// Why a contract is none, or not this policy's. Signals are counted from 0.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ContractError {
    /// The bytes are no contract.
    #[error("it cannot be read: export the policy again")]
    Bytes,
    /// It says more than any robot needs.
    #[error("it has more than {MAX_CONTRACT_BYTES} bytes: shorten its names")]
    Long,
    /// A text that a terminal should not show.
    #[error(
        "a name, a unit or the shift has more than {MAX_TEXT_BYTES} bytes or control characters: \
         shorten it"
    )]
    Text,
    /// No frames, or too many.
    #[error("an observation is stacked from 1 to {MAX_HISTORY} frames (history), not {history}")]
    History {
        /// What it says.
        history: u32,
    },
    /// An offset or scale without meaning.
    #[error("{side} {index}: offset and scale must be finite, and the scale not 0")]
    Scale {
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
    },
    /// Limits in the wrong order.
    #[error("{side} {index}: its limits must be finite, and `low` below `high`")]
    Limits {
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
    },
    /// A rate limit without meaning.
    #[error("{side} {index}: a rate limit is above 0, finite, and of an action")]
    Rate {
        /// Which side.
        side: Side,
        /// Which signal.
        index: usize,
    },
    /// The policy takes another number of observations.
    #[error(
        "{history} frame(s) of {frame} numbers (observations, and the previous action where it is one) \
         are not the {observations} numbers that the policy takes: correct the [[observations]], `history` or \
         `previous-action`"
    )]
    Observations {
        /// Frames.
        history: u32,
        /// Numbers of each.
        frame: usize,
        /// Numbers that the policy takes.
        observations: usize,
    },
    /// The policy gives another number of actions.
    #[error(
        "it has {found} actions, the policy has {expected}: give one [[actions]] for each of the policy's"
    )]
    Actions {
        /// The policy's.
        expected: usize,
        /// The contract's.
        found: usize,
    },
    /// Discrete actions have names only.
    #[error(
        "action {index}: discrete actions have names, but no unit, offset, scale, limit or rate"
    )]
    Discrete {
        /// Which.
        index: usize,
    },
    /// Discrete actions are no input.
    #[error("previous-action: the index of a discrete action is no input of a policy")]
    PreviousAction,
    /// The policy's limits and the contract's leave nothing.
    #[error("action {index}: no value is within its limits and the policy's, scaled and offset")]
    Disjoint {
        /// Which.
        index: usize,
    },
}

/// What stands before the signals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Terms<'a> {
    shifted: &'a str,
    history: u32,
    previous_action: bool,
    observations: u32,
    actions: u32,
}

/// A contract in its bytes, which have been checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract<'a> {
    bytes: &'a [u8],
    terms: Terms<'a>,
    signals: &'a [u8],
}

impl<'a> Contract<'a> {
    /// Checks all that needs no policy, in time linear in the bytes.
    ///
    /// # Errors
    /// [`ContractError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ContractError> {
        if bytes.len() > MAX_CONTRACT_BYTES as usize {
            return Err(ContractError::Long);
        }
        let (terms, signals): (Terms<'a>, _) =
            postcard::take_from_bytes(bytes).map_err(|_| ContractError::Bytes)?;
        check_text(terms.shifted)?;
        if !(1..=MAX_HISTORY).contains(&terms.history) {
            return Err(ContractError::History { history: terms.history });
        }
        let mut rest = signals;
        for (side, count) in
            [(Side::Observation, terms.observations), (Side::Action, terms.actions)]
        {
            for index in 0..count as usize {
                let (signal, after): (Signal<'a>, _) =
                    postcard::take_from_bytes(rest).map_err(|_| ContractError::Bytes)?;
                check_signal(&signal, side, index)?;
                rest = after;
            }
        }
        if rest.is_empty() { Ok(Self { bytes, terms, signals }) } else { Err(ContractError::Bytes) }
    }

    /// Checks that it is of a policy that takes so many observations and gives so many outputs.
    ///
    /// # Errors
    /// [`ContractError`].
    pub fn check(
        &self,
        observations: usize,
        outputs: usize,
        head: &ActionHead<'_>,
    ) -> Result<(), ContractError> {
        let found = self.terms.actions as usize;
        if found > 0 && found != outputs {
            return Err(ContractError::Actions { expected: outputs, found });
        }
        if *head == ActionHead::Argmax && self.terms.previous_action {
            return Err(ContractError::PreviousAction);
        }
        let (history, previous) = (self.history(), self.previous_numbers(outputs));
        let frame = match self.terms.observations as usize {
            0 => observations / history,
            named => named + previous,
        };
        if frame * history != observations || frame <= previous {
            let history = self.terms.history;
            return Err(ContractError::Observations { history, frame, observations });
        }
        for (index, action) in self.actions().enumerate() {
            match head.limits() {
                None if action != (Signal { name: action.name, ..Signal::default() }) => {
                    return Err(ContractError::Discrete { index });
                }
                None => {}
                Some((low, high)) => {
                    let (low, high) = action.limits(low[index], high[index]);
                    if low >= high {
                        return Err(ContractError::Disjoint { index });
                    }
                }
            }
        }
        Ok(())
    }

    /// What was shifted when the policy was tuned, such as `gear=0.5`; empty: nothing, or not known.
    pub fn shifted(&self) -> &'a str {
        self.terms.shifted
    }

    /// Frames, the oldest first, that the policy's observation is stacked from.
    pub fn history(&self) -> usize {
        self.terms.history as usize
    }

    /// Whether each frame ends with the action before it, in the policy's units.
    pub fn previous_action(&self) -> bool {
        self.terms.previous_action
    }

    /// What the driver sends, in order; nothing: not said.
    pub fn observations(&self) -> impl ExactSizeIterator<Item = Signal<'a>> + Clone + use<'a> {
        Signals { bytes: self.signals, left: self.terms.observations as usize }
    }

    /// What the driver takes, in order, or what each discrete action is; nothing: not said.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = Signal<'a>> + Clone + use<'a> {
        let (before, own) = (self.terms.observations as usize, self.terms.actions as usize);
        let mut all = Signals { bytes: self.signals, left: before + own };
        all.by_ref().take(before).for_each(drop);
        all
    }

    /// Numbers that a driver sends at a time to a policy that takes so many observations and gives so
    /// many outputs.
    pub fn sensors(&self, observations: usize, outputs: usize) -> usize {
        (observations / self.history()).saturating_sub(self.previous_numbers(outputs))
    }

    /// Its bytes, as a policy file holds them.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn previous_numbers(&self, outputs: usize) -> usize {
        if self.terms.previous_action { outputs } else { 0 }
    }
}

/// Decodes signals that have been checked, one after the other.
#[derive(Clone)]
struct Signals<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Signals<'a> {
    type Item = Signal<'a>;

    fn next(&mut self) -> Option<Signal<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (signal, rest) = postcard::take_from_bytes(self.bytes).ok()?;
        self.bytes = rest;
        Some(signal)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Signals<'_> {}

fn check_text(text: &str) -> Result<(), ContractError> {
    match text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
        true => Err(ContractError::Text),
        false => Ok(()),
    }
}

fn check_signal(signal: &Signal<'_>, side: Side, index: usize) -> Result<(), ContractError> {
    check_text(signal.name)?;
    check_text(signal.unit)?;
    if !(signal.offset.is_finite() && signal.scale.is_finite() && signal.scale != 0.0) {
        return Err(ContractError::Scale { side, index });
    }
    let (low, high) = (signal.low.unwrap_or(f32::MIN), signal.high.unwrap_or(f32::MAX));
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(ContractError::Limits { side, index });
    }
    let is_rate = |rate: f32| rate.is_finite() && rate > 0.0 && side == Side::Action;
    if signal.rate.is_some_and(|rate| !is_rate(rate)) {
        return Err(ContractError::Rate { side, index });
    }
    Ok(())
}

#[cfg(feature = "alloc")]
pub use spec::ContractSpec;

#[cfg(feature = "alloc")]
mod spec {
    use super::{Contract, ContractError, Signal, Terms};
    use alloc::vec::Vec;

    /// A contract to be written.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ContractSpec<'a> {
        /// See [`Contract::shifted`].
        pub shifted: &'a str,
        /// See [`Contract::history`].
        pub history: u32,
        /// See [`Contract::previous_action`].
        pub previous_action: bool,
        /// See [`Contract::observations`].
        pub observations: Vec<Signal<'a>>,
        /// See [`Contract::actions`].
        pub actions: Vec<Signal<'a>>,
    }

    impl Default for ContractSpec<'_> {
        /// Says nothing.
        fn default() -> Self {
            let (observations, actions) = (Vec::new(), Vec::new());
            Self { shifted: "", history: 1, previous_action: false, observations, actions }
        }
    }

    impl<'a> From<Contract<'a>> for ContractSpec<'a> {
        fn from(contract: Contract<'a>) -> Self {
            Self {
                shifted: contract.terms.shifted,
                history: contract.terms.history,
                previous_action: contract.terms.previous_action,
                observations: contract.observations().collect(),
                actions: contract.actions().collect(),
            }
        }
    }

    impl ContractSpec<'_> {
        /// The bytes of [`Contract::parse`].
        ///
        /// # Errors
        /// [`ContractError`] for whatever that would refuse.
        pub fn to_bytes(&self) -> Result<Vec<u8>, ContractError> {
            let terms = Terms {
                shifted: self.shifted,
                history: self.history,
                previous_action: self.previous_action,
                observations: self.observations.len() as u32,
                actions: self.actions.len() as u32,
            };
            let mut bytes = postcard::to_allocvec(&terms).map_err(|_| ContractError::Bytes)?;
            for signal in self.observations.iter().chain(&self.actions) {
                let signal = postcard::to_allocvec(signal).map_err(|_| ContractError::Bytes)?;
                bytes.extend_from_slice(&signal);
            }
            Contract::parse(&bytes)?;
            Ok(bytes)
        }
    }
}
