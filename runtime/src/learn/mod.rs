//! Truly sparse learning: a pruned link costs nothing in memory, forward, backward or optimiser.
//!
//! All memory is the caller's: [`Td3::blocks`] says how much, [`Td3::new`] divides it up. The same
//! code trains from scratch on a workstation and fine-tunes on a device.

mod adam;
mod config;
mod gradients;
mod layer;
mod learner;
mod memory;
mod mlp;
mod replay;
mod resume;
mod share;
mod td3;

pub use config::{
    AgentShape, MAX_LAYERS, MAX_THREADS, Method, NetworkShape, Rewire, Sparsity, Td3Config,
};
pub use gradients::Gradients;
pub use layer::{Init, LayerRef};
pub use memory::{Arena, Block, OutOfMemory};
pub use mlp::{Head, Mlp, Trace, Wanted};
pub use replay::{Replay, ReplayError, Transition};
pub use resume::{Resume, ResumeError, ResumeHeader};
pub use td3::{LearnError, Losses, Td3};
