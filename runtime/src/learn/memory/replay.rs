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
        let whole = memory.len() / needed * needed;
        if whole == 0 {
            return Err(ReplayError::NoRoom { needed });
        }
        Ok(Self { rows: &mut memory[..whole], observations, actions, len: 0, next: 0 })
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
        self.next = (self.next + 1) % self.capacity();
        self.len = self.capacity().min(self.len + 1);
        Ok(())
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
        self.rows.len() / Self::row_len(self.observations, self.actions)
    }

    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.observations
    }

    /// Length of an action.
    pub fn actions(&self) -> usize {
        self.actions
    }

    /// The stored transition at `index`, below [`len`](Self::len).
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, index: usize) -> Transition<'_> {
        assert!(index < self.len, "no transition {index}");
        let length = Self::row_len(self.observations, self.actions);
        let row = &self.rows[index * length..][..length];
        let (observation, rest) = row.split_at(self.observations);
        let (next_observation, rest) = rest.split_at(self.observations);
        let (action, rest) = rest.split_at(self.actions);
        let (reward, end) = (rest[0], rest[1]);
        let (terminated, truncated) = Transition::ends(end);
        Transition { observation, action, reward, next_observation, terminated, truncated }
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
