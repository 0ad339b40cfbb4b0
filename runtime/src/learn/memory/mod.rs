//! What an agent has seen.

mod replay;

pub use replay::{Replay, ReplayError, Transition};
