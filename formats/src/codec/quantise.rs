//! Weights as the writer stores them.

use super::values::ValueCodec;
use crate::topology::Csr;
use alloc::vec::Vec;
use half::{bf16, f16};

/// The weights of a layer in one of the codecs.
pub(crate) enum EncodedValues<'a> {
    F32(&'a [f32]),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    Int8 { values: Vec<i8>, scales: Vec<bf16> },
}

/// A weight that is not finite in a codec.
pub(crate) struct OutOfRange {
    pub link: usize,
    pub value: f32,
}

impl<'a> EncodedValues<'a> {
    /// `weights`, one a link of `topology`, in `codec`.
    pub fn new(
        codec: ValueCodec,
        topology: &Csr<'_>,
        weights: &'a [f32],
    ) -> Result<Self, OutOfRange> {
        let infinite = weights.iter().position(|value| !value.is_finite());
        if let Some(link) = infinite {
            return Err(OutOfRange { link, value: weights[link] });
        }
        Ok(match codec {
            ValueCodec::F32 => Self::F32(weights),
            ValueCodec::F16 => Self::F16(halves(weights, f16::from_f32, |half| half.is_finite())?),
            ValueCodec::Bf16 => {
                Self::Bf16(halves(weights, bf16::from_f32, |half| half.is_finite())?)
            }
            ValueCodec::Int8 => {
                let mut values = Vec::with_capacity(weights.len());
                let scales = (0..topology.rows()).map(|row| {
                    let row = &weights[topology.row(row)];
                    let scale = scale(row);
                    let steps =
                        |value: f32| libm::rintf(value / scale.to_f32()).clamp(-127.0, 127.0);
                    values.extend(row.iter().map(|&value| steps(value) as i8));
                    scale
                });
                Self::Int8 { scales: scales.collect(), values }
            }
        })
    }
}

fn halves<T>(
    weights: &[f32],
    round: impl Fn(f32) -> T,
    fits: impl Fn(&T) -> bool,
) -> Result<Vec<T>, OutOfRange> {
    let round = |(link, &value): (usize, &f32)| {
        let rounded = round(value);
        if fits(&rounded) { Ok(rounded) } else { Err(OutOfRange { link, value }) }
    };
    weights.iter().enumerate().map(round).collect()
}

/// The scale that makes the largest weight of a row 127 or −127: rounding it moves that weight by
/// less than half a step, so nothing is clipped and what was read is written again as it was. A row
/// of nothing but zeros has any scale: 1.
fn scale(row: &[f32]) -> bf16 {
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return bf16::ONE;
    }
    bf16::from_f32(largest / 127.0).max(bf16::MIN_POSITIVE_SUBNORMAL)
}
