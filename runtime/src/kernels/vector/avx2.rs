//! AVX2 with FMA.

use super::{EXPONENT, Vector};
use core::arch::x86_64::*;

// SAFETY (all methods): the trait's contract gives the instruction set and valid pointers.
impl Vector for __m256 {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the trait.
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_div_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_sqrt_ps(self) }
    }
    #[inline(always)]
    unsafe fn gate(self, by: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(by, _mm256_setzero_ps()), self) }
    }
    #[inline(always)]
    unsafe fn flushed(self) -> Self {
        // SAFETY: see the trait.
        unsafe {
            let exponent =
                _mm256_and_si256(_mm256_castps_si256(self), _mm256_set1_epi32(EXPONENT as i32));
            let normal = _mm256_cmpgt_epi32(exponent, _mm256_setzero_si256());
            _mm256_and_ps(_mm256_castsi256_ps(normal), self)
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm256_fmadd_ps(self, by, to) }
    }

    #[inline(always)]
    unsafe fn sums<const L: usize>(v: &[Self; L]) -> Self {
        const { assert!(L == Self::LANES) };
        // SAFETY: see the trait.
        unsafe {
            let p = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
            let q = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
            let low = _mm256_permute2f128_ps::<0x20>(p, q);
            _mm256_add_ps(low, _mm256_permute2f128_ps::<0x31>(p, q))
        }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: see the trait.
        unsafe { horizontal(self) }
    }
}

/// Sum of the lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn horizontal(sum: __m256) -> f32 {
    let half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
}
