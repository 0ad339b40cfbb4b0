//! What follows the products: bias, layer normalisation and activation.

use super::activation::{
    elu, gelu, gelu_tanh, leaky_relu, relu6, selu, sigmoid, silu, softplus, softsign, tanh,
};
use lacewing_formats::policy::Activation;

/// Written once for any vector width: each kernel inlines it under its own instructions.
#[inline(always)]
pub(super) fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    match activation {
        Activation::Identity => each(bias, y, |y| y),
        // A comparison, not `max`, which would turn NaN into 0 and so hide it; and with the least normal
        // number, since a denormal input costs some processors hundreds of cycles.
        Activation::Relu => each(bias, y, |y| if y < f32::MIN_POSITIVE { 0.0 } else { y }),
        Activation::Tanh => each(bias, y, tanh),
        Activation::Relu6 => each(bias, y, relu6),
        Activation::LeakyRelu(alpha) => each(bias, y, |y| leaky_relu(y, alpha)),
        Activation::Elu(alpha) => each(bias, y, |y| elu(y, alpha)),
        Activation::Selu => each(bias, y, selu),
        Activation::Silu => each(bias, y, silu),
        Activation::Gelu => each(bias, y, gelu),
        Activation::GeluTanh => each(bias, y, gelu_tanh),
        Activation::Sigmoid => each(bias, y, sigmoid),
        Activation::Softsign => each(bias, y, softsign),
        Activation::Softplus => each(bias, y, softplus),
    }
}

#[inline(always)]
fn each(bias: &[f32], y: &mut [f32], function: impl Fn(f32) -> f32) {
    for (y, bias) in y.iter_mut().zip(bias) {
        *y = function(*y + bias);
    }
}

/// Numbers that are added up side by side: the vectors of every kernel, and few enough for registers.
const LANES: usize = 32;

/// `y = (z - mean z) / √(var z + epsilon) · gain`, z being `y + bias`: layer normalisation but for its
/// shift, which [`finish`] adds as a bias. The variance is that of what is left without the mean, so
/// that a large mean costs it no digits.
#[inline(always)]
pub(super) fn normalise(epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
    let share = 1.0 / y.len() as f32;
    y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
    let mean = sum(y, 0.0, |y| y) * share;
    let variance = sum(y, mean, |y| (y - mean) * (y - mean)) * share;
    let inverse = 1.0 / libm::sqrtf(variance + epsilon);
    y.iter_mut().zip(gain).for_each(|(y, gain)| *y = (*y - mean) * (inverse * gain));
}

/// The sum of all terms; that of `nothing` must be 0.
#[inline(always)]
fn sum(y: &[f32], nothing: f32, term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (chunks, rest) = y.as_chunks::<LANES>();
    for chunk in chunks {
        add(&mut sums, chunk, &term);
    }
    if !rest.is_empty() {
        // Filled up: were only some of the sums touched, all would live in memory.
        let mut last = [nothing; LANES];
        last[..rest.len()].copy_from_slice(rest);
        add(&mut sums, &last, &term);
    }
    // By halves: one after the other, each addition would wait for the one before.
    let mut count = LANES;
    while count > 1 {
        count /= 2;
        let (low, high) = sums.split_at_mut(count);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
    }
    sums[0]
}

#[inline(always)]
fn add(sums: &mut [f32; LANES], y: &[f32; LANES], term: impl Fn(f32) -> f32) {
    sums.iter_mut().zip(y).for_each(|(sum, &y)| *sum += term(y));
}
