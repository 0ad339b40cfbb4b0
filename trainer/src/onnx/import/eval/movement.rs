//! Operators that move numbers about or tell shapes.

use tract_onnx::pb::NodeProto;

use super::super::tensor::{Tensor, count, decode};
use super::elementwise::spread;
use super::{attribute, axis, input, int, integers};

type Outcome = Option<Result<Vec<Tensor>, String>>;

/// Operators whose outputs hold numbers of their first input, unchanged.
pub(in super::super) const MOVES: [&str; 12] = [
    "Identity",
    "Dropout",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Expand",
    "Concat",
    "Split",
    "Slice",
    "Gather",
];

/// The outputs of such a node, `None` for other nodes.
pub(super) fn evaluate(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Outcome {
    let one = |tensor: Result<Tensor, String>| Some(tensor.map(|tensor| vec![tensor]));
    match node.op_type.as_str() {
        "Identity" | "Dropout" => one(input(inputs, 0).cloned()),
        "Constant" => one(constant(node)),
        "Reshape" => one(reshape(node, inputs)),
        "Flatten" => one(flatten(node, inputs)),
        "Squeeze" => one(squeeze(node, inputs)),
        "Unsqueeze" => one(unsqueeze(node, inputs)),
        "Transpose" => one(transpose(node, inputs)),
        "Expand" => one(expand(inputs)),
        "Concat" => one(concat(node, inputs)),
        "Split" => Some(split(node, inputs)),
        "Slice" => one(slice(node, inputs)),
        "Gather" => one(gather(node, inputs)),
        "Shape" => one(shape(node, inputs)),
        "Size" => one(input(inputs, 0).map(|x| Tensor {
            dims: vec![],
            values: vec![x.values.len() as f64],
            whole: true,
        })),
        "ConstantOfShape" => one(constant_of_shape(node, inputs)),
        "Range" => one(range(inputs)),
        _ => None,
    }
}

fn constant(node: &NodeProto) -> Result<Tensor, String> {
    let found = |name: &str| attribute(node, name);
    let vector = |values: Vec<f64>, whole| Tensor { dims: vec![values.len()], values, whole };
    if let Some(tensor) = found("value").and_then(|value| value.t.as_ref()) {
        // Constants of nodes lie in the model itself.
        return decode(tensor, std::path::Path::new(""));
    }
    if let Some(value) = found("value_float") {
        return Ok(Tensor::new(vec![], vec![value.f.into()]));
    }
    if let Some(value) = found("value_int") {
        return Ok(Tensor { dims: vec![], values: vec![value.i as f64], whole: true });
    }
    if let Some(value) = found("value_floats") {
        return Ok(vector(value.floats.iter().map(|&x| x.into()).collect(), false));
    }
    if let Some(value) = found("value_ints") {
        return Ok(vector(value.ints.iter().map(|&x| x as f64).collect(), true));
    }
    Err("it is neither a dense tensor nor numbers".into())
}

fn reshape(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let shape = integers(node, inputs, 1, "shape").ok_or("its shape is missing")?;
    let keep_zero = int(node, "allowzero", 0) != 0;
    let mut dims = Vec::new();
    for (at, &dim) in shape.iter().enumerate() {
        dims.push(match dim {
            -1 => 1,
            0 if !keep_zero => {
                *x.dims.get(at).ok_or("its shape copies a side that is not there")?
            }
            dim => usize::try_from(dim).map_err(|_| format!("its shape is {shape:?}"))?,
        });
    }
    if let Some(free) = shape.iter().position(|&dim| dim == -1) {
        dims[free] = x.values.len() / count(&dims)?.max(1);
    }
    x.reshaped(dims)
}

fn flatten(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let rank = x.dims.len();
    let at = match int(node, "axis", 1) {
        at if at == rank as i64 => rank,
        at => axis(at, rank)?,
    };
    let (before, after) = x.dims.split_at(at);
    x.reshaped(vec![count(before)?, count(after)?])
}

fn squeeze(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let mut gone: Vec<usize> = match integers(node, inputs, 1, "axes") {
        Some(axes) => axes.iter().map(|&at| axis(at, x.dims.len())).collect::<Result<_, _>>()?,
        None => (0..x.dims.len()).filter(|&at| x.dims[at] == 1).collect(),
    };
    gone.sort_unstable();
    let mut dims = x.dims.clone();
    for at in gone.into_iter().rev() {
        if dims.get(at) != Some(&1) {
            return Err(format!("axis {at} of shape {:?} is not 1", x.dims));
        }
        dims.remove(at);
    }
    x.reshaped(dims)
}

fn unsqueeze(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let axes = integers(node, inputs, 1, "axes").ok_or("its axes are missing")?;
    let rank = x.dims.len() + axes.len();
    let mut at: Vec<usize> = axes.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?;
    at.sort_unstable();
    let mut dims = x.dims.clone();
    for at in at {
        dims.insert(at.min(dims.len()), 1);
    }
    x.reshaped(dims)
}

/// The tensor whose number at an index is that of `x` at what `from` makes of the index.
fn pick(x: &Tensor, dims: Vec<usize>, from: impl Fn(&[usize]) -> usize) -> Result<Tensor, String> {
    let numbers = count(&dims)?;
    let mut index = vec![0; dims.len()];
    let mut values = Vec::with_capacity(numbers);
    for _ in 0..numbers {
        values.push(*x.values.get(from(&index)).ok_or("it reaches beyond its input")?);
        for at in (0..dims.len()).rev() {
            index[at] += 1;
            if index[at] < dims[at] {
                break;
            }
            index[at] = 0;
        }
    }
    Ok(Tensor { dims, values, whole: x.whole })
}

/// How far apart neighbours along each axis lie.
fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for at in (1..dims.len()).rev() {
        strides[at - 1] = strides[at] * dims[at];
    }
    strides
}

