//! The memory of learning, which a configuration may ask too much of.

use lacewing_runtime::learn::{
    AgentShape, AnyAgent, Block, Replay, ReplayShape, Settings, Training,
};
use thiserror::Error;

/// The system does not give the memory asked for.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// For the networks and what learns them.
    #[error(
        "learning takes {gib:.1} GiB, more than this system gives: lower hidden, the batch or \
         threads, or raise the sparsity"
    )]
    Learner {
        /// What it would take.
        gib: f64,
    },
    /// For the replay.
    #[error(
        "a replay of {transitions} transitions takes {gib:.1} GiB, more than this system gives: \
         lower it (replay of the algorithm in a run, --replay of a fine-tuning)"
    )]
    Replay {
        /// Transitions asked for.
        transitions: usize,
        /// What they would take.
        gib: f64,
    },
}

/// Blocks for an agent.
///
/// # Errors
/// [`MemoryError::Learner`].
pub fn learner(
    shape: &AgentShape,
    settings: &Settings,
    training: &Training,
) -> Result<Vec<Block>, MemoryError> {
    let blocks = AnyAgent::blocks(shape, settings, training);
    zeros(blocks, Block::ZERO).ok_or(MemoryError::Learner { gib: gib(blocks, Block::BYTES) })
}

/// Numbers for a replay.
///
/// # Errors
/// [`MemoryError::Replay`].
pub fn replay(
    observations: usize,
    actions: usize,
    transitions: usize,
) -> Result<Vec<f32>, MemoryError> {
    let row = Replay::row_len(observations, actions);
    let error = MemoryError::Replay { transitions, gib: gib(transitions, row * size_of::<f32>()) };
    transitions.checked_mul(row).and_then(|numbers| zeros(numbers, 0.0)).ok_or(error)
}

/// Blocks for a compact replay.
///
/// # Errors
/// [`MemoryError::Replay`].
pub fn compact_replay(shape: &ReplayShape) -> Result<Vec<Block>, MemoryError> {
    let (blocks, transitions) = (shape.blocks(), shape.transitions);
    let error = MemoryError::Replay { transitions, gib: gib(blocks, Block::BYTES) };
    zeros(blocks, Block::ZERO).ok_or(error)
}

/// A vector of zeros, if there is room for it.
fn zeros<T: Clone>(len: usize, zero: T) -> Option<Vec<T>> {
    // Only asked for: `vec!` takes pages that are zero as they come, and are not there until used.
    Vec::<T>::new().try_reserve_exact(len).ok()?;
    Some(vec![zero; len])
}

fn gib(count: usize, bytes: usize) -> f64 {
    count as f64 * bytes as f64 / f64::from(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_an_error_and_no_abort() {
        for transitions in [usize::MAX, usize::MAX / 64] {
            let error = replay(3, 1, transitions).unwrap_err().to_string();
            assert!(error.contains("replay") && error.contains("GiB"), "{error}");
        }
        assert!(zeros(usize::MAX / 128, Block::ZERO).is_none());
        assert_eq!(replay(3, 1, 2).unwrap(), [0.0; 18]);
    }
}
