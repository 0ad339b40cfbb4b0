//! How links are stored: a codec for their columns and one for their weights.

mod bound;
#[cfg(feature = "alloc")]
mod encode;
mod indices;
#[cfg(feature = "alloc")]
mod quantise;
mod values;

pub use bound::entropy_bound;
#[cfg(feature = "alloc")]
pub(crate) use encode::Encoded;
pub use indices::{Gaps, IndexChoice, IndexCodec, Indices};
#[cfg(feature = "alloc")]
pub(crate) use quantise::{EncodedValues, OutOfRange};
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
