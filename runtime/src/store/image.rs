//! What is saved of a fine-tuning: the caller's own state, the replay, the learner.

use crate::learn::{AnyAgent, Replay, ReplayImage, ResumeImage};
use core::ops::Range;
use heapless::Vec;
use thiserror::Error;

/// Most bytes of a caller's own state.
pub const MOST_OWN: usize = 512;
/// Lengths of the caller's state and of the replay.
const HEAD_BYTES: usize = 8;

/// Why bytes are no image.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the save is of another layout: go on with the program that wrote it, or start afresh")]
pub struct ImageError;

/// A fine-tuning at one instant, between two updates: `u32` lengths of the caller's state and of the
/// replay, little-endian, then the caller's state, the replay ([`Replay::image`]) and to the end the
/// learner's resume section ([`AnyAgent::image`]).
///
/// What is large stays where it is and is read piece by piece. On the way the learner must neither learn nor
/// see observations; it may act and explore. Transitions may be stored as long as no more of them are than
/// [`Image::free`] says: the replay's oldest are read first, for just this.
#[derive(Clone, Debug)]
pub struct Image {
    /// Lengths and the caller's state.
    head: Vec<u8, { HEAD_BYTES + MOST_OWN }>,
    replay: ReplayImage,
    resume: ResumeImage,
}

impl Image {
    /// All as it is now.
    ///
    /// # Panics
    /// If `own` is longer than [`MOST_OWN`] bytes.
    pub fn new(own: &[u8], replay: &Replay<'_>, agent: &AnyAgent<'_>) -> Self {
        let (replay, resume) = (replay.image(), agent.image());
        let lengths = [own.len(), replay.bytes()].map(|length| (length as u32).to_le_bytes());
        let mut head = Vec::new();
        for part in [lengths.as_flattened(), own] {
            head.extend_from_slice(part)
                .expect("the caller's state has no more than MOST_OWN bytes");
        }
        Self { head, replay, resume }
    }

    /// Bytes of all.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.replay.bytes() + self.resume.bytes()
    }

    /// Transitions that may have been stored since, once `offset` bytes are read.
    pub fn free(&self, offset: usize) -> usize {
        self.replay.free(offset.saturating_sub(self.head.len()))
    }

    /// Fills `bytes` from `offset` on, `replay` and `agent` being those that it was made of.
    ///
    /// # Panics
    /// If the image ends before them.
    pub fn read(&self, replay: &Replay<'_>, agent: &AnyAgent<'_>, offset: usize, bytes: &mut [u8]) {
        let (own, replayed) = (self.head.len(), self.head.len() + self.replay.bytes());
        let wanted = offset..offset + bytes.len();
        // Of a part's bytes in the image, those that are wanted: where in the part, and where they go to.
        let overlap = |part: Range<usize>| {
            let (low, high) = (wanted.start.max(part.start), wanted.end.min(part.end));
            (low < high).then(|| (low - part.start, low - offset..high - offset))
        };
        if let Some((from, to)) = overlap(0..own) {
            bytes[to.clone()].copy_from_slice(&self.head[from..][..to.len()]);
        }
        if let Some((from, to)) = overlap(own..replayed) {
            replay.read_image(&self.replay, from, &mut bytes[to]);
        }
        if let Some((from, to)) = overlap(replayed..usize::MAX) {
            agent.read_image(&self.resume, from, &mut bytes[to]);
        }
    }
}

/// Where the parts of a saved [`Image`] lie; what is in them is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The caller's state, of at most [`MOST_OWN`] bytes.
    pub own: Range<usize>,
    /// See [`Replay::load`].
    pub replay: Range<usize>,
    /// See [`Resume::parse`](crate::learn::Resume::parse).
    pub resume: Range<usize>,
}

impl Layout {
    /// Bytes that an image begins with, and that tell its layout.
    pub const HEAD_BYTES: usize = HEAD_BYTES;

    /// The layout of an image of `bytes` bytes.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn new(head: &[u8; HEAD_BYTES], bytes: usize) -> Result<Self, ImageError> {
        let (lengths, _) = head.as_chunks::<4>();
        let [own, replay] = [0, 1].map(|at| u32::from_le_bytes(lengths[at]) as usize);
        let own = HEAD_BYTES..HEAD_BYTES + own.min(MOST_OWN + 1);
        let end = own.end.checked_add(replay).filter(|&end| end <= bytes && own.len() <= MOST_OWN);
        let replay = own.end..end.ok_or(ImageError)?;
        Ok(Self { resume: replay.end..bytes, own, replay })
    }
}
