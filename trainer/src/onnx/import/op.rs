//! What one region of a model does to the vector that flows through an actor.

use lacewing_formats::policy::Activation;
use tract_onnx::pb::NodeProto;

use super::branches;
use super::eval::{axis, bounds, channels, float, int, own_activation, spread};
use super::graph::node_error;
use super::program::Region;
use super::recognise::recognise;
use super::tensor::Tensor;
use crate::onnx::OnnxError;

/// A step of an actor; vectors are as long as what flows through.
#[derive(Debug)]
pub(super) enum Op {
    Linear(Linear),
    /// `scale · x + shift`, element by element.
    Affine(Vec<(f64, f64)>),
    /// Lower and upper bound of each element.
    Clamp(Vec<(f64, f64)>),
    Activation(Activation),
    /// Less the mean of all elements.
    Centre,
    /// Over the root of the mean square plus this.
    Rms(f64),
    /// Layer normalisation with this ε, without gain and shift.
    Norm(f64),
    /// The elements at these places.
    Select(Vec<usize>),
    /// Softmax, or its logarithm.
    Softmax,
    /// The place of the greatest element.
    ArgMax,
}

/// `weights · x + bias`, with `weights` row-major `[outputs][inputs]`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weights: Vec<f64>,
    pub(super) bias: Vec<f64>,
}

impl Linear {
    /// One link from each of `inputs` elements to the output of the same place.
    pub(super) fn diagonal(inputs: usize) -> Self {
        let mut weights = vec![0.0; inputs * inputs];
        weights.iter_mut().step_by(inputs + 1).for_each(|weight| *weight = 1.0);
        Self { inputs, outputs: inputs, weights, bias: vec![0.0; inputs] }
    }

    /// The weights and the bias of each output.
    pub(super) fn rows(&mut self) -> impl Iterator<Item = (&mut [f64], &mut f64)> {
        self.weights.chunks_exact_mut(self.inputs.max(1)).zip(&mut self.bias)
    }
}

/// A step, the tensor that it takes, and the node that an error about it names.
pub(super) struct Step<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) from: &'a str,
    pub(super) op: Op,
}

/// Most regions that together are one step, such as a sigmoid from primitives.
const MOST_JOINED: usize = 8;

/// Reads all regions, one by one or, where one by itself is no step, joined with those behind it.
pub(super) fn read_all<'a>(regions: &[Region<'_, 'a>]) -> Result<Vec<Step<'a>>, OnnxError> {
    // From the end: what the regions from each on are, if they are steps, and how many are joined.
    let mut read: Vec<Option<(usize, Vec<Step<'a>>)>> = vec![];
    let mut alone = Vec::new();
    read.resize_with(regions.len() + 1, || None);
    read[regions.len()] = Some((0, vec![]));
    for first in (0..regions.len()).rev() {
        for joined in 1..=MOST_JOINED.min(regions.len() - first) {
            if read[first + joined].is_none() {
                continue;
            }
            let region = regions[first].up_to(&regions[first + joined - 1]);
            match self::read(&region) {
                Ok((node, ops)) => {
                    let steps = ops.into_iter().map(|op| Step { node, from: region.from[0], op });
                    read[first] = Some((joined, steps.collect()));
                    break;
                }
                Err(error) if joined == 1 => alone.push(error),
                Err(_) => {}
            }
        }
    }
    let (mut steps, mut at) = (Vec::new(), 0);
    while at < regions.len() {
        match read[at].take() {
            Some((joined, some)) => {
                steps.extend(some);
                at += joined;
            }
            // The first of those that are no step by themselves.
            None => return Err(alone.pop().unwrap_or(OnnxError::NoLayer)),
        }
    }
    Ok(steps)
}

/// Reads a region.
fn read<'a>(region: &Region<'_, 'a>) -> Result<(&'a NodeProto, Vec<Op>), OnnxError> {
    let node = region.nodes[region.nodes.len() - 1];
    let ops = match region.nodes[..] {
        [node] if !region.is_cut() => {
            direct(region, node).map_err(|problem| node_error(node, problem))?
        }
        _ => None,
    };
    let ops = match ops {
        Some(ops) => ops,
        None => recognise(region).or_else(|error| branches::read(region).ok_or(error))?,
    };
    Ok((node, ops))
}

