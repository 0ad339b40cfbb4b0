//! Transitions as frames, in which an observation is kept once: what a device has the memory for.
//!
//! A frame is an observation, the action after it and its reward; what followed is the next frame's
//! observation. So an episode of n transitions takes n + 1 frames, the last of which is an observation
//! only. Which those are follows from where episodes ended, a list in order of time.

use super::coding::Coding;
use super::{Numbers, Range, ReplayError, ReplayShape, ReplayValues, Stored, Transition};
use crate::arena::Arena;
use core::ops::Range as Bytes;

/// Transitions are counted in so many bits; what is compared is less apart than half of that.
const COUNT: u32 = u32::MAX >> 1;

/// A ring of frames, and one of episodes' ends.
#[derive(Debug)]
pub(super) struct Frames<'m> {
    pub bytes: &'m mut [u8],
    /// For every end the number of transitions before it, times two, and one more if it was a
    /// terminal state.
    pub ends: &'m mut [u32],
    observation: Coding<'m>,
    action: Coding<'m>,
    pub shape: ReplayShape,
    /// Transitions ever pushed before the oldest one, by [`COUNT`].
    pub oldest: u32,
    /// Frame of the oldest transition.
    pub base: usize,
    pub first_end: usize,
    pub ended: usize,
    /// Transitions.
    pub len: usize,
    /// The frame after the newest transition's is what followed it, and its episode goes on.
    pub open: bool,
    /// Numbers that lay beyond their range.
    pub clipped: u64,
}

impl<'m> Frames<'m> {
    /// The highest count of transitions.
    pub const MOST: u32 = COUNT;

    /// Whether the ends are in the order of time, each of a transition that is held, and the newest
    /// transition's episode ended unless it goes on.
    pub fn are_sound(&self) -> bool {
        let mut ends = (0..self.ended).map(|index| self.end(index).0);
        let in_order = ends.clone().is_sorted_by(|before, after| before < after);
        let (first, last) = (ends.clone().next().unwrap_or(1), ends.next_back().unwrap_or(0));
        let whole = if self.open { last < self.len } else { last == self.len };
        in_order && first > 0 && whole
    }

    pub fn new(
        arena: &mut Arena<'m>,
        shape: ReplayShape,
        range: impl Fn(usize) -> Option<Range>,
    ) -> Result<Self, ReplayError> {
        let most = COUNT as usize / 4 + 1;
        if !(1..=most).contains(&shape.transitions) || !(1..=most).contains(&shape.ends) {
            return Err(ReplayError::Transitions);
        }
        let symmetric = |_| Some(Range { low: -1.0, high: 1.0 });
        // Wider actions than [−1, 1] lose less where nobody says that they are not.
        let of_action = |at| symmetric(at).filter(|_| shape.action_values == ReplayValues::U8);
        Ok(Self {
            observation: Coding::new(arena, shape.values, shape.observations, range)?,
            action: Coding::new(arena, shape.action_values, shape.actions, of_action)?,
            ends: arena.take(shape.ends)?,
            bytes: arena.take(shape.frames() * shape.transition_bytes())?,
            shape,
            oldest: 0,
            base: 0,
            first_end: 0,
            ended: 0,
            len: 0,
            open: false,
            clipped: 0,
        })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, step: &Transition<'_>) {
        let pending = self.observation_at(self.next_frame());
        if self.open && !self.observation.is_written(step.observation, &self.bytes[pending]) {
            self.close(false);
        }
        while self.len >= self.shape.transitions {
            self.forget_oldest();
        }
        let frame = self.next_frame();
        if !self.open {
            self.write_observation(frame, step.observation);
        }
        let (action, reward) = self.rest_at(frame);
        self.clipped += self.action.write(step.action, &mut self.bytes[action]);
        self.bytes[reward].copy_from_slice(&step.reward.to_le_bytes());
        self.write_observation(frame + 1, step.next_observation);
        (self.len, self.open) = (self.len + 1, true);
        if step.terminated || step.truncated {
            self.close(step.terminated);
        }
    }

    /// What is pushed next does not follow.
    pub fn cut(&mut self) {
        if self.open {
            self.close(false);
        }
    }

    pub fn clear(&mut self) {
        (self.len, self.ended, self.open) = (0, 0, false);
    }

    pub fn keep_newest(&mut self, count: usize) {
        while self.len > count {
            self.forget_oldest();
        }
    }

    /// The transition that came so many after the oldest, below [`len`](Self::len).
    pub fn read(&self, age: usize) -> Stored<'_> {
        // Ends before it; each has a frame of its own.
        let (mut before, mut after) = (0, self.ended);
        while before < after {
            let middle = (before + after) / 2;
            if self.end(middle).0 <= age { before = middle + 1 } else { after = middle }
        }
        let frame = self.base + age + before;
        let end = (before < self.ended).then(|| self.end(before)).filter(|end| end.0 == age + 1);
        let (action, reward) = self.rest_at(frame);
        let of_observation =
            |frame| Numbers::coded(&self.observation, &self.bytes[self.observation_at(frame)]);
        Stored {
            observation: of_observation(frame),
            action: Numbers::coded(&self.action, &self.bytes[action]),
            reward: bytemuck::pod_read_unaligned(&self.bytes[reward]),
            next_observation: of_observation(frame + 1),
            terminated: end.is_some_and(|end| end.1),
            truncated: end.is_some_and(|end| !end.1),
        }
    }

    /// How many transitions from the oldest on come before an end, and whether it was a terminal state.
    fn end(&self, index: usize) -> (usize, bool) {
        let end = self.ends[(self.first_end + index) % self.ends.len()];
        ((end >> 1).wrapping_sub(self.oldest) as usize & COUNT as usize, end & 1 == 1)
    }

    /// The newest transition is its episode's last.
    fn close(&mut self, terminated: bool) {
        while self.ended == self.ends.len() {
            self.forget_oldest();
        }
        self.open = false;
        // With the last place for an end the newest transition itself may have gone.
        if self.len > 0 {
            let place = (self.first_end + self.ended) % self.ends.len();
            let before = self.oldest.wrapping_add(self.len as u32);
            self.ends[place] = before << 1 | u32::from(terminated);
            self.ended += 1;
        }
    }

    fn forget_oldest(&mut self) {
        self.oldest = self.oldest.wrapping_add(1) & COUNT;
        self.base = (self.base + 1) % self.shape.frames();
        self.len -= 1;
        if self.ended > 0 && self.end(0).0 == 0 {
            self.base = (self.base + 1) % self.shape.frames();
            self.first_end = (self.first_end + 1) % self.ends.len();
            self.ended -= 1;
        }
    }

    /// Where the next transition goes.
    fn next_frame(&self) -> usize {
        self.base + self.len + self.ended
    }

    fn write_observation(&mut self, frame: usize, observation: &[f32]) {
        let place = self.observation_at(frame);
        self.clipped += self.observation.write(observation, &mut self.bytes[place]);
    }

    fn observation_at(&self, frame: usize) -> Bytes<usize> {
        let start = frame % self.shape.frames() * self.shape.transition_bytes();
        start..start + self.shape.observation_bytes()
    }

    /// Action and reward of a frame.
    fn rest_at(&self, frame: usize) -> (Bytes<usize>, Bytes<usize>) {
        let action = self.observation_at(frame).end;
        let reward = action + self.shape.action_bytes();
        (action..reward, reward..reward + size_of::<f32>())
    }
}
