//! How links are stored: a codec for their columns and one for their weights.

mod bitmap;
mod bits;
mod bound;
mod columns;
#[cfg(feature = "alloc")]
mod encode;
mod gaps;
mod indices;
mod nibbles;
#[cfg(feature = "alloc")]
mod quantise;
mod rice;
mod rows;
mod stored;
mod values;

pub use bitmap::Bitmap;
pub use bound::entropy_bound;
pub use columns::{Columns, Indices, ReadColumns};
#[cfg(feature = "alloc")]
pub(crate) use encode::EncodedTopology;
pub use indices::{IndexChoice, IndexCodec};
#[cfg(feature = "alloc")]
pub(crate) use quantise::{EncodedValues, OutOfRange};
pub use rice::Rice;
pub use rows::RowTable;
pub(crate) use stored::{StoredColumns, StoredIndices, StoredRows};
pub use values::{ValueCodec, Values};

/// How a policy's links are to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Codec of the weights.
    pub values: ValueCodec,
    /// Codec of the columns.
    pub indices: IndexChoice,
}

impl Encoding {
    /// Weights bit for bit, columns directly usable: 6 bytes a link.
    pub const PLAIN: Self =
        Self { values: ValueCodec::F32, indices: IndexChoice::Fixed(IndexCodec::U16) };
    /// Half of that, 3 bytes a link where few gaps are long, and still fast in place.
    pub const COMPACT: Self =
        Self { values: ValueCodec::F16, indices: IndexChoice::Fixed(IndexCodec::DeltaU8) };
}
