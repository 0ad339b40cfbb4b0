//! What one ONNX node does to the vector that flows through an actor.

use tract_onnx::pb::{NodeProto, tensor_proto::DataType};

use super::graph::{Graph, cast, node_error};
use crate::onnx::OnnxError;

/// A step of an actor. Vectors hold one number, for all elements, or one an element.
pub(super) enum Op {
    /// Changes shapes or types only.
    Nothing,
    Linear(Linear),
    Relu,
    Tanh,
    /// Multiplies element-wise.
    Scale(Vec<f64>),
    /// Adds element-wise.
    Shift(Vec<f64>),
    /// Clamps element-wise.
    Clamp {
        low: Vec<f64>,
        high: Vec<f64>,
    },
}

/// `weights · x + bias`, with `weights` row-major `[outputs][inputs]`.
pub(super) struct Linear {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weights: Vec<f64>,
    pub(super) bias: Vec<f64>,
}

/// The steps that lead from the model's input to its output.
pub(super) fn steps<'a>(graph: &Graph<'a>) -> Result<Vec<(&'a NodeProto, Op)>, OnnxError> {
    let chain = graph.chain(|node| feed(graph, node))?;
    chain.into_iter().map(|node| Ok((node, read(graph, node)?))).collect()
}

/// Numbers that the first linear layer among `steps` takes.
pub(super) fn inputs(steps: &[(&NodeProto, Op)]) -> Result<usize, OnnxError> {
    let inputs = steps.iter().find_map(|(_, op)| match op {
        Op::Linear(linear) => Some(linear.inputs),
        _ => None,
    });
    inputs.ok_or(OnnxError::NoLayer)
}

/// Which input of `node` is the vector; the others must be constants.
fn feed(graph: &Graph, node: &NodeProto) -> Result<usize, OnnxError> {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return Err(node_error(node, format!("operators of `{}` are not known", node.domain)));
    }
    let (feed, most) = match node.op_type.as_str() {
        "Relu" | "Tanh" | "Identity" | "Flatten" | "Cast" => (Some(0), 1),
        "MatMul" | "Sub" | "Div" | "Reshape" => (Some(0), 2),
        "Gemm" | "Clip" => (Some(0), 3),
        "Add" | "Mul" | "Min" | "Max" => {
            (node.input.iter().position(|name| !graph.is_constant(name)), 2)
        }
        _ => {
            let problem = "an actor is a chain of Gemm or MatMul+Add, Relu and Tanh, with \
                           element-wise scaling and clipping at its ends; this is neither";
            return Err(node_error(node, problem));
        }
    };
    if node.input.len() > most || node.output.len() != 1 {
        let problem = format!("it must have one output and at most {most} inputs");
        return Err(node_error(node, problem));
    }
    feed.filter(|&feed| feed < node.input.len())
        .ok_or_else(|| node_error(node, "it has no input that is not constant"))
}

/// Reads `node`, whose input [`feed`] is the vector.
fn read(graph: &Graph, node: &NodeProto) -> Result<Op, OnnxError> {
    let fail = |problem: &str| Err(node_error(node, problem));
    Ok(match node.op_type.as_str() {
        "Relu" => Op::Relu,
        "Tanh" => Op::Tanh,
        "Identity" => Op::Nothing,
        "Flatten" if int(node, "axis", 1) != 1 => return fail("only axis 1 keeps the batch"),
        "Flatten" => Op::Nothing,
        "Cast" if int(node, "to", 0) != DataType::Float as i64 => {
            return fail("an actor computes in f32");
        }
        "Cast" => Op::Nothing,
        "Reshape" if keeps_batch(graph, node)? => Op::Nothing,
        "Reshape" => return fail("only shapes [-1, n] and [0, n] keep the batch"),
        "Gemm" => Op::Linear(gemm(graph, node)?),
        "MatMul" => {
            let (inputs, outputs, weights) = matrix(graph, node, false)?;
            Op::Linear(Linear { inputs, outputs, weights, bias: vec![0.0; outputs] })
        }
        "Add" => Op::Shift(operand(graph, node)?),
        "Sub" => Op::Shift(map(operand(graph, node)?, |value| -value)),
        "Mul" => Op::Scale(operand(graph, node)?),
        "Div" => {
            let divisors = operand(graph, node)?;
            if divisors.contains(&0.0) {
                return fail("it divides by zero");
            }
            Op::Scale(map(divisors, f64::recip))
        }
        "Min" => Op::Clamp { low: vec![f64::NEG_INFINITY], high: operand(graph, node)? },
        "Max" => Op::Clamp { low: operand(graph, node)?, high: vec![f64::INFINITY] },
        _ => Op::Clamp {
            low: bound(graph, node, 1, "min", f64::NEG_INFINITY)?,
            high: bound(graph, node, 2, "max", f64::INFINITY)?,
        },
    })
}