fn transpose(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let rank = x.dims.len();
    let order: Vec<usize> = match attribute(node, "perm") {
        Some(found) => found.ints.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(format!("it orders {rank} axes by {order:?}"));
    }
    let strides = strides(&x.dims);
    let dims = order.iter().map(|&at| x.dims[at]).collect();
    pick(x, dims, |index| index.iter().zip(&order).map(|(index, &at)| index * strides[at]).sum())
}

fn expand(inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (x, shape) = (input(inputs, 0)?, input(inputs, 1)?.integers());
    let rank = x.dims.len().max(shape.len());
    let mut dims = vec![1; rank];
    for (dim, &wanted) in dims.iter_mut().rev().zip(shape.iter().rev()) {
        *dim = usize::try_from(wanted).map_err(|_| format!("its shape is {shape:?}"))?;
    }
    for (dim, &own) in dims.iter_mut().rev().zip(x.dims.iter().rev()) {
        if *dim == 1 {
            *dim = own;
        }
    }
    let values = spread(x, &dims)?;
    Ok(Tensor { dims, values, whole: x.whole })
}

fn concat(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let parts: Vec<&Tensor> = inputs.iter().copied().flatten().collect();
    let first = *parts.first().ok_or("it has no input")?;
    let at = axis(int(node, "axis", 0), first.dims.len())?;
    let mut dims = first.dims.clone();
    dims[at] = 0;
    for part in &parts {
        let others = |dims: &[usize]| {
            dims.iter()
                .enumerate()
                .filter(|&(i, _)| i != at)
                .map(|(_, &dim)| dim)
                .collect::<Vec<_>>()
        };
        if part.dims.len() != dims.len() || others(&part.dims) != others(&first.dims) {
            return Err(format!("shapes {:?} and {:?} do not fit", part.dims, first.dims));
        }
        dims[at] += part.dims[at];
    }
    count(&dims)?;
    let outer = count(&dims[..at])?;
    let mut values = Vec::new();
    for row in 0..outer {
        for part in &parts {
            let width = part.values.len() / outer;
            values.extend(&part.values[row * width..(row + 1) * width]);
        }
    }
    Ok(Tensor { dims, values, whole: first.whole })
}

/// The part of `x` from `start` on along an axis, `length` long, each `step` apart.
fn part(x: &Tensor, at: usize, start: usize, length: usize, step: i64) -> Result<Tensor, String> {
    let strides = strides(&x.dims);
    let mut dims = x.dims.clone();
    dims[at] = length;
    pick(x, dims, |index| {
        let along = (start as i64 + index[at] as i64 * step) as usize;
        let others = index.iter().zip(&strides).enumerate().filter(|&(i, _)| i != at);
        along * strides[at] + others.map(|(_, (index, stride))| index * stride).sum::<usize>()
    })
}

