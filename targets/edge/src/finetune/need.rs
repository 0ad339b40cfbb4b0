//! The memory that fine-tuning takes, known before it starts.

use crate::EdgeError;
use lacewing_runtime::learn::{AnyAgent, Block, Replay, Resume, Training};
use std::collections::TryReserveError;
use std::fmt;

/// Bytes by what they are for.
pub struct Need {
    /// The policy file, and the two copies of it that saving builds.
    files: usize,
    /// Blocks of networks, targets, optimiser and working memory.
    learner: usize,
    /// Blocks of the copies of the policy that act while it learns.
    acting: usize,
    /// Transitions that the replay keeps.
    transitions: usize,
    /// Numbers of a transition.
    row: usize,
}

impl Need {
    /// What it takes to go on from `resume`, which lies in a file of `file` bytes.
    pub fn of(resume: &Resume<'_>, training: &Training, file: usize, transitions: usize) -> Self {
        let shape = resume.shape();
        Self {
            files: 3 * file,
            learner: AnyAgent::blocks(shape, resume.settings(), training),
            acting: 0,
            transitions,
            row: Replay::row_len(shape.observations(), shape.action_numbers()),
        }
    }

    /// The same with so many blocks for copies of the policy.
    pub fn and_acting(self, acting: usize) -> Self {
        Self { acting, ..self }
    }

    fn replay(&self) -> usize {
        self.transitions.saturating_mul(self.transition())
    }

    fn total(&self) -> usize {
        (self.files + (self.learner + self.acting) * Block::BYTES).saturating_add(self.replay())
    }

    /// Refuses to go over a limit.
    ///
    /// # Errors
    /// [`EdgeError::Memory`].
    pub fn check(&self, limit: Option<usize>) -> Result<(), EdgeError> {
        match limit {
            Some(limit) if limit < self.total() => {
                let (need, transition) = (self.total(), self.transition());
                Err(EdgeError::Memory { need, limit, transition })
            }
            _ => Ok(()),
        }
    }

    /// Memory for the learner and for the replay.
    ///
    /// # Errors
    /// [`EdgeError::NoMemory`] if the system has not so much.
    pub fn allocate(&self) -> Result<(Vec<Block>, Vec<f32>), EdgeError> {
        let numbers = self.transitions.saturating_mul(self.row);
        filled(self.learner, Block::ZERO)
            .and_then(|learner| Ok((learner, filled(numbers, 0.0)?)))
            .map_err(|_| EdgeError::NoMemory { need: self.total(), transition: self.transition() })
    }

    /// Bytes that a transition of the replay takes.
    fn transition(&self) -> usize {
        self.row * size_of::<f32>()
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory: {} bytes ({} policy file and saving it, {} learner, {} copies that act, {} replay of \
             {} transitions)",
            self.total(),
            self.files,
            self.learner * Block::BYTES,
            self.acting * Block::BYTES,
            self.replay(),
            self.transitions
        )
    }
}

fn filled<T: Clone>(count: usize, value: T) -> Result<Vec<T>, TryReserveError> {
    let mut values = Vec::new();
    values.try_reserve_exact(count)?;
    values.resize(count, value);
    Ok(values)
}
