//! What algorithms look at while they find gradients: networks, and samples as they are learned from.

use super::network::Network;
use super::normaliser::Normaliser;
use crate::kernels::train::{TILE, Tile, TrainKernels};
use crate::learn::memory::{Numbers, Replay, Rollout, Stored};
use crate::learn::net::Target;
use crate::random::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};

/// What all threads read while they find gradients.
#[derive(Debug)]
pub struct Scene<'a, 'm> {
    /// The kernels to run networks with.
    pub kernels: TrainKernels,
    /// In the order of [`Algorithm::NETWORKS`](super::Algorithm::NETWORKS).
    pub networks: &'a [Network<'m>],
    /// Values of the scalars.
    pub scalars: &'a [f32],
    /// What the samples are indices of.
    pub data: &'a Replay<'a>,
    /// Samples of the whole minibatch: losses are means over so many.
    pub batch: f32,
    /// What on-policy algorithms have derived from the data.
    pub rollout: Option<&'a Rollout<'m>>,
    /// How observations are normalised, if they are.
    pub normaliser: Option<&'a Normaliser<'m>>,
    /// What rewards are multiplied by.
    pub reward_factor: f32,
    /// Most steps whose rewards a TD target adds up.
    pub n_step: usize,
    /// The policy that the present one is pulled towards, and how much.
    pub anchor: Option<(&'a Target<'m>, f32)>,
    /// Whether the policy follows recorded actions ([`Adapt::imitate`](crate::learn::Adapt::imitate)).
    pub imitates: bool,
    /// So many features at the end of an observation are noise, drawn anew whenever they are loaded.
    pub fake_features: usize,
}

/// A [`Scene`] of an agent, which borrows only what is in it: shares and the rollout may be written.
macro_rules! scene {
    ($agent:ident, $data:expr, $batch:expr, $rollout:expr) => {
        $crate::learn::Scene {
            kernels: $agent.kernels,
            networks: &$agent.networks,
            scalars: &*$agent.scalars.values,
            data: $data,
            batch: $batch,
            rollout: $rollout,
            normaliser: $agent.statistics.normaliser.as_ref(),
            reward_factor: $agent.statistics.reward_factor(),
            n_step: $agent.training.n_step_at($agent.updates),
            anchor: $agent.anchor.as_ref().map(|to| (to, $agent.training.adapt.stay_near)),
            imitates: $agent.training.adapt.imitate,
            fake_features: $agent.training.fake_features as usize,
        }
    };
}
pub(super) use scene;

impl Scene<'_, '_> {
    /// Transposes observations, or those that followed, of some samples into tiles; places without a
    /// sample become zero.
    pub fn load_observations<'r>(
        &'r self,
        samples: &[u32],
        into: &mut [Tile],
        noise: &mut Xoshiro256PlusPlus,
        part: impl Fn(&Stored<'r>) -> Numbers<'r>,
    ) {
        self.load(samples, into, part);
        if let Some(normaliser) = self.normaliser {
            for (feature, tile) in into.iter_mut().enumerate() {
                let values = tile.0[..samples.len()].iter_mut();
                values.for_each(|x| *x = normaliser.apply(feature, *x));
            }
        }
        let real = into.len() - self.fake_features;
        for tile in &mut into[real..] {
            tile.0[..samples.len()].fill_with(|| StandardNormal.sample(noise));
        }
    }

    /// The same of actions, as they are.
    pub fn load_actions(&self, samples: &[u32], into: &mut [Tile]) {
        self.load(samples, into, |step| step.action);
    }

    fn load<'r>(
        &'r self,
        samples: &[u32],
        into: &mut [Tile],
        part: impl Fn(&Stored<'r>) -> Numbers<'r>,
    ) {
        if samples.len() < TILE {
            into.fill(Tile::ZERO);
        }
        for (place, &index) in samples.iter().enumerate() {
            part(&self.data.get(index as usize)).each(|feature, number| {
                if let Some(tile) = into.get_mut(feature) {
                    tile.0[place] = number;
                }
            });
        }
    }

    /// The observations that a TD target's value is of: those after the last of the steps whose rewards it
    /// adds up.
    pub fn load_next_observations(
        &self,
        samples: &[u32],
        into: &mut [Tile],
        noise: &mut Xoshiro256PlusPlus,
    ) {
        let mut last = [0; TILE];
        for (last, &index) in last.iter_mut().zip(samples) {
            *last = self.data.run(index, self.n_step).last().unwrap_or(index);
        }
        let last = &last[..samples.len()];
        self.load_observations(last, into, noise, |step| step.next_observation);
    }

    /// `rₜ + γ rₜ₊₁ + … + γⁿ V`, with V the `value` of what
    /// [`load_next_observations`](Self::load_next_observations) loads and no value after a terminal state.
    pub fn td_target(&self, index: u32, gamma: f32, value: f32) -> f32 {
        let (mut target, mut discount, mut ends) = (0.0, 1.0, false);
        for index in self.data.run(index, self.n_step) {
            let step = self.data.get(index as usize);
            target += discount * (self.reward_factor * step.reward);
            discount *= gamma;
            ends = step.terminated;
        }
        if ends { target } else { target + discount * value }
    }
}
