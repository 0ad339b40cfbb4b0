//! The replay ring: transitions in the caller's memory, oldest overwritten first.

use rand_core::Rng;
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
}

/// A ring of transitions.
#[derive(Debug)]
pub struct Replay<'m> {
    rows: &'m mut [f32],
    observations: usize,
    actions: usize,
    capacity: usize,
    len: usize,
    next: usize,
}

impl<'m> Replay<'m> {
    /// f32 values that one transition takes.
    pub const fn row_len(observations: usize, actions: usize) -> usize {
        2 * observations + actions + 2
    }

    /// An empty ring with as many places as `memory` has room for.
    ///
    /// # Errors
    /// [`ReplayError::NoRoom`].
    pub fn new(
        memory: &'m mut [f32],
        observations: usize,
        actions: usize,
    ) -> Result<Self, ReplayError> {
        let needed = Self::row_len(observations, actions);
        let capacity = memory.len() / needed;
        if capacity == 0 {
            return Err(ReplayError::NoRoom { needed });
        }
        let rows = &mut memory[..capacity * needed];
        Ok(Self { rows, observations, actions, capacity, len: 0, next: 0 })
    }

    /// Stores a transition, over the oldest if the ring is full.
    ///
    /// # Errors
    /// [`ReplayError`] if lengths differ or a number is not finite; nothing is stored then.
    pub fn push(&mut self, step: Transition<'_>) -> Result<(), ReplayError> {
        let expected = Self::row_len(self.observations, self.actions);
        let found = step.observation.len() + step.action.len() + step.next_observation.len() + 2;
        if step.observation.len() != self.observations
            || step.next_observation.len() != self.observations
            || step.action.len() != self.actions
        {
            return Err(ReplayError::Length { expected, found });
        }
        let parts =
            [step.observation, step.next_observation, step.action, &[step.reward, step.end()]];
        if parts.iter().copied().flatten().any(|number| !number.is_finite()) {
            return Err(ReplayError::NotFinite);
        }
        let row = &mut self.rows[self.next * expected..][..expected];
        for (place, &number) in row.iter_mut().zip(parts.into_iter().flatten()) {
            *place = number;
        }
        self.next = (self.next + 1) % self.capacity;
        self.len = self.capacity.min(self.len + 1);
        Ok(())
    }

    /// What is stored next does not follow the newest transition: its episode was cut off there.
    pub fn cut(&mut self) {
        if self.is_empty() {
            return;
        }
        let length = Self::row_len(self.observations, self.actions);
        let newest = (self.next + self.capacity - 1) % self.capacity;
        let end = &mut self.rows[newest * length..][length - 1];
        if *end > 0.0 {
            *end = -1.0;
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.len, self.next) = (0, 0);
    }

    /// Transitions stored.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Transitions that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Length of an action.
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// Forgets all but the newest `count` transitions.
    pub fn keep_newest(&mut self, count: usize) {
        self.len = self.len.min(count);
    }

    /// Indices of the oldest transitions, `most` at most.
    pub fn oldest(&self, most: usize) -> impl ExactSizeIterator<Item = usize> {
        // A full ring is numbered by its places, any other one from the oldest on.
        let (first, len) = (if self.is_full() { self.next } else { 0 }, self.len);
        (0..most.min(len)).map(move |at| (first + at) % len)
    }

    fn is_full(&self) -> bool {
        self.len == self.capacity
    }

    /// Place of the transition with index 0.
    fn first(&self) -> usize {
        if self.is_full() { 0 } else { (self.next + self.capacity - self.len) % self.capacity }
    }

