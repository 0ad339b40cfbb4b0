//! AVX2 with FMA, and AVX-512.

use super::TrainKernels;
use super::generic::Vector;
use core::arch::x86_64::*;

/// Whether a feature is there: asked of the CPU with `std`, of the build without.
macro_rules! has {
    ($feature:tt) => {{
        #[cfg(feature = "std")]
        {
            std::arch::is_x86_feature_detected!($feature)
        }
        #[cfg(not(feature = "std"))]
        {
            cfg!(target_feature = $feature)
        }
    }};
}

pub(super) fn avx512() -> Option<TrainKernels> {
    has!("avx512f").then_some(avx512::KERNELS)
}

pub(super) fn avx2() -> Option<TrainKernels> {
    (has!("avx2") && has!("fma")).then_some(avx2::KERNELS)
}

mod avx512 {
    super::super::generic::instantiate!("avx512f", "avx512", super::__m512);
}

mod avx2 {
    super::super::generic::instantiate!("avx2,fma", "avx2", super::__m256);
}

// SAFETY (all methods): the trait's contract gives the instruction set and valid pointers.
impl Vector for __m512 {
    const LANES: usize = 16;

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
}

// SAFETY (all methods): the trait's contract gives the instruction set and valid pointers.
impl Vector for __m256 {
    const LANES: usize = 8;

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
