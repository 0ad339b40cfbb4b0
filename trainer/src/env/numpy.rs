//! NumPy's arithmetic where it differs from the obvious, so that rewards equal Gymnasium's bit for
//! bit.

use std::hint::black_box;

/// `x ** 2` as NumPy does it on a scalar: the C library's `pow`, which is not always `x * x`.
pub(super) fn square(x: f64) -> f64 {
    // With a constant exponent the compiler would turn the call into a product.
    x.powf(black_box(2.0))
}

/// [`square`] in single precision.
pub(super) fn square_f32(x: f32) -> f32 {
    x.powf(black_box(2.0))
}
