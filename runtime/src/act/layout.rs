//! How a policy's weights lie in memory while it acts.

use crate::kernels::act::{Dense, Kernel, Packed};
use crate::learn::{Arena, OutOfMemory};
use lacewing_formats::artifact::LayerView;

/// A way to hold the weights of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As they lie in the policy file: no memory beyond the file.
    InPlace,
    /// Repacked for the kernel's vector unit: some 1.5 to 3 times the memory of the links, and
    /// several times faster. [`Layout::InPlace`] where the kernel has nothing better.
    Packed,
    /// With every pruned link written out as zero: what sparsity is measured against.
    Dense,
}

/// A layer's weights in one of the layouts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weights<'a> {
    InPlace,
    Packed(Packed<'a>),
    Dense(Dense<'a>),
}

impl<'a> Weights<'a> {
    /// Blocks of memory that `layout` takes for this layer.
    pub fn blocks(layer: &LayerView<'_>, layout: Layout, kernel: &Kernel) -> usize {
        match (layout, kernel.geometry()) {
            (Layout::Packed, Some(geometry)) => Packed::blocks(layer, geometry),
            (Layout::InPlace | Layout::Packed, _) => 0,
            (Layout::Dense, _) => Dense::blocks(layer),
        }
    }

    pub fn new(
        layer: LayerView<'a>,
        layout: Layout,
        kernel: &Kernel,
        arena: &mut Arena<'a>,
    ) -> Result<Self, OutOfMemory> {
        Ok(match (layout, kernel.geometry()) {
            (Layout::Packed, Some(geometry)) => Self::Packed(Packed::new(&layer, geometry, arena)?),
            (Layout::InPlace | Layout::Packed, _) => Self::InPlace,
            (Layout::Dense, _) => Self::Dense(Dense::new(&layer, kernel.panel(), arena)?),
        })
    }
}
