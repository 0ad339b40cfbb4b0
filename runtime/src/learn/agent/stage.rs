//! The steps of an update, in an order that the algorithm decides.

use core::ops::Range;
use heapless::Vec;

/// One step on the way through an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Finds the gradients of one part of the losses over the minibatch.
    Gradients(u8),
    /// The optimiser moves some networks along their gradients.
    Step {
        /// Which of [`Algorithm::NETWORKS`](super::Algorithm::NETWORKS).
        networks: Range<u8>,
        /// The scalars move too.
        scalars: bool,
        /// The gradient of all that moves is scaled down to this L2 norm, where it is longer.
        clip: Option<f32>,
        /// Their targets follow by this Polyak factor; 1 makes them copies.
        tau: Option<f32>,
    },
    /// The topology of every network changes where its method says that it is due.
    Change,
}

/// Most stages of an update.
pub const MAX_STAGES: usize = 8;

/// The stages of one update in their order.
pub type Stages = Vec<Stage, MAX_STAGES>;
