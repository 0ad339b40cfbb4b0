//! Messages as frames, and frames out of bytes.

use crate::message::{MOST_CHUNK, Numbered};
use heapless::Vec;
use lacewing_runtime::frame::{CRC_BYTES, frame_bytes, open, seal};
use serde::Serialize;
use thiserror::Error;

/// A chunk, and what a message has beside it: its number, tag, offset and length.
const MOST_MESSAGE_BYTES: usize = MOST_CHUNK + 24;
/// Most bytes of a frame, its zero included.
pub const MOST_FRAME_BYTES: usize = frame_bytes(MOST_MESSAGE_BYTES);

/// A frame, its zero included.
pub type Frame = Vec<u8, MOST_FRAME_BYTES>;

/// Why bytes up to a zero are no frame.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// They are cut, or a bit of them is wrong.
    #[error("a frame came damaged")]
    Damaged,
    /// They are more than a frame can have.
    #[error("a frame came too long")]
    TooLong,
}

/// The frame of a message; `None` where it is larger than any message of this protocol.
pub fn frame(message: &Numbered<impl Serialize>) -> Option<Frame> {
    let mut plain = [0; MOST_MESSAGE_BYTES + CRC_BYTES];
    let mut frame = Frame::new();
    frame.resize_default(MOST_FRAME_BYTES).ok()?;
    let length = seal(message, &mut plain, &mut frame)?;
    frame.truncate(length);
    Some(frame)
}

/// What a frame holds, decoded in its place; without its zero.
///
/// # Errors
/// [`Broken::Damaged`].
pub fn unpack(frame: &mut [u8]) -> Result<&[u8], Broken> {
    open(frame).ok_or(Broken::Damaged)
}

/// Collects bytes up to the next zero.
#[derive(Debug)]
pub struct Receiver {
    bytes: [u8; MOST_FRAME_BYTES],
    length: usize,
}

impl Receiver {
    /// Nothing collected yet.
    pub const fn new() -> Self {
        Self { bytes: [0; MOST_FRAME_BYTES], length: 0 }
    }

    /// Takes a byte; the message of the frame that it ends, if it ends one. Zeros by themselves end none.
    pub fn push(&mut self, byte: u8) -> Option<Result<&[u8], Broken>> {
        if byte != 0 {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
            }
            // One beyond the room says that there was more.
            self.length = (self.length + 1).min(MOST_FRAME_BYTES + 1);
            return None;
        }
        match core::mem::take(&mut self.length) {
            0 => None,
            // With its zero it would not fit.
            length if length >= MOST_FRAME_BYTES => Some(Err(Broken::TooLong)),
            length => Some(unpack(&mut self.bytes[..length])),
        }
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}
