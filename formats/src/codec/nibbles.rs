//! Columns as gaps of four bits.

use super::bits::{Bits, SHOWN};
use super::columns::Sequence;

/// A nibble that stands for this many skipped columns and says that the gap goes on.
pub(super) const SKIP: u8 = 15;

/// Reads columns stored as gaps of nibbles, in the order of the links: as [`super::gaps::Gaps`], but
/// for nibbles, the lower half of a byte first, and a skip of 15.
#[derive(Clone, Debug)]
pub struct Nibbles<'a> {
    bits: Bits<'a>,
    /// The next nibble, in bits.
    at: u64,
    next: u32,
}

impl<'a> Nibbles<'a> {
    /// Reads from the first link of the first row.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bits: Bits(bytes), at: 0, next: 0 }
    }
}

impl Sequence for Nibbles<'_> {
    #[inline]
    fn start_row(&mut self) {
        self.next = 0;
    }

    #[inline]
    fn next_columns(&mut self, columns: &mut [u16]) {
        let (mut word, mut nibbles) = (0, 0);
        for column in columns {
            loop {
                if nibbles == 0 {
                    (word, nibbles) = (self.bits.peek(self.at), SHOWN / 4);
                }
                let gap = (word & 15) as u32;
                (word, nibbles) = (word >> 4, nibbles - 1);
                self.at += 4;
                self.next = self.next.wrapping_add(gap);
                if gap != SKIP.into() {
                    break;
                }
            }
            *column = self.next as u16;
            self.next = self.next.wrapping_add(1);
        }
    }

    fn next_column(&mut self) -> Option<u16> {
        let mut column = self.next;
        loop {
            if self.at >= self.bits.len() {
                return None;
            }
            let gap = (self.bits.peek(self.at) & 15) as u32;
            self.at += 4;
            column = column.saturating_add(gap);
            if gap != SKIP.into() {
                break;
            }
        }
        self.next = column.saturating_add(1);
        u16::try_from(column).ok()
    }

    fn at_end(&self) -> bool {
        self.bits.end_at(self.at)
    }
}

/// The gaps of a topology, two in a byte.
#[cfg(feature = "alloc")]
pub(super) fn encode(topology: &crate::topology::Csr<'_>) -> alloc::vec::Vec<u8> {
    let mut gaps = super::gaps::encode(topology, SKIP);
    let mut bytes = alloc::vec::Vec::with_capacity(topology.links());
    while let Some(low) = gaps.next() {
        bytes.push(low | gaps.next().unwrap_or(0) << 4);
    }
    bytes
}
