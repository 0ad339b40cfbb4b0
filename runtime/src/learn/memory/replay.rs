//! The replay ring: transitions in the caller's memory, oldest overwritten first.

use super::frames::Frames;
use super::rows::Rows;
use super::{Range, ReplayError, ReplayShape, Stored, Transition};
use crate::arena::Arena;
use rand_core::Rng;

/// A ring of transitions.
#[derive(Debug)]
pub struct Replay<'m> {
    pub(super) store: Store<'m>,
    observations: usize,
    actions: usize,
    capacity: usize,
    pub(super) len: usize,
    pub(super) next: usize,
    half_life: Option<f32>,
}

/// In which form transitions are kept.
#[derive(Debug)]
pub(super) enum Store<'m> {
    Rows(Rows<'m>),
    Frames(Frames<'m>),
}

impl<'m> Replay<'m> {
    /// f32 values that one transition takes in [`Replay::new`].
    pub const fn row_len(observations: usize, actions: usize) -> usize {
        2 * observations + actions + 2
    }

    /// An empty ring with as many places as `memory` has room for; a transition takes
    /// [`Replay::row_len`] numbers, whatever came before it.
    ///
    /// # Errors
    /// [`ReplayError::NoRoom`].
    pub fn new(
        memory: &'m mut [f32],
        observations: usize,
        actions: usize,
    ) -> Result<Self, ReplayError> {
        let width = Self::row_len(observations, actions);
        let capacity = memory.len() / width;
        if capacity == 0 {
            return Err(ReplayError::NoRoom { needed: width });
        }
        let rows = Rows { rows: &mut memory[..capacity * width], observations, width };
        Ok(Self::over(Store::Rows(rows), observations, actions, capacity))
    }

    /// An empty ring in [`ReplayShape::blocks`] of memory that keeps each observation once: what one
    /// transition ends with, the next begins with, or its episode was cut off in between. `range` says
    /// between what a number of an observation lies, where that is known.
    ///
    /// Learning from it takes the same samples as from [`Replay::new`]'s, and gives the same bits where
    /// numbers are f32 and `shape` has a place for every end.
    ///
    /// # Errors
    /// [`ReplayError`] if there is too little memory, or a number without a range is to be a byte.
    pub fn compact(
        arena: &mut Arena<'m>,
        shape: ReplayShape,
        range: impl Fn(usize) -> Option<Range>,
    ) -> Result<Self, ReplayError> {
        let frames = Frames::new(arena, shape, range)?;
        let ReplayShape { observations, actions, transitions, .. } = shape;
        Ok(Self::over(Store::Frames(frames), observations, actions, transitions))
    }

    fn over(store: Store<'m>, observations: usize, actions: usize, capacity: usize) -> Self {
        Self { store, observations, actions, capacity, len: 0, next: 0, half_life: None }
    }

    /// From now on samples are drawn the more often the newer they are: half as often for every so many
    /// transitions that came after, above 0. `None`: all as often.
    ///
    /// What the policy does now is in its newest transitions, which Wang & Ross 2019 (§3, "emphasizing
    /// recent experience") draw more often by shortening what is drawn from; this is the same as a weight.
    pub fn set_half_life(&mut self, transitions: Option<f32>) {
        self.half_life = transitions;
    }

    /// Stores a transition, over the oldest if the ring is full.
    ///
    /// # Errors
    /// [`ReplayError`] if lengths differ or a number is not finite; nothing is stored then.
    pub fn push(&mut self, step: Transition<'_>) -> Result<(), ReplayError> {
        if step.observation.len() != self.observations
            || step.next_observation.len() != self.observations
            || step.action.len() != self.actions
        {
            let expected = Self::row_len(self.observations, self.actions);
            let found =
                step.observation.len() + step.action.len() + step.next_observation.len() + 2;
            return Err(ReplayError::Length { expected, found });
        }
        let parts = [step.observation, step.next_observation, step.action, &[step.reward]];
        if parts.into_iter().flatten().any(|number| !number.is_finite()) {
            return Err(ReplayError::NotFinite);
        }
        self.len = match &mut self.store {
            Store::Rows(rows) => {
                rows.write(self.next, &step);
                self.capacity.min(self.len + 1)
            }
            Store::Frames(frames) => {
                frames.push(&step);
                frames.len()
            }
        };
        self.next = (self.next + 1) % self.capacity;
        Ok(())
    }

    /// What is stored next does not follow the newest transition: its episode was cut off there.
    pub fn cut(&mut self) {
        let newest = (self.next + self.capacity - 1) % self.capacity;
        match &mut self.store {
            Store::Rows(rows) if self.len > 0 => rows.cut(newest),
            Store::Rows(_) => {}
            Store::Frames(frames) => {
                frames.cut();
                self.len = frames.len();
            }
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        (self.len, self.next) = (0, 0);
        if let Store::Frames(frames) = &mut self.store {
            frames.clear();
        }
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

    /// Numbers so far that were beyond what can be kept of them, and became the nearest that can.
    pub fn clipped(&self) -> u64 {
        match &self.store {
            Store::Rows(_) => 0,
            Store::Frames(frames) => frames.clipped,
        }
    }

    /// Forgets all but the newest `count` transitions.
    pub fn keep_newest(&mut self, count: usize) {
        self.len = self.len.min(count);
        if let Store::Frames(frames) = &mut self.store {
            frames.keep_newest(count);
        }
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
        if self.is_full() { 0 } else { self.oldest_place() }
    }

    fn oldest_place(&self) -> usize {
        (self.next + self.capacity - self.len) % self.capacity
    }

    /// The stored transition at `index`, below [`len`](Self::len).
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, index: usize) -> Stored<'_> {
        assert!(index < self.len, "no transition {index}");
        let place = (self.first() + index) % self.capacity;
        match &self.store {
            Store::Rows(rows) => rows.read(place),
            Store::Frames(frames) => {
                frames.read((place + self.capacity - self.oldest_place()) % self.capacity)
            }
        }
    }

    /// The index of the transition that so many came after.
    fn before_newest(&self, after: usize) -> usize {
        (self.next + 2 * self.capacity - 1 - after - self.first()) % self.capacity
    }

    /// The transition at `index` and those that follow it, `most` at most: up to an episode's end or the
    /// newest one.
    pub fn run(&self, index: u32, most: usize) -> impl Iterator<Item = u32> {
        let capacity = self.capacity;
        let newest = self.before_newest(0);
        let follows = move |&at: &u32| {
            let step = self.get(at as usize);
            let goes_on = !step.terminated && !step.truncated && at as usize != newest;
            goes_on.then(|| (at + 1) % capacity as u32)
        };
        core::iter::successors(Some(index), follows).take(most)
    }

    /// Fills `indices` with draws of stored transitions, with replacement; see
    /// [`set_half_life`](Self::set_half_life) for how likely each is.
    ///
    /// # Panics
    /// If the ring is empty.
    pub fn sample(&self, rng: &mut impl Rng, indices: &mut [u32]) {
        assert!(!self.is_empty(), "nothing to sample from");
        for index in indices {
            let drawn = rng.next_u32();
            *index = match self.half_life {
                None => ((u64::from(drawn) * self.len as u64) >> 32) as u32,
                Some(half_life) => self.before_newest(self.recent(drawn, half_life)) as u32,
            };
        }
    }

    /// How many came after the transition that a draw of 32 bits means, with weights 2^(−after / half-life):
    /// the inverse of their distribution, cut off at the oldest.
    fn recent(&self, drawn: u32, half_life: f32) -> usize {
        let (half_life, len) = (f64::from(half_life), self.len as f64);
        let share = f64::from(drawn) / (f64::from(u32::MAX) + 1.0);
        let whole = 1.0 - libm::exp2(-len / half_life);
        let after = -half_life * libm::log2(1.0 - share * whole);
        (after as usize).min(self.len - 1)
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
