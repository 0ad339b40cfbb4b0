//! Which layout a layer is to have.

use super::even::EvenPlan;
use super::packed::PackedPlan;
use super::strips::StripsPlan;
use super::weights::Weights;
use crate::arena::{Arena, OutOfMemory};

/// A layer repacked, but for its memory.
#[derive(Clone, Debug)]
pub enum Plan {
    /// For [`Weights::Packed`].
    Packed(PackedPlan),
    /// For [`Weights::Even`].
    Even(EvenPlan),
    /// For [`Weights::Strips`].
    Strips(StripsPlan),
}

impl Plan {
    /// Its layout's name, for reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Packed(_) => "packed",
            Self::Even(_) => "even",
            Self::Strips(_) => "strips",
        }
    }

    /// Weights in the layout, those that pad it included.
    pub fn entries(&self) -> usize {
        match self {
            Self::Packed(plan) => plan.steps() * plan.geometry().entries(),
            Self::Even(plan) => plan.steps() * super::even::LANES,
            Self::Strips(plan) => plan.steps() * plan.height(),
        }
    }

    /// The output neuron at each place; `None` where each is at its own.
    pub fn order(&self) -> Option<&[u16]> {
        match self {
            Self::Packed(plan) => Some(plan.order()),
            Self::Even(_) | Self::Strips(_) => None,
        }
    }

    /// Blocks of memory that [`Plan::write`] takes.
    pub fn blocks(&self) -> usize {
        match self {
            Self::Packed(plan) => plan.blocks::<f32>(),
            Self::Even(plan) => plan.blocks(),
            Self::Strips(plan) => plan.blocks(),
        }
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`Plan::blocks`] left.
    pub fn write<'m>(&self, arena: &mut Arena<'m>) -> Result<Weights<'m>, OutOfMemory> {
        Ok(match self {
            Self::Packed(plan) => Weights::Packed(plan.write(arena, |_, weight| weight)?),
            Self::Even(plan) => Weights::Even(plan.write(arena)?),
            Self::Strips(plan) => Weights::Strips(plan.write(arena)?),
        })
    }
}
