//! NumPy's arithmetic where it differs from the obvious, so that rewards equal Gymnasium's bit for
//! bit.

use std::hint::black_box;
use std::ops::Add;

/// `x ** 2` as NumPy does it on a scalar: the C library's `pow`, which is not always `x * x`.
pub(super) fn square(x: f64) -> f64 {
    // With a constant exponent the compiler would turn the call into a product.
    x.powf(black_box(2.0))
}

/// [`square`] in single precision.
pub(super) fn square_f32(x: f32) -> f32 {
    x.powf(black_box(2.0))
}

/// `np.cos` of a single-precision angle within ±π/4, which is not always the nearest number to the
/// cosine (`simd_sincos_f32` in NumPy's `loops_trigonometric.dispatch.cpp`, with fused products as
/// every processor with AVX2 or NEON has them).
pub(super) fn cos_f32(x: f32) -> f32 {
    polynomial([2.437_226_6e-5, -1.388_652e-3, 4.166_662e-2, -0.5, 1.0], x * x)
}

/// `np.sin`, like [`cos_f32`].
pub(super) fn sin_f32(x: f32) -> f32 {
    let terms = [2.840_409_7e-6, -1.985_649_1e-4, 8.333_397e-3, -1.666_666_7e-1, 0.0];
    polynomial(terms, x * x).mul_add(x, x)
}

/// The polynomial of these coefficients, the highest first.
fn polynomial(coefficients: [f32; 5], x: f32) -> f32 {
    coefficients.into_iter().fold(0.0, |sum, coefficient| sum.mul_add(x, coefficient))
}

/// `np.sum` of a contiguous array: eight running sums, halved recursively above 128 values
/// (`pairwise_sum` in NumPy's `loops_utils.h.src`).
pub(super) fn sum<T: Copy + Default + Add<Output = T>>(values: &[T]) -> T {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    let n = values.len();
    if n > BLOCK {
        let half = n / 2 / LANES * LANES;
        return sum(&values[..half]) + sum(&values[half..]);
    }
    let mut lanes = [T::default(); LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = *lane + value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let total = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(total, |total, &value| total + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_precision_is_numpys_where_the_nearest_number_is_another() {
        for (x, cosine) in [
            (0.088_147_745_f32, 0.996_117_5_f32),
            (-0.058_995_172, 0.998_260_26),
            (-0.092_918_26, 0.995_686_2),
        ] {
            assert_eq!(cos_f32(x), cosine);
            assert_ne!(f64::from(x).cos() as f32, cosine);
        }
        for (x, sine) in [
            (0.087_961_726_f32, 0.087_848_336_f32),
            (0.099_421_084, 0.099_257_37),
            (-0.097_740_77, -0.097_585_216),
        ] {
            assert_eq!(sin_f32(x), sine);
            assert_ne!(f64::from(x).sin() as f32, sine);
        }
    }
}
