//! Frames that wait to be taken away.

use super::event::Record;

/// Frames in the caller's memory; the oldest give way to new ones.
#[derive(Debug)]
pub struct Ring<'m> {
    bytes: &'m mut [u8],
    /// Where the oldest frame begins.
    start: usize,
    len: usize,
    dropped: u64,
}

impl<'m> Ring<'m> {
    /// An empty ring over `memory`; what is longer than it, which is at most
    /// [`MOST_FRAME_BYTES`](super::MOST_FRAME_BYTES), is dropped.
    pub fn new(memory: &'m mut [u8]) -> Self {
        Self { bytes: memory, start: 0, len: 0, dropped: 0 }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Records that gave way, or were too long, so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Puts a record behind the others.
    pub fn push(&mut self, record: &Record) {
        let frame = record.frame();
        if frame.len() > self.bytes.len() {
            self.dropped += 1;
            return;
        }
        while self.bytes.len() - self.len < frame.len() {
            self.drop_oldest();
        }
        let capacity = self.bytes.len();
        for (at, &byte) in (self.start + self.len..).zip(&frame) {
            self.bytes[at % capacity] = byte;
        }
        self.len += frame.len();
    }

    /// Takes all frames away, in their order in one piece or two; they stay where `sink` fails.
    ///
    /// # Errors
    /// That of `sink`.
    pub fn take<E>(&mut self, sink: impl FnOnce([&[u8]; 2]) -> Result<(), E>) -> Result<(), E> {
        let (again, first) = self.bytes.split_at(self.start);
        let first = &first[..self.len.min(first.len())];
        sink([first, &again[..self.len - first.len()]])?;
        (self.start, self.len) = (0, 0);
        Ok(())
    }

    /// Takes the oldest frames away, as many as fit into `out`; returns their bytes.
    pub fn take_whole(&mut self, out: &mut [u8]) -> usize {
        let (capacity, mut taken) = (self.bytes.len(), 0);
        while self.len > 0 {
            let length = self.oldest();
            let Some(place) = out.get_mut(taken..taken + length) else { break };
            for (at, byte) in (self.start..).zip(place) {
                *byte = self.bytes[at % capacity];
            }
            taken += length;
            self.forget(length);
        }
        taken
    }

    fn drop_oldest(&mut self) {
        self.forget(self.oldest());
        self.dropped += 1;
    }

    /// Bytes of the oldest frame.
    fn oldest(&self) -> usize {
        let capacity = self.bytes.len();
        let frame = (0..self.len).position(|at| self.bytes[(self.start + at) % capacity] == 0);
        frame.map_or(self.len, |zero| zero + 1)
    }

    fn forget(&mut self, length: usize) {
        self.start = (self.start + length) % self.bytes.len();
        self.len -= length;
    }
}
