//! What several nodes do together, or one whose constants do not say it, found by computing it.
//!
//! Exporters spell activations and normalisations in many ways. So what they make of numbers is compared
//! with what is known, in f64, to far better than f32; and the whole actor is compared with the whole
//! model in the end.

use lacewing_formats::policy::Activation;

use super::choice;
use super::eval::MOVES;
use super::graph::node_error;
use super::op::{Linear, Op};
use super::program::Region;
use crate::onnx::OnnxError;

/// How far numbers may be apart, relatively, that constants of f32 lead to.
const ROUNDING: f64 = 1e-6;
/// The widest layer that is read column by column.
const MOST_COLUMNS: usize = 4096;

/// Reads a region by what it does.
pub(super) fn recognise(region: &Region<'_, '_>) -> Result<Vec<Op>, OnnxError> {
    let (inputs, outputs) = region.widths();
    let moves = region.nodes.iter().all(|node| MOVES.contains(&node.op_type.as_str()));
    if moves && let Some(op) = movement(region)? {
        return Ok(op);
    }
    if inputs == outputs && inputs > 0 {
        let alone = acts_alone(region, inputs)?;
        if alone && let Some(op) = line(region, inputs)? {
            return Ok(op);
        }
        if alone && let Some(ops) = activation(region, inputs)? {
            return Ok(ops);
        }
        if !alone && let Some(ops) = normalisation(region, inputs)? {
            return Ok(ops);
        }
    }
    if let Some(op) = choice::recognise(region)? {
        return Ok(vec![op]);
    }
    if inputs <= MOST_COLUMNS
        && let Some(linear) = linear(region, inputs, outputs)?
    {
        return Ok(vec![Op::Linear(linear)]);
    }
    Err(unknown(region))
}

fn unknown(region: &Region<'_, '_>) -> OnnxError {
    let known = "known are linear layers, layer and batch normalisation, scaling, clipping, and the \
                 activations ReLU, ReLU6, LeakyReLU, ELU, SELU, SiLU, GELU, sigmoid, tanh, softsign and \
                 softplus; export the part between observation and action that is made of these \
                 (`--output NAME` picks an output)";
    let node = region.nodes[region.nodes.len() - 1];
    let problem = match &region.nodes[..] {
        [_] => format!("an actor has no such step; {known}"),
        nodes => {
            let mut ops: Vec<&str> = nodes.iter().map(|node| node.op_type.as_str()).collect();
            ops.dedup();
            ops.truncate(12);
            format!(
                "what leads here from `{}` ({}) is no step that an actor has (such as a skip connection); \
                 {known}",
                region.from[0],
                ops.join(", ")
            )
        }
    };
    node_error(node, problem)
}

/// Numbers without a pattern, in [-1, 1].
pub(super) fn scattered(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|at| ((at as f64 + seed) * 12.9898).sin() * (1.0 - 1e-3 * seed)).collect()
}

pub(super) fn near(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= ROUNDING * scale.max(1e-3)
}

/// A permutation or choice of what goes in.
fn movement(region: &Region<'_, '_>) -> Result<Option<Vec<Op>>, OnnxError> {
    let (inputs, _) = region.widths();
    // Offset, so that zeros of a constant are not taken for the first number.
    let places = region.run((0..inputs).map(|at| at as f64 + 0.5).collect())?;
    let select: Option<Vec<usize>> = places
        .iter()
        .map(|place| (place.fract() == 0.5 && *place < inputs as f64).then_some(*place as usize))
        .collect();
    Ok(select.map(|select| match select.iter().copied().eq(0..inputs) {
        true => vec![],
        false => vec![Op::Select(select)],
    }))
}

