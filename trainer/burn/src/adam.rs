//! Adam (Kingma & Ba 2015, alg. 1) on whole tensors.

use burn_tensor::{Tensor, backend::Backend};
use lacewing_runtime::learn::AdamConfig;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Constants of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    step_size: f64,
    second_correction: f64,
    weight_decay: f64,
}

/// Running means of the gradient and of its square.
#[derive(Clone, Debug)]
pub(crate) struct Moments<B: Backend, const D: usize> {
    pub m: Tensor<B, D>,
    pub v: Tensor<B, D>,
}

impl AdamStep {
    /// The `number`-th step, counted from 1.
    pub fn new(config: AdamConfig, number: u64) -> Self {
        let number = number as f64;
        Self {
            step_size: f64::from(config.learning_rate) / (1.0 - BETA1.powf(number)),
            second_correction: 1.0 / (1.0 - BETA2.powf(number)).sqrt(),
            weight_decay: f64::from(config.weight_decay),
        }
    }

    /// Steps one tensor. Where `gradient`, `parameter` and the moments are all zero, as off the
    /// mask, they stay zero.
    pub fn apply<B: Backend, const D: usize>(
        &self,
        parameter: Tensor<B, D>,
        gradient: Tensor<B, D>,
        moments: Moments<B, D>,
    ) -> (Tensor<B, D>, Moments<B, D>) {
        let gradient = gradient + parameter.clone() * self.weight_decay;
        let m = moments.m * BETA1 + gradient.clone() * (1.0 - BETA1);
        let v = moments.v * BETA2 + gradient.square() * (1.0 - BETA2);
        let spread = v.clone().sqrt() * self.second_correction + EPSILON;
        let parameter = parameter - m.clone() * self.step_size / spread;
        (parameter, Moments { m, v })
    }
}
