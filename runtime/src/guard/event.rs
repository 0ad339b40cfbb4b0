//! What a guard decides, as it is obeyed and logged.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Which actor acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acting {
    /// The one that is learned, as it was last published.
    Learner,
    /// The last one whose window was good.
    LastGood,
    /// The one that fine-tuning began with.
    Factory,
}

/// Why learning was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Too much return is missing.
    Return,
    /// Return is missing, and actions are at their limits more than they were.
    Saturation,
    /// The critics' loss is far above its level.
    TdError,
    /// Updates are rejected, one after the other.
    Rejected,
    /// The actor gave no number.
    NotFinite,
}

/// What is done from now on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Switch {
    /// The frozen policy's return is known: its windows deviate by `noise`, and more than `margin` below
    /// it is too little. Learning begins.
    Measured {
        /// Standard deviation of windows' means.
        noise: f64,
        /// Reward a step.
        margin: f64,
    },
    /// The present actor is the last good one.
    Good,
    /// The actor stays as it is for a while.
    Froze(Why),
    /// Another actor acts, for a while or for good.
    RolledBack {
        /// Which.
        to: Acting,
        /// Why.
        why: Why,
        /// The actor learns no more.
        for_good: bool,
    },
    /// The actor learns again.
    Resumed,
    /// Even the factory policy is below what it was: the robot or its surroundings changed, and what it
    /// returns is measured anew.
    BaselineLost,
}

/// A switch, when it happened, and what was known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Step of the device.
    pub step: u64,
    /// What is done.
    pub switch: Switch,
    /// Mean reward of a step: of the window, or since return began to be missing.
    pub mean: f64,
    /// What the frozen policy has.
    pub frozen: f64,
}

impl fmt::Display for Acting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Learner => "the learner's policy",
            Self::LastGood => "the last good policy",
            Self::Factory => "the factory policy",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Return => "too little return",
            Self::Saturation => "less return with actions at their limits",
            Self::TdError => "the critics' loss is far above its level",
            Self::Rejected => "updates are rejected one after the other",
            Self::NotFinite => "the policy gave no number",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, switch, mean, frozen } = self;
        write!(out, "step {step}: ")?;
        match switch {
            Switch::Measured { noise, margin } => write!(
                out,
                "guard: the frozen policy has {frozen:.4} a step (windows ± {noise:.4}), {margin:.4} \
                 less is too little"
            ),
            Switch::Good => write!(out, "guard: kept as last good policy"),
            Switch::Froze(why) => write!(out, "guard: the policy pauses learning: {why}"),
            Switch::RolledBack { to, why, for_good } => {
                let learning = if *for_good { "learning ends" } else { "learning pauses" };
                write!(out, "guard: back to {to}, {learning}: {why}")
            }
            Switch::Resumed => write!(out, "guard: learning goes on"),
            Switch::BaselineLost => write!(
                out,
                "guard: the factory policy does worse than it did, so robot or surroundings changed: it \
                 is measured anew"
            ),
        }?;
        write!(out, " ({mean:.4} a step, frozen {frozen:.4})")
    }
}
