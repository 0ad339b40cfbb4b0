//! What there is to tell.

use crate::guard::Switch;
use crate::learn::MAX_LOSSES;
use serde::{Deserialize, Serialize};

/// Version of the events, which [`Event::Start`] tells. Events may be added at the end without a new one.
pub const LAYOUT: u16 = 1;

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// After so many control steps of learning.
    pub step: u64,
    /// Milliseconds since the program's start.
    pub millis: u64,
    /// What.
    pub event: Event,
}

/// What can happen. The order is that of the numbers in a log: new ones come last, none goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The program started.
    Start {
        /// [`LAYOUT`].
        layout: u16,
        /// CRC-32 of the file of the policy that is fine-tuned.
        policy: u32,
        /// Whether a saved session goes on.
        resumed: bool,
    },
    /// An episode, or a window of steps where there are no episodes, ended.
    Return {
        /// Which, counted from 1.
        episode: u64,
        /// Sum of its rewards.
        total: f64,
    },
    /// Updates were made.
    Losses {
        /// Updates in all, with those before this program's start.
        updates: u64,
        /// Means of their figures since the last such record, in the algorithm's order.
        figures: [Option<f32>; MAX_LOSSES],
    },
    /// The learner's policy was played without exploration.
    Evaluation {
        /// Mean return.
        mean: f64,
        /// Population standard deviation of returns.
        std: f64,
        /// Whether it was the best so far, and kept.
        best: bool,
    },
    /// A guard stepped in.
    Guard {
        /// Against what, or how.
        by: Guarded,
        /// How often since the last such record.
        count: u64,
    },
    /// Links moved.
    Rewire {
        /// Links that went since the last such record, in all networks.
        dropped: u64,
        /// Links of the policy that are alive.
        live: u64,
    },
    /// Time from an observation to its command, since the last such record.
    Latency {
        /// Steps that were timed.
        steps: u64,
        /// Half of them took no longer, nanoseconds.
        p50_ns: u64,
        /// 99 % took no longer.
        p99_ns: u64,
        /// 99.9 % took no longer.
        p999_ns: u64,
        /// The slowest.
        max_ns: u64,
    },
    /// Learning was judged: see [`crate::guard::Event`].
    Verdict {
        /// What is done from now on.
        switch: Switch,
        /// Mean reward of a step that it was decided on.
        mean: f64,
        /// What the frozen policy has.
        frozen: f64,
    },
    /// The session was saved.
    Save {
        /// How many saves there were, with this one.
        sequence: u64,
        /// Bytes of it.
        bytes: u64,
    },
    /// The session was not saved; the last save is as good as it was.
    SaveFailed,
    /// An answer of the driver could not be used.
    Lost,
    /// The program ended in good order.
    Stop,
}

/// What a guard did or met. New ones come last, none goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarded {
    /// A sensor that gave no number.
    NotFinite,
    /// A sensor out of its range.
    OutOfRange,
    /// A sensor that jumped.
    Spike,
    /// A sensor that does not move.
    Stuck,
    /// A step on which the policy acted on held values.
    Held,
    /// A step with the safe action.
    SafeAction,
    /// A transition that was not learned from.
    SkippedTransition,
    /// An update that was taken back.
    RejectedUpdate,
}

impl Guarded {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::NotFinite,
        Self::OutOfRange,
        Self::Spike,
        Self::Stuck,
        Self::Held,
        Self::SafeAction,
        Self::SkippedTransition,
        Self::RejectedUpdate,
    ];

    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFinite => "not-finite",
            Self::OutOfRange => "out-of-range",
            Self::Spike => "spike",
            Self::Stuck => "stuck",
            Self::Held => "held",
            Self::SafeAction => "safe-action",
            Self::SkippedTransition => "skipped-transition",
            Self::RejectedUpdate => "rejected-update",
        }
    }
}
