//! How a layer's header says in which codecs its links are, and how long those are.

use super::bitmap::Bitmap;
use super::rice;
use serde::{Deserialize, Serialize};

/// Codec of the columns and of the rows' lengths, with the lengths that do not follow from the
/// numbers of rows, inputs and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredIndices {
    /// Columns as u16, row pointers as u32.
    U16,
    /// Gaps, row pointers as u32: written before there were [`StoredRows`], and still read.
    DeltaU8 { bytes: u32 },
    /// Columns that need to be told where rows end.
    Counted { rows: StoredRows, columns: StoredColumns },
    /// A bit for each cell.
    Bitmap,
    /// Rice codes.
    Rice { low_bits: u8, bytes: u32 },
}

/// The number of links of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredRows {
    /// The same in all, so nothing.
    Constant,
    U8,
    U16,
    U32,
}

/// Columns that need to be told where rows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredColumns {
    U16,
    DeltaU8 { bytes: u32 },
    Nibble { bytes: u32 },
}

impl StoredIndices {
    /// Whether this program can read them from a layer of so many rows and links.
    pub fn fit(self, rows: u32, links: u32) -> bool {
        match self {
            Self::Counted { rows: StoredRows::Constant, .. } => links.is_multiple_of(rows),
            Self::Rice { low_bits, .. } => rice::LOW_BITS.contains(&low_bits),
            _ => true,
        }
    }

    /// Bytes that tell the lengths of `rows` rows; `None` where there is no such section.
    pub fn row_bytes(self, rows: u64) -> Option<u64> {
        match self {
            Self::U16 | Self::DeltaU8 { .. } => Some(4 * (rows + 1)),
            Self::Counted { rows: stored, .. } => match stored {
                StoredRows::Constant => None,
                StoredRows::U8 => Some(rows),
                StoredRows::U16 => Some(2 * rows),
                StoredRows::U32 => Some(4 * rows),
            },
            Self::Bitmap | Self::Rice { .. } => None,
        }
    }

    /// Bytes of the columns of so many links in a layer of so many rows and inputs.
    pub fn column_bytes(self, rows: u32, cols: u32, links: u32) -> u64 {
        match self {
            Self::U16 | Self::Counted { columns: StoredColumns::U16, .. } => 2 * u64::from(links),
            Self::DeltaU8 { bytes } | Self::Rice { bytes, .. } => bytes.into(),
            Self::Counted { columns: StoredColumns::DeltaU8 { bytes }, .. } => bytes.into(),
            Self::Counted { columns: StoredColumns::Nibble { bytes }, .. } => bytes.into(),
            Self::Bitmap => Bitmap::bytes_of(rows, cols),
        }
    }
}
