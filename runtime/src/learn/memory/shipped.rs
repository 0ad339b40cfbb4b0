//! Transitions that travel with a policy, for a replay to begin with.
//!
//! Two `u32`: transitions, at least one, and ends of episodes; for every end, in order, a `u32` of how many
//! transitions come before it, times two, and one more if it was a terminal state: the last is behind the
//! last transition. Then f32 frames of an observation, the action after it and its reward. What followed is
//! the next frame's observation; behind an end there is a frame for that, whose other numbers are zero. All
//! little-endian.

use super::{Replay, ReplayError, Transition};
use crate::learn::agent::ActionSpace;
use crate::learn::session::Buffers;
use thiserror::Error;

/// Why bytes are no transitions of an agent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ShippedError {
    /// Too few or too many for the counts in front, or counts that cannot be.
    #[error("the transitions shipped with the policy are cut off or damaged: copy the file again")]
    Shape,
    /// A number is NaN or infinite, or an action is none of the agent's.
    #[error(
        "the transitions shipped with the policy hold impossible numbers: export it again with --transitions"
    )]
    Number,
}

/// Transitions as bytes that have been checked, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Shipped<'a> {
    bytes: &'a [u8],
    observations: usize,
    ends: &'a [[u8; 4]],
    numbers: &'a [[u8; 4]],
    width: usize,
    len: usize,
}

impl<'a> Shipped<'a> {
    /// Reads what [`Replay::ship`] wrote, for observations of so many numbers and such actions.
    ///
    /// # Errors
    /// [`ShippedError`].
    pub fn parse(
        bytes: &'a [u8],
        observations: usize,
        actions: ActionSpace,
    ) -> Result<Self, ShippedError> {
        let (words, rest) = bytes.as_chunks::<4>();
        let [len, ended, words @ ..] = words else { return Err(ShippedError::Shape) };
        let [len, ended] = [*len, *ended].map(|word| u32::from_le_bytes(word) as usize);
        let width = observations + actions.numbers() + 1;
        let due = len.checked_add(ended).and_then(|frames| frames.checked_mul(width));
        let due = due.and_then(|numbers| numbers.checked_add(ended));
        if !rest.is_empty() || len == 0 || due != Some(words.len()) {
            return Err(ShippedError::Shape);
        }
        let (ends, numbers) = words.split_at(ended);
        let shipped = Self { bytes, observations, ends, numbers, width, len };
        let mut ends = (0..ended).map(|at| shipped.end(at).0);
        let in_order = ends.clone().is_sorted_by(|before, after| before < after);
        if !in_order || ends.clone().next() == Some(0) || ends.next_back() != Some(len) {
            return Err(ShippedError::Shape);
        }
        let possible = numbers.chunks_exact(width).all(|frame| {
            let mut frame = frame.iter().map(|&number| f32::from_le_bytes(number));
            let seen = frame.by_ref().take(observations).all(f32::is_finite);
            let mut done = frame.by_ref().take(actions.numbers());
            seen && done.all(|number| actions.holds(number)) && frame.all(f32::is_finite)
        });
        possible.then_some(shipped).ok_or(ShippedError::Number)
    }

    /// How many there are, at least one.
    pub fn count(&self) -> usize {
        self.len
    }

    /// The bytes they were read from.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Stores all of them, from the oldest on.
    ///
    /// # Errors
    /// [`ReplayError`] where the replay is of another shape.
    ///
    /// # Panics
    /// If the buffers are not as long as an observation and an action.
    pub fn store(
        &self,
        replay: &mut Replay<'_>,
        buffers: &mut Buffers<'_>,
    ) -> Result<(), ReplayError> {
        let Buffers { observation, next_observation, action } = buffers;
        let (mut frame, mut ended) = (0, 0);
        for index in 0..self.len {
            let end = self.end(ended);
            let ends = end.0 == index + 1;
            self.read(frame, 0, observation);
            self.read(frame, self.observations, action);
            self.read(frame + 1, 0, next_observation);
            let mut reward = [0.0];
            self.read(frame, self.width - 1, &mut reward);
            replay.push(Transition {
                observation,
                action,
                reward: reward[0],
                next_observation,
                terminated: ends && end.1,
                truncated: ends && !end.1,
            })?;
            (frame, ended) = (frame + 1 + usize::from(ends), ended + usize::from(ends));
        }
        Ok(())
    }

    /// Transitions before an end, and whether it was a terminal state.
    fn end(&self, index: usize) -> (usize, bool) {
        let end = u32::from_le_bytes(self.ends[index]);
        ((end >> 1) as usize, end & 1 == 1)
    }

    fn read(&self, frame: usize, from: usize, numbers: &mut [f32]) {
        let stored = &self.numbers[frame * self.width + from..][..numbers.len()];
        for (number, &stored) in numbers.iter_mut().zip(stored) {
            *number = f32::from_le_bytes(stored);
        }
    }
}

impl Replay<'_> {
    /// Hands all transitions to `sink`, piece by piece, in the form that [`Shipped::parse`] reads. The newest
    /// one's episode is cut off there.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn ship<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let ended = self.ends().count();
        sink(&(self.len() as u32).to_le_bytes())?;
        sink(&(ended as u32).to_le_bytes())?;
        for (before, terminated) in self.ends() {
            sink(&((before as u32) << 1 | u32::from(terminated)).to_le_bytes())?;
        }
        let mut ends = self.ends().map(|end| end.0).peekable();
        for (at, index) in self.oldest(self.len()).enumerate() {
            let step = self.get(index);
            let rest = step.action.iter().chain([step.reward]);
            for number in step.observation.iter().chain(rest) {
                sink(&number.to_le_bytes())?;
            }
            if ends.next_if_eq(&(at + 1)).is_some() {
                let nothing = core::iter::repeat_n(0.0, self.actions() + 1);
                for number in step.next_observation.iter().chain(nothing) {
                    sink(&number.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Transitions before every end, of which the last is behind the newest one, and whether it was a terminal
    /// state.
    fn ends(&self) -> impl Iterator<Item = (usize, bool)> {
        let indices = self.oldest(self.len()).enumerate();
        indices.filter_map(|(at, index)| {
            let step = self.get(index);
            let ends = step.terminated || step.truncated || at + 1 == self.len();
            ends.then_some((at + 1, step.terminated))
        })
    }
}
