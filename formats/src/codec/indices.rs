//! Codecs of the columns.

use crate::topology::{Csr, TopologyError};
use serde::{Deserialize, Serialize};

/// How columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexCodec {
    /// The column itself: two bytes a link, any row can be read on its own.
    U16,
    /// The gap to the link before in the same row, one byte where it is below 255: see [`Gaps`].
    DeltaU8,
}

impl IndexCodec {
    /// Every codec, the fastest to read first.
    pub const ALL: [Self; 2] = [Self::U16, Self::DeltaU8];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::DeltaU8 => "delta-u8",
        }
    }
}

/// Which codec the columns of each layer get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexChoice {
    /// The same for all.
    Fixed(IndexCodec),
    /// The one that takes the fewest bytes for the layer; of equals, the fastest to read.
    Smallest,
}

impl From<IndexCodec> for IndexChoice {
    fn from(codec: IndexCodec) -> Self {
        Self::Fixed(codec)
    }
}

/// The columns of a layer as stored, row after row, strictly ascending in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indices<'a> {
    /// See [`IndexCodec::U16`].
    U16(&'a [u16]),
    /// See [`IndexCodec::DeltaU8`].
    DeltaU8(&'a [u8]),
}

/// A byte that stands for this many skipped columns and says that the gap goes on.
const SKIP: u8 = 255;

impl Indices<'_> {
    /// How they are stored.
    pub fn codec(&self) -> IndexCodec {
        match self {
            Self::U16(_) => IndexCodec::U16,
            Self::DeltaU8(_) => IndexCodec::DeltaU8,
        }
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::U16(columns) => size_of_val(*columns),
            Self::DeltaU8(gaps) => gaps.len(),
        }
    }

    /// Checks once, in linear time, that these are the columns of a layer of `cols` inputs:
    /// decoding then cannot leave it.
    pub(crate) fn check(&self, cols: usize, row_ptr: &[u32]) -> Result<(), TopologyError> {
        match self {
            Self::U16(columns) => Csr::new(cols, row_ptr, columns).map(|_| ()),
            Self::DeltaU8(gaps) => check_gaps(cols, row_ptr, gaps),
        }
    }
}

fn check_gaps(cols: usize, row_ptr: &[u32], gaps: &[u8]) -> Result<(), TopologyError> {
    let mut gaps = Gaps::new(gaps);
    let mut rows = 0;
    for (row, ends) in row_ptr.windows(2).enumerate() {
        if ends[0] > ends[1] {
            return Err(TopologyError::RowPointerOrder { row });
        }
        gaps.start_row();
        for _ in ends[0]..ends[1] {
            // A missing byte ends this at once, so time is bounded by the bytes, not by the pointer.
            if gaps.next_column().is_none_or(|column| usize::from(column) >= cols) {
                return Err(TopologyError::ColumnOrder { row });
            }
        }
        rows = row + 1;
    }
    if gaps.bytes.is_empty() { Ok(()) } else { Err(TopologyError::ColumnOrder { row: rows }) }
}

/// Reads columns stored as gaps, in the order of the links.
///
/// A row starts at column 0; after a link at column c the next possible is c + 1. Bytes of 255 skip
/// 255 columns each, the first other byte skips its value and ends the gap there: one way only to
/// write any row. Rows cannot be found without reading those before them; kernels walk them in
/// order.
#[derive(Clone, Debug)]
pub struct Gaps<'a> {
    bytes: &'a [u8],
    next: u32,
}

impl<'a> Gaps<'a> {
    /// Reads from the first link of the first row.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0 }
    }

    /// Call before the first link of every row.
    pub fn start_row(&mut self) {
        self.next = 0;
    }

    /// The columns of as many next links of one row as there is room for; 0 stands in for columns
    /// past the last byte, which no checked policy reaches.
    #[inline]
    pub fn next_columns(&mut self, columns: &mut [u16]) {
        let (fours, rest) = columns.as_chunks_mut();
        for four in fours {
            *four = self.next_four().unwrap_or_else(|| [0; 4].map(|_| self.next_or_0()));
        }
        rest.fill_with(|| self.next_or_0());
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

    /// The column of the next link; `None` past the last byte or column 65,535, which no checked
    /// policy reaches.
    #[inline]
    pub fn next_column(&mut self) -> Option<u16> {
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
}

/// Columns as gaps, the inverse of [`Gaps`].
#[cfg(feature = "alloc")]
pub(crate) fn encode_gaps(topology: &Csr<'_>) -> alloc::vec::Vec<u8> {
    let mut bytes = alloc::vec::Vec::with_capacity(topology.links());
    for row in 0..topology.rows() {
        let mut next = 0;
        for &column in &topology.col_idx()[topology.row(row)] {
            let gap = usize::from(column) - next;
            let skips = gap / usize::from(SKIP);
            bytes.resize(bytes.len() + skips, SKIP);
            bytes.push((gap % usize::from(SKIP)) as u8);
            next = usize::from(column) + 1;
        }
    }
    bytes
}
