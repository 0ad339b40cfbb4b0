//! What an agent has seen.

mod coding;
mod frames;
mod range;
mod replay;
mod rollout;
mod rows;
mod saved;
mod shape;
mod shipped;
mod transition;

pub use coding::{NoReplayValues, Numbers, ReplayValues};
pub use range::{Range, observation_range};
pub use replay::Replay;
pub use rollout::Rollout;
pub use saved::ReplayImage;
pub use shape::ReplayShape;
pub use shipped::{Shipped, ShippedError};
pub use transition::{ReplayError, Stored, Transition};
