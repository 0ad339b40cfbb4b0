//! What the programs of this firmware share.
#![no_std]

pub mod board;
#[cfg(any(feature = "stm32f4", feature = "stm32h7", feature = "teensy41"))]
pub mod chip;
pub mod counter;
pub mod host;
pub mod line;
pub mod memory;
pub mod pendulum;
pub mod slots;
pub mod uart;
