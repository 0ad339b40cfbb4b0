//! Adam on live links only (Kingma & Ba 2015, alg. 1).

use super::adapt::Learns;
use super::net::{Gradients, Mlp, Moments};
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
                Moments::Adam { weights: of_weights, bias: of_bias } => {
                    if let Some(bias) = bias {
                        kernels.adam(&step, links.bias, bias, of_bias.m, of_bias.v);
                    }
                    if let Some(weights) = weights {
                        kernels.adam(&step, links.weights, weights, of_weights.m, of_weights.v);
                    }
                }
                Moments::Mini { weights: of_weights, bias: of_bias, v } => {
                    for (row, v) in v.iter_mut().enumerate() {
                        let of_row = links.topology.view().row(row);
                        mini(
                            &step,
                            v,
                            [
                                weights.map(|gradients| Moving {
                                    values: &mut links.weights[of_row.clone()],
                                    gradients: &gradients[of_row.clone()],
                                    m: &mut of_weights[of_row],
                                }),
                                bias.map(|gradients| Moving {
                                    values: &mut links.bias[row..=row],
                                    gradients: &gradients[row..=row],
                                    m: &mut of_bias[row..=row],
                                }),
                            ],
                        );
                    }
                }
            }
            if weights.is_some() {
                layer.gather_columns();
            }
        }
    }
}

/// Parameters of a unit on their way.
struct Moving<'p> {
    values: &'p mut [f32],
    gradients: &'p [f32],
    m: &'p mut [bf16],
}

/// A step of a unit's parameters, of which `v` is the second moment.
fn mini(step: &AdamStep, v: &mut f32, mut unit: [Option<Moving<'_>>; 2]) {
    let (mut squares, mut count) = (0.0, 0.0);
    for Moving { values, gradients, .. } in unit.iter().flatten() {
        for (value, gradient) in values.iter().zip(*gradients) {
            let gradient = gradient + step.weight_decay * value;
            squares += gradient * gradient;
            count += 1.0;
        }
    }
    if count == 0.0 {
        return;
    }
    *v = step.beta2 * *v + (1.0 - step.beta2) * squares / count;
    let rate = step.step_size / (libm::sqrtf(*v) * step.second_correction + step.epsilon);
    for Moving { values, gradients, m } in unit.iter_mut().flatten() {
        for ((value, gradient), m) in values.iter_mut().zip(*gradients).zip(&mut **m) {
            let gradient = gradient + step.weight_decay * *value;
            let moment = step.beta1 * m.to_f32() + (1.0 - step.beta1) * gradient;
            *m = bf16::from_f32(moment);
            *value -= rate * moment;
        }
    }
}
