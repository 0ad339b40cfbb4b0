//! Columns as gaps of a byte.

use super::columns::Sequence;

/// A byte that stands for this many skipped columns and says that the gap goes on.
pub(super) const SKIP: u8 = 255;

/// Reads columns stored as gaps, in the order of the links.
///
/// A row starts at column 0; after a link at column c the next possible is c + 1. Bytes of 255 skip
/// 255 columns each, the first other byte skips its value and ends the gap there: one way only to
/// write any row. Rows cannot be found without reading those before them.
#[derive(Clone, Debug)]
pub struct Gaps<'a> {
    bytes: &'a [u8],
    next: u32,
}

impl<'a> Gaps<'a> {
    /// Reads from the first link of the first row.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0 }
    }

    #[inline]
    fn next_or_0(&mut self) -> u16 {
        self.next_column().unwrap_or(0)
    }

    /// The columns of four links, `None` unless they have one byte each.
    #[inline]
    fn next_four(&mut self) -> Option<[u16; 4]> {
        let (bytes, rest) = self.bytes.split_first_chunk::<4>()?;
        if bytes.iter().fold(false, |skips, &byte| skips | (byte == SKIP)) {
            return None;
        }
        // Multiplications of 64 bits are slow where registers have fewer.
        let (columns, next) = match cfg!(target_pointer_width = "64") {
            true => ends_at_once(*bytes, self.next),
            false => ends_in_turn(*bytes, self.next),
        };
        self.next = next;
        self.bytes = rest;
        Some(columns)
    }
}

/// The columns where four gaps end of which the first begins at `next`, and the column after them.
#[inline(always)]
fn ends_in_turn(gaps: [u8; 4], mut next: u32) -> ([u16; 4], u32) {
    let columns = gaps.map(|gap| {
        let column = next.wrapping_add(gap.into());
        next = column.wrapping_add(1);
        column as u16
    });
    (columns, next)
}

/// The same, in lanes of 16 bits.
#[inline(always)]
fn ends_at_once(gaps: [u8; 4], next: u32) -> ([u16; 4], u32) {
    /// 1 in each lane.
    const ONES: u64 = 0x0001_0001_0001_0001;
    let bytes = u64::from(u32::from_le_bytes(gaps));
    let spread = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let gaps = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    // Each lane of the product is the sum of the lanes up to it: at most 4 · 255.
    let ends = (gaps + ONES).wrapping_mul(ONES);
    // A checked column is below 65,536, so no lane of its row carries into the next.
    let columns = u64::from(next).wrapping_sub(1).wrapping_mul(ONES).wrapping_add(ends);
    let next = next.saturating_add((ends >> 48) as u32);
    ([0, 16, 32, 48].map(|lane| (columns >> lane) as u16), next)
}

impl Sequence for Gaps<'_> {
    #[inline(always)]
    fn start_row(&mut self) {
        self.next = 0;
    }

    #[inline(always)]
    fn next_columns(&mut self, columns: &mut [u16]) {
        let (fours, rest) = columns.as_chunks_mut();
        for four in fours {
            *four = self.next_four().unwrap_or_else(|| [0; 4].map(|_| self.next_or_0()));
        }
        rest.fill_with(|| self.next_or_0());
    }

    #[inline]
    fn next_column(&mut self) -> Option<u16> {
        let mut column = self.next;
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            column = column.saturating_add(byte.into());
            if byte != SKIP {
                break;
            }
        }
        self.next = column.saturating_add(1);
        u16::try_from(column).ok()
    }

    fn at_end(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The gaps of a topology, where a number of `skip` stands for so many columns and goes on.
#[cfg(feature = "alloc")]
pub(super) fn encode(topology: &crate::topology::Csr<'_>, skip: u8) -> impl Iterator<Item = u8> {
    (0..topology.rows()).flat_map(move |row| {
        let columns = &topology.col_idx()[topology.row(row)];
        let nexts = core::iter::once(0).chain(columns.iter().map(|&column| u32::from(column) + 1));
        columns.iter().zip(nexts).flat_map(move |(&column, next)| {
            let (gap, skip_columns) = (u32::from(column) - next, u32::from(skip));
            let skips = core::iter::repeat_n(skip, (gap / skip_columns) as usize);
            skips.chain([(gap % skip_columns) as u8])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{ends_at_once, ends_in_turn};

    #[test]
    fn four_gaps_end_in_turn_where_they_end_at_once() {
        for next in [0, 1, 255, 256, 32_767, 64_511] {
            for first in [0, 1, 127, 128, 254] {
                for gaps in [[first, 0, 0, 0], [0, first, 254, 0], [254, 1, first, 254]] {
                    assert_eq!(
                        ends_in_turn(gaps, next),
                        ends_at_once(gaps, next),
                        "{next} {gaps:?}"
                    );
                }
            }
        }
    }
}
