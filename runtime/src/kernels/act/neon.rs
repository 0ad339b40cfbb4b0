//! aarch64 NEON.
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Neon`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::dense::Dense;
use super::packed::{Geometry, Packed};
use super::rows::{self, Value};
use super::strips::Strips;
use core::arch::aarch64::*;
use half::f16;
use lacewing_formats::artifact::LayerView;
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
    rows::csr(
        layer,
        y,
        // SAFETY: a `LayerView` only holds columns below `cols`, and `x` is at least that long.
        |columns, values| unsafe { dot(columns, values, x) },
        // SAFETY: the same.
        |columns, values| unsafe { dot(columns, values, x) },
    );
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

/// Rows in a panel: four vectors.
pub(super) const PANEL: usize = 16;

#[target_feature(enable = "neon")]
pub(super) unsafe fn dense(weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::dense::dense::<float32x4_t, 4, 2>(weights, x, y) }
}

/// Four vectors of rows; a block is the two registers that `tbl` selects bytes from.
pub(super) const GEOMETRY: Geometry = Geometry { lanes: 16, block: 8, links: 1 };

/// For each vector of a step, the lanes of sixteen columns that it takes, four bytes each.
const SPREAD: [[u8; 16]; 4] = [
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
    [4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7],
    [8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11],
    [12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15],
];

/// Packed layer: four inputs are picked by one `tbl`, no loads lane by lane.
#[target_feature(enable = "neon")]
pub(super) unsafe fn packed(packed: &Packed<'_>, x: &[f32], y: &mut [f32]) {
    let blocks = packed.blocks_per_group();
    let mut values = packed.values().as_ptr();
    let mut columns = packed.columns().as_ptr();
    // SAFETY: each holds sixteen.
    let spread = SPREAD.map(|lanes| unsafe { vld1q_u8(lanes.as_ptr()) });
    // Where the bytes of an f32 lie.
    let bytes = vreinterpretq_u8_u32(vdupq_n_u32(0x0302_0100));
    for (y, counts) in y.chunks_mut(16).zip(packed.counts().chunks_exact(blocks)) {
        let mut sums = [vdupq_n_f32(0.0); 4];
        for (&count, x) in counts.iter().zip(x.as_chunks::<8>().0) {
            // SAFETY: `x` holds eight. The counts of a `Packed` add up to the steps it holds, each
            // of sixteen values and sixteen columns, so both pointers stay within their slices.
            unsafe {
                let low = vreinterpretq_u8_f32(vld1q_f32(x.as_ptr()));
                let high = vreinterpretq_u8_f32(vld1q_f32(x.as_ptr().add(4)));
                for _ in 0..count {
                    let at = vshlq_n_u8::<2>(vld1q_u8(columns));
                    for (vector, sum) in sums.iter_mut().enumerate() {
                        let at = vorrq_u8(vqtbl1q_u8(at, spread[vector]), bytes);
                        let picked = vreinterpretq_f32_u8(vqtbl2q_u8(uint8x16x2_t(low, high), at));
                        *sum = vfmaq_f32(*sum, picked, vld1q_f32(values.add(4 * vector)));
                    }
                    columns = columns.add(16);
                    values = values.add(16);
                }
            }
        }
        // A group of fewer rows than lanes is the last.
        let mut last = [0.0; 16];
        let whole = y.len() == 16;
        let to = if whole { y.as_mut_ptr() } else { last.as_mut_ptr() };
        for (vector, sum) in sums.into_iter().enumerate() {
            // SAFETY: there is room for sixteen.
            unsafe { vst1q_f32(to.add(4 * vector), sum) };
        }
        if !whole {
            y.copy_from_slice(&last[..y.len()]);
        }
    }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn strips16(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<float32x4_t, 4, 2>(strips, x, y) }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn strips4(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<float32x4_t, 1, 4>(strips, x, y) }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn normalise(epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
    super::finish::normalise(epsilon, gain, bias, y);
}
