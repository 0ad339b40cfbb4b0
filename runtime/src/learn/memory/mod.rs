//! What an agent has seen.

mod replay;
mod rollout;

pub use replay::{Replay, ReplayError, Transition};
pub use rollout::Rollout;