/// What a node with one input that is not constant does, where its operator and constants say it.
fn direct(region: &Region<'_, '_>, node: &NodeProto) -> Result<Option<Vec<Op>>, String> {
    if !["", "ai.onnx"].contains(&node.domain.as_str()) {
        return Ok(None);
    }
    let constants = region.constants(node);
    let (inputs, outputs) = region.widths();
    let live = node.input.iter().filter(|name| *name == region.from[0]).count();
    if live != 1 {
        return Ok(None);
    }
    if let Some(activation) = own_activation(node) {
        return Ok(Some(vec![Op::Activation(activation)]));
    }
    let first = node.input.first().is_some_and(|name| name == region.from[0]);
    Ok(match node.op_type.as_str() {
        "Gemm" | "MatMul" if first => {
            linear(region, node, &constants)?.map(|op| vec![Op::Linear(op)])
        }
        "Add" | "Sub" | "Mul" | "Div" if inputs == outputs => {
            affine(region, node, &constants, first)?
        }
        "Neg" => Some(vec![Op::Affine(vec![(-1.0, 0.0); inputs])]),
        "BatchNormalization" => {
            let channels = channels(node, &constants)?;
            if channels.len() != inputs {
                let found = channels.len();
                return Err(format!("it normalises {found} channels, {inputs} numbers come in"));
            }
            Some(vec![Op::Affine(channels)])
        }
        "Clip" => {
            if node
                .input
                .iter()
                .zip(&constants)
                .skip(1)
                .any(|(name, c)| !name.is_empty() && c.is_none())
            {
                return Err("its bounds must be constant".into());
            }
            Some(vec![Op::Clamp(vec![bounds(node, &constants)?; inputs])])
        }
        "Min" | "Max" if inputs == outputs => {
            let mut limits = vec![(f64::NEG_INFINITY, f64::INFINITY); inputs];
            for constant in constants.iter().flatten() {
                for ((low, high), bound) in limits.iter_mut().zip(element_wise(region, constant)?) {
                    if node.op_type == "Min" {
                        *high = high.min(bound)
                    } else {
                        *low = low.max(bound)
                    }
                }
            }
            Some(vec![Op::Clamp(limits)])
        }
        "HardSigmoid" => {
            let line = (float(node, "alpha", 0.2), float(node, "beta", 0.5));
            Some(vec![Op::Affine(vec![line; inputs]), Op::Clamp(vec![(0.0, 1.0); inputs])])
        }
        "LayerNormalization" => {
            let rank = region.shape().len();
            let width: usize =
                region.shape()[axis(int(node, "axis", -1), rank)?..].iter().product();
            if width != inputs {
                return Err(format!("it normalises {width} of {inputs} numbers at a time"));
            }
            let gain = constants.get(1).copied().flatten().ok_or("its scale must be constant")?;
            let gain = element_wise(region, gain)?;
            let shift = match constants.get(2).copied().flatten() {
                Some(shift) => element_wise(region, shift)?,
                None => vec![0.0; inputs],
            };
            let epsilon = float(node, "epsilon", 1e-5);
            Some(vec![Op::Norm(epsilon), Op::Affine(gain.into_iter().zip(shift).collect())])
        }
        "ArgMax" => Some(vec![Op::ArgMax]),
        _ => None,
    })
}

/// A constant as one number an element of what goes in.
fn element_wise(region: &Region<'_, '_>, constant: &Tensor) -> Result<Vec<f64>, String> {
    // A constant of more axes, all 1, changes the shape but no number.
    let spare = constant.dims.len().saturating_sub(region.shape().len());
    let mut dims = vec![1; spare];
    dims.extend(region.shape());
    spread(constant, &dims)
}

fn affine(
    region: &Region<'_, '_>,
    node: &NodeProto,
    constants: &[Option<&Tensor>],
    first: bool,
) -> Result<Option<Vec<Op>>, String> {
    let Some(constant) = constants.iter().flatten().next() else { return Ok(None) };
    let values = element_wise(region, constant)?.into_iter();
    let map: Vec<(f64, f64)> = match (node.op_type.as_str(), first) {
        ("Add", _) => values.map(|value| (1.0, value)).collect(),
        ("Sub", true) => values.map(|value| (1.0, -value)).collect(),
        ("Sub", false) => values.map(|value| (-1.0, value)).collect(),
        ("Mul", _) => values.map(|value| (value, 0.0)).collect(),
        ("Div", true) => values.map(|value| (value.recip(), 0.0)).collect(),
        _ => return Ok(None),
    };
    if map.iter().any(|(scale, shift)| !scale.is_finite() || !shift.is_finite()) {
        return Err("it divides by zero, or by or with a number that is not finite".into());
    }
    if map.iter().all(|&line| line == (1.0, 0.0)) {
        return Ok(Some(vec![]));
    }
    Ok(Some(vec![Op::Affine(map)]))
}

/// A layer whose weights are the second operand.
fn linear(
    region: &Region<'_, '_>,
    node: &NodeProto,
    constants: &[Option<&Tensor>],
) -> Result<Option<Linear>, String> {
    let gemm = node.op_type == "Gemm";
    let (inputs, outputs) = region.widths();
    let Some(weights) = constants.get(1).copied().flatten() else {
        return Err("its weights must be constant".into());
    };
    // The other forms are read by what they do.
    let row = region.shape().last() == Some(&inputs);
    let &[rows, columns] = weights.dims.as_slice() else { return Ok(None) };
    if !row || (gemm && int(node, "transA", 0) != 0) {
        return Ok(None);
    }
    let transposed = gemm && int(node, "transB", 0) != 0;
    let (inner, outer) = if transposed { (columns, rows) } else { (rows, columns) };
    if (inner, outer) != (inputs, outputs) {
        return Err(format!("weights of shape {:?} do not fit {inputs} numbers", weights.dims));
    }
    let mut values = match transposed {
        true => weights.values.clone(),
        false => {
            let column =
                |at: usize| weights.values.iter().skip(at).step_by(columns.max(1)).copied();
            (0..columns).flat_map(column).collect()
        }
    };
    let mut bias = vec![0.0; outputs];
    if gemm {
        let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
        values.iter_mut().for_each(|weight| *weight *= alpha);
        match (
            node.input.get(2).filter(|name| !name.is_empty()),
            constants.get(2).copied().flatten(),
        ) {
            (Some(_), Some(added)) => {
                bias = spread(added, &[1, outputs])?.iter().map(|value| value * beta).collect();
            }
            (Some(_), None) => return Err("its bias must be constant".into()),
            (None, _) => {}
        }
    }
    if !values.iter().chain(&bias).all(|value| value.is_finite()) {
        return Err("its weights are not all finite".into());
    }
    Ok(Some(Linear { inputs, outputs, weights: values, bias }))
}