fn split(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, String> {
    let x = input(inputs, 0)?;
    let at = axis(int(node, "axis", 0), x.dims.len())?;
    let lengths = match integers(node, inputs, 1, "split") {
        Some(lengths) => lengths,
        None => {
            let parts = node.output.len().max(1);
            let each = x.dims[at].div_ceil(parts);
            (0..parts)
                .map(|part| (x.dims[at].saturating_sub(part * each)).min(each) as i64)
                .collect()
        }
    };
    let mut start = 0;
    let parts = lengths.iter().map(|&length| {
        let length = usize::try_from(length).map_err(|_| format!("it splits by {lengths:?}"))?;
        let part = part(x, at, start, length, 1);
        start += length;
        part
    });
    parts.collect()
}

fn slice(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let x = input(inputs, 0)?;
    let starts = integers(node, inputs, 1, "starts").ok_or("its starts are missing")?;
    let ends = integers(node, inputs, 2, "ends").ok_or("its ends are missing")?;
    let axes = integers(node, inputs, 3, "axes").unwrap_or((0..starts.len() as i64).collect());
    let steps = integers(node, inputs, 4, "steps").unwrap_or(vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("its starts, ends, axes and steps are not equally many".into());
    }
    let mut x = x.clone();
    for (((&start, &end), &at), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let at = axis(at, x.dims.len())?;
        let length = x.dims[at] as i64;
        if step == 0 || step == i64::MIN {
            return Err(format!("its step is {step}"));
        }
        if length == 0 {
            continue;
        }
        let from_end = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
        let (start, end) = match step > 0 {
            true => (from_end(start).clamp(0, length), from_end(end).clamp(0, length)),
            false => (from_end(start).clamp(0, length - 1), from_end(end).clamp(-1, length - 1)),
        };
        let span = if step > 0 { end - start } else { start - end };
        let many = if span <= 0 { 0 } else { (span as u64).div_ceil(step.unsigned_abs()) };
        x = part(&x, at, start as usize, many as usize, step)?;
    }
    Ok(x)
}

fn gather(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (x, indices) = (input(inputs, 0)?, input(inputs, 1)?);
    let at = axis(int(node, "axis", 0), x.dims.len())?;
    let chosen = indices.integers().into_iter().map(|index| axis(index, x.dims[at]));
    let chosen = chosen.collect::<Result<Vec<_>, _>>()?;
    let picks = indices.dims.len();
    let dims = [&x.dims[..at], &indices.dims, &x.dims[at + 1..]].concat();
    let (own, theirs) = (strides(&x.dims), strides(&indices.dims));
    pick(x, dims, |index| {
        let pick = index[at..at + picks].iter().zip(&theirs).map(|(i, stride)| i * stride);
        let along = chosen[pick.sum::<usize>()] * own[at];
        let before = index[..at].iter().zip(&own).map(|(i, stride)| i * stride).sum::<usize>();
        let after = index[at + picks..].iter().zip(&own[at + 1..]).map(|(i, stride)| i * stride);
        along + before + after.sum::<usize>()
    })
}

fn shape(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let dims = &input(inputs, 0)?.dims;
    let rank = dims.len() as i64;
    let place =
        |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (place(int(node, "start", 0)), place(int(node, "end", rank)));
    Ok(Tensor::whole(dims[start..end.max(start)].iter().map(|&dim| dim as f64).collect()))
}

fn constant_of_shape(node: &NodeProto, inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let shape = input(inputs, 0)?.integers();
    let dims: Option<Vec<_>> = shape.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let dims = dims.ok_or_else(|| format!("its shape is {shape:?}"))?;
    let value = match attribute(node, "value").and_then(|value| value.t.as_ref()) {
        Some(value) => decode(value, std::path::Path::new(""))?,
        None => Tensor::new(vec![1], vec![0.0]),
    };
    let number = value.number().ok_or("its value is not one number")?;
    let values = vec![number; count(&dims)?];
    Ok(Tensor { dims, values, whole: value.whole })
}

fn range(inputs: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let number = |at| input(inputs, at)?.number().ok_or_else(|| format!("input {at} is no number"));
    let (start, limit, delta) = (number(0)?, number(1)?, number(2)?);
    let many = ((limit - start) / delta).ceil().max(0.0);
    let dims = vec![many as usize];
    count(&dims)?;
    let values = (0..dims[0]).map(|at| start + at as f64 * delta).collect();
    Ok(Tensor { dims, values, whole: input(inputs, 0)?.whole })
}
