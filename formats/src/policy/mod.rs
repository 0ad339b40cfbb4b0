//! What a policy is besides its links: activations, scaling of inputs and outputs, origin.

mod activation;
mod provenance;
mod scaling;

pub use activation::Activation;
pub use provenance::{Evaluation, MAX_TEXT_BYTES, Provenance};
pub use scaling::{ActionHead, Head, ObservationNormaliser, Probe, scale_action};
