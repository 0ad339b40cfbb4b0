//! The networks that everyone runs.

use super::report;
use lacewing_formats::policy::Activation;
use lacewing_formats::topology::Structure;
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Layer, Owned};

/// What follows a hidden layer's sums.
#[derive(Clone, Copy, PartialEq)]
pub enum Hidden {
    /// ReLU.
    Relu,
    /// Layer normalisation, then this activation of that name.
    Normalised(&'static str, Activation),
}

/// A policy's shape; tanh is at its end.
#[derive(Clone, Copy)]
pub struct Network {
    /// Observations, then outputs of every layer.
    pub widths: [usize; 4],
    /// What its hidden layers are.
    pub hidden: Hidden,
}

/// HalfCheetah's widths and Humanoid's.
pub const RELU: [Network; 2] = [
    Network { widths: [17, 256, 256, 6], hidden: Hidden::Relu },
    Network { widths: [376, 256, 256, 17], hidden: Hidden::Relu },
];

/// HalfCheetah's widths with layers as the locomotion and offline learners of today have them.
pub const NORMALISED: [Network; 2] = [
    Network { widths: RELU[0].widths, hidden: Hidden::Normalised("ELU", Activation::Elu(1.0)) },
    Network { widths: RELU[0].widths, hidden: Hidden::Normalised("SiLU", Activation::Silu) },
];

/// Shares of pruned links, in percent.
pub const SPARSITIES: [u32; 10] = [0, 20, 40, 50, 60, 70, 80, 90, 95, 99];

/// The share at which [`NORMALISED`] are compared.
pub const NORMALISED_SPARSITY: u32 = 90;

/// Structures that a layout of ours is made for.
pub const STRUCTURES: [(&str, Structure); 2] = [
    (report::PER_BLOCK, Structure::Groups { columns: 32 }),
    (report::STRIPS, Structure::Blocks { rows: 16 }),
];

/// Beyond this share of pruned links, K per 32 columns would be none.
pub const SPARSEST_STRUCTURE: u32 = 95;

impl Network {
    /// "17-256-256-6", or "17-256-256-6 LayerNorm ELU".
    pub fn name(&self) -> String {
        let widths = self.widths.map(|width| width.to_string()).join("-");
        match self.hidden {
            Hidden::Relu => widths,
            Hidden::Normalised(activation, _) => format!("{widths} LayerNorm {activation}"),
        }
    }

    /// As [`policy`], with the hidden layers of this shape.
    pub fn policy(&self, percent: u32, structure: Structure) -> Owned {
        let mut policy = policy(&self.widths, percent, structure);
        if let Hidden::Normalised(_, activation) = self.hidden {
            let (_, hidden) = policy.layers.split_last_mut().expect("widths of layers");
            hidden.iter_mut().for_each(|layer| normalise(layer, activation));
        }
        policy
    }
}

/// A random policy of ReLU layers, of this share of pruned links or the nearest that the structure has.
pub fn policy(widths: &[usize], percent: u32, structure: Structure) -> Owned {
    actor::structured(widths, f64::from(percent) / 100.0, structure, 1)
}

/// Puts a layer normalisation before `activation`, with gains and shifts off their 1 and 0.
fn normalise(layer: &mut Layer, activation: Activation) {
    let wave = |row: usize| 0.2 * (row as f32).sin();
    let rows = 0..layer.bias.len();
    let gain = rows.clone().map(|row| 1.0 + wave(row)).collect();
    layer.norm = Some((1e-5, gain, rows.map(|row| wave(row + 1)).collect()));
    layer.activation = activation;
}

/// A layer's weights with its pruned links as zeros, `[rows][cols]`.
pub fn dense_weights(layer: &Layer) -> Vec<f32> {
    let mut dense = vec![0.0; layer.bias.len() * layer.cols];
    for (row, ends) in layer.row_ptr.windows(2).enumerate() {
        for link in ends[0] as usize..ends[1] as usize {
            dense[row * layer.cols + usize::from(layer.columns[link])] = layer.weights[link];
        }
    }
    dense
}
