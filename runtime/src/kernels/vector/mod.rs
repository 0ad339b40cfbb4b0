//! The vector operations that kernels are written over, once for every instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

/// The bits of an f32's exponent, all zero in zeros and denormal numbers.
const EXPONENT: u32 = 0x7f80_0000;

/// A vector of f32 lanes.
///
/// # Safety
/// Every method may be called only where the CPU has the implementor's instruction set; pointers
/// must be valid for `LANES` reads or writes and need no alignment.
pub(super) trait Vector: Copy {
    /// f32 values in a vector.
    const LANES: usize;
    /// Vector registers of the CPU.
    const REGISTERS: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// `self` where `by` is not at or below zero, zero elsewhere.
    unsafe fn gate(self, by: Self) -> Self;
    /// Zero for every lane that is denormal, as [`flushed`](super::flushed) has it.
    unsafe fn flushed(self) -> Self;
    /// `self · by + to`.
    unsafe fn mul_add(self, by: Self, to: Self) -> Self;
    /// Adds up the lanes of each of `L = LANES` vectors; lane `i` of the result is the sum of
    /// vector `i`.
    unsafe fn sums<const L: usize>(vectors: &[Self; L]) -> Self;
    /// Sum of the lanes.
    unsafe fn total(self) -> f32;
}
