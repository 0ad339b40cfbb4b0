//! Adam on live links only (Kingma & Ba 2015, alg. 1).

use super::adapt::Learns;
use super::net::{Gradients, Mlp};
use crate::kernels::train::{AdamStep, TrainKernels};
use serde::{Deserialize, Serialize};

/// Constants of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamConfig {
    /// α.
    pub learning_rate: f32,
    /// L2 regularisation, added to the gradient as PyTorch's `Adam(weight_decay)` does.
    pub weight_decay: f32,
}

/// The optimiser of one network; its moments live beside the links, in the layers.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    config: AdamConfig,
    pub(in crate::learn) steps: u64,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;

impl Adam {
    /// An optimiser that has made no step.
    pub fn new(config: AdamConfig) -> Self {
        Self { config, steps: 0 }
    }

    /// Counts a step and says what it does to a parameter.
    pub(in crate::learn) fn next(&mut self) -> AdamStep {
        self.steps += 1;
        let steps = self.steps as f64;
        let first = 1.0 - libm::pow(BETA1, steps);
        let second = 1.0 - libm::pow(BETA2, steps);
        AdamStep {
            step_size: (f64::from(self.config.learning_rate) / first) as f32,
            beta1: BETA1 as f32,
            beta2: BETA2 as f32,
            second_correction: (1.0 / libm::sqrt(second)) as f32,
            epsilon: 1e-8,
            weight_decay: self.config.weight_decay,
        }
    }

    /// One step on those of `network`'s parameters that learn.
    pub(in crate::learn) fn step(
        &mut self,
        kernels: &TrainKernels,
        network: &mut Mlp<'_>,
        gradients: &Gradients<'_>,
        learns: Learns,
    ) {
        let step = self.next();
        let last = network.layers.len() - 1;
        for (at, (weights, bias)) in gradients.layers().enumerate() {
            if learns == Learns::OutputLayer && at < last {
                continue;
            }
            let layer = &mut network.layers[at];
            let (state, links) = (&mut layer.learning, &mut layer.links);
            if network.bias {
                kernels.adam(&step, links.bias, bias, state.bias.m, state.bias.v);
            }
            if learns != Learns::Biases {
                kernels.adam(&step, links.weights, weights, state.weights.m, state.weights.v);
                layer.gather_columns();
            }
        }
    }
}
