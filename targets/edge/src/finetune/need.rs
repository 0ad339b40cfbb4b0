//! The memory that fine-tuning takes, known before it starts.

use crate::EdgeError;
use lacewing_runtime::learn::{Block, Replay, Resume, Td3};
use std::fmt;

/// Bytes by what they are for.
pub struct Need {
    /// The policy file, and the two copies of it that saving builds.
    files: usize,
    /// Blocks of networks, targets, optimiser and working memory.
    learner: usize,
    /// Transitions that the replay keeps.
    transitions: usize,
    /// Numbers of a transition.
    row: usize,
}

impl Need {
    /// What it takes to go on from `resume`, which lies in a file of `file` bytes.
    pub fn of(resume: &Resume<'_>, file: usize, transitions: usize) -> Self {
        let shape = resume.shape();
        Self {
            files: 3 * file,
            learner: Td3::blocks(shape, resume.config()),
            transitions,
            row: Replay::row_len(shape.observations(), shape.actions()),
        }
    }

    fn replay(&self) -> usize {
        self.transitions.saturating_mul(self.row * size_of::<f32>())
    }

    fn total(&self) -> usize {
        (self.files + self.learner * Block::BYTES).saturating_add(self.replay())
    }

    /// Refuses to go over a limit.
    ///
    /// # Errors
    /// [`EdgeError::Memory`].
    pub fn check(&self, limit: Option<usize>) -> Result<(), EdgeError> {
        match limit {
            Some(limit) if limit < self.total() => Err(self.error(limit)),
            _ => Ok(()),
        }
    }

    /// Memory for the learner and for the replay.
    ///
    /// # Errors
    /// [`EdgeError::Memory`] if the system has not so much.
    pub fn allocate(&self) -> Result<(Vec<Block>, Vec<f32>), EdgeError> {
        let mut replay = Vec::new();
        let numbers = self.transitions.saturating_mul(self.row);
        replay.try_reserve_exact(numbers).map_err(|_| self.error(self.total() - self.replay()))?;
        replay.resize(numbers, 0.0);
        Ok((vec![Block::ZERO; self.learner], replay))
    }

    fn error(&self, limit: usize) -> EdgeError {
        EdgeError::Memory { need: self.total(), limit, transition: self.row * size_of::<f32>() }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory: {} bytes ({} policy file and saving it, {} learner, {} replay of {} \
             transitions)",
            self.total(),
            self.files,
            self.learner * Block::BYTES,
            self.replay(),
            self.transitions
        )
    }
}
