//! AVX-512 F.

use super::{EXPONENT, Vector};
use core::arch::x86_64::*;

// SAFETY (all methods): the trait's contract gives the instruction set and valid pointers.
impl Vector for __m512 {
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the trait.
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_div_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_sqrt_ps(self) }
    }
    #[inline(always)]
    unsafe fn gate(self, by: Self) -> Self {
        // SAFETY: see the trait.
        unsafe {
            let open = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(by, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(open, self)
        }
    }
    #[inline(always)]
    unsafe fn flushed(self) -> Self {
        // SAFETY: see the trait.
        unsafe {
            let exponent = _mm512_set1_epi32(EXPONENT as i32);
            let normal = _mm512_test_epi32_mask(_mm512_castps_si512(self), exponent);
            _mm512_maskz_mov_ps(normal, self)
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { _mm512_fmadd_ps(self, by, to) }
    }

    /// Transpose and add: four vectors become one of 128-bit blocks that hold their partial sums,
    /// then four of those fold their blocks together.
    #[inline(always)]
    unsafe fn sums<const L: usize>(v: &[Self; L]) -> Self {
        const { assert!(L == Self::LANES) };
        // SAFETY: see the trait.
        unsafe {
            let [b0, b1, b2, b3] = [
                add_pairs_512(v[0], v[1], v[2], v[3]),
                add_pairs_512(v[4], v[5], v[6], v[7]),
                add_pairs_512(v[8], v[9], v[10], v[11]),
                add_pairs_512(v[12], v[13], v[14], v[15]),
            ];
            let (p, q) = (fold_512(b0, b1), fold_512(b2, b3));
            let even = _mm512_shuffle_f32x4::<0x88>(p, q);
            _mm512_add_ps(even, _mm512_shuffle_f32x4::<0xDD>(p, q))
        }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: see the trait.
        unsafe { _mm512_reduce_add_ps(self) }
    }
}

/// The partial sums of four vectors, in each 128-bit block side by side.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_pairs_512(a: __m512, b: __m512, c: __m512, d: __m512) -> __m512 {
    let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
    let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    _mm512_add_ps(low, _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)))
}

/// Upper half of each vector added to its lower half; `a`'s sums below `b`'s.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold_512(a: __m512, b: __m512) -> __m512 {
    let low = _mm512_shuffle_f32x4::<0x44>(a, b);
    _mm512_add_ps(low, _mm512_shuffle_f32x4::<0xEE>(a, b))
}
