//! Columns as Rice codes of gaps: the smallest that can still be read link after link.

use super::bits::{Bits, SHOWN};
use super::columns::ReadColumns;
use crate::topology::TopologyError;
use core::ops::RangeInclusive;

/// Low bits that a code can have. With none it would be a bitmap; and gaps beyond 2²⁴ columns are
/// rare enough to be written in unary.
pub(crate) const LOW_BITS: RangeInclusive<u8> = 1..=24;

/// The columns of a layer of `cols` inputs as a stream of bits, without row pointers.
///
/// Links are numbered through the layer by row · cols + column; each is stored as the number of
/// cells skipped since the link before (Golomb 1966), in Rice's code of `low_bits` bits k: the
/// gap's upper part in unary (so many zeros, then a one), then its k low bits. Bits fill each byte
/// from the least significant one up. Where links are independent of each other gaps are
/// geometrically distributed, and this comes within a few percent of their entropy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rice<'a> {
    cols: u32,
    low_bits: u8,
    bits: Bits<'a>,
}

impl<'a> Rice<'a> {
    /// `low_bits` within [`LOW_BITS`].
    pub(crate) fn new(cols: u32, low_bits: u8, bytes: &'a [u8]) -> Self {
        Self { cols, low_bits, bits: Bits(bytes) }
    }

    /// Low bits of each code.
    pub fn low_bits(&self) -> u8 {
        self.low_bits
    }

    /// The codes as stored.
    pub fn bytes(&self) -> &'a [u8] {
        self.bits.0
    }

    pub(super) fn reader(&self) -> RiceReader<'a> {
        let cols = self.cols.into();
        let codes = Codes { low_bits: self.low_bits.into(), bits: self.bits, at: 0 };
        // Before the first row, so that starting it gets there.
        let mut reader = RiceReader { cols, codes, next: cols };
        reader.skip_gap();
        reader
    }

    /// Checks, in linear time, that these are `links` links of `rows` rows and nothing more.
    pub(super) fn check(&self, rows: usize, links: usize) -> Result<(), TopologyError> {
        let mut reader = self.reader();
        let mut found = 0;
        for _ in 0..rows {
            reader.start_row();
            while reader.next_column().is_some() {
                found += 1;
            }
        }
        if found != links {
            return Err(TopologyError::RowLengths { links });
        }
        // Links past the last row, bytes after the last code, or bits that begin one.
        match reader.next == END && reader.codes.bits.end_at(reader.codes.at) {
            true => Ok(()),
            false => Err(TopologyError::ColumnOrder { row: rows }),
        }
    }
}

/// Reads [`Rice`] codes row after row.
#[derive(Clone, Debug)]
pub struct RiceReader<'a> {
    cols: u64,
    codes: Codes<'a>,
    /// Cells from the start of the row to the next link, or [`END`].
    next: u64,
}

/// No link is left. Far beyond any layer.
const END: u64 = u64::MAX;

impl ReadColumns for RiceReader<'_> {
    #[inline]
    fn start_row(&mut self) {
        if self.next != END {
            self.next = self.next.saturating_sub(self.cols);
        }
    }

    #[inline]
    fn next_columns<'b>(&mut self, room: &'b mut [u16]) -> &'b [u16] {
        let mut filled = 0;
        while let Some(place) = room.get_mut(filled) {
            let Some(column) = self.next_column() else { break };
            *place = column;
            filled += 1;
        }
        &room[..filled]
    }

    #[inline]
    fn next_column(&mut self) -> Option<u16> {
        if self.next >= self.cols {
            return None;
        }
        let column = self.next as u16;
        self.next += 1;
        self.skip_gap();
        Some(column)
    }
}

impl RiceReader<'_> {
    #[inline]
    fn skip_gap(&mut self) {
        self.next = match self.codes.next() {
            // A gap has fewer than 2⁵⁹ cells and a layer 2³², so no sum gets near the end.
            Some(gap) => self.next + gap,
            None => END,
        };
    }
}

/// Reads gaps.
#[derive(Clone, Debug)]
struct Codes<'a> {
    low_bits: u32,
    bits: Bits<'a>,
    at: u64,
}

impl Codes<'_> {
    /// The next gap; `None`, and nothing consumed, where no whole code is left.
    #[inline]
    fn next(&mut self) -> Option<u64> {
        let mut ones_at = self.at;
        let mut shown = self.bits.peek(ones_at);
        while shown == 0 {
            ones_at += u64::from(SHOWN);
            if ones_at >= self.bits.len() {
                return None;
            }
            shown = self.bits.peek(ones_at);
        }
        let zeros = shown.trailing_zeros();
        ones_at += u64::from(zeros);
        let upper = ones_at - self.at;
        let end = ones_at + 1 + u64::from(self.low_bits);
        if end > self.bits.len() {
            return None;
        }
        let low = if zeros + 1 + self.low_bits <= SHOWN {
            shown >> (zeros + 1)
        } else {
            self.bits.peek(ones_at + 1)
        };
        self.at = end;
        Some(upper << self.low_bits | low & ((1 << self.low_bits) - 1))
    }
}

/// The codes of strictly ascending cells, with the number of low bits that makes them shortest.
#[cfg(feature = "alloc")]
pub(super) fn encode(topology: &crate::topology::Csr<'_>) -> (u8, alloc::vec::Vec<u8>) {
    use super::bits::set;
    let gaps = || {
        let mut next = 0;
        (0..topology.rows())
            .flat_map(|row| topology.col_idx()[topology.row(row)].iter().map(move |&c| (row, c)))
            .map(move |(row, column)| {
                let cell = row as u64 * topology.cols() as u64 + u64::from(column);
                let gap = cell - next;
                next = cell + 1;
                gap
            })
    };
    let bits = |low_bits: u8| gaps().map(|gap| (gap >> low_bits) + 1 + u64::from(low_bits)).sum();
    let low_bits = LOW_BITS.min_by_key(|&low_bits| -> u64 { bits(low_bits) });
    let low_bits = low_bits.unwrap_or(*LOW_BITS.start());

    let mut bytes = alloc::vec![0; bits(low_bits).div_ceil(8) as usize];
    let mut at = 0;
    for gap in gaps() {
        at += gap >> low_bits;
        set(&mut bytes, at);
        at += 1;
        for low in 0..u64::from(low_bits) {
            if gap >> low & 1 == 1 {
                set(&mut bytes, at + low);
            }
        }
        at += u64::from(low_bits);
    }
    (low_bits, bytes)
}
