//! Topologies as the writer stores them.

use super::indices::{IndexChoice, IndexCodec};
use super::stored::{StoredColumns, StoredIndices, StoredRows};
use super::{bitmap, gaps, nibbles, rice};
use crate::topology::Csr;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The links of a layer in one of the codecs, byte for byte.
pub(crate) struct EncodedTopology<'a> {
    pub stored: StoredIndices,
    /// What tells the lengths of rows, if anything does.
    pub rows: Cow<'a, [u8]>,
    pub columns: Cow<'a, [u8]>,
}

impl<'a> EncodedTopology<'a> {
    /// `topology` in the codec chosen.
    pub fn new(topology: &Csr<'a>, choice: IndexChoice) -> Self {
        match choice {
            IndexChoice::Fixed(codec) => Self::with(topology, codec),
            IndexChoice::Smallest => {
                let smallest = (IndexCodec::ALL.into_iter())
                    .map(|codec| Self::with(topology, codec))
                    .min_by_key(|encoded| encoded.rows.len() + encoded.columns.len());
                smallest.unwrap_or_else(|| Self::with(topology, IndexCodec::U16))
            }
        }
    }

    fn with(topology: &Csr<'a>, codec: IndexCodec) -> Self {
        let counted = |rows: (StoredRows, Vec<u8>), columns, bytes: Cow<'a, [u8]>| {
            let stored = StoredIndices::Counted { rows: rows.0, columns };
            Self { stored, rows: rows.1.into(), columns: bytes }
        };
        match codec {
            IndexCodec::U16 => {
                let columns = Cow::Borrowed(bytemuck::cast_slice(topology.col_idx()));
                let rows = encode_rows(topology);
                if rows.0 == StoredRows::Constant {
                    return counted(rows, StoredColumns::U16, columns);
                }
                // Not their numbers, so that rows can be found and the whole is a `Csr` in place.
                let rows = Cow::Borrowed(bytemuck::cast_slice(topology.row_ptr()));
                Self { stored: StoredIndices::U16, rows, columns }
            }
            IndexCodec::DeltaU8 => {
                let gaps: Vec<u8> = gaps::encode(topology, gaps::SKIP).collect();
                let columns = StoredColumns::DeltaU8 { bytes: gaps.len() as u32 };
                counted(encode_rows(topology), columns, gaps.into())
            }
            IndexCodec::Nibble => {
                let gaps = nibbles::encode(topology);
                let columns = StoredColumns::Nibble { bytes: gaps.len() as u32 };
                counted(encode_rows(topology), columns, gaps.into())
            }
            IndexCodec::Bitmap => {
                let columns = bitmap::encode(topology).into();
                Self { stored: StoredIndices::Bitmap, rows: Cow::default(), columns }
            }
            IndexCodec::Rice => {
                let (low_bits, codes) = rice::encode(topology);
                let stored = StoredIndices::Rice { low_bits, bytes: codes.len() as u32 };
                Self { stored, rows: Cow::default(), columns: codes.into() }
            }
        }
    }
}

/// The number of links of each row, in as few bytes as hold them all.
fn encode_rows(topology: &Csr<'_>) -> (StoredRows, Vec<u8>) {
    let lengths = || (0..topology.rows()).map(|row| topology.row(row).len() as u32);
    let (least, most) = (lengths().min(), lengths().max());
    match most {
        _ if least == most => (StoredRows::Constant, Vec::new()),
        Some(256..=0xffff) => {
            (StoredRows::U16, lengths().flat_map(|links| (links as u16).to_le_bytes()).collect())
        }
        Some(0x1_0000..) => (StoredRows::U32, lengths().flat_map(u32::to_le_bytes).collect()),
        _ => (StoredRows::U8, lengths().map(|links| links as u8).collect()),
    }
}
