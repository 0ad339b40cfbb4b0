//! The serial line of a microcontroller that runs a policy: what it is asked and answers, as frames.
//!
//! A frame is a number (u32) and a message by [postcard](https://postcard.jamesmunns.com/wire-format), then
//! their CRC-32 (IEEE 802.3, little-endian), coded by COBS and ended by a zero. The host asks, the chip answers
//! every frame, also one that it cannot read.
//!
//! Numbers begin with 1 and rise. The number of the last answered request brings that answer again, so that a host may
//! repeat what got lost; a lower one is [`Refusal::Stale`] and nothing happens. So nothing is done twice or out
//! of its order, whatever the line does.
#![cfg_attr(not(feature = "host"), no_std)]

mod device;
mod frame;
#[cfg(feature = "host")]
mod host;
mod incoming;
mod message;
mod tuning;

pub use device::{Board, Device};
pub use frame::{Broken, Frame, MOST_FRAME_BYTES, Receiver, frame, unpack};
#[cfg(feature = "host")]
pub use host::{Host, HostError};
pub use message::{
    Answer, Info, MOST_ACTIONS, MOST_CHUNK, MOST_STEPS, Numbered, Refusal, Request, Running, Tuned,
};
pub use tuning::{Bench, NoPlant, Rules, RunningFile, Tuning};
