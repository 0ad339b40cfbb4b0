//! The memory that fine-tuning takes, known before it starts.

use crate::EdgeError;
use lacewing_runtime::learn::{AnyAgent, Block, ReplayShape, Resume, Training};
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
    /// What the replay keeps.
    replay: ReplayShape,
}

impl Need {
    /// What it takes to go on from `resume`, which lies in a file of `file` bytes.
    pub fn of(resume: &Resume<'_>, training: &Training, file: usize, replay: ReplayShape) -> Self {
        let learner = AnyAgent::blocks(resume.shape(), resume.settings(), training);
        Self { files: 3 * file, learner, acting: 0, replay }
    }

    /// The same with so many blocks for copies of the policy.
    pub fn and_acting(self, acting: usize) -> Self {
        Self { acting, ..self }
    }

    fn total(&self) -> usize {
        let blocks = (self.learner + self.acting).saturating_add(self.replay.blocks());
        blocks.saturating_mul(Block::BYTES).saturating_add(self.files)
    }

    /// Refuses to go over a limit.
    ///
    /// # Errors
    /// [`EdgeError::Memory`].
    pub fn check(&self, limit: Option<usize>) -> Result<(), EdgeError> {
        match limit {
            Some(limit) if limit < self.total() => {
                let (need, transition) = (self.total(), self.replay.transition_bytes());
                Err(EdgeError::Memory { need, limit, transition })
            }
            _ => Ok(()),
        }
    }

    /// Memory for the learner and for the replay.
    ///
    /// # Errors
    /// [`EdgeError::NoMemory`] if the system has not so much.
    pub fn allocate(&self) -> Result<[Vec<Block>; 2], EdgeError> {
        blocks(self.learner)
            .and_then(|learner| Ok([learner, blocks(self.replay.blocks())?]))
            .map_err(|_| EdgeError::NoMemory {
                need: self.total(),
                transition: self.replay.transition_bytes(),
            })
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory: {} bytes ({} policy file and saving it, {} learner, {} copies that act, {} replay of \
             {} transitions, {} bytes each)",
            self.total(),
            self.files,
            self.learner * Block::BYTES,
            self.acting * Block::BYTES,
            self.replay.blocks() * Block::BYTES,
            self.replay.transitions,
            self.replay.transition_bytes()
        )
    }
}

fn blocks(count: usize) -> Result<Vec<Block>, TryReserveError> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count)?;
    blocks.resize(count, Block::ZERO);
    Ok(blocks)
}
