//! The kernels, the only unsafe code of this crate: each has a scalar twin that it is tested
//! against.
#![allow(unsafe_code)]

pub mod act;
mod isa;
pub mod train;

pub use isa::Isa;
