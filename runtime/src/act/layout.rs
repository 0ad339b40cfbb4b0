//! How a policy's weights lie in memory while it acts.

use super::error::LoadError;
#[cfg(feature = "alloc")]
use super::repack;
use crate::arena::Arena;
use crate::kernels::act::{Dense, Int8, Int8Kernel, Kernel, Weights};
use heapless::Vec;
use lacewing_formats::artifact::{LayerView, MAX_LAYERS, PolicyView};
use lacewing_formats::policy::{Activation, LayerNorm};

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
    /// Weights and each layer's inputs rounded to 8 bits, multiplied in whole numbers, pruned links
    /// left out where that is faster. Actions differ from those in f32, and by how much depends on
    /// the policy: never chosen unless asked for. Where [`Kernel::int8`] is `None` there is none.
    #[cfg(feature = "alloc")]
    Int8,
    /// [`Layout::Int8`] with every pruned link written out as zero: what it is measured against.
    #[cfg(feature = "alloc")]
    DenseInt8,
}

/// A layer's weights in the precision it runs in.
#[derive(Clone, Copy, Debug)]
pub(super) enum LayerWeights<'a> {
    F32(Weights<'a>),
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "only repacking makes it"))]
    Int8(Int8<'a>, &'static Int8Kernel),
}

/// A layer ready to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub weights: LayerWeights<'a>,
    /// One an output, in the order of the outputs.
    pub bias: &'a [f32],
    /// In the order of the outputs, as the bias.
    pub norm: Option<LayerNorm<'a>>,
    pub activation: Activation,
}

/// Layers, first to last.
pub(super) type Layers<'a> = Vec<Layer<'a>, MAX_LAYERS>;

impl Layout {
    /// Whether inputs are rounded to 8 bits.
    pub fn is_int8(self) -> bool {
        #[cfg(feature = "alloc")]
        let int8 = matches!(self, Self::Int8 | Self::DenseInt8);
        #[cfg(not(feature = "alloc"))]
        let int8 = false;
        int8
    }

    /// Blocks of memory that a policy takes in this layout; none where the kernel does not have it.
    #[cfg_attr(not(feature = "alloc"), expect(unused_variables, reason = "only to repack for it"))]
    pub(super) fn blocks(self, view: &PolicyView<'_>, kernel: &'static Kernel) -> usize {
        #[cfg(feature = "alloc")]
        match repack::chooser(self, kernel) {
            Err(_) => return 0,
            Ok(Some(choose)) => {
                return repack::plans(view, choose).map(|plan| plan.blocks()).sum();
            }
            Ok(None) => {}
        }
        match self {
            Self::Dense => view.layers().map(|layer| Dense::blocks(&layer)).sum(),
            _ => 0,
        }
    }

    /// Appends the layers of a policy in this layout to `layers`, which has room for them.
    pub(super) fn lay_out<'a>(
        self,
        view: &PolicyView<'a>,
        kernel: &'static Kernel,
        arena: &mut Arena<'a>,
        layers: &mut Layers<'a>,
    ) -> Result<(), LoadError> {
        let mut append = |layer| {
            layers.push(layer).unwrap_or_else(|_| unreachable!("a file has no more layers"));
        };
        #[cfg(feature = "alloc")]
        if let Some(choose) = repack::chooser(self, kernel)? {
            for plan in repack::plans(view, choose) {
                append(plan.write(kernel, arena)?);
            }
            return Ok(());
        }
        for layer in view.layers() {
            let weights = match self {
                Self::Dense => Weights::Dense(Dense::new(&layer, kernel.panel(), None, arena)?),
                _ => kernel.in_place(layer),
            };
            append(Layer::new(&layer, LayerWeights::F32(weights)));
        }
        Ok(())
    }
}

impl<'a> Layer<'a> {
    /// A layer with its outputs in the order of the file.
    pub fn new(layer: &LayerView<'a>, weights: LayerWeights<'a>) -> Self {
        Self { weights, bias: layer.bias, norm: layer.norm, activation: layer.activation }
    }
}
