//! The kernels, each with a scalar twin that it is tested against, and the threads that share them:
//! the only unsafe code of this crate.
#![allow(unsafe_code)]
// Where there is no vector unit, what is written once for all of them goes unused.
#![cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    allow(dead_code, unused_imports, unused_macros)
)]

pub mod act;
mod isa;
mod team;
pub mod train;
mod vector;

pub use isa::Isa;
pub use team::{NoThreads, Team};

/// Zero for a denormal number: it adds less than rounding takes away, and each multiplication with one
/// costs some processors hundreds of cycles.
pub(crate) fn flushed(value: f32) -> f32 {
    if value.abs() < f32::MIN_POSITIVE { 0.0 } else { value }
}
