//! The vector operations that kernels are written over, once for every instruction set.

/// A vector of f32 lanes.
///
/// # Safety
/// Every method may be called only where the processor has the implementor's instruction set;
/// pointers must be valid for `LANES` reads or writes and need no alignment.
pub(super) trait Vector: Copy {
    /// f32 values in a vector.
    const LANES: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    /// `self · by + to`.
    unsafe fn mul_add(self, by: Self, to: Self) -> Self;
    /// Sum of the lanes.
    unsafe fn total(self) -> f32;
}
