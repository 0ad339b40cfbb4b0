//! Records as frames of bytes.

use super::event::Record;
use crate::frame::{CRC_BYTES, frame_bytes, open, seal};
use heapless::Vec;

/// More than any record takes.
const MOST_RECORD_BYTES: usize = 154;
/// More than any record takes as a frame.
pub const MOST_FRAME_BYTES: usize = frame_bytes(MOST_RECORD_BYTES);

impl Record {
    /// Its frame.
    pub fn frame(&self) -> Vec<u8, MOST_FRAME_BYTES> {
        let mut plain = [0; MOST_RECORD_BYTES + CRC_BYTES];
        let mut frame = Vec::new();
        frame.resize_default(MOST_FRAME_BYTES).expect("that is its capacity");
        // Fewer than 14 varints of 10 bytes, or as many floats.
        let length = seal(self, &mut plain, &mut frame).expect("a record of under 150 bytes");
        frame.truncate(length);
        frame
    }

    /// What a frame holds, without its zero.
    fn read(frame: &[u8]) -> Found {
        let mut plain = [0; MOST_FRAME_BYTES];
        if frame.len() > plain.len() {
            return Found::Broken;
        }
        let plain = &mut plain[..frame.len()];
        plain.copy_from_slice(frame);
        let Some(record) = open(plain) else { return Found::Broken };
        postcard::from_bytes(record).map_or(Found::Unknown, Found::Record)
    }
}

/// What lies between two zeros of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// A record.
    Record(Record),
    /// A record that this program does not know: a newer one wrote it.
    Unknown,
    /// What is no record, or no longer.
    Broken,
}

/// The frames of a log's bytes, in their order; what the last zero is not behind yet is broken.
#[derive(Clone, Debug)]
pub struct Frames<'l> {
    rest: &'l [u8],
}

impl<'l> Frames<'l> {
    /// Those of `log`.
    pub fn new(log: &'l [u8]) -> Self {
        Self { rest: log }
    }
}

impl Iterator for Frames<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let end = self.rest.iter().position(|&byte| byte == 0);
            let length = end.unwrap_or(self.rest.len());
            let (frame, rest) = self.rest.split_at(length);
            self.rest = rest.get(1..).unwrap_or_default();
            match (frame, end) {
                ([], None) => return None,
                // Where a program ended within a frame, the next one begins with a zero.
                ([], Some(_)) => {}
                (_, None) => return Some(Found::Broken),
                (frame, Some(_)) => return Some(Record::read(frame)),
            }
        }
    }
}
