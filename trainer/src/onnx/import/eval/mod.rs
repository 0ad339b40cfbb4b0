//! One node of a model computed in f64, as the
//! [ONNX operators](https://onnx.ai/onnx/operators/) are specified.

pub(super) use self::elementwise::{activation as own_activation, bounds, spread};
pub(super) use self::movement::MOVES;
pub(super) use self::reduce::channels;

mod elementwise;
mod movement;
mod reduce;

use tract_onnx::pb::{AttributeProto, NodeProto};

use super::tensor::Tensor;

/// The outputs of `node`, of as many as this reader knows.
///
/// # Errors
/// What is wrong with the node or not known of it.
pub(super) fn evaluate(
    node: &NodeProto,
    inputs: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, String> {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return Err(format!(
            "operators of `{}` are not known: export without custom operators, or inline functions with \
             `onnx.inliner.inline_local_functions`",
            node.domain
        ));
    }
    let known = elementwise::evaluate(node, inputs)
        .or_else(|| movement::evaluate(node, inputs))
        .or_else(|| reduce::evaluate(node, inputs));
    known.unwrap_or_else(|| {
        Err("this operator is not known here: an actor is a chain of linear layers, layer or batch \
             normalisation and activations; export that part alone (`--output NAME` picks an output)"
            .into())
    })
}

/// Input number `at`, which must be there.
fn input<'t>(inputs: &[Option<&'t Tensor>], at: usize) -> Result<&'t Tensor, String> {
    inputs.get(at).copied().flatten().ok_or_else(|| format!("input {at} is missing"))
}

pub(super) fn attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).map_or(default, |found| found.i)
}

pub(super) fn float(node: &NodeProto, name: &str, default: f64) -> f64 {
    attribute(node, name).map_or(default, |found| found.f.into())
}

/// Whole numbers that are an input since some operator set and were an attribute before.
fn integers(
    node: &NodeProto,
    inputs: &[Option<&Tensor>],
    at: usize,
    name: &str,
) -> Option<Vec<i64>> {
    match inputs.get(at).copied().flatten() {
        Some(tensor) => Some(tensor.integers()),
        None => attribute(node, name).map(|found| found.ints.clone()),
    }
}

/// An axis of a tensor of this rank, counted from the end where it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    let fits = (0..rank as i64).contains(&from_start);
    if fits { Ok(from_start as usize) } else { Err(format!("axis {axis} is not one of {rank}")) }
}
