//! What can go wrong between ONNX and the policy file.

use lacewing_formats::topology::AllocationError;
use thiserror::Error;

use crate::lab::files::FileError;
use crate::lab::policy::PolicyError;

/// Why a model was not exported, imported or run.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// The import is not part of this build.
    #[cfg(not(feature = "onnx"))]
    #[error(
        "this lacewing was built without ONNX import; rebuild it with \
         `cargo install --path trainer --features onnx`"
    )]
    NotBuilt,
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// The bytes are not an ONNX model.
    #[error("not an ONNX model ({reason}): give a .onnx file as an exporter wrote it")]
    NotOnnx {
        /// What is wrong with the bytes.
        reason: String,
    },
    /// The model computes nothing that can be pruned.
    #[error("the model holds no Gemm or MatMul layer: export the actor's network")]
    NoLayer,
    /// The model must have one input and one output, or an output named `action`.
    #[error(
        "cannot tell the actor's {what} among [{}]: export the actor alone, from one observation \
         to one action",
        found.join(", ")
    )]
    Ports {
        /// `input` or `output`.
        what: &'static str,
        /// Those the model has.
        found: Vec<String>,
    },
    /// A node is not part of a chain of linear layers and activations.
    #[error("node `{node}` ({op}): {problem}")]
    Node {
        /// Name of the node, or of its first output where it has none.
        node: String,
        /// ONNX operator.
        op: String,
        /// What is wrong and what would do.
        problem: String,
    },
    /// A constant of the model cannot be used.
    #[error("tensor `{tensor}`: {problem}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The model says nothing of the limits of its actions.
    #[error(
        "the model ends in a linear layer, so its actions are in the environment's units: give the \
         limits of its {actions} actions with --low and --high, or name its --env"
    )]
    Unlimited {
        /// Actions the model computes.
        actions: usize,
    },
    /// The limits of the actions, given or the model's own, are of no use.
    #[error("the limits of the actions do not fit the model: {problem}")]
    Limits {
        /// What does not fit.
        problem: String,
    },
    /// The sparsity asked for has no allocation.
    #[error(transparent)]
    Allocation(#[from] AllocationError),
    /// A layer would lose all its links.
    #[error("layer {layer} would keep no link at sparsity {sparsity}; ask for less")]
    Empty {
        /// Which layer, counted from 0.
        layer: usize,
        /// The sparsity asked for.
        sparsity: f64,
    },
    /// The pruned network does not fit a policy file.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// tract refused the model or failed to run it.
    #[error("tract cannot run the model: {reason}")]
    Tract {
        /// tract's reason.
        reason: String,
    },
    /// tract, reading the same file, computes other actions than the imported network.
    #[error(
        "action {action} is {ours} as imported and {theirs} on tract: the weights overflow f32 or \
         the model was misread; check it in another runtime and report it if that runs it"
    )]
    Disagreement {
        /// Index of the action.
        action: usize,
        /// Of the imported network, before pruning.
        ours: f32,
        /// Of tract.
        theirs: f32,
    },
    /// An observation or action has the wrong length.
    #[error("{what} has {found} numbers; the model wants {expected}")]
    Length {
        /// `observation` or `action`.
        what: &'static str,
        /// Numbers given.
        found: usize,
        /// Numbers wanted.
        expected: usize,
    },
}
