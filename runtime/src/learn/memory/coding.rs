//! In which form a replay keeps numbers.

use super::{Range, ReplayError};
use crate::arena::{Arena, Block};
use core::fmt;
use core::str::FromStr;
use half::f16;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// As what a compact replay keeps each number of an observation, and of an action where that loses no
/// more than an actuator does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayValues {
    /// As it is, in four bytes.
    #[default]
    F32,
    /// In two bytes, off by 1/2048 of itself at most, or by 1/8192 of its range where one is known.
    F16,
    /// In one byte, off by 1/510 of its range at most; what lies beyond becomes the nearest end.
    U8,
}

/// The word names none of them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("take f32, f16 or u8")]
pub struct NoReplayValues;

impl FromStr for ReplayValues {
    type Err = NoReplayValues;

    fn from_str(word: &str) -> Result<Self, NoReplayValues> {
        let named = [Self::F32, Self::F16, Self::U8].into_iter().find(|of| of.name() == word);
        named.ok_or(NoReplayValues)
    }
}

impl fmt::Display for ReplayValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ReplayValues {
    /// As command lines spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
        }
    }

    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 => 1,
        }
    }

    /// Numbers a feature beside those stored: offset and scale.
    fn constants(self) -> usize {
        if self == Self::F32 { 0 } else { 2 }
    }
}

/// How the numbers of an observation or an action become bytes: `number = offset + scale · stored`.
#[derive(Debug)]
pub(super) struct Coding<'m> {
    values: ReplayValues,
    offset: &'m [f32],
    scale: &'m [f32],
}

impl<'m> Coding<'m> {
    pub fn new(
        arena: &mut Arena<'m>,
        values: ReplayValues,
        features: usize,
        range: impl Fn(usize) -> Option<Range>,
    ) -> Result<Self, ReplayError> {
        let kept = if values == ReplayValues::F32 { 0 } else { features };
        let offset: &mut [f32] = arena.take(kept)?;
        let scale: &mut [f32] = arena.take(kept)?;
        for (index, (offset, scale)) in offset.iter_mut().zip(&mut *scale).enumerate() {
            (*offset, *scale) = match (values, range(index).filter(Range::has_width)) {
                (ReplayValues::U8, None) => return Err(ReplayError::NoRange { index }),
                (ReplayValues::U8, Some(range)) => (range.low, range.width() / 255.0),
                (_, Some(range)) => (range.low + 0.5 * range.width(), 0.5 * range.width()),
                (_, None) => (0.0, 1.0),
            };
        }
        Ok(Self { values, offset, scale })
    }

    /// Blocks that [`Coding::new`] takes.
    pub fn blocks(values: ReplayValues, features: usize) -> usize {
        values.constants() * Block::for_slice::<f32>(features)
    }

    /// Writes numbers; returns how many lay beyond what can be kept.
    pub fn write(&self, numbers: &[f32], bytes: &mut [u8]) -> u64 {
        let mut clipped = 0;
        let places = bytes.chunks_exact_mut(self.values.bytes());
        for (at, (&number, place)) in numbers.iter().zip(places).enumerate() {
            let (kept, is_clipped) = self.kept(at, number);
            place.copy_from_slice(&kept[..place.len()]);
            clipped += u64::from(is_clipped);
        }
        clipped
    }

    /// Whether writing these numbers would leave the bytes as they are.
    pub fn is_written(&self, numbers: &[f32], bytes: &[u8]) -> bool {
        let places = bytes.chunks_exact(self.values.bytes());
        let mut written = numbers.iter().zip(places).enumerate();
        written.all(|(at, (&number, place))| place == &self.kept(at, number).0[..place.len()])
    }

    /// The bytes, in front, of a finite number, and whether it lay beyond.
    fn kept(&self, at: usize, number: f32) -> ([u8; 4], bool) {
        match self.values {
            ReplayValues::F32 => (number.to_le_bytes(), false),
            ReplayValues::F16 => {
                let most = f16::MAX.to_f32();
                let (stored, within) = self.stored(at, number, -most, most);
                let [low, high] = f16::from_f32(stored).to_le_bytes();
                ([low, high, 0, 0], !within)
            }
            ReplayValues::U8 => {
                let (stored, within) = self.stored(at, number, 0.0, 255.0);
                ([libm::rintf(stored) as u8, 0, 0, 0], !within)
            }
        }
    }

    fn stored(&self, at: usize, number: f32, least: f32, most: f32) -> (f32, bool) {
        let stored = (number - self.offset[at]) / self.scale[at];
        // Rounding takes half a step to the end of the range.
        let within = (least - 0.5..=most + 0.5).contains(&stored);
        (stored.clamp(least, most), within)
    }
}

/// Numbers of a stored transition.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a>(Kept<'a>);

#[derive(Clone, Copy, Debug)]
enum Kept<'a> {
    Plain(&'a [f32]),
    Coded(&'a Coding<'a>, &'a [u8]),
}

impl<'a> Numbers<'a> {
    pub(super) fn plain(numbers: &'a [f32]) -> Self {
        Self(Kept::Plain(numbers))
    }

    pub(super) fn coded(coding: &'a Coding<'a>, bytes: &'a [u8]) -> Self {
        Self(Kept::Coded(coding, bytes))
    }

    /// How many there are.
    pub fn count(self) -> usize {
        match self.0 {
            Kept::Plain(numbers) => numbers.len(),
            Kept::Coded(coding, bytes) => bytes.len() / coding.values.bytes(),
        }
    }

    /// The number at `index`.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(self, index: usize) -> f32 {
        let (coding, bytes) = match self.0 {
            Kept::Plain(numbers) => return numbers[index],
            Kept::Coded(coding, bytes) => (coding, bytes),
        };
        let stored = match coding.values {
            ReplayValues::F32 => return bytemuck::pod_read_unaligned(&bytes[4 * index..][..4]),
            ReplayValues::F16 => {
                f16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]).to_f32()
            }
            ReplayValues::U8 => f32::from(bytes[index]),
        };
        coding.offset[index] + coding.scale[index] * stored
    }

    /// One after the other.
    pub fn iter(self) -> impl ExactSizeIterator<Item = f32> + use<'a> {
        (0..self.count()).map(move |index| self.at(index))
    }

    /// Hands each to `take`, with its index.
    pub fn each(self, mut take: impl FnMut(usize, f32)) {
        match self.0 {
            // Which form they have is asked once, not for each.
            Kept::Plain(numbers) => numbers.iter().enumerate().for_each(|(at, &x)| take(at, x)),
            Kept::Coded(..) => self.iter().enumerate().for_each(|(at, x)| take(at, x)),
        }
    }

    /// Copies them.
    ///
    /// # Panics
    /// If there are fewer than places.
    pub fn copy_to(self, places: &mut [f32]) {
        places.iter_mut().enumerate().for_each(|(index, place)| *place = self.at(index));
    }
}

impl PartialEq<[f32]> for Numbers<'_> {
    fn eq(&self, other: &[f32]) -> bool {
        self.iter().eq(other.iter().copied())
    }
}
