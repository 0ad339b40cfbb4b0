//! Activations without branches, tables or calls, so that they run in vector lanes.
//!
//! Written once for any vector width: each kernel inlines them under its own instructions, and the
//! scalar kernel is these lines as they stand. Errors, found by comparing with f64 over [−90, 90], are
//! bounds of `tests/tests/act_kernels.rs`: 5·10⁻⁷ or, where results are larger than 1, that share of them.
//! NaN stays NaN: clamping is done by comparisons, which it fails.

use lacewing_formats::policy::{SELU_ALPHA, SELU_SCALE};

/// tanh by the rational minimax approximation of degree 13/6 that Eigen uses
/// (`generic_fast_tanh_float`).
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    // Beyond this the result rounds to ±1.
    const LIMIT: f32 = 7.905_311;
    const NUMERATOR: [f32; 7] = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ];
    const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let x = clamp(x, -LIMIT, LIMIT);
    let square = x * x;
    x * horner(square, &NUMERATOR) / horner(square, &DENOMINATOR)
}

#[inline(always)]
pub(super) fn relu6(x: f32) -> f32 {
    clamp(x, 0.0, 6.0)
}

#[inline(always)]
pub(super) fn leaky_relu(x: f32, alpha: f32) -> f32 {
    if x < 0.0 { alpha * x } else { x }
}

#[inline(always)]
pub(super) fn elu(x: f32, alpha: f32) -> f32 {
    if x < 0.0 { alpha * exp_less_one(x) } else { x }
}

#[inline(always)]
pub(super) fn selu(x: f32) -> f32 {
    SELU_SCALE as f32 * elu(x, SELU_ALPHA as f32)
}

#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(super) fn softsign(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

/// max(x, 0) + ln(1 + e⁻|x|), the logarithm by its series in s = u / (2 + u) ≤ 1/3, u = e⁻|x|.
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    let u = exp(-x.abs());
    let s = u / (2.0 + u);
    let odd = [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 0.2, 1.0 / 3.0, 1.0];
    leaky_relu(x, 0.0) + 2.0 * s * horner(s * s, &odd)
}

/// x·Φ(x); Φ of the magnitude's negative is t·p(t)·e^(−x²/2), t = 1 / (1 + c·|x|) (Abramowitz & Stegun
/// 1964, 7.1.26 with its argument divided by √2).
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    const P: [f32; 5] = [0.530_702_7, -0.726_576, 0.710_706_9, -0.142_248_37, 0.127_414_8];
    let t = 1.0 / (1.0 + 0.231_641_88 * x.abs());
    let tail = t * horner(t, &P) * exp(-0.5 * x * x);
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    // x·(1 + tanh z)/2 = x·sigmoid(2z), which keeps its digits where tanh comes near −1.
    const TWICE: f32 = 1.595_769;
    x * sigmoid(TWICE * (x + 0.044_715 * x * x * x))
}

#[inline(always)]
fn exp(x: f32) -> f32 {
    let (p, scale) = exp_parts(x);
    scale * p + scale
}

/// eˣ − 1, with all its digits near zero.
#[inline(always)]
fn exp_less_one(x: f32) -> f32 {
    let (p, scale) = exp_parts(x);
    scale * p + (scale - 1.0)
}

/// eʳ − 1 and 2ⁿ, where x = n·ln 2 + r with |r| ≤ ln 2 / 2; beyond what f32 holds x is clamped.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, f32) {
    /// Added to a number below 2²² it leaves its rounded value in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_145_75;
    const LN2_LOW: f32 = 1.428_606_8e-6;
    let x = clamp(x, -87.0, 88.0);
    let rounded = x * core::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    let p = r + r * r * horner(r, &series);
    (p, f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23)))
}

#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// The polynomial with these coefficients, the highest power first.
#[inline(always)]
fn horner(x: f32, coefficients: &[f32]) -> f32 {
    let [first, rest @ ..] = coefficients else { return 0.0 };
    rest.iter().fold(*first, |sum, c| sum * x + c)
}
