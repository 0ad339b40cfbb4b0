//! Adam on live links only (Kingma & Ba 2015, alg. 1).

use super::adapt::Learns;
use super::net::{Float8, Gradients, Mlp, Moments, SmallPair};
use crate::kernels::flushed;
use crate::kernels::train::{AdamStep, TrainKernels};
use half::bf16;
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
            let links = &mut layer.links;
            let weights = (learns != Learns::Biases).then_some(weights);
            let bias = network.bias.then_some(bias);
            match &mut layer.learning.moments {
                Moments::Full { weights: of_weights, bias: of_bias } => {
                    if let Some(bias) = bias {
                        kernels.adam(&step, links.bias, bias, of_bias.m, of_bias.v);
                    }
                    if let Some(weights) = weights {
                        kernels.adam(&step, links.weights, weights, of_weights.m, of_weights.v);
                    }
                }
                Moments::Small { weights: of_weights, bias: of_bias } => {
                    let random = &mut Rounding::new(self.steps, at);
                    if let Some(bias) = bias {
                        small(&step, links.bias, bias, of_bias, random);
                    }
                    if let Some(weights) = weights {
                        small(&step, links.weights, weights, of_weights, random);
                    }
                }
            }
            if weights.is_some() {
                layer.gather_columns();
            }
        }
    }
}

/// A step with moments in few bits.
fn small(
    step: &AdamStep,
    values: &mut [f32],
    gradients: &[f32],
    moments: &mut SmallPair<'_>,
    random: &mut Rounding,
) {
    let of_parameter = moments.m.iter_mut().zip(&mut *moments.v);
    for ((value, gradient), (m, v)) in values.iter_mut().zip(gradients).zip(of_parameter) {
        let gradient = gradient + step.weight_decay * *value;
        let first = flushed(step.beta1 * m.to_f32() + (1.0 - step.beta1) * gradient);
        let second = step.beta2 * v.to_f32() + (1.0 - step.beta2) * gradient * gradient;
        *m = bf16::from_f32(first);
        *v = Float8::random(second, random.next());
        // By what is known exactly, and not by how it is kept.
        let root = libm::sqrtf(second) * step.second_correction;
        *value = flushed(*value - step.step_size * first / (root + step.epsilon));
    }
}

/// Random bits to round by, the same for the same step of the same layer, however it is cut into slices: there
/// is nothing to save.
struct Rounding(u32);

impl Rounding {
    fn new(step: u64, layer: usize) -> Self {
        let seed = (step << 8 | layer as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((seed >> 32) as u32 | 1)
    }

    /// xorshift32 (Marsaglia 2003, §3).
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}
