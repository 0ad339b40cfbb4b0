//! Operators that add numbers up.

use tract_onnx::pb::NodeProto;

use super::super::tensor::{MOST_NUMBERS, Tensor, count};
use super::elementwise::spread;
use super::{axis, float, input, int, integers};

type Outcome = Option<Result<Vec<Tensor>, String>>;

/// The outputs of such a node, `None` for other nodes.
pub(super) fn evaluate(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Outcome {
    let tensor = match node.op_type.as_str() {
        "MatMul" => input(inputs, 0).and_then(|a| matmul(a, input(inputs, 1)?)),
        "Gemm" => gemm(node, inputs),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare" | "ReduceL2"
        | "ReduceL1" | "ReduceLogSum" | "ReduceLogSumExp" => reduce(node, inputs),
        "LayerNormalization" => layer_normalisation(node, inputs),
        "BatchNormalization" => batch_normalisation(node, inputs),
        "ArgMax" => arg_max(node, inputs),
        "Softmax" | "LogSoftmax" => softmax(node, inputs),
        _ => return None,
    };
    Some(tensor.map(|tensor| vec![tensor]))
}

/// `a · b` of matrices; vectors are rows before and columns behind, leading axes those of `a`.
fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor, String> {
    let fail = || format!("shapes {:?} and {:?} do not fit", a.dims, b.dims);
    let &inner = a.dims.last().ok_or_else(fail)?;
    let columns = match b.dims.as_slice() {
        [] => return Err(fail()),
        [_] => 1,
        [.., columns] => *columns,
    };
    let at = b.dims.len().saturating_sub(2);
    // Products of stacks of matrices are no layers.
    if b.dims[at] != inner || b.dims[..at].iter().any(|&dim| dim != 1) {
        return Err(fail());
    }
    let rows = count(&a.dims[..a.dims.len() - 1])?;
    let values = product(&a.values, &b.values, (rows, inner, columns))?;
    let lead = b.dims.len().saturating_sub(a.dims.len()).min(at);
    let mut dims = vec![1; lead];
    dims.extend(&a.dims[..a.dims.len() - 1]);
    if b.dims.len() > 1 {
        dims.push(columns);
    }
    Tensor::new(vec![values.len()], values).reshaped(dims)
}

/// The product of row-major matrices `[rows][inner]` and `[inner][columns]`.
fn product(
    a: &[f64],
    b: &[f64],
    (rows, inner, columns): (usize, usize, usize),
) -> Result<Vec<f64>, String> {
    let numbers = count(&[rows, columns])?;
    // One observation passes: more work than the largest weights is not an actor's.
    if numbers.saturating_mul(inner) > 16 * MOST_NUMBERS {
        return Err("its product is too large for a control step".into());
    }
    let mut values = vec![0.0; numbers];
    if inner > 0 && columns > 0 {
        for (row, out) in a.chunks_exact(inner).zip(values.chunks_exact_mut(columns)) {
            for (a, b) in row.iter().zip(b.chunks_exact(columns)) {
                out.iter_mut().zip(b).for_each(|(out, b)| *out += a * b);
            }
        }
    }
    Ok(values)
}

fn transposed(x: &Tensor, do_it: bool) -> Result<Tensor, String> {
    let &[rows, columns] = x.dims.as_slice() else {
        return Err(format!("shape {:?} is not that of a matrix", x.dims));
    };
    if !do_it {
        return Ok(x.clone());
    }
    let column = |column: usize| x.values.iter().skip(column).step_by(columns.max(1)).copied();
    Ok(Tensor::new(vec![columns, rows], (0..columns).flat_map(column).collect()))
}

fn gemm(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let a = transposed(input(inputs, 0)?, int(node, "transA", 0) != 0)?;
    let b = transposed(input(inputs, 1)?, int(node, "transB", 0) != 0)?;
    let mut y = matmul(&a, &b)?;
    let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
    y.values.iter_mut().for_each(|y| *y *= alpha);
    if let Some(c) = inputs.get(2).copied().flatten() {
        let c = spread(c, &y.dims)?;
        y.values.iter_mut().zip(c).for_each(|(y, c)| *y += beta * c);
    }
    Ok(y)
}

/// The axes of a node, all where it names none.
fn axes(node: &NodeProto, inputs: &[Option<&Tensor>], rank: usize) -> Result<Vec<usize>, String> {
    match integers(node, inputs, 1, "axes").filter(|axes| !axes.is_empty()) {
        Some(axes) => axes.iter().map(|&at| axis(at, rank)).collect(),
        None if int(node, "noop_with_empty_axes", 0) != 0 => Ok(vec![]),
        None => Ok((0..rank).collect()),
    }
}

fn reduce(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let axes = axes(node, inputs, x.dims.len())?;
    let kept: Vec<usize> =
        (0..x.dims.len()).map(|at| if axes.contains(&at) { 1 } else { x.dims[at] }).collect();
    let op = node.op_type.as_str();
    let start = match op {
        "ReduceMax" | "ReduceLogSumExp" => f64::NEG_INFINITY,
        "ReduceMin" => f64::INFINITY,
        _ => 0.0,
    };
    let mut values = vec![start; count(&kept)?];
    let places = (0..values.len()).map(|at| at as f64).collect();
    let places = spread(&Tensor::new(kept.clone(), places), &x.dims)?;
    for (&x, place) in x.values.iter().zip(places) {
        let value = &mut values[place as usize];
        *value = match op {
            "ReduceMax" => value.max(x),
            "ReduceMin" => value.min(x),
            "ReduceSumSquare" | "ReduceL2" => *value + x * x,
            "ReduceL1" => *value + x.abs(),
            "ReduceLogSumExp" => log_add(*value, x),
            _ => *value + x,
        };
    }
    let share = x.values.len() as f64 / values.len().max(1) as f64;
    for value in &mut values {
        *value = match op {
            "ReduceMean" => *value / share,
            "ReduceL2" => value.sqrt(),
            "ReduceLogSum" => value.ln(),
            _ => *value,
        };
    }
    let dims = match int(node, "keepdims", 1) {
        0 => (0..x.dims.len()).filter(|at| !axes.contains(at)).map(|at| x.dims[at]).collect(),
        _ => kept,
    };
    Tensor::new(vec![values.len()], values).reshaped(dims)
}

/// `ln(e^a + e^b)`, without overflow.
fn log_add(a: f64, b: f64) -> f64 {
    let (least, most) = (a.min(b), a.max(b));
    if most.is_infinite() { most } else { most + (least - most).exp().ln_1p() }
}

fn layer_normalisation(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let at = axis(int(node, "axis", -1), x.dims.len())?;
    let (width, epsilon) = (count(&x.dims[at..])?.max(1), float(node, "epsilon", 1e-5));
    let mut y = x.clone();
    for row in y.values.chunks_mut(width) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        row.iter_mut().for_each(|x| *x = (*x - mean) / (variance + epsilon).sqrt());
    }
    let gain = spread(input(inputs, 1)?, &y.dims)?;
    y.values.iter_mut().zip(gain).for_each(|(y, gain)| *y *= gain);
    if let Some(shift) = inputs.get(2).copied().flatten() {
        let shift = spread(shift, &y.dims)?;
        y.values.iter_mut().zip(shift).for_each(|(y, shift)| *y += shift);
    }
    Ok(y)
}

