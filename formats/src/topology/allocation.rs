//! How many links each layer may keep.

use heapless::Vec;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Structure;

/// Shape of one layer's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShape {
    /// Output neurons (or channels).
    pub outputs: usize,
    /// Input neurons (or channels).
    pub inputs: usize,
    /// Height and width of a convolution's window; `None` for a linear layer.
    pub window: Option<[usize; 2]>,
}

impl LayerShape {
    /// A linear layer.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        Self { outputs, inputs, window: None }
    }

    /// Links of the dense layer.
    pub fn links(&self) -> usize {
        self.outputs * self.inputs * self.window.map_or(1, |[height, width]| height * width)
    }
}

/// How a network's sparsity is spread over its layers.
// Internally tagged, for configuration files; serde wants an allocator for that.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "alloc", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "alloc", serde(rename_all = "kebab-case", tag = "rule", deny_unknown_fields))]
pub enum Allocation {
    /// The same sparsity in every sparse layer.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Uniform,
    /// Erdős–Rényi: density ∝ (n_in + n_out) / (n_in · n_out) (Mocanu et al. 2018, eq. 3),
    /// scaled so that the network reaches the sparsity asked for.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Er,
    /// Erdős–Rényi-kernel: the same with the convolution window counted in (Evci et al. 2020,
    /// §3.1). Equal to [`Allocation::Er`] for linear layers.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Erk,
    /// Erdős–Rényi with a fixed λ a layer: density = λ (n_in + n_out) / (n_in · n_out), at most 1
    /// (Sokar et al. 2022, §4.1). The sparsity is what comes out.
    ErLambda {
        /// λ of the first layer.
        first: f64,
        /// λ of every later sparse layer.
        rest: f64,
    },
    /// Between [`Allocation::Uniform`] and [`Allocation::Er`]: density ∝ (n_in · n_out)^−c (the
    /// "new" distribution in the code of Grooten et al. 2023), scaled like [`Allocation::Er`].
    Balanced {
        /// c, 0 (uniform) to 1 (as many links in every layer); theirs is 0.2.
        closeness: f64,
    },
    /// Only the first layer is sparse, and the sparsity asked for is that of this layer, not of the
    /// network (ANF: Grooten et al. 2023).
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    InputOnly,
    /// A sparsity for each layer, the output layer too. That of the network is what comes out.
    Explicit {
        /// From the first layer on, each at least 0 and below 1.
        sparsities: LayerSparsities,
    },
}

impl Allocation {
    /// Whether the rule spreads a sparsity that is asked for; if not, it decides by itself.
    pub fn takes_sparsity(self) -> bool {
        !matches!(self, Self::ErLambda { .. } | Self::Explicit { .. })
    }
}

/// Most sparsities in an [`Allocation::Explicit`].
pub const MAX_SPARSITIES: usize = 16;

/// The sparsities of an [`Allocation::Explicit`]; written as a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<f64, MAX_SPARSITIES>", into = "Vec<f64, MAX_SPARSITIES>")]
pub struct LayerSparsities {
    of_layers: [f64; MAX_SPARSITIES],
    layers: usize,
}

impl LayerSparsities {
    /// One sparsity a layer; `None` if there are more than [`MAX_SPARSITIES`].
    pub fn new(sparsities: &[f64]) -> Option<Self> {
        Vec::from_slice(sparsities).ok().map(Self::from)
    }

    /// From the first layer on.
    pub fn as_slice(&self) -> &[f64] {
        &self.of_layers[..self.layers]
    }
}

impl From<Vec<f64, MAX_SPARSITIES>> for LayerSparsities {
    fn from(list: Vec<f64, MAX_SPARSITIES>) -> Self {
        let mut of_layers = [0.0; MAX_SPARSITIES];
        of_layers[..list.len()].copy_from_slice(&list);
        Self { of_layers, layers: list.len() }
    }
}

impl From<LayerSparsities> for Vec<f64, MAX_SPARSITIES> {
    fn from(sparsities: LayerSparsities) -> Self {
        sparsities.as_slice().iter().copied().collect()
    }
}

/// Refuses the fields that serde, for a rule without any, would ignore.
#[cfg(feature = "alloc")]
pub(super) fn no_field<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoField {}
    NoField::deserialize(deserializer).map(drop)
}

/// Why no allocation exists.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum AllocationError {
    /// Sparsity is not in `[0, 1)`.
    #[error("sparsity must be at least 0 and below 1, not {sparsity}")]
    Sparsity {
        /// What was asked for.
        sparsity: f64,
    },
    /// The c of [`Allocation::Balanced`] is not in `[0, 1]`.
    #[error("the closeness of a balanced allocation must be 0 to 1, not {closeness}: try 0.2")]
    Closeness {
        /// What was asked for.
        closeness: f64,
    },
    /// An [`Allocation::Explicit`] lists more or fewer sparsities than there are layers.
    #[error(
        "the network has {layers} layers but the explicit allocation lists {sparsities} \
         sparsities: give one a layer, the output layer too"
    )]
    Explicit {
        /// Layers of the network.
        layers: usize,
        /// Sparsities listed.
        sparsities: usize,
    },
    /// With a dense output layer even empty hidden layers hold too many links.
    #[error(
        "sparsity {sparsity} cannot be reached with a dense output layer: ask for {most:.4} at most, or prune that layer too (dense-output = false)"
    )]
    DenseOutput {
        /// What was asked for.
        sparsity: f64,
        /// The highest reachable.
        most: f64,
    },
    /// `out` must have one place a layer, and there must be a layer.
    #[error("{shapes} layers but {places} places for their densities")]
    Lengths {
        /// Layers given.
        shapes: usize,
        /// Places given.
        places: usize,
    },
    /// The steps of a structure are too coarse for these layers.
    #[error(
        "sparsity {sparsity:.4} is out of reach in {structure} layers of these widths: the nearest \
         is {nearest:.4}; ask for that, or choose a finer structure such as constant-fan-in or \
         blocks-4x1"
    )]
    Structure {
        /// The structure asked for.
        structure: Structure,
        /// The sparsity asked for, or that came out of the rule.
        sparsity: f64,
        /// What the structure can do.
        nearest: f64,
    },
}
