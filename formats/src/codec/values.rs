//! Codecs of the weights.

use half::f16;
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
}

impl ValueCodec {
    /// Bytes of one weight.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// The weights of a layer as stored, one a link, row after row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// See [`ValueCodec::F32`].
    F32(&'a [f32]),
    /// See [`ValueCodec::F16`].
    F16(&'a [f16]),
}

impl Values<'_> {
    /// How they are stored.
    pub fn codec(&self) -> ValueCodec {
        match self {
            Self::F32(_) => ValueCodec::F32,
            Self::F16(_) => ValueCodec::F16,
        }
    }

    /// Weights.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of a link; `None` past the last.
    pub fn get(&self, link: usize) -> Option<f32> {
        match self {
            Self::F32(values) => values.get(link).copied(),
            Self::F16(values) => values.get(link).map(|value| value.to_f32()),
        }
    }
}
