//! What the programs of this firmware share.
#![no_std]

pub mod board;
pub mod counter;
pub mod host;
pub mod line;
pub mod memory;
pub mod pendulum;
pub mod slots;
#[cfg(any(feature = "stm32f4", feature = "stm32h7"))]
pub mod stm32;
pub mod uart;
