//! x86-64 with AVX-512 VBMI and VNNI.
//!
//! Every function is `unsafe` for one reason: the processor must have
//! [`crate::kernels::Isa::Avx512Vnni`]. Lengths are checked by [`Int8Kernel`] before it calls.

use super::dense::{COLUMNS, DenseInt8, PANEL};
use super::{INT8_BLOCK, Int8Kernel, Quantised, Rows, SparseInt8};
use core::arch::x86_64::*;

pub(in crate::kernels::act) const KERNEL: Int8Kernel =
    Int8Kernel { cost: 1.9, quantise, sparse, dense };

/// Bytes in a vector, and weights in a step.
const VECTOR: usize = 64;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")]
unsafe fn quantise(x: &[f32], bytes: &mut [u8]) -> (f32, i32) {
    super::quantise(x, bytes)
}

/// Sixteen rows of four links a step: `vpermi2b` picks their inputs out of two registers, `vpdpbusd`
/// multiplies and adds.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")]
unsafe fn sparse(weights: &SparseInt8<'_>, x: &Quantised<'_>, y: &mut [f32]) {
    let SparseInt8 { packed, rows } = weights;
    let mut values = packed.values().as_ptr();
    let mut columns = packed.columns().as_ptr();
    let counts = packed.counts().chunks_exact(packed.blocks_per_group());
    for (group, (y, counts)) in y.chunks_mut(PANEL).zip(counts).enumerate() {
        // Two sums, so that one step does not wait for the one before.
        let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (&count, x) in counts.iter().zip(x.bytes.as_chunks::<INT8_BLOCK>().0) {
            // SAFETY: `x` holds two vectors.
            let (low, high) = unsafe {
                let x: *const __m512i = x.as_ptr().cast();
                (_mm512_loadu_si512(x), _mm512_loadu_si512(x.add(1)))
            };
            let step = |sum, columns: *const u8, values: *const i8| {
                // SAFETY: 64 columns and values can be read, as reasoned below.
                unsafe {
                    let at = _mm512_loadu_si512(columns.cast());
                    let picked = _mm512_permutex2var_epi8(low, at, high);
                    _mm512_dpbusd_epi32(sum, picked, _mm512_loadu_si512(values.cast()))
                }
            };
            // SAFETY: the counts of a `Packed` add up to the steps it holds, each of 64 values and
            // 64 columns, so both pointers stay within their slices.
            unsafe {
                for _ in 0..count / 2 {
                    even = step(even, columns, values);
                    odd = step(odd, columns.add(VECTOR), values.add(VECTOR));
                    columns = columns.add(2 * VECTOR);
                    values = values.add(2 * VECTOR);
                }
                if count % 2 == 1 {
                    even = step(even, columns, values);
                    columns = columns.add(VECTOR);
                    values = values.add(VECTOR);
                }
            }
        }
        // SAFETY: the caller's.
        unsafe { finish(_mm512_add_epi32(even, odd), rows, group, x, y) };
    }
}

/// Columns in flight: groups of four, each with a sum of its own.
const IN_FLIGHT: usize = 4;

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni")]
unsafe fn dense(weights: &DenseInt8<'_>, x: &Quantised<'_>, y: &mut [f32]) {
    let groups = weights.cols.div_ceil(COLUMNS);
    let panels = weights.weights.chunks_exact(DenseInt8::panel(weights.cols).max(1));
    for (panel, (y, values)) in y.chunks_mut(PANEL).zip(panels).enumerate() {
        let mut sums = [_mm512_setzero_si512(); IN_FLIGHT];
        let multiply_add = |sum, group: usize| {
            // SAFETY: the panel holds 64 weights a group of columns, the input is padded to whole
            // groups.
            unsafe {
                let x = x.bytes.as_ptr().add(group * COLUMNS).cast::<i32>().read_unaligned();
                let weights = _mm512_loadu_si512(values.as_ptr().add(group * VECTOR).cast());
                _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(x), weights)
            }
        };
        let whole = groups - groups % IN_FLIGHT;
        for group in (0..whole).step_by(IN_FLIGHT) {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = multiply_add(*sum, group + at);
            }
        }
        for group in whole..groups {
            sums[0] = multiply_add(sums[0], group);
        }
        let sum = sums[1..].iter().fold(sums[0], |sum, more| _mm512_add_epi32(sum, *more));
        // SAFETY: the caller's.
        unsafe { finish(sum, &weights.of_rows, panel, x, y) };
    }
}

/// [`Quantised::output`] for a group of sixteen rows.
///
/// # Safety
/// The processor has [`crate::kernels::Isa::Avx512Vnni`]; `y` is no longer than a group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn finish(sum: __m512i, rows: &Rows<'_>, group: usize, x: &Quantised<'_>, y: &mut [f32]) {
    let lanes = group * PANEL..(group + 1) * PANEL;
    let (scales, sums) = (&rows.scales[lanes.clone()], &rows.sums[lanes]);
    // SAFETY: both slices hold sixteen; masked-off lanes of `y` are not written.
    unsafe {
        let offset =
            _mm512_mullo_epi32(_mm512_set1_epi32(x.zero), _mm512_loadu_si512(sums.as_ptr().cast()));
        let scale = _mm512_mul_ps(_mm512_set1_ps(x.scale), _mm512_loadu_ps(scales.as_ptr()));
        let output = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sum, offset)), scale);
        let mask = crate::kernels::act::avx512::mask(y.len());
        _mm512_mask_storeu_ps(y.as_mut_ptr(), mask, output);
    }
}
