//! aarch64 NEON.
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Neon`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::rows::{Value, each_row};
use core::arch::aarch64::*;
use half::f16;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::Values;
use lacewing_formats::policy::Activation;

/// Weights read four at a time.
trait Load4: Value {
    /// # Safety
    /// The processor has NEON; four values can be read at `from`.
    unsafe fn load4(from: *const Self) -> float32x4_t;
}

impl Load4 for f32 {
    #[inline(always)]
    unsafe fn load4(from: *const Self) -> float32x4_t {
        // SAFETY: the caller's.
        unsafe { vld1q_f32(from) }
    }
}

impl Load4 for f16 {
    #[inline(always)]
    unsafe fn load4(from: *const Self) -> float32x4_t {
        // SAFETY: the caller's; an `f16` is two bytes.
        unsafe { vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from.cast()))) }
    }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn csr(layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
    match layer.values() {
        // SAFETY: a `LayerView` only holds columns below `cols`, and `x` is at least that long.
        Values::F32(values) => each_row(layer, values, y, |c, v| unsafe { dot(c, v, x) }),
        // SAFETY: the same.
        Values::F16(values) => each_row(layer, values, y, |c, v| unsafe { dot(c, v, x) }),
    }
}

/// One row, eight links at a time into two sums. NEON has no gather: four inputs are loaded lane
/// by lane.
///
/// # Safety
/// The processor has NEON; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn dot<V: Load4>(columns: &[u16], values: &[V], x: &[f32]) -> f32 {
    let (mut even, mut odd) = (vdupq_n_f32(0.0), vdupq_n_f32(0.0));
    let (column8, column_tail) = columns.as_chunks::<8>();
    let (value8, value_tail) = values.as_chunks::<8>();
    for ([a, b, c, d, e, f, g, h], values) in column8.iter().zip(value8) {
        // SAFETY: `values` holds eight; every column is below `x.len()`.
        unsafe {
            even = vfmaq_f32(even, pick4(x, [a, b, c, d]), V::load4(values.as_ptr()));
            odd = vfmaq_f32(odd, pick4(x, [e, f, g, h]), V::load4(values.as_ptr().add(4)));
        }
    }
    let tail = column_tail.iter().zip(value_tail);
    vaddvq_f32(vaddq_f32(even, odd))
        + tail.map(|(&column, value)| x[usize::from(column)] * value.widen()).sum::<f32>()
}

/// Four inputs in one vector.
///
/// # Safety
/// The processor has NEON; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn pick4(x: &[f32], columns: [&u16; 4]) -> float32x4_t {
    let [a, b, c, d] = columns.map(|&column| x.as_ptr().wrapping_add(column.into()));
    // SAFETY: each pointer is to an input.
    unsafe {
        let picked = vld1q_lane_f32::<1>(b, vld1q_dup_f32(a));
        vld1q_lane_f32::<3>(d, vld1q_lane_f32::<2>(c, picked))
    }
}

/// Row-major dense layer, four rows at a time so that an input is loaded once for all of them.
#[target_feature(enable = "neon")]
pub(super) unsafe fn dense(weights: &[f32], x: &[f32], y: &mut [f32]) {
    let cols = x.len();
    let (x4, x_tail) = x.as_chunks::<4>();
    for (y, rows) in y.chunks_mut(4).zip(weights.chunks(4 * cols)) {
        let mut sums = [vdupq_n_f32(0.0); 4];
        for (at, x) in x4.iter().enumerate() {
            // SAFETY: row `r < y.len()` of the group holds `cols` weights from `r * cols` on, and
            // `at * 4 + 4 <= cols`.
            unsafe {
                let x = vld1q_f32(x.as_ptr());
                for (r, sum) in sums.iter_mut().enumerate().take(y.len()) {
                    *sum = vfmaq_f32(*sum, vld1q_f32(rows.as_ptr().add(r * cols + at * 4)), x);
                }
            }
        }
        for ((y, sum), row) in y.iter_mut().zip(sums).zip(rows.chunks_exact(cols)) {
            let tail = row[cols - x_tail.len()..].iter().zip(x_tail);
            *y = vaddvq_f32(sum) + tail.map(|(weight, x)| weight * x).sum::<f32>();
        }
    }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}