/// Whether each number that comes out depends on the one at its place only.
fn acts_alone(region: &Region<'_, '_>, width: usize) -> Result<bool, OnnxError> {
    let before = scattered(width, 1.0);
    let outputs = region.run(before.clone())?;
    for probe in 0..4 {
        let place = width * probe / 4;
        let mut moved = before.clone();
        moved[place] += 0.25;
        let others = region.run(moved)?;
        if (0..width).any(|at| at != place && outputs.get(at) != others.get(at)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `scale · x + shift`.
fn line(region: &Region<'_, '_>, width: usize) -> Result<Option<Vec<Op>>, OnnxError> {
    let (shift, one) = (region.run(vec![0.0; width])?, region.run(vec![1.0; width])?);
    let map: Vec<(f64, f64)> = shift.iter().zip(&one).map(|(t, one)| (one - t, *t)).collect();
    for x in [-40.0, -1.5, 3.0, 60.0] {
        let found = region.run(vec![x; width])?;
        let agrees = |(y, (scale, shift)): (&f64, &(f64, f64))| {
            near(*y, scale * x + shift, 1e-3 * ((scale * x).abs() + shift.abs()))
        };
        if found.len() != width || !found.iter().zip(&map).all(agrees) {
            return Ok(None);
        }
    }
    if map.iter().all(|&line| line == (1.0, 0.0)) {
        return Ok(Some(vec![]));
    }
    Ok(map.iter().all(|(a, b)| a.is_finite() && b.is_finite()).then_some(vec![Op::Affine(map)]))
}

/// The activation that all numbers, or their negatives, go through.
fn activation(region: &Region<'_, '_>, width: usize) -> Result<Option<Vec<Op>>, OnnxError> {
    let mut curve = Vec::new();
    for x in (-60..=60).map(|x| f64::from(x) / 5.0).chain([-30.0, 30.0]) {
        let y = region.run(vec![x; width])?;
        let Some(&first) = y.first() else { return Ok(None) };
        if y.iter().any(|&y| y != first) || !first.is_finite() {
            return Ok(None);
        }
        curve.push((x, first));
    }
    if let Some(activation) = of_curve(&curve) {
        return Ok(Some(vec![Op::Activation(activation)]));
    }
    let mirrored: Vec<_> = curve.iter().map(|&(x, y)| (-x, y)).collect();
    Ok(of_curve(&mirrored)
        .map(|activation| vec![Op::Affine(vec![(-1.0, 0.0); width]), Op::Activation(activation)]))
}

/// The activation with these values.
fn of_curve(curve: &[(f64, f64)]) -> Option<Activation> {
    let at = |wanted: f64| curve.iter().find(|(x, _)| *x == wanted).map_or(0.0, |(_, y)| *y);
    let candidates = [
        Activation::Relu,
        Activation::Tanh,
        Activation::Relu6,
        Activation::Selu,
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Sigmoid,
        Activation::Softsign,
        Activation::Softplus,
        Activation::LeakyRelu(-at(-1.0) as f32),
        Activation::Elu(-at(-30.0) as f32),
    ];
    let fits = |activation: &Activation| {
        curve.iter().all(|&(x, y)| near(y, activation.apply(x), x.abs().max(1.0)))
    };
    candidates.into_iter().find(fits)
}

/// Layer normalisation, with or without gain and shift, or a part of it.
fn normalisation(region: &Region<'_, '_>, width: usize) -> Result<Option<Vec<Op>>, OnnxError> {
    for (center, plain) in [(true, false), (false, true), (true, true)] {
        if let Some(ops) = normalised(region, width, center, plain)? {
            return Ok(Some(ops));
        }
    }
    Ok(None)
}

/// `c(x) / √(mean c(x)² + ε) · gain + shift`, or (`plain`) without them, c being the difference to the
/// mean or nothing; or c alone.
fn normalised(
    region: &Region<'_, '_>,
    width: usize,
    center: bool,
    plain: bool,
) -> Result<Option<Vec<Op>>, OnnxError> {
    let centred = |x: &[f64]| {
        let mean = if center { x.iter().sum::<f64>() / width as f64 } else { 0.0 };
        x.iter().map(|x| x - mean).collect::<Vec<_>>()
    };
    let square = |c: &[f64]| c.iter().map(|c| c * c).sum::<f64>() / width as f64;
    let scaled = |scale: f64, seed: f64| {
        scattered(width, seed).iter().map(|x| scale * x).collect::<Vec<_>>()
    };
    let shift = region.run(vec![0.0; width])?;
    // Beside large numbers there is no ε, beside small ones it can be seen.
    let (large, small) = (scaled(1e3, 2.0), scaled(1e-3, 2.0));
    let (far, near_zero) = (region.run(large.clone())?, region.run(small.clone())?);
    let (large, small) = (centred(&large), centred(&small));
    let root = square(&large).sqrt();
    let gain = |at: usize| (far[at] - shift[at]) * root / large[at];
    let largest = (0..width).max_by(|&a, &b| small[a].abs().total_cmp(&small[b].abs()));
    let Some(largest) = largest.filter(|_| far.len() == width && near_zero.len() == width) else {
        return Ok(None);
    };
    let seen = small[largest] * gain(largest) / (near_zero[largest] - shift[largest]);
    // Rounded to its f32, which a reader of the file would have.
    let epsilon = f64::from((seen.powi(2) - square(&small)) as f32);
    let root = (square(&large) + epsilon).sqrt();
    let gain = |at: usize| (far[at] - shift[at]) * root / large[at];
    let map: Vec<(f64, f64)> = (0..width).map(|at| (gain(at), shift[at])).collect();
    for scale in [1e-3, 0.1, 1.0, 10.0] {
        let x: Vec<f64> = scaled(scale, 3.0).iter().map(|x| x + 0.3 * scale).collect();
        let c = centred(&x);
        let by = if center && plain { 1.0 } else { 1.0 / (square(&c) + epsilon).sqrt() };
        let found = region.run(x)?;
        let agree = |(at, found): (usize, &f64)| {
            let (gain, shift) = if plain { (1.0, 0.0) } else { map[at] };
            near(*found, c[at] * by * gain + shift, (gain * scale.max(1.0)).abs())
        };
        if !found.iter().enumerate().all(agree) {
            return Ok(None);
        }
    }
    Ok(match (center, plain) {
        (true, true) => Some(vec![Op::Centre]),
        (false, _) => (epsilon > 0.0).then(|| vec![Op::Rms(epsilon)]),
        (true, false) => (epsilon > 0.0).then(|| vec![Op::Norm(epsilon), Op::Affine(map)]),
    })
}

/// A layer, column by column.
fn linear(
    region: &Region<'_, '_>,
    inputs: usize,
    outputs: usize,
) -> Result<Option<Linear>, OnnxError> {
    let bias = region.run(vec![0.0; inputs])?;
    let agrees = |linear: &dyn Fn(&[f64]) -> Vec<f64>, x: Vec<f64>| -> Result<bool, OnnxError> {
        let expected = linear(&x);
        let found = region.run(x)?;
        let scale = expected.iter().fold(1.0, |most: f64, y| most.max(y.abs()));
        let near = found.iter().zip(&expected).all(|(a, b)| near(*a, *b, 1e-3 * scale));
        Ok(found.len() == outputs && near)
    };
    if bias.len() != outputs || bias.iter().any(|bias| !bias.is_finite()) {
        return Ok(None);
    }
    // A cheap look first: twice as far from zero is twice as far.
    let (x, y) = (scattered(inputs, 4.0), region.run(scattered(inputs, 4.0))?);
    let twice = |_: &[f64]| y.iter().zip(&bias).map(|(y, bias)| 2.0 * y - bias).collect();
    if !agrees(&twice, x.iter().map(|x| 2.0 * x).collect())? {
        return Ok(None);
    }
    let mut weights = vec![0.0; inputs * outputs];
    for column in 0..inputs {
        let mut unit = vec![0.0; inputs];
        unit[column] = 1.0;
        for (row, (y, bias)) in region.run(unit)?.iter().zip(&bias).enumerate() {
            weights[row * inputs + column] = y - bias;
        }
    }
    let product = |x: &[f64]| {
        let row = |(row, bias): (&[f64], &f64)| {
            bias + row.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>()
        };
        weights.chunks_exact(inputs).zip(&bias).map(row).collect()
    };
    for (seed, scale) in [(5.0, 1.0), (6.0, -30.0), (7.0, 0.01)] {
        if !agrees(&product, scattered(inputs, seed).iter().map(|x| scale * x).collect())? {
            return Ok(None);
        }
    }
    Ok(Some(Linear { inputs, outputs, weights: weights.clone(), bias: bias.clone() }))
}
