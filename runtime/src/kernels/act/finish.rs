//! What follows the products: bias and activation.

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
    }
}

#[inline(always)]
fn each(bias: &[f32], y: &mut [f32], function: impl Fn(f32) -> f32) {
    for (y, bias) in y.iter_mut().zip(bias) {
        *y = function(*y + bias);
    }
}

/// tanh to within 4·10⁻⁷, by the rational minimax approximation of degree 13/6 that Eigen uses
/// (`generic_fast_tanh_float`): no branch and no table, so that it runs in vector lanes.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    // Beyond this the result rounds to ±1. Comparisons, so that NaN stays NaN.
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
    let x = if x > LIMIT { LIMIT } else { x };
    let x = if x < -LIMIT { -LIMIT } else { x };
    let square = x * x;
    let horner = |coefficients: &[f32]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    x * horner(&NUMERATOR) / horner(&DENOMINATOR)
}
