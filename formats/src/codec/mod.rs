//! How links are stored: a codec for their columns and one for their weights.

mod indices;
mod values;

#[cfg(feature = "alloc")]
pub(crate) use indices::encode_gaps;
pub use indices::{Gaps, IndexCodec, Indices};
pub use values::{ValueCodec, Values};

/// How a policy's links are to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Codec of the weights.
    pub values: ValueCodec,
    /// Codec of the columns.
    pub indices: IndexCodec,
}

impl Encoding {
    /// Weights bit for bit, columns directly usable: 6 bytes a link.
    pub const PLAIN: Self = Self { values: ValueCodec::F32, indices: IndexCodec::U16 };
    /// The smallest file: 3 bytes a link where few gaps are long.
    pub const COMPACT: Self = Self { values: ValueCodec::F16, indices: IndexCodec::DeltaU8 };
}
