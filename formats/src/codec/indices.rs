//! Which codecs there are for columns.

use serde::{Deserialize, Serialize};

/// How columns are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexCodec {
    /// The column itself: two bytes a link, any row can be read on its own.
    U16,
    /// The gap to the link before in the same row, one byte where it is below 255.
    DeltaU8,
    /// A bit for every cell of the layer, alive or not; any row can be read on its own.
    Bitmap,
    /// The gap to the link before in the same row, half a byte where it is below 15.
    Nibble,
    /// Rice codes of the gaps through the whole layer: a few percent above the least possible.
    Rice,
}

impl IndexCodec {
    /// Every codec, the fastest to read first.
    pub const ALL: [Self; 5] = [Self::U16, Self::DeltaU8, Self::Bitmap, Self::Nibble, Self::Rice];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::DeltaU8 => "delta-u8",
            Self::Bitmap => "bitmap",
            Self::Nibble => "nibble",
            Self::Rice => "rice",
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
