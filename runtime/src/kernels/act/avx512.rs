//! x86-64 with AVX-512 F, BW, DQ and VL, as far as it beats [`super::avx2`].
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Avx512`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::dense::Dense;
use super::even::{self, COLUMN_BITS, COLUMNS_PER_WORD, Even};
use super::packed::{Geometry, Packed};
use super::strips::Strips;
use core::arch::x86_64::*;
use lacewing_formats::policy::Activation;

/// Sixteen rows; a block is the two registers that one `vpermi2ps` selects from.
pub(super) const GEOMETRY: Geometry = Geometry { lanes: 16, block: 32, links: 1 };

/// Rows in a panel: one vector. With more in flight the second-level cache was slower.
pub(super) const PANEL: usize = 16;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn dense(weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::dense::dense::<__m512, 1, 8>(weights, x, y) }
}

/// A mask of the first `count` lanes, all sixteen where there are more.
#[inline]
pub(super) fn mask(count: usize) -> u16 {
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
pub(super) unsafe fn even(even: &Even<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's, and K is the layer's.
    unsafe {
        match even.links() {
            1 => even_of::<1>(even, x, y),
            2 => even_of::<2>(even, x, y),
            3 => even_of::<3>(even, x, y),
            4 => even_of::<4>(even, x, y),
            5 => even_of::<5>(even, x, y),
            6 => even_of::<6>(even, x, y),
            7 => even_of::<7>(even, x, y),
            8 => even_of::<8>(even, x, y),
            links => unreachable!("{links} links a block: an `Even` has 1 to 8"),
        }
    }
}

/// [`Even`] weights of `K` links a block.
///
/// # Safety
/// The processor has [`super::Isa::Avx512`]; `even.links()` is `K`; `x` holds `even.blocks()`
/// whole blocks and `y` an output for each row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
unsafe fn even_of<const K: usize>(even: &Even<'_>, x: &[f32], y: &mut [f32]) {
    const ROWS: usize = even::SET * even::LANES;
    let x = &x.as_chunks::<{ even::BLOCK }>().0[..even.blocks()];
    let mut columns = even.columns().as_ptr();
    let mut values = even.values().as_ptr();
    // A group of fewer than 16 rows may end a set.
    let in_sets = y.len().div_ceil(even::LANES) / even::SET * ROWS;
    let (sets, groups) = y.split_at_mut(in_sets.min(y.len()));
    // SAFETY: for each group and block, in this order, an `Even` holds `K` vectors of values and
    // their words of columns.
    unsafe {
        for y in sets.chunks_mut(ROWS) {
            even_groups::<K, { even::SET }, 2>(&mut columns, &mut values, x, y);
        }
        for y in groups.chunks_mut(even::LANES) {
            even_groups::<K, 1, 4>(&mut columns, &mut values, x, y);
        }
    }
}

/// `G` groups of rows side by side, each with `S` sums so that one step does not wait for the one
/// before.
///
/// # Safety
/// The processor has [`super::Isa::Avx512`]; for each block of `x` and each of the groups `K` vectors
/// of values and their words of columns can be read; ``y` ends within the last of the groups.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
unsafe fn even_groups<const K: usize, const G: usize, const S: usize>(
    columns: &mut *const u32,
    values: &mut *const f32,
    x: &[[f32; even::BLOCK]],
    y: &mut [f32],
) {
    let mut sums = [[_mm512_setzero_ps(); S]; G];
    for x in x {
        // SAFETY: `x` holds 32; the caller's for columns and values.
        unsafe {
            let (low, high) =
                (_mm512_loadu_ps(x.as_ptr()), _mm512_loadu_ps(x.as_ptr().add(even::LANES)));
            for sums in &mut sums {
                let mut at = _mm512_setzero_si512();
                for step in 0..K {
                    if step % COLUMNS_PER_WORD == 0 {
                        at = _mm512_loadu_si512(columns.cast());
                        *columns = columns.add(even::LANES);
                    }
                    // The permute looks at the lowest five bits.
                    let picked = _mm512_permutex2var_ps(low, at, high);
                    let sum = &mut sums[step % S];
                    *sum = _mm512_fmadd_ps(picked, _mm512_loadu_ps(*values), *sum);
                    *values = values.add(even::LANES);
                    at = _mm512_srli_epi32::<COLUMN_BITS>(at);
                }
            }
        }
    }
    for (y, sums) in y.chunks_mut(even::LANES).zip(sums) {
        let sum = sums[1..].iter().fold(sums[0], |sum, more| _mm512_add_ps(sum, *more));
        // SAFETY: masked-off lanes are not written, and `y` holds the others.
        unsafe { _mm512_mask_storeu_ps(y.as_mut_ptr(), mask(y.len()), sum) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn strips(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<__m512, 1, 4>(strips, x, y) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn normalise(epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
    super::finish::normalise(epsilon, gain, bias, y);
}
