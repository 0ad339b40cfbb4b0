//! Operators that treat every element alike.

use lacewing_formats::policy::Activation;
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::tensor::{Tensor, count};
use super::{float, input, int};

type Outcome = Option<Result<Vec<Tensor>, String>>;

/// The outputs of an elementwise node, `None` for other nodes.
pub(super) fn evaluate(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Outcome {
    let tensor = match node.op_type.as_str() {
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Equal" | "Greater" | "GreaterOrEqual" | "Less"
        | "LessOrEqual" | "And" | "Or" | "Xor" | "PRelu" | "Mod" => two(node, inputs),
        "Min" | "Max" | "Sum" | "Mean" => many(node, inputs),
        "Clip" => clip(node, inputs),
        "Where" => choose(inputs),
        "Cast" | "CastLike" => cast(node, inputs),
        _ => {
            let function = function(node)?;
            input(inputs, 0).map(|x| {
                let values = x.values.iter().map(|&x| function(x)).collect();
                Tensor { dims: x.dims.clone(), values, whole: x.whole }
            })
        }
    };
    Some(tensor.map(|tensor| vec![tensor]))
}

/// What a node does to a number, of those with one input.
fn function(node: &NodeProto) -> Option<Box<dyn Fn(f64) -> f64>> {
    let plain = |function: fn(f64) -> f64| Some(Box::new(function) as Box<dyn Fn(f64) -> f64>);
    if let Some(activation) = activation(node) {
        return Some(Box::new(move |x| activation.apply(x)));
    }
    match node.op_type.as_str() {
        "Neg" => plain(|x| -x),
        "Abs" => plain(f64::abs),
        "Sign" => plain(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        "Sqrt" => plain(f64::sqrt),
        "Exp" => plain(f64::exp),
        "Log" => plain(f64::ln),
        "Reciprocal" => plain(f64::recip),
        "Floor" => plain(f64::floor),
        "Ceil" => plain(f64::ceil),
        "Round" => plain(f64::round_ties_even),
        "Sin" => plain(f64::sin),
        "Cos" => plain(f64::cos),
        // erf z from Φ: GELU at x is x·(1 + erf(x/√2))/2.
        "Erf" => plain(|x| {
            let x = x * std::f64::consts::SQRT_2;
            if x == 0.0 { 0.0 } else { 2.0 * Activation::Gelu.apply(x) / x - 1.0 }
        }),
        "IsNaN" => plain(|x| f64::from(u8::from(x.is_nan()))),
        "IsInf" => {
            let (below, above) =
                (int(node, "detect_negative", 1) != 0, int(node, "detect_positive", 1) != 0);
            let found = move |x: f64| x.is_infinite() && if x < 0.0 { below } else { above };
            Some(Box::new(move |x| f64::from(u8::from(found(x)))))
        }
        "Not" => plain(|x| f64::from(u8::from(x == 0.0))),
        "Mish" => plain(|x| x * Activation::Softplus.apply(x).tanh()),
        "HardSwish" => plain(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "HardSigmoid" => {
            let (alpha, beta) = (float(node, "alpha", 0.2), float(node, "beta", 0.5));
            Some(Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0)))
        }
        "Celu" => {
            let alpha = float(node, "alpha", 1.0);
            Some(Box::new(move |x| x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0)))
        }
        "Selu" => {
            let (alpha, gamma) = (float(node, "alpha", 1.0), float(node, "gamma", 1.0));
            Some(Box::new(move |x| gamma * if x > 0.0 { x } else { alpha * x.exp_m1() }))
        }
        "Swish" => {
            let alpha = float(node, "alpha", 1.0);
            Some(Box::new(move |x| x * Activation::Sigmoid.apply(alpha * x)))
        }
        _ => None,
    }
}

