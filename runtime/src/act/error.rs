//! Why a policy does not act.

use crate::arena::OutOfMemory;
use thiserror::Error;

/// Why a control step gave no action; the action buffer is as it was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ActError {
    /// The observation has another length than the policy's.
    #[error("the observation has {found} numbers, the policy takes {expected}")]
    ObservationLength {
        /// What the policy takes.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The observation holds NaN or infinity.
    #[error(
        "number {index} of the observation (counted from 0) is NaN or infinite: check that sensor"
    )]
    Observation {
        /// The first such number, counted from 0.
        index: usize,
    },
    /// The action buffer has another length than the policy's actions.
    #[error("there is room for {found} actions, the policy gives {expected}")]
    ActionLength {
        /// What the policy gives.
        expected: usize,
        /// Room given.
        found: usize,
    },
    /// The scratch is shorter than [`super::Policy::scratch_len`].
    #[error("the scratch holds {found} numbers, the policy needs {expected}")]
    ScratchLength {
        /// What the policy needs.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The network's sums overflowed on this observation.
    #[error(
        "output {index} (counted from 0) came out NaN or infinite: the observation is far outside what the policy was trained on"
    )]
    Overflow {
        /// The first such output of the last layer, counted from 0.
        index: usize,
    },
}

/// Why a policy cannot be loaded, or not trusted.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum LoadError {
    /// See [`OutOfMemory`].
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// The processor has no int8 kernel.
    #[error(
        "the kernel {kernel} of this processor has no int8 layout (on x86-64 that takes AVX-512 VBMI and VNNI): run the policy in f32"
    )]
    NoInt8 {
        /// Name of the kernel.
        kernel: &'static str,
    },
    /// A probe's observation gave no action.
    #[error("probe {probe} of the policy file fails: {source}")]
    ProbeFails {
        /// Which probe, counted from 0.
        probe: usize,
        /// Why.
        source: ActError,
    },
    /// A probe's action is not the one recorded in the file.
    #[error(
        "probe {probe} of the policy file gives {found} for action {action} where {expected} is \
         recorded: the file or this build is damaged, do not run it"
    )]
    ProbeDiffers {
        /// Which probe, counted from 0.
        probe: usize,
        /// Which action, counted from 0.
        action: usize,
        /// What the file records.
        expected: f32,
        /// What this processor computes.
        found: f32,
    },
}
