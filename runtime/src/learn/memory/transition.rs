//! One transition: as it is offered to a replay, and as it comes out of one.

use super::Numbers;
use crate::arena::OutOfMemory;
use thiserror::Error;

/// One transition; actions in [−1, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition<'a> {
    /// Observation, `[observations]`.
    pub observation: &'a [f32],
    /// Action taken, `[actions]`.
    pub action: &'a [f32],
    /// Reward.
    pub reward: f32,
    /// Observation that followed.
    pub next_observation: &'a [f32],
    /// The episode ended in a terminal state (not by a time limit), so no value follows.
    pub terminated: bool,
    /// The episode was cut off here, so that what is stored next does not follow; its value goes on.
    pub truncated: bool,
}

impl Transition<'_> {
    /// How it ends as one number: 1 where the episode goes on, 0 where it terminated, −1 where it was
    /// only cut off.
    pub fn end(&self) -> f32 {
        match (self.terminated, self.truncated) {
            (true, _) => 0.0,
            (false, true) => -1.0,
            (false, false) => 1.0,
        }
    }

    /// The reverse of [`Transition::end`]: terminated, truncated.
    pub fn ends(end: f32) -> (bool, bool) {
        (end == 0.0, end < 0.0)
    }
}

/// A transition in a replay, which may keep its numbers as other than f32.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// See [`Transition::observation`].
    pub observation: Numbers<'a>,
    /// See [`Transition::action`].
    pub action: Numbers<'a>,
    /// See [`Transition::reward`].
    pub reward: f32,
    /// See [`Transition::next_observation`].
    pub next_observation: Numbers<'a>,
    /// See [`Transition::terminated`].
    pub terminated: bool,
    /// See [`Transition::truncated`].
    pub truncated: bool,
}

impl PartialEq<Transition<'_>> for Stored<'_> {
    fn eq(&self, other: &Transition<'_>) -> bool {
        self.observation == *other.observation
            && self.action == *other.action
            && self.next_observation == *other.next_observation
            && self.reward == other.reward
            && (self.terminated, self.truncated) == (other.terminated, other.truncated)
    }
}

/// Why a transition was not stored, or a replay not made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ReplayError {
    /// A number of the transition is NaN or infinite.
    #[error("a transition holds NaN or infinity: drop this step and check the sensors")]
    NotFinite,
    /// Observation or action has the wrong length.
    #[error(
        "the transition has {found} numbers, the replay holds {expected}: check observation and action lengths"
    )]
    Length {
        /// Numbers in a transition of this replay.
        expected: usize,
        /// Numbers in the transition offered.
        found: usize,
    },
    /// The memory holds no whole transition.
    #[error("the replay memory holds no transition: give it at least {needed} numbers")]
    NoRoom {
        /// f32 values of one transition.
        needed: usize,
    },
    /// A replay of none, or of more than its counters can count.
    #[error("a compact replay holds 1 to 536870912 transitions")]
    Transitions,
    /// Bytes cannot stand for what nobody knows the range of.
    #[error(
        "nobody knows between what number {index} of an observation (counted from 0) lies, so no byte \
         can stand for it: take f16, or a policy with limits in its contract or a normaliser"
    )]
    NoRange {
        /// Which.
        index: usize,
    },
    /// Saved transitions are not those of such a ring.
    #[error(
        "the saved replay does not fit ({what} differ): go on with the same --replay and policy"
    )]
    Other {
        /// In which they differ.
        what: &'static str,
    },
    /// Saved transitions are none.
    #[error("the saved replay holds impossible numbers: go back to an earlier save")]
    Saved,
    /// See [`OutOfMemory`].
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}
