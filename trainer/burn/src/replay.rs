//! A minibatch on its way from the replay to the device.

use crate::transfer::matrix;
use burn_tensor::{Tensor, backend::Backend};
use lacewing_runtime::learn::{AgentShape, LearnError, Replay, Transition};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// A minibatch of `n` transitions on the device.
#[derive(Debug)]
pub(crate) struct Batch<B: Backend> {
    /// `[n, observations]`.
    pub observation: Tensor<B, 2>,
    /// `[n, actions]`.
    pub action: Tensor<B, 2>,
    /// `[n, 1]`.
    pub reward: Tensor<B, 2>,
    /// `[n, observations]`.
    pub next_observation: Tensor<B, 2>,
    /// 0 after a terminal state, otherwise 1, `[n, 1]`.
    pub not_done: Tensor<B, 2>,
    /// Standard normal, [`Algorithm::noise`](lacewing_runtime::learn::Algorithm::noise) numbers a
    /// sample, `[n, numbers]`.
    pub noise: Tensor<B, 2>,
}

impl<B: Backend> Batch<B> {
    /// Draws `samples` transitions, and `noise` numbers for each, in the order of the sparse engine:
    /// with the same generator both engines learn from the same numbers.
    pub fn draw(
        replay: &Replay<'_>,
        shape: &AgentShape,
        (samples, noise): (usize, usize),
        rng: &mut impl Rng,
        device: &B::Device,
    ) -> Result<Self, LearnError> {
        let (observations, actions) = (shape.observations(), shape.action_numbers());
        if (replay.observations(), replay.actions()) != (observations, actions) {
            return Err(LearnError::OtherReplay);
        }
        if replay.is_empty() {
            return Err(LearnError::NoData);
        }
        let mut indices = vec![0; samples];
        replay.sample(rng, &mut indices);
        let normal = |_| StandardNormal.sample(rng);
        let drawn: Vec<f32> = (0..samples * noise).map(normal).collect();
        let steps: Vec<Transition<'_>> =
            indices.iter().map(|&index| replay.get(index as usize)).collect();
        let rows = |columns: usize, row: &dyn Fn(&Transition<'_>, &mut Vec<f32>)| {
            let mut numbers = Vec::with_capacity(samples * columns);
            steps.iter().for_each(|step| row(step, &mut numbers));
            matrix(numbers, [samples, columns], device)
        };
        Ok(Self {
            observation: rows(observations, &|step, row| row.extend(step.observation)),
            action: rows(actions, &|step, row| row.extend(step.action)),
            reward: rows(1, &|step, row| row.push(step.reward)),
            next_observation: rows(observations, &|step, row| row.extend(step.next_observation)),
            not_done: rows(1, &|step, row| row.push(if step.terminated { 0.0 } else { 1.0 })),
            noise: matrix(drawn, [samples, noise], device),
        })
    }
}
