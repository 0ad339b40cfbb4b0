//! What a policy is besides its links: activations, scaling of inputs and outputs, origin, and the
//! contract with a robot.

mod activation;
#[cfg(feature = "alloc")]
mod announced;
mod contract;
#[cfg(feature = "alloc")]
mod inward;
mod norm;
mod provenance;
mod scaling;

pub use activation::{Activation, SELU_ALPHA, SELU_SCALE};
#[cfg(feature = "alloc")]
pub use announced::{Announced, Mismatch, is_same_period};
#[cfg(feature = "alloc")]
pub use contract::ContractSpec;
pub use contract::{Contract, ContractError, MAX_CONTRACT_BYTES, MAX_HISTORY, Side, Signal};
#[cfg(feature = "alloc")]
pub use inward::{at_least, at_most};
pub use norm::LayerNorm;
pub use provenance::{Evaluation, MAX_TEXT_BYTES, Provenance};
pub use scaling::{ActionHead, Head, ObservationNormaliser, Probe, scale_action, unscale_action};
