//! A resume section that is read piece by piece.

use super::body::body_bytes;
use super::header::{MOST_HEADER_BYTES, ResumeHeader};
use crate::learn::agent::{Agent, Algorithm};
use crate::learn::algo::{AnyAgent, Settings, each};
use heapless::Vec;

/// The resume section of an agent as it was at one instant. Its header is kept here, and with it the
/// random numbers of exploration; its arrays stay in the agent, which must not learn or see observations
/// while they are read. It may act and explore.
#[derive(Clone, Debug)]
pub struct ResumeImage {
    head: Vec<u8, { 4 + MOST_HEADER_BYTES }>,
    body: usize,
}

impl ResumeImage {
    /// Bytes of the section.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.body
    }
}

impl AnyAgent<'_> {
    /// The resume section as of now.
    pub fn image(&self) -> ResumeImage {
        each!(AnyAgent, self, agent => agent.image())
    }

    /// Fills `bytes` from an image of this agent, from `offset` on.
    ///
    /// # Panics
    /// If the image ends before them.
    pub fn read_image(&self, image: &ResumeImage, offset: usize, bytes: &mut [u8]) {
        assert!(offset + bytes.len() <= image.bytes(), "behind the image's end");
        let mut window = Window { skip: offset, rest: bytes };
        let read = window.pass(&image.head);
        // Once the window is full nothing more is asked for.
        let _ = read.and_then(
            |()| each!(AnyAgent, self, agent => agent.save_body(|bytes| window.pass(bytes))),
        );
    }
}

impl<A: Algorithm + Into<Settings>> Agent<'_, A> {
    fn image(&self) -> ResumeImage {
        let header: ResumeHeader = self.header();
        // The header was made from this agent's networks.
        let body = body_bytes(self.algorithm(), &header).map_or(0, |bytes| bytes as usize);
        let mut head = Vec::new();
        let whole = header.write(|bytes| head.extend_from_slice(bytes));
        whole.expect("no header is longer than the most");
        ResumeImage { head, body }
    }
}

/// Picks some bytes out of all that pass by.
struct Window<'b> {
    skip: usize,
    rest: &'b mut [u8],
}

/// Nothing more is wanted.
struct Full;

impl Window<'_> {
    fn pass(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let wanted = bytes.get(self.skip..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(bytes.len());
        let count = wanted.len().min(self.rest.len());
        let (now, rest) = core::mem::take(&mut self.rest).split_at_mut(count);
        now.copy_from_slice(&wanted[..count]);
        self.rest = rest;
        if self.rest.is_empty() { Err(Full) } else { Ok(()) }
    }
}
