//! Why learning cannot begin or go on.

use super::memory::ReplayError;
use crate::arena::OutOfMemory;
use crate::kernels::NoThreads;
use lacewing_formats::topology::TopologyError;
use thiserror::Error;

/// Most layers a network may have.
pub const MAX_LAYERS: usize = 5;

/// Why an agent cannot be made or cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LearnError {
    /// See [`OutOfMemory`].
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// See [`TopologyError`].
    #[error("a layer has no such topology: {0}")]
    Topology(#[from] TopologyError),
    /// See [`NoThreads`].
    #[error(transparent)]
    Threads(#[from] NoThreads),
    /// See [`ReplayError`].
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// More layers than [`MAX_LAYERS`].
    #[error("a network has 1 to {MAX_LAYERS} layers")]
    Layers,
    /// Networks that cannot be.
    #[error("no such agent has networks of these shapes: see AgentShape")]
    Shape,
    /// A setting has no meaning: its name, and what it must be.
    #[error("{0}")]
    Config(&'static str),
    /// Replay and agent have observations or actions of different lengths.
    #[error("the replay's observations and actions are not this agent's")]
    OtherReplay,
    /// The replay is empty.
    #[error("there is nothing to learn from yet: store a transition first")]
    NoData,
    /// More steps than an iteration has, or others than it began with.
    #[error(
        "the replay's {found} steps are not those of an iteration: make all updates that are due \
         before more steps are stored"
    )]
    Iteration {
        /// Steps in the replay.
        found: usize,
    },
    /// The guard's rules do not allow a step along these gradients (see
    /// [`guard_gradients`](super::Agent::guard_gradients)); the networks are as they were.
    #[error(
        "an update was rejected, since its gradient is far longer than usual or not finite: go on with \
         the next one"
    )]
    Rejected,
    /// There was nothing but such updates, or ones that diverged, for so long.
    #[error(
        "the last {0} updates all diverged, or had gradients far too long: go back to an earlier policy, with a \
         lower learning rate"
    )]
    Hopeless(u32),
    /// A loss or an output of the policy is NaN or infinite.
    #[error(
        "learning diverged (a loss or an action is not finite): go back to the last save, with a \
         lower learning rate"
    )]
    Diverged,
}