    /// The stored transition at `index`, below [`len`](Self::len).
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, index: usize) -> Transition<'_> {
        assert!(index < self.len, "no transition {index}");
        let length = Self::row_len(self.observations, self.actions);
        let place = (self.first() + index) % self.capacity;
        let row = &self.rows[place * length..][..length];
        let (observation, rest) = row.split_at(self.observations);
        let (next_observation, rest) = rest.split_at(self.observations);
        let (action, rest) = rest.split_at(self.actions);
        let (reward, end) = (rest[0], rest[1]);
        let (terminated, truncated) = Transition::ends(end);
        Transition { observation, action, reward, next_observation, terminated, truncated }
    }

    /// The transition at `index` and those that follow it, `most` at most: up to an episode's end or the
    /// newest one.
    pub fn run(&self, index: u32, most: usize) -> impl Iterator<Item = u32> {
        let capacity = self.capacity;
        let newest = (self.next + 2 * capacity - 1 - self.first()) % capacity;
        let follows = move |&at: &u32| {
            let step = self.get(at as usize);
            let goes_on = !step.terminated && !step.truncated && at as usize != newest;
            goes_on.then(|| (at + 1) % capacity as u32)
        };
        core::iter::successors(Some(index), follows).take(most)
    }

    /// Fills `indices` with uniform draws of stored transitions, with replacement.
    ///
    /// # Panics
    /// If the ring is empty.
    pub fn sample(&self, rng: &mut impl Rng, indices: &mut [u32]) {
        assert!(!self.is_empty(), "nothing to sample from");
        for index in indices {
            *index = ((u64::from(rng.next_u32()) * self.len as u64) >> 32) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapless::Vec;

    /// A ring of five places for observations and actions of one number.
    fn ring(memory: &mut [f32; 25], rewards: core::ops::Range<u8>) -> Replay<'_> {
        let mut ring = Replay::new(memory, 1, 1).unwrap();
        rewards.for_each(|reward| push(&mut ring, reward));
        ring
    }

    fn push(ring: &mut Replay<'_>, reward: u8) {
        ring.push(Transition {
            observation: &[0.0],
            action: &[0.0],
            reward: reward.into(),
            next_observation: &[0.0],
            terminated: false,
            truncated: false,
        })
        .unwrap();
    }

    #[test]
    fn a_cut_ends_the_newest_run_and_no_other() {
        let mut memory = [0.0; 25];
        let mut ring = ring(&mut memory, 0..0);
        ring.cut();
        // Also where the newest lies in the last place of a full ring.
        for _ in 0..2 {
            (0..5).for_each(|reward| push(&mut ring, reward));
            ring.cut();
            let cut = |at: usize| ring.get(at).truncated;
            assert_eq!([0, 1, 2, 3, 4].map(cut), [false, false, false, false, true]);
        }
        push(&mut ring, 5);
        assert_eq!(ring.run(3, 9).collect::<Vec<_, 8>>(), [3, 4]);
    }

    fn rewards(ring: &Replay<'_>, indices: impl Iterator<Item = usize>) -> Vec<u8, 8> {
        indices.map(|index| ring.get(index).reward as u8).collect()
    }

    #[test]
    fn the_oldest_are_forgotten() {
        for pushed in [3, 5, 7, 11] {
            let mut memory = [0.0; 25];
            let mut ring = ring(&mut memory, 0..pushed);
            let first = pushed.saturating_sub(5);
            assert_eq!(rewards(&ring, ring.oldest(2)), [first, first + 1]);
            ring.keep_newest(2);
            assert_eq!(rewards(&ring, 0..2), [pushed - 2, pushed - 1]);
            assert_eq!(ring.run(0, 9).collect::<Vec<_, 8>>(), [0, 1]);
            (pushed..pushed + 2).for_each(|reward| push(&mut ring, reward));
            assert_eq!(
                rewards(&ring, ring.oldest(9)),
                [pushed - 2, pushed - 1, pushed, pushed + 1]
            );
            // Full once more, it is numbered by places, and a run goes on over the last one.
            (pushed + 2..pushed + 4).for_each(|reward| push(&mut ring, reward));
            assert_eq!(ring.len(), 5);
            let oldest = ring.oldest(1).next().unwrap() as u32;
            let run = ring.run(oldest, 9).map(|at| at as usize);
            assert!(rewards(&ring, run).iter().copied().eq(pushed - 1..pushed + 4));
        }
    }
}