/// The activation that a node is by itself.
pub(in super::super) fn activation(node: &NodeProto) -> Option<Activation> {
    /// Selu's constants as the operator's defaults round them.
    const SELU: [f64; 2] = [1.673_263_192_176_818_8, 1.050_701_022_148_132_3];
    Some(match node.op_type.as_str() {
        "Relu" => Activation::Relu,
        "Tanh" => Activation::Tanh,
        "LeakyRelu" => Activation::LeakyRelu(float(node, "alpha", 0.01) as f32),
        "Elu" => Activation::Elu(float(node, "alpha", 1.0) as f32),
        "Selu" => {
            let found = [float(node, "alpha", SELU[0]), float(node, "gamma", SELU[1])];
            let default = found.iter().zip(SELU).all(|(found, selu)| (found - selu).abs() < 1e-6);
            return default.then_some(Activation::Selu);
        }
        "Swish" if float(node, "alpha", 1.0) == 1.0 => Activation::Silu,
        "Sigmoid" => Activation::Sigmoid,
        "Softsign" => Activation::Softsign,
        "Softplus" => Activation::Softplus,
        "Gelu" => {
            match super::attribute(node, "approximate").map_or(&b"none"[..], |found| &found.s) {
                b"none" => Activation::Gelu,
                b"tanh" => Activation::GeluTanh,
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// The shape that all of these fit into, by the rules of NumPy.
fn common(tensors: &[&Tensor]) -> Result<Vec<usize>, String> {
    let rank = tensors.iter().map(|tensor| tensor.dims.len()).max().unwrap_or(0);
    let mut dims = vec![1; rank];
    for tensor in tensors {
        for (dim, &own) in dims.iter_mut().rev().zip(tensor.dims.iter().rev()) {
            match (*dim, own) {
                (a, b) if a == b || b == 1 => {}
                (1, b) => *dim = b,
                _ => return Err(format!("shapes {:?} and {dims:?} do not fit", tensor.dims)),
            }
        }
    }
    count(&dims)?;
    Ok(dims)
}

/// The numbers of a tensor in a shape that it fits into.
pub(in super::super) fn spread(tensor: &Tensor, dims: &[usize]) -> Result<Vec<f64>, String> {
    let numbers = count(dims)?;
    if tensor.dims == dims {
        return Ok(tensor.values.clone());
    }
    let mut steps = vec![0; dims.len()];
    let mut step = 1;
    let Some(lead) = dims.len().checked_sub(tensor.dims.len()) else {
        return Err(format!("shape {:?} does not fit {dims:?}", tensor.dims));
    };
    for (at, &own) in tensor.dims.iter().enumerate().rev() {
        match own {
            1 => {}
            own if own == dims[lead + at] => steps[lead + at] = step,
            _ => return Err(format!("shape {:?} does not fit {dims:?}", tensor.dims)),
        }
        step *= own;
    }
    let mut values = Vec::with_capacity(numbers);
    let (mut index, mut from) = (vec![0; dims.len()], 0);
    for _ in 0..numbers {
        values.push(tensor.values[from]);
        for at in (0..dims.len()).rev() {
            index[at] += 1;
            from += steps[at];
            if index[at] < dims[at] {
                break;
            }
            from -= steps[at] * dims[at];
            index[at] = 0;
        }
    }
    Ok(values)
}

fn two(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (a, b) = (input(inputs, 0)?, input(inputs, 1)?);
    let whole = a.whole && b.whole;
    let function: fn(f64, f64) -> f64 = match node.op_type.as_str() {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" if whole => |a, b| (a / b).trunc(),
        "Div" => |a, b| a / b,
        "Mod" => |a, b| a - b * (a / b).floor(),
        "Pow" => f64::powf,
        "PRelu" => |x, slope| if x < 0.0 { slope * x } else { x },
        "Equal" => |a, b| f64::from(u8::from(a == b)),
        "Greater" => |a, b| f64::from(u8::from(a > b)),
        "GreaterOrEqual" => |a, b| f64::from(u8::from(a >= b)),
        "Less" => |a, b| f64::from(u8::from(a < b)),
        "LessOrEqual" => |a, b| f64::from(u8::from(a <= b)),
        "And" => |a, b| f64::from(u8::from(a != 0.0 && b != 0.0)),
        "Or" => |a, b| f64::from(u8::from(a != 0.0 || b != 0.0)),
        _ => |a, b| f64::from(u8::from((a != 0.0) != (b != 0.0))),
    };
    let dims = common(&[a, b])?;
    let values = spread(a, &dims)?.into_iter().zip(spread(b, &dims)?);
    let values = values.map(|(a, b)| function(a, b)).collect();
    Ok(Tensor { dims, values, whole })
}

fn many(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let tensors: Vec<&Tensor> = inputs.iter().copied().flatten().collect();
    let dims = common(&tensors)?;
    let (&first, rest) = tensors.split_first().ok_or("it has no input")?;
    let mut values = spread(first, &dims)?;
    for tensor in rest {
        for (value, other) in values.iter_mut().zip(spread(tensor, &dims)?) {
            *value = match node.op_type.as_str() {
                "Min" => value.min(other),
                "Max" => value.max(other),
                _ => *value + other,
            };
        }
    }
    if node.op_type == "Mean" {
        values.iter_mut().for_each(|value| *value /= tensors.len() as f64);
    }
    Ok(Tensor { dims, values, whole: first.whole })
}

/// The bounds of a Clip, an optional input since opset 11, an attribute before.
pub(in super::super) fn bounds(
    node: &NodeProto,
    inputs: &[Option<&Tensor>],
) -> Result<(f64, f64), String> {
    let bound = |at: usize, name: &str, default: f64| match inputs.get(at).copied().flatten() {
        Some(tensor) => tensor.number().ok_or_else(|| format!("its {name} is not one number")),
        None => Ok(float(node, name, default)),
    };
    Ok((bound(1, "min", f64::NEG_INFINITY)?, bound(2, "max", f64::INFINITY)?))
}

fn clip(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (x, (low, high)) = (input(inputs, 0)?, bounds(node, inputs)?);
    let values = x.values.iter().map(|x| x.max(low).min(high)).collect();
    Ok(Tensor { values, ..x.clone() })
}

fn choose(inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (condition, a, b) = (input(inputs, 0)?, input(inputs, 1)?, input(inputs, 2)?);
    let dims = common(&[condition, a, b])?;
    let pairs = spread(a, &dims)?.into_iter().zip(spread(b, &dims)?);
    let values = spread(condition, &dims)?.into_iter().zip(pairs);
    let values = values.map(|(condition, (a, b))| if condition == 0.0 { b } else { a }).collect();
    Ok(Tensor { dims, values, whole: a.whole })
}

/// Narrower floats are not imitated: the actor is meant to be what they round.
fn cast(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    if node.op_type == "CastLike" {
        let whole = input(inputs, 1)?.whole;
        let values =
            if whole { x.values.iter().map(|x| x.trunc()).collect() } else { x.values.clone() };
        return Ok(Tensor { dims: x.dims.clone(), values, whole });
    }
    let to = DataType::try_from(int(node, "to", 0) as i32).unwrap_or(DataType::Undefined);
    let (values, whole) = match to {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => {
            (x.values.clone(), false)
        }
        DataType::Bool => (x.values.iter().map(|&x| f64::from(u8::from(x != 0.0))).collect(), true),
        DataType::Int32 | DataType::Int64 => (x.values.iter().map(|x| x.trunc()).collect(), true),
        _ => return Err(format!("it casts to element type {}, which is not known", to as i32)),
    };
    Ok(Tensor { dims: x.dims.clone(), values, whole })
}
