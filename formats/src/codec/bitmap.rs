//! One bit for every cell of a layer.

use super::bits::{Bits, SHOWN};
use super::columns::ReadColumns;
use crate::topology::TopologyError;

/// The columns of a layer of `cols` inputs as a bit for each cell, row · cols + column, 1 where a
/// link is alive. There are no row pointers: a row starts at a place that follows from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bitmap<'a> {
    cols: u32,
    bits: Bits<'a>,
}

impl<'a> Bitmap<'a> {
    pub(crate) fn new(cols: u32, bytes: &'a [u8]) -> Self {
        Self { cols, bits: Bits(bytes) }
    }

    /// Bytes that a layer takes.
    pub(crate) fn bytes_of(rows: u32, cols: u32) -> u64 {
        (u64::from(rows) * u64::from(cols)).div_ceil(8)
    }

    /// The bits as stored.
    pub fn bytes(&self) -> &'a [u8] {
        self.bits.0
    }

    /// Checks, in linear time, that `links` bits of `rows` rows are set and none behind them.
    pub(super) fn check(&self, rows: usize, links: usize) -> Result<(), TopologyError> {
        let set: u64 = self.bits.0.iter().map(|byte| u64::from(byte.count_ones())).sum();
        if set != links as u64 {
            return Err(TopologyError::RowLengths { links });
        }
        match self.bits.end_at(rows as u64 * u64::from(self.cols)) {
            true => Ok(()),
            false => Err(TopologyError::ColumnOrder { row: rows }),
        }
    }

    pub(super) fn reader(&self) -> BitmapReader<'a> {
        BitmapReader { map: *self, at: 0, start: 0, end: 0 }
    }
}

/// Reads a [`Bitmap`] row after row.
#[derive(Clone, Debug)]
pub struct BitmapReader<'a> {
    map: Bitmap<'a>,
    /// The next bit to look at, and those where the row starts and ends.
    at: u64,
    start: u64,
    end: u64,
}

impl ReadColumns for BitmapReader<'_> {
    #[inline]
    fn start_row(&mut self) {
        (self.at, self.start) = (self.end, self.end);
        self.end += u64::from(self.map.cols);
    }

    #[inline]
    fn next_columns<'b>(&mut self, room: &'b mut [u16]) -> &'b [u16] {
        let mut filled = 0;
        while self.at < self.end && filled < room.len() {
            let width = (self.end - self.at).min(SHOWN.into());
            let mut word = self.map.bits.peek(self.at) & ((1 << width) - 1);
            let first = self.at - self.start;
            self.at += width;
            while word != 0 {
                let place = u64::from(word.trailing_zeros());
                let Some(column) = room.get_mut(filled) else {
                    self.at = self.start + first + place;
                    break;
                };
                *column = (first + place) as u16;
                filled += 1;
                word &= word - 1;
            }
        }
        &room[..filled]
    }
}

/// The bits of a topology.
#[cfg(feature = "alloc")]
pub(super) fn encode(topology: &crate::topology::Csr<'_>) -> alloc::vec::Vec<u8> {
    let (rows, cols) = (topology.rows(), topology.cols());
    let mut bytes = alloc::vec![0; Bitmap::bytes_of(rows as u32, cols as u32) as usize];
    for row in 0..rows {
        for &column in &topology.col_idx()[topology.row(row)] {
            super::bits::set(&mut bytes, row as u64 * cols as u64 + u64::from(column));
        }
    }
    bytes
}
