//! A layer's weights in any layout.

use super::dense::Dense;
use super::even::Even;
use super::fours::Fours;
use super::packed::Packed;
use super::strips::Strips;
use lacewing_formats::artifact::LayerView;

/// A layer's weights in one of the layouts that a [`super::Kernel`] multiplies.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// CSR as it lies in the policy file.
    InPlace(LayerView<'a>),
    /// The same, rows in fours with the same columns.
    Fours(Fours<'a>),
    /// Register look-up, any pattern of links.
    Packed(Packed<'a>),
    /// Register look-up, equally many links everywhere.
    Even(Even<'a>),
    /// Rows side by side share their columns.
    Strips(Strips<'a>),
    /// Zeros written out.
    Dense(Dense<'a>),
}

impl Weights<'_> {
    /// Output neurons.
    pub fn rows(&self) -> usize {
        match self {
            Self::InPlace(layer) => layer.rows(),
            Self::Fours(fours) => fours.layer().rows(),
            Self::Packed(packed) => packed.rows(),
            Self::Even(even) => even.rows(),
            Self::Strips(strips) => strips.rows(),
            Self::Dense(dense) => dense.rows(),
        }
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        match self {
            Self::InPlace(layer) => layer.cols(),
            Self::Fours(fours) => fours.layer().cols(),
            Self::Packed(packed) => packed.cols(),
            Self::Even(even) => even.cols(),
            Self::Strips(strips) => strips.cols(),
            Self::Dense(dense) => dense.cols(),
        }
    }

    /// Numbers that can be read from an input vector: the inputs, rounded up to whole blocks of
    /// columns where the layout has them.
    pub fn input_len(&self) -> usize {
        let block = match self {
            Self::Packed(packed) => packed.geometry().block,
            Self::Even(_) => super::even::BLOCK,
            _ => 1,
        };
        self.cols().next_multiple_of(block)
    }
}
