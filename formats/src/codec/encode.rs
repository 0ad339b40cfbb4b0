//! Columns as the writer stores them.

use super::indices::{IndexChoice, IndexCodec, encode_gaps};
use crate::topology::Csr;
use alloc::vec::Vec;

/// The columns of a layer in one of the codecs; plain ones are the topology's own.
pub(crate) enum Encoded {
    U16,
    DeltaU8(Vec<u8>),
}

impl Encoded {
    /// The columns of `topology`, as chosen.
    pub fn new(topology: &Csr<'_>, choice: IndexChoice) -> Self {
        match choice {
            IndexChoice::Fixed(codec) => Self::with(topology, codec),
            IndexChoice::Smallest => {
                let smallest = (IndexCodec::ALL.into_iter())
                    .min_by_key(|&codec| Self::with(topology, codec).bytes(topology))
                    .unwrap_or(IndexCodec::U16);
                Self::with(topology, smallest)
            }
        }
    }

    fn with(topology: &Csr<'_>, codec: IndexCodec) -> Self {
        match codec {
            IndexCodec::U16 => Self::U16,
            IndexCodec::DeltaU8 => Self::DeltaU8(encode_gaps(topology)),
        }
    }

    fn bytes(&self, topology: &Csr<'_>) -> usize {
        match self {
            Self::U16 => size_of_val(topology.col_idx()),
            Self::DeltaU8(gaps) => gaps.len(),
        }
    }
}
