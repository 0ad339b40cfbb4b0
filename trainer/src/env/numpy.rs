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