/// Scale and shift of each channel, from statistics that were found in training.
pub(in super::super) fn channels(
    node: &NodeProto,
    inputs: &[Option<&Tensor>],
) -> Result<Vec<(f64, f64)>, String> {
    if int(node, "training_mode", 0) != 0 {
        return Err("it normalises as in training: export the model after `eval()`".into());
    }
    let epsilon = float(node, "epsilon", 1e-5);
    let part = |at| input(inputs, at).map(|tensor| tensor.values.iter().copied());
    let (gain, shift, mean, variance) = (part(1)?, part(2)?, part(3)?, part(4)?);
    let channels =
        gain.zip(shift).zip(mean.zip(variance)).map(|((gain, shift), (mean, variance))| {
            let scale = gain / (variance + epsilon).sqrt();
            (scale, shift - mean * scale)
        });
    Ok(channels.collect())
}

fn batch_normalisation(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (x, channels) = (input(inputs, 0)?, channels(node, inputs)?);
    if x.dims.get(1) != Some(&channels.len()) {
        return Err(format!("{} channels do not fit shape {:?}", channels.len(), x.dims));
    }
    let inner = count(&x.dims[2..])?.max(1);
    let scaled = x.values.iter().enumerate().map(|(at, x)| {
        let (scale, shift) = channels[at / inner % channels.len()];
        x * scale + shift
    });
    Ok(Tensor { values: scaled.collect(), ..x.clone() })
}

fn arg_max(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let at = axis(int(node, "axis", 0), x.dims.len())?;
    if x.dims[at] != x.values.len() || int(node, "select_last_index", 0) != 0 {
        return Err("it must choose the first of the greatest along one axis".into());
    }
    let best = x.values.iter().enumerate().fold(
        0,
        |best, (at, value)| {
            if *value > x.values[best] { at } else { best }
        },
    );
    Ok(Tensor { dims: vec![1], values: vec![best as f64], whole: true })
}

fn softmax(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let at = axis(int(node, "axis", -1), x.dims.len())?;
    if x.dims[at] != x.values.len() {
        return Err("it must be over one axis".into());
    }
    let most = x.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = x.values.iter().map(|x| (x - most).exp()).sum::<f64>();
    let log = node.op_type == "LogSoftmax";
    let value = |x: &f64| if log { x - most - sum.ln() } else { (x - most).exp() / sum };
    Ok(Tensor { values: x.values.iter().map(value).collect(), ..x.clone() })
}
