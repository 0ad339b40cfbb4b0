//! Codecs of the weights.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// How weights are stored. Biases are always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueCodec {
    /// IEEE 754 binary32: exact.
    F32,
    /// IEEE 754 binary16, rounded to nearest even: relative error up to 2⁻¹¹ between 6.1·10⁻⁵ and
    /// 65504. A weight that rounds to zero stays a live link.
    F16,
    /// The upper half of binary32, rounded to nearest even: relative error up to 2⁻⁸ over the whole
    /// range of f32.
    Bf16,
    /// −127 to 127 times a scale of the row: an error up to 1/254 of the row's largest weight.
    Int8,
}

impl ValueCodec {
    /// Every codec.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// Bytes of one weight.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Bytes of what is stored for a row beside its weights.
    pub const fn bytes_per_row(self) -> u32 {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 0,
            Self::Int8 => size_of::<bf16>() as u32,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

impl core::fmt::Display for ValueCodec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// The weights of a layer as stored, one a link, row after row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// See [`ValueCodec::F32`].
    F32(&'a [f32]),
    /// See [`ValueCodec::F16`].
    F16(&'a [f16]),
    /// See [`ValueCodec::Bf16`].
    Bf16(&'a [bf16]),
    /// See [`ValueCodec::Int8`]: a weight is its value times the scale of its row.
    Int8 {
        /// One a link.
        values: &'a [i8],
        /// One a row, above 0, and finite also when multiplied by 128.
        scales: &'a [bf16],
    },
}

impl Values<'_> {
    /// How they are stored.
    pub fn codec(&self) -> ValueCodec {
        match self {
            Self::F32(_) => ValueCodec::F32,
            Self::F16(_) => ValueCodec::F16,
            Self::Bf16(_) => ValueCodec::Bf16,
            Self::Int8 { .. } => ValueCodec::Int8,
        }
    }

    /// Weights.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::Bf16(values) => values.len(),
            Self::Int8 { values, .. } => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of a link that lies in `row`; `None` past the last of either.
    pub fn get(&self, row: usize, link: usize) -> Option<f32> {
        match self {
            Self::F32(values) => values.get(link).copied(),
            Self::F16(values) => values.get(link).map(|value| value.to_f32()),
            Self::Bf16(values) => values.get(link).map(|value| value.to_f32()),
            Self::Int8 { values, scales } => {
                Some(f32::from(*values.get(link)?) * scales.get(row)?.to_f32())
            }
        }
    }
}
