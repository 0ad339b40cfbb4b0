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
         `cargo install --locked --path trainer --features onnx`"
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
    /// The model must have one output that is an actor, or is named `action`.
    #[error(
        "cannot tell the actor's output among [{}]: name an output with --output, or export the actor \
         alone, from one observation to one action",
        found.join(", ")
    )]
    Ports {
        /// Those the model has.
        found: Vec<String>,
    },
    /// Actions depend on more than one input.
    #[error(
        "the actions need all of the inputs [{}], and a policy file has one observation: export the actor with \
         one input that has them side by side",
        found.join(", ")
    )]
    Inputs {
        /// Those they need.
        found: Vec<String>,
    },
    /// There is no port of the name asked for.
    #[error("the model has no {what} `{wanted}` that leads to actions; it has [{}]", found.join(", "))]
    NoPort {
        /// `input` or `output`.
        what: &'static str,
        /// The name asked for.
        wanted: String,
        /// Those the model has.
        found: Vec<String>,
    },
    /// The output is the same whatever the observation.
    #[error("output `{output}` does not depend on the observation: choose another with --output")]
    Still {
        /// Its name.
        output: String,
    },
    /// The model gives no number.
    #[error(
        "the model answers NaN or infinity as number {number} to a random observation: check it in \
         another runtime"
    )]
    Answer {
        /// Index of the number.
        number: usize,
    },
    /// A node is not part of a chain of linear layers and activations.
    #[error("node `{node}` ({op}): {}", advised(problem))]
    Node {
        /// Name of the node, or of its first output where it has none.
        node: String,
        /// ONNX operator.
        op: String,
        /// What is wrong, and behind a colon or semicolon what would do.
        problem: String,
    },
    /// A constant of the model cannot be used.
    #[error("tensor `{tensor}`: {}", advised(problem))]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong, and behind a colon or semicolon what would do.
        problem: String,
    },
    /// The model says nothing of the limits of its actions.
    #[error(
        "the model ends in a linear layer, so its actions are in the environment's units: give the \
         limits of its {actions} actions with --low and --high, or name its --env; where they are scores \
         of choices (DQN, discrete PPO), give --discrete"
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
    /// A model with one output cannot choose.
    #[error(
        "the model has one output, and a discrete action is a choice among several: leave --discrete out, or \
         pick the scores of the choices with --output"
    )]
    NoChoice,
    /// No half of the output can be the means.
    #[error(
        "the output has {outputs} numbers, and --means takes the first half of an even count: leave it out, or \
         pick the actions with --output"
    )]
    NoHalf {
        /// Numbers of the output.
        outputs: usize,
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
    /// The imported network gives other actions than the model.
    #[error(
        "action {action} is {ours} as imported and {theirs} in the model: off by {off:.1e} where it moves \
         over {spread:.1e} on random observations, so f32 or the limits of the actions lose it; give limits \
         no wider than the robot's (--low, --high), and if that is not it report the model"
    )]
    Disagreement {
        /// Index of the action.
        action: usize,
        /// Of the imported network, before pruning.
        ours: f32,
        /// Of the model in f64.
        theirs: f64,
        /// How far they are apart.
        off: f64,
        /// Between the least and the greatest of the model over all observations.
        spread: f64,
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

/// A problem with what to do about it. Where none says that itself, the model is damaged, or is what no exporter
/// writes.
fn advised(problem: &str) -> String {
    match [": ", "; "].iter().any(|mark| problem.contains(mark)) {
        true => problem.into(),
        false => format!("{problem}: check the model with onnx.checker, then export it again"),
    }
}
