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
        /// 1 in each of four lanes of 16 bits.
        const ONES: u64 = 0x0001_0001_0001_0001;
        let (bytes, rest) = self.bytes.split_first_chunk::<4>()?;
        if bytes.iter().fold(false, |skips, &byte| skips | (byte == SKIP)) {
            return None;
        }
        let bytes = u64::from(u32::from_le_bytes(*bytes));
        let spread = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
        let gaps = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
        // Each lane of the product is the sum of the lanes up to it: at most 4 · 255.
        let ends = (gaps + ONES).wrapping_mul(ONES);
        // A checked column is below 65,536, so no lane of its row carries into the next.
        let columns = u64::from(self.next).wrapping_sub(1).wrapping_mul(ONES).wrapping_add(ends);
        self.next = self.next.saturating_add((ends >> 48) as u32);
        self.bytes = rest;
        Some([0, 16, 32, 48].map(|lane| (columns >> lane) as u16))
    }
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
