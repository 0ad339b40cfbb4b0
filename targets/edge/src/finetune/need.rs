//! The memory that fine-tuning takes, known before it starts.

use super::spill::ReplayMemory;
use crate::EdgeError;
use lacewing_runtime::learn::{Block, Budget, ReplayShape, Resume, Training};
use std::collections::TryReserveError;
use std::fmt;
use std::path::{Path, PathBuf};

/// Bytes by what they are for, and the replay that is meant.
pub struct Need {
    budget: Budget,
    replay: ReplayShape,
    /// Where the replay lies, if not in memory.
    spill: Option<PathBuf>,
}

impl Need {
    /// See [`Budget::of_tuning`].
    pub fn of(
        from: (&Resume<'_>, usize),
        training: &Training,
        replay: ReplayShape,
        live: bool,
    ) -> Self {
        let budget = Budget::of_tuning(from, training, &replay, live);
        Self { budget, replay, spill: None }
    }

    /// The same with the replay in a file of `folder`, if one is given.
    pub fn and_spill(self, folder: Option<&Path>) -> Self {
        let replay = if folder.is_some() { 0 } else { self.budget.replay };
        let budget = Budget { replay, ..self.budget };
        Self { budget, spill: folder.map(Path::to_path_buf), ..self }
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
    /// [`EdgeError::NoMemory`] if the system has not so much, [`EdgeError::Spill`].
    pub fn allocate(&self) -> Result<(Vec<Block>, ReplayMemory), EdgeError> {
        let none = |_| EdgeError::NoMemory {
            need: self.budget.total(),
            transition: self.replay.transition_bytes(),
        };
        let learner = blocks(self.budget.learner() / Block::BYTES).map_err(none)?;
        let replay = match &self.spill {
            Some(folder) => ReplayMemory::in_file(folder, self.replay.blocks())?,
            None => ReplayMemory::Own(blocks(self.replay.blocks()).map_err(none)?),
        };
        Ok((learner, replay))
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, each) = (self.replay.transitions, self.replay.transition_bytes());
        write!(f, "memory: {} (replay of {kept} transitions, {each} bytes each", self.budget)?;
        if let Some(folder) = &self.spill {
            let bytes = self.replay.blocks() * Block::BYTES;
            write!(f, ", {bytes} in a file in {}", folder.display())?;
        }
        write!(f, ")")
    }
}

fn blocks(count: usize) -> Result<Vec<Block>, TryReserveError> {
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count)?;
    blocks.resize(count, Block::ZERO);
    Ok(blocks)
}
