//! Parameters that belong to no network, such as SAC's log-temperature.

use crate::adam::{AdamStep, Moments};
use crate::state::ScalarState;
use crate::transfer::{download, vector};
use burn_tensor::{Tensor, backend::Backend};
use lacewing_runtime::learn::AdamConfig;

/// Scalars that learn.
#[derive(Debug)]
pub(crate) struct Scalars<I: Backend> {
    pub values: Tensor<I, 1>,
    moments: Moments<I, 1>,
    /// Steps of Adam so far.
    pub steps: u64,
}

impl<I: Backend> Scalars<I> {
    /// Copies the scalars to the device; none where there are none.
    pub fn load(state: &ScalarState, steps: u64, device: &I::Device) -> Option<Self> {
        let [values, m, v] = state.each_ref().map(|numbers| vector(numbers, device));
        let there = !state[0].is_empty();
        there.then_some(Self { values, moments: Moments { m, v }, steps })
    }

    /// Copies them back.
    pub fn state(&self) -> ScalarState {
        [&self.values, &self.moments.m, &self.moments.v].map(|tensor| download(tensor.clone()))
    }

    /// One step of Adam, without decay: that would draw them to a value that nothing recommends.
    pub fn step(&mut self, config: AdamConfig, gradient: Tensor<I, 1>) {
        self.steps += 1;
        let step = AdamStep::new(AdamConfig { weight_decay: 0.0, ..config }, self.steps);
        (self.values, self.moments) =
            step.apply(self.values.clone(), gradient, self.moments.clone());
    }
}
