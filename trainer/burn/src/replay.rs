//! A minibatch on its way from the replay to the device.

use crate::observations::{Fakes, normalise};
use crate::transfer::matrix;
use burn_tensor::{Tensor, backend::Backend};
use lacewing_runtime::learn::{Algorithm, LearnError, Replay, ResumeHeader, Statistics, Stored};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// A minibatch of `n` samples on the device, as learning sees them: observations normalised and rewards
/// scaled, if wanted.
#[derive(Debug)]
pub(crate) struct Batch<B: Backend> {
    /// `[n, observations]`.
    pub observation: Tensor<B, 2>,
    /// `[n, actions]`.
    pub action: Tensor<B, 2>,
    /// `rₜ + γ rₜ₊₁ + …` over the steps of a TD target, `[n, 1]`.
    pub reward: Tensor<B, 2>,
    /// What followed the last of those steps, `[n, observations]`.
    pub next_observation: Tensor<B, 2>,
    /// What its value counts for: γ to the number of those steps, 0 after a terminal state, `[n, 1]`.
    pub discount: Tensor<B, 2>,
    /// Standard normal, [`Algorithm::noise`] numbers a sample, `[n, numbers]`.
    pub noise: Tensor<B, 2>,
    /// Features that are noise, if there are any.
    pub fakes: Option<Fakes>,
}

/// What one TD target is made of.
struct Sample<'r> {
    first: Stored<'r>,
    last: Stored<'r>,
    reward: f32,
    discount: f32,
}

impl<'r> Sample<'r> {
    /// The transition at `index` with those that follow it, `n` at most (Sutton & Barto 2018, eq. 7.1).
    fn new(replay: &'r Replay<'_>, index: u32, n: usize, gamma: f32) -> Self {
        let first = replay.get(index as usize);
        let mut sample = Self { first, last: first, reward: 0.0, discount: 1.0 };
        for index in replay.run(index, n) {
            sample.last = replay.get(index as usize);
            sample.reward += sample.discount * sample.last.reward;
            sample.discount *= gamma;
        }
        if sample.last.terminated {
            sample.discount = 0.0;
        }
        sample
    }
}

impl<B: Backend> Batch<B> {
    /// Draws the minibatch of the next update, and its noise, in the order of the sparse engine: with
    /// the same generator both engines learn from the same numbers.
    pub fn draw<C: Algorithm>(
        algorithm: &C,
        ResumeHeader { shape, training, updates, .. }: &ResumeHeader,
        (replay, statistics): (&Replay<'_>, &Statistics<'_>),
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
        let (count, noise) = (algorithm.batch() as usize, C::noise(shape));
        let fakes = Fakes::new(training.fake_features as usize, rng);
        let mut indices = vec![0; count];
        replay.sample(rng, &mut indices);
        let normal = |_| StandardNormal.sample(rng);
        let drawn: Vec<f32> = (0..count * noise).map(normal).collect();
        let (n, gamma) = (training.n_step_at(updates + 1), algorithm.gamma());
        let samples = indices.iter().map(|&index| Sample::new(replay, index, n, gamma));
        let samples: Vec<_> = samples.collect();
        let rows = |columns: usize, row: &dyn Fn(&Sample<'_>, &mut Vec<f32>)| {
            let mut numbers = Vec::with_capacity(count * columns);
            samples.iter().for_each(|sample| row(sample, &mut numbers));
            matrix(numbers, [count, columns], device)
        };
        let of_observations = |row: &dyn Fn(&Sample<'_>, &mut Vec<f32>)| {
            normalise(rows(observations, row), statistics.normaliser())
        };
        Ok(Self {
            observation: of_observations(&|of, row| row.extend(of.first.observation.iter())),
            action: rows(actions, &|of, row| row.extend(of.first.action.iter())),
            reward: rows(1, &|of, row| row.push(of.reward)) * statistics.reward_factor(),
            next_observation: of_observations(&|of, row| {
                row.extend(of.last.next_observation.iter())
            }),
            discount: rows(1, &|of, row| row.push(of.discount)),
            noise: matrix(drawn, [count, noise], device),
            fakes,
        })
    }
}
