//! NEON.

use super::{EXPONENT, Vector};
use core::arch::aarch64::*;

// SAFETY (all methods): the trait's contract gives the instruction set and valid pointers.
impl Vector for float32x4_t {
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: see the trait.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see the trait.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see the trait.
        unsafe { vst1q_f32(to, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { vaddq_f32(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { vmulq_f32(self, other) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { vdivq_f32(self, other) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        // SAFETY: see the trait.
        unsafe { vsqrtq_f32(self) }
    }
    #[inline(always)]
    unsafe fn gate(self, by: Self) -> Self {
        // SAFETY: see the trait.
        unsafe {
            let closed = vcleq_f32(by, vdupq_n_f32(0.0));
            vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(self), closed))
        }
    }
    #[inline(always)]
    unsafe fn flushed(self) -> Self {
        // SAFETY: see the trait.
        unsafe {
            let bits = vreinterpretq_u32_f32(self);
            vreinterpretq_f32_u32(vandq_u32(bits, vtstq_u32(bits, vdupq_n_u32(EXPONENT))))
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, by: Self, to: Self) -> Self {
        // SAFETY: see the trait.
        unsafe { vfmaq_f32(to, self, by) }
    }

    #[inline(always)]
    unsafe fn sums<const L: usize>(v: &[Self; L]) -> Self {
        const { assert!(L == Self::LANES) };
        // SAFETY: see the trait.
        unsafe { vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])) }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: see the trait.
        unsafe { vaddvq_f32(self) }
    }
}
