//! The columns of a layer as stored, and one way to read them all.

use super::bitmap::{Bitmap, BitmapReader};
use super::gaps::Gaps;
use super::indices::IndexCodec;
use super::nibbles::Nibbles;
use super::rice::{Rice, RiceReader};
use super::rows::RowTable;
use crate::topology::TopologyError;

/// The columns of a layer as stored, row after row, strictly ascending in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indices<'a> {
    /// See [`IndexCodec::U16`].
    U16(&'a [u16]),
    /// See [`IndexCodec::DeltaU8`].
    DeltaU8(&'a [u8]),
    /// See [`IndexCodec::Bitmap`].
    Bitmap(Bitmap<'a>),
    /// See [`IndexCodec::Nibble`].
    Nibble(&'a [u8]),
    /// See [`IndexCodec::Rice`].
    Rice(Rice<'a>),
}

impl<'a> Indices<'a> {
    /// How they are stored.
    pub fn codec(&self) -> IndexCodec {
        match self {
            Self::U16(_) => IndexCodec::U16,
            Self::DeltaU8(_) => IndexCodec::DeltaU8,
            Self::Bitmap(_) => IndexCodec::Bitmap,
            Self::Nibble(_) => IndexCodec::Nibble,
            Self::Rice(_) => IndexCodec::Rice,
        }
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::U16(columns) => size_of_val(*columns),
            Self::DeltaU8(bytes) | Self::Nibble(bytes) => bytes.len(),
            Self::Bitmap(bitmap) => bitmap.bytes().len(),
            Self::Rice(rice) => rice.bytes().len(),
        }
    }

    /// Checks once, in linear time, that these are the columns of `links` links of a layer of `rows`
    /// outputs and `cols` inputs: reading them then cannot leave it.
    pub(crate) fn check(
        &self,
        table: RowTable<'a>,
        (rows, cols): (usize, usize),
        links: usize,
    ) -> Result<(), TopologyError> {
        table.check(rows, links)?;
        match self {
            Self::U16(columns) => Counted::new(Plain(columns), table).check(rows, cols),
            Self::DeltaU8(bytes) => Counted::new(Gaps::new(bytes), table).check(rows, cols),
            Self::Bitmap(bitmap) => bitmap.check(rows, links),
            Self::Nibble(bytes) => Counted::new(Nibbles::new(bytes), table).check(rows, cols),
            Self::Rice(rice) => rice.check(rows, links),
        }
    }
}

/// Reads the columns of a layer row after row.
pub trait ReadColumns {
    /// Goes to the next row. Call before the first, and then where all columns of a row were read.
    fn start_row(&mut self);

    /// The columns of the next links of the row, written to `room`: fewer than there is room for
    /// where the row has no more.
    fn next_columns<'b>(&mut self, room: &'b mut [u16]) -> &'b [u16];

    /// The column of the next link of the row; `None` where it has no more.
    fn next_column(&mut self) -> Option<u16> {
        self.next_columns(&mut [0]).first().copied()
    }
}

/// A reader for the columns of a layer in any codec, or in a known one within.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants of `Indices`")]
pub enum Columns<'a> {
    U16(Counted<'a, Plain<'a>>),
    DeltaU8(Counted<'a, Gaps<'a>>),
    Bitmap(BitmapReader<'a>),
    Nibble(Counted<'a, Nibbles<'a>>),
    Rice(RiceReader<'a>),
}

impl<'a> Columns<'a> {
    pub(crate) fn new(indices: Indices<'a>, table: RowTable<'a>) -> Self {
        match indices {
            Indices::U16(columns) => Self::U16(Counted::new(Plain(columns), table)),
            Indices::DeltaU8(bytes) => Self::DeltaU8(Counted::new(Gaps::new(bytes), table)),
            Indices::Bitmap(bitmap) => Self::Bitmap(bitmap.reader()),
            Indices::Nibble(bytes) => Self::Nibble(Counted::new(Nibbles::new(bytes), table)),
            Indices::Rice(rice) => Self::Rice(rice.reader()),
        }
    }
}

impl ReadColumns for Columns<'_> {
    fn start_row(&mut self) {
        match self {
            Self::U16(reader) => reader.start_row(),
            Self::DeltaU8(reader) => reader.start_row(),
            Self::Bitmap(reader) => reader.start_row(),
            Self::Nibble(reader) => reader.start_row(),
            Self::Rice(reader) => reader.start_row(),
        }
    }

    fn next_columns<'b>(&mut self, room: &'b mut [u16]) -> &'b [u16] {
        match self {
            Self::U16(reader) => reader.next_columns(room),
            Self::DeltaU8(reader) => reader.next_columns(room),
            Self::Bitmap(reader) => reader.next_columns(room),
            Self::Nibble(reader) => reader.next_columns(room),
            Self::Rice(reader) => reader.next_columns(room),
        }
    }
}

/// Columns that must be told where rows end, in the order of the links.
pub trait Sequence {
    /// Call before the first link of every row.
    fn start_row(&mut self);

    /// The columns of as many next links of one row as there is room for. Past the last link they
    /// are of no use; no checked policy gets there.
    fn next_columns(&mut self, room: &mut [u16]);

    /// The column of the next link; `None` past the last or past column 65,535.
    fn next_column(&mut self) -> Option<u16>;

    /// Whether there is nothing left but padding.
    fn at_end(&self) -> bool;
}

/// Columns with a table that says where rows end.
#[derive(Clone, Debug)]
pub struct Counted<'a, S> {
    columns: S,
    table: RowTable<'a>,
    /// The next row.
    row: usize,
    /// Links left in this row.
    left: usize,
}

impl<'a, S: Sequence> Counted<'a, S> {
    fn new(columns: S, table: RowTable<'a>) -> Self {
        Self { columns, table, row: 0, left: 0 }
    }

    /// Checks that columns ascend in each row, stay below `cols`, and end with the last of `rows`.
    fn check(mut self, rows: usize, cols: usize) -> Result<(), TopologyError> {
        for row in 0..rows {
            self.start_row();
            let mut least = 0;
            for _ in 0..self.left {
                let column = self.columns.next_column().map(usize::from);
                let column = column.filter(|column| (least..cols).contains(column));
                least = column.ok_or(TopologyError::ColumnOrder { row })? + 1;
            }
        }
        match self.columns.at_end() {
            true => Ok(()),
            false => Err(TopologyError::ColumnOrder { row: rows }),
        }
    }
}

impl<S: Sequence> ReadColumns for Counted<'_, S> {
    #[inline(always)]
    fn start_row(&mut self) {
        self.left = self.table.length(self.row);
        self.row += 1;
        self.columns.start_row();
    }

    #[inline(always)]
    fn next_columns<'b>(&mut self, room: &'b mut [u16]) -> &'b [u16] {
        let most = room.len().min(self.left);
        self.left -= most;
        let room = &mut room[..most];
        self.columns.next_columns(room);
        room
    }
}

/// Columns as they are.
#[derive(Clone, Debug)]
pub struct Plain<'a>(&'a [u16]);

impl Sequence for Plain<'_> {
    #[inline]
    fn start_row(&mut self) {}

    fn next_columns(&mut self, room: &mut [u16]) {
        room.fill_with(|| self.next_column().unwrap_or(0));
    }

    fn next_column(&mut self) -> Option<u16> {
        let (&column, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(column)
    }

    fn at_end(&self) -> bool {
        self.0.is_empty()
    }
}
