//! x86-64 with AVX2, FMA and F16C.
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Avx2`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::dense::Dense;
use super::packed::{Geometry, Packed};
use super::rows::{self, Value};
use super::strips::Strips;
use crate::kernels::vector::Vector;
use core::arch::x86_64::*;
use half::f16;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::Activation;

/// Two vectors of rows, so that there are fewer blocks to begin; a block is the one register that
/// `vpermps` selects from. With blocks of two registers and a blend more was lost than padding saved.
pub(super) const GEOMETRY: Geometry = Geometry { lanes: 16, block: 8, links: 1 };

/// Weights read eight at a time.
trait Load8: Value {
    /// # Safety
    /// The processor has AVX2 and F16C; eight values can be read at `from`.
    unsafe fn load8(from: *const Self) -> __m256;
}

impl Load8 for f32 {
    #[inline(always)]
    unsafe fn load8(from: *const Self) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_loadu_ps(from) }
    }
}

impl Load8 for f16 {
    #[inline(always)]
    unsafe fn load8(from: *const Self) -> __m256 {
        // SAFETY: the caller's; an `f16` is two bytes.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
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

/// One row, eight links at a time.
///
/// # Safety
/// The processor has [`super::Isa::Avx2`]; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dot<V: Load8>(columns: &[u16], values: &[V], x: &[f32]) -> f32 {
    let (column8, column_tail) = columns.as_chunks::<8>();
    let (value8, value_tail) = values.as_chunks::<8>();
    // SAFETY: every column is below `x.len()`.
    let sum =
        column8.iter().zip(value8).fold(_mm256_setzero_ps(), |sum, (columns, values)| unsafe {
            multiply_add8(columns, values, x, sum)
        });
    let tail = column_tail.iter().zip(value_tail);
    // SAFETY: the caller's.
    let sum = unsafe { sum.total() };
    sum + tail.map(|(&column, value)| x[usize::from(column)] * value.widen()).sum::<f32>()
}

/// `sum + values · x[columns]`. The inputs are loaded one by one: with gathers a full layer took 1.4
/// times as long on an AMD Zen 5.
///
/// # Safety
/// The processor has [`super::Isa::Avx2`]; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn multiply_add8<V: Load8>(
    columns: &[u16; 8],
    values: &[V; 8],
    x: &[f32],
    sum: __m256,
) -> __m256 {
    // SAFETY: the caller's; `values` holds eight.
    unsafe {
        let [a, b, c, d, e, f, g, h] = columns.map(|column| *x.get_unchecked(usize::from(column)));
        _mm256_fmadd_ps(_mm256_setr_ps(a, b, c, d, e, f, g, h), V::load8(values.as_ptr()), sum)
    }
}

/// Rows in a panel: four vectors.
pub(super) const PANEL: usize = 32;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn dense(weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::dense::dense::<__m256, 4, 2>(weights, x, y) }
}

/// Packed layer: an input is picked by one in-register permute, no gather.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn packed(packed: &Packed<'_>, x: &[f32], y: &mut [f32]) {
    let blocks = packed.blocks_per_group();
    let mut values = packed.values().as_ptr();
    let mut columns = packed.columns().as_ptr();
    for (y, counts) in y.chunks_mut(16).zip(packed.counts().chunks_exact(blocks)) {
        // Two sums of each vector, so that one step does not wait for the one before.
        let (mut even, mut odd) = ([_mm256_setzero_ps(); 2], [_mm256_setzero_ps(); 2]);
        for (&count, x) in counts.iter().zip(x.as_chunks::<8>().0) {
            // SAFETY: `x` holds eight. The counts of a `Packed` add up to the steps it holds, each
            // of sixteen values and sixteen columns, so both pointers stay within their slices.
            unsafe {
                let x = _mm256_loadu_ps(x.as_ptr());
                for _ in 0..count / 2 {
                    step(&mut even, x, columns, values);
                    step(&mut odd, x, columns.add(16), values.add(16));
                    columns = columns.add(32);
                    values = values.add(32);
                }
                if count % 2 == 1 {
                    step(&mut even, x, columns, values);
                    columns = columns.add(16);
                    values = values.add(16);
                }
            }
        }
        // A group of fewer rows than lanes is the last.
        let mut last = [0.0; 16];
        let whole = y.len() == 16;
        let to = if whole { y.as_mut_ptr() } else { last.as_mut_ptr() };
        for (half, (even, odd)) in even.into_iter().zip(odd).enumerate() {
            // SAFETY: there is room for sixteen.
            unsafe { _mm256_storeu_ps(to.add(8 * half), _mm256_add_ps(even, odd)) };
        }
        if !whole {
            y.copy_from_slice(&last[..y.len()]);
        }
    }
}

/// `sums += values · x[columns]` for sixteen rows.
///
/// # Safety
/// The processor has [`super::Isa::Avx2`]; sixteen columns and values can be read.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn step(sums: &mut [__m256; 2], x: __m256, columns: *const u8, values: *const f32) {
    for (half, sum) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's.
        unsafe {
            let at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(columns.add(8 * half).cast()));
            let picked = _mm256_permutevar8x32_ps(x, at);
            *sum = _mm256_fmadd_ps(picked, _mm256_loadu_ps(values.add(8 * half)), *sum);
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn strips16(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<__m256, 2, 4>(strips, x, y) }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn strips8(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<__m256, 1, 4>(strips, x, y) }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn normalise(epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
    super::finish::normalise(epsilon, gain, bias, y);
}
