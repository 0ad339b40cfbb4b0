//! ONNX: policies out, for any other runtime to check, and dense actors in, to be pruned.
//!
//! Going out needs nothing but the default build; coming in, and tract as the dense baseline of
//! `measure`, need the feature `onnx`.

mod error;
mod export;
#[cfg(feature = "onnx")]
mod import;
mod proto;

use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::policy::Provenance;
use lacewing_formats::topology::Allocation;

pub use error::OnnxError;
pub use export::export;
#[cfg(feature = "onnx")]
pub use import::{TractActor, import};

/// What the one who imports says of the actions.
#[derive(Clone, Copy, Debug)]
pub enum Actions<'a> {
    /// Nothing: the model has to.
    Unsaid,
    /// They lie between these, in the environment's units, one number for all or one an action.
    ///
    /// An actor that ends in Tanh and does not scale its output itself (TD3, SAC, DDPG) has its
    /// [-1, 1] scaled to them, or is left there without; one that ends in a linear layer (PPO, A2C)
    /// already answers in these units and is clipped to them.
    Within {
        /// The least.
        low: &'a [f32],
        /// The greatest.
        high: &'a [f32],
    },
    /// They are discrete: each output is the score of a choice, its logit, probability or Q-value, and
    /// the choice is the index of the greatest.
    Discrete,
}

/// What an imported actor becomes.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// Share of links to remove from the whole network, in `[0, 1)`.
    pub sparsity: f64,
    /// How the sparsity is spread over the layers.
    pub allocation: Allocation,
    /// What the outputs mean; a softmax or ArgMax at the end says by itself that they are choices.
    pub actions: Actions<'a>,
    /// The model's input that is the observation; the only one in use without.
    pub input: Option<&'a str>,
    /// The model's output that is the action; without, the one that is an actor or is named so.
    pub output: Option<&'a str>,
    /// The output has the mean of each action and then as many numbers of their distribution, as RLlib's PPO:
    /// the means are the actions.
    pub means: bool,
    /// Seconds from one action to the next.
    pub control_period_s: f64,
    /// What the policy file says of its origin.
    pub provenance: Provenance<'a>,
}

/// What an import gives.
#[derive(Debug)]
pub struct Imported {
    /// The policy file.
    pub file: AlignedBytes,
    /// What the user should know: ports that were not used, how far actions are off.
    pub notes: Vec<String>,
}

/// Stands in for the import of a build with the feature `onnx`.
///
/// # Errors
/// [`OnnxError::NotBuilt`], always.
#[cfg(not(feature = "onnx"))]
pub fn import(_: &std::path::Path, _: &ImportOptions<'_>) -> Result<Imported, OnnxError> {
    Err(OnnxError::NotBuilt)
}
