//! What a sparse policy *is*, and the legal changes to it.
//!
//! `no_std`, no `unsafe`. `alloc` adds the writers, `std` the conveniences of a workstation.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod artifact;
pub mod codec;
pub mod policy;
#[cfg(feature = "signature")]
pub mod signature;
pub mod topology;
