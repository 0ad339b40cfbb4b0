//! The memory that fine-tuning takes, known before it starts.

use crate::EdgeError;
use lacewing_runtime::learn::{AnyAgent, Block, Budget, ReplayShape, Resume, Training};
use std::collections::TryReserveError;
use std::fmt;

/// Bytes by what they are for, and the replay that is meant.
pub struct Need {
    budget: Budget,
    replay: ReplayShape,
}

impl Need {
    /// What it takes to go on from `resume`, which lies in a file of `file` bytes; saving builds two
    /// copies of that.
    pub fn of(resume: &Resume<'_>, training: &Training, file: usize, replay: ReplayShape) -> Self {
        let learner = AnyAgent::budget(resume.shape(), resume.settings(), training);
        let replay_bytes = replay.blocks() * Block::BYTES;
        Self { budget: Budget { files: 3 * file, replay: replay_bytes, ..learner }, replay }
    }

    /// The same with so many blocks for copies of the policy.
    pub fn and_acting(self, acting: usize) -> Self {
        Self { budget: Budget { acting: acting * Block::BYTES, ..self.budget }, ..self }
    }

    /// The same with so many bytes for saving the session.
    pub fn and_saving(self, bytes: usize) -> Self {
        let files = self.budget.files + bytes;
        Self { budget: Budget { files, ..self.budget }, ..self }
    }

    /// Its parts by name, in bytes.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Refuses to go over a limit.
    ///
    /// # Errors
    /// [`EdgeError::Memory`].
    pub fn check(&self, limit: Option<usize>) -> Result<(), EdgeError> {
        let (need, transition) = (self.budget.total(), self.replay.transition_bytes());
        match limit {
            Some(limit) if limit < need => Err(EdgeError::Memory { need, limit, transition }),
            _ => Ok(()),
        }
    }

    /// Memory for the learner and for the replay.
    ///
    /// # Errors
    /// [`EdgeError::NoMemory`] if the system has not so much.
    pub fn allocate(&self) -> Result<[Vec<Block>; 2], EdgeError> {
        blocks(self.budget.learner() / Block::BYTES)
            .and_then(|learner| Ok([learner, blocks(self.replay.blocks())?]))
            .map_err(|_| EdgeError::NoMemory {
                need: self.budget.total(),
                transition: self.replay.transition_bytes(),
            })
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, each) = (self.replay.transitions, self.replay.transition_bytes());
        write!(f, "memory: {} (replay of {kept} transitions, {each} bytes each)", self.budget)
    }
}

fn blocks(count: usize) -> Result<Vec<Block>, TryReserveError> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count)?;
    blocks.resize(count, Block::ZERO);
    Ok(blocks)
}
