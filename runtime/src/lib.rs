//! Load → act → learn, for policies whose pruned links cost nothing.
//!
//! `no_std`; no heap in any hot path; `unsafe` only under `kernels/`.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod act;
pub mod arena;
pub mod cost;
#[cfg(feature = "deploy")]
pub mod deploy;
pub mod frame;
pub mod guard;
pub mod kernels;
pub mod learn;
#[cfg(feature = "measure")]
pub mod measure;
pub mod random;
pub mod store;
pub mod telemetry;
