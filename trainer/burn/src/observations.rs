//! Observations as networks see them.

use crate::transfer::{matrix, vector};
use burn_tensor::{Tensor, backend::Backend};
use lacewing_formats::policy::ObservationNormaliser;
use lacewing_runtime::kernels::train::TILE;
use lacewing_runtime::random::Xoshiro256PlusPlus;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::array::from_fn;

/// `clamp((x − mean) / deviation, −clip, clip)` of `[n, observations]`; `x` without a normaliser.
pub(crate) fn normalise<B: Backend>(
    x: Tensor<B, 2>,
    by: Option<ObservationNormaliser<'_>>,
) -> Tensor<B, 2> {
    let Some(ObservationNormaliser { mean, std, clip }) = by else { return x };
    let [mean, std] = [mean, std].map(|numbers| vector(numbers, &x.device()).unsqueeze());
    ((x - mean) / std).clamp(-clip, clip)
}

/// Features at the end of observations that are noise (ANF: Grooten et al. 2023, §4.1).
#[derive(Debug)]
pub(crate) struct Fakes {
    count: usize,
    rng: Xoshiro256PlusPlus,
}

impl Fakes {
    /// Those of one update; none where `count` is 0.
    pub fn new(count: usize, rng: &mut impl Rng) -> Option<Self> {
        (count > 0).then(|| Self { count, rng: Xoshiro256PlusPlus::seed_from_u64(rng.next_u64()) })
    }

    /// Draws them anew in all these observations, `[n, observations]` each, in the order of the sparse
    /// engine: tile by tile of samples, feature by feature.
    pub fn redraw<B: Backend, const N: usize>(&mut self, all: [&mut Tensor<B, 2>; N]) {
        let ([samples, features], count) = (all[0].dims(), self.count);
        let mut noise: [Vec<f32>; N] = from_fn(|_| vec![0.0; samples * count]);
        for start in (0..samples).step_by(TILE) {
            for noise in &mut noise {
                for feature in 0..count {
                    for sample in start..samples.min(start + TILE) {
                        noise[sample * count + feature] = StandardNormal.sample(&mut self.rng);
                    }
                }
            }
        }
        for (observations, noise) in all.into_iter().zip(noise) {
            let noise = matrix(noise, [samples, count], &observations.device());
            let places = [0..samples, features - count..features];
            *observations = observations.clone().slice_assign(places, noise);
        }
    }
}