fn map(values: Vec<f64>, change: impl Fn(f64) -> f64) -> Vec<f64> {
    values.into_iter().map(change).collect()
}

fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    node.attribute.iter().find(|attribute| attribute.name == name).map_or(default, |found| found.i)
}

fn float(node: &NodeProto, name: &str, default: f64) -> f64 {
    let found = node.attribute.iter().find(|attribute| attribute.name == name);
    found.map_or(default, |attribute| attribute.f.into())
}

/// Whether a Reshape flattens each element of the batch, the only reshaping of a vector.
fn keeps_batch(graph: &Graph, node: &NodeProto) -> Result<bool, OnnxError> {
    let Some(shape) = node.input.get(1).and_then(|name| graph.constant(name)) else {
        return Err(node_error(node, "its shape must be constant"));
    };
    let shape = cast::<i64>(&shape?).map_err(|problem| node_error(node, problem))?;
    Ok(match shape.as_slice() {
        &[-1 | 0, width] => width > 0 || shape == [0, -1],
        _ => false,
    })
}

/// The one constant operand of an element-wise node.
fn operand(graph: &Graph, node: &NodeProto) -> Result<Vec<f64>, OnnxError> {
    let feed = feed(graph, node)?;
    let mut others = node.input.iter().enumerate().filter(|&(at, _)| at != feed);
    match (others.next(), others.next()) {
        (Some((_, name)), None) => row(graph, node, name),
        _ => Err(node_error(node, "it must have one constant operand")),
    }
}

/// A constant that is the same for all elements of the batch: a number or one row.
fn row(graph: &Graph, node: &NodeProto, name: &str) -> Result<Vec<f64>, OnnxError> {
    let Some(constant) = graph.floats(name) else {
        return Err(node_error(node, format!("`{name}` must be constant")));
    };
    let (dims, values) = constant?;
    if values.is_empty() || dims.iter().rev().skip(1).any(|&dim| dim != 1) {
        return Err(node_error(node, format!("`{name}` has shape {dims:?}, not that of one row")));
    }
    Ok(values)
}

/// A bound of Clip: an optional input since opset 11, an attribute before.
fn bound(
    graph: &Graph,
    node: &NodeProto,
    input: usize,
    attribute: &str,
    default: f64,
) -> Result<Vec<f64>, OnnxError> {
    match node.input.get(input).filter(|name| !name.is_empty()) {
        Some(name) => row(graph, node, name),
        None => Ok(vec![float(node, attribute, default)]),
    }
}

fn gemm(graph: &Graph, node: &NodeProto) -> Result<Linear, OnnxError> {
    if int(node, "transA", 0) != 0 {
        return Err(node_error(node, "transA would mix the elements of the batch"));
    }
    let (inputs, outputs, weights) = matrix(graph, node, int(node, "transB", 0) != 0)?;
    let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
    let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
        Some(name) => map(row(graph, node, name)?, |value| value * beta),
        None => vec![0.0],
    };
    let bias = spread(bias, outputs).map_err(|problem| node_error(node, problem))?;
    Ok(Linear { inputs, outputs, weights: map(weights, |value| value * alpha), bias })
}

/// Inputs, outputs and weights (row-major `[outputs][inputs]`) of a linear node; `transposed` says
/// that the file already stores them so.
fn matrix(
    graph: &Graph,
    node: &NodeProto,
    transposed: bool,
) -> Result<(usize, usize, Vec<f64>), OnnxError> {
    let constant = node.input.get(1).and_then(|name| graph.floats(name));
    let Some(constant) = constant else {
        return Err(node_error(node, "its weights must be constant"));
    };
    let (dims, values) = constant?;
    let &[rows, columns] = dims.as_slice() else {
        return Err(node_error(node, format!("weights of shape {dims:?} are not a matrix")));
    };
    if values.is_empty() {
        return Err(node_error(node, format!("weights of shape {dims:?} are empty")));
    }
    if transposed {
        return Ok((columns, rows, values));
    }
    let column = |column: usize| values.iter().skip(column).step_by(columns).copied();
    Ok((rows, columns, (0..columns).flat_map(column).collect()))
}

/// One number an element, from one for all or one an element.
pub(super) fn spread<T: Clone>(values: Vec<T>, width: usize) -> Result<Vec<T>, String> {
    match values.len() {
        1 => Ok(vec![values[0].clone(); width]),
        length if length == width => Ok(values),
        length => Err(format!("{length} numbers do not fit a vector of {width}")),
    }
}
