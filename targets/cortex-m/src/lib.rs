//! What the programs of this firmware share.
#![no_std]

pub mod counter;
pub mod host;
pub mod memory;
