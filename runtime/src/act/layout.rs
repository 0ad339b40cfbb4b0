//! How a policy's weights lie in memory while it acts.

use crate::kernels::act::{Dense, Kernel, Weights};
use crate::learn::{Arena, OutOfMemory};
use heapless::Vec;
use lacewing_formats::artifact::{LayerView, MAX_LAYERS, PolicyView};
use lacewing_formats::policy::Activation;

/// A way to hold the weights of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As they lie in the policy file: no memory beyond the file.
    InPlace,
    /// Each layer in the layout that is fastest for its links under the kernel: repacked for the
    /// vector unit (some 1.5 to 3 times the memory of the links), dense, or in place where the kernel
    /// has nothing better.
    #[cfg(feature = "alloc")]
    Packed,
    /// With every pruned link written out as zero: what sparsity is measured against.
    Dense,
}

/// A layer ready to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub weights: Weights<'a>,
    /// One an output, in the order of the outputs.
    pub bias: &'a [f32],
    pub activation: Activation,
}

/// Layers, first to last.
pub(super) type Layers<'a> = Vec<Layer<'a>, MAX_LAYERS>;

impl Layout {
    /// Blocks of memory that a policy takes in this layout.
    #[cfg_attr(not(feature = "alloc"), expect(unused_variables, reason = "only to repack for it"))]
    pub(super) fn blocks(self, view: &PolicyView<'_>, kernel: &'static Kernel) -> usize {
        match self {
            Self::InPlace => 0,
            #[cfg(feature = "alloc")]
            Self::Packed => super::repack::plans(view, kernel).map(|plan| plan.blocks()).sum(),
            Self::Dense => view.layers().map(|layer| Dense::blocks(&layer)).sum(),
        }
    }

    /// The layers of a policy in this layout.
    pub(super) fn lay_out<'a>(
        self,
        view: &PolicyView<'a>,
        kernel: &'static Kernel,
        arena: &mut Arena<'a>,
    ) -> Result<Layers<'a>, OutOfMemory> {
        match self {
            #[cfg(feature = "alloc")]
            Self::Packed => {
                super::repack::plans(view, kernel).map(|plan| plan.write(kernel, arena)).collect()
            }
            Self::Dense => view
                .layers()
                .map(|layer| {
                    let dense = Dense::new(&layer, kernel.panel(), None, arena)?;
                    Ok(Layer::new(&layer, Weights::Dense(dense)))
                })
                .collect(),
            _ => {
                Ok(view.layers().map(|layer| Layer::new(&layer, Weights::InPlace(layer))).collect())
            }
        }
    }
}

impl<'a> Layer<'a> {
    /// A layer with its outputs in the order of the file.
    pub fn new(layer: &LayerView<'a>, weights: Weights<'a>) -> Self {
        Self { weights, bias: layer.bias, activation: layer.activation }
    }
}
