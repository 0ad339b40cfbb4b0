//! x86-64 with AVX-512 F, BW, DQ and VL, as far as it beats [`super::avx2`].
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Avx512`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::dense::Dense;
use super::packed::{Geometry, Packed};
use super::vector::Vector;
use core::arch::x86_64::*;
use lacewing_formats::policy::Activation;

/// Sixteen rows; a block is the two registers that one `vpermi2ps` selects from.
pub(super) const GEOMETRY: Geometry = Geometry { lanes: 16, block: 32 };

/// Rows in a panel: one vector. With more in flight the second-level cache was slower.
pub(super) const PANEL: usize = 16;

impl Vector for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_fmadd_ps(self, by, to) }
    }

    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: the caller's.
        unsafe { _mm512_reduce_add_ps(self) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn dense(weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::dense::dense::<__m512, 1, 8>(weights, x, y) }
}

/// A mask of the first `count` lanes, all sixteen where there are more.
#[inline]
fn mask(count: usize) -> u16 {
    if count >= 16 { u16::MAX } else { (1 << count) - 1 }
}

/// Packed layer: an input is picked by one in-register permute, no gather.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn packed(packed: &Packed<'_>, x: &[f32], y: &mut [f32]) {
    let blocks = packed.blocks_per_group();
    let mut values = packed.values().as_ptr();
    let mut columns = packed.columns().as_ptr();
    for (y, counts) in y.chunks_mut(16).zip(packed.counts().chunks_exact(blocks)) {
        // Two sums, so that one step does not wait for the one before.
        let (mut even, mut odd) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        for (&count, x) in counts.iter().zip(x.as_chunks::<32>().0) {
            // SAFETY: `x` holds 32.
            let (low, high) =
                unsafe { (_mm512_loadu_ps(x.as_ptr()), _mm512_loadu_ps(x.as_ptr().add(16))) };
            let step = |sum, columns: *const u8, values: *const f32| {
                // SAFETY: sixteen columns and values can be read, as reasoned below.
                unsafe {
                    let at = _mm512_cvtepu8_epi32(_mm_loadu_si128(columns.cast()));
                    let picked = _mm512_permutex2var_ps(low, at, high);
                    _mm512_fmadd_ps(picked, _mm512_loadu_ps(values), sum)
                }
            };
            // SAFETY: the counts of a `Packed` add up to the steps it holds, each of sixteen
            // values and sixteen columns, so both pointers stay within their slices.
            unsafe {
                for _ in 0..count / 2 {
                    even = step(even, columns, values);
                    odd = step(odd, columns.add(16), values.add(16));
                    columns = columns.add(32);
                    values = values.add(32);
                }
                if count % 2 == 1 {
                    even = step(even, columns, values);
                    columns = columns.add(16);
                    values = values.add(16);
                }
            }
        }
        // SAFETY: masked-off lanes are not written, and `y` holds the others.
        unsafe { _mm512_mask_storeu_ps(y.as_mut_ptr(), mask(y.len()), _mm512_add_ps(even, odd)) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}
