//! TD3 and SAC on burn: dense tensors with masks, on a CPU or a CUDA GPU.
//!
//! The engine for large networks, and the oracle that the sparse engine
//! ([`lacewing_runtime::learn`]) is held to: both take the same configuration, start from the same
//! layers, change their topology through the same `lacewing_formats::topology` calls and must
//! arrive at the same losses and gradients.
//!
//! burn is generic over its backends and all of it is instantiated here, so this crate stays small
//! and changes rarely; nothing of burn shows in its interface.

mod actor_critic;
mod adam;
mod agent;
mod change;
mod device;
mod error;
mod layer;
mod learned;
mod learner;
mod links;
mod network;
mod observations;
mod online;
mod replay;
mod sac;
mod scalars;
mod state;
mod target;
mod td3;
mod transfer;

pub use agent::{BurnAgent, Gradients, LayerGradient};
pub use device::Device;
pub use error::BurnError;
pub use layer::OwnedLayer;
