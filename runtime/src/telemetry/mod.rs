//! What goes on in a fine-tuning, as records that survive a torn end and a broken middle.
//!
//! A [`Record`] becomes a frame: postcard, then its CRC-32 (little-endian), both by COBS (Cheshire and Baker
//! 1999), then a zero. So no frame holds a zero but at its end, and whatever happens to some bytes costs the
//! frames that they lie in, and no other. A control loop puts records into a [`Ring`] in its own memory,
//! where the oldest give way, and takes frames out when there is time: into a file, or down a wire.

mod event;
mod frame;
mod ring;

pub use event::{Event, Guarded, LAYOUT, Record};
pub use frame::{Found, Frames, MOST_FRAME_BYTES};
pub use ring::Ring;
