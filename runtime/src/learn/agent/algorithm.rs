//! What an algorithm says: which networks and scalars it has, the gradient at the outputs, the order of
//! its stages, how it acts.

use super::kind::AlgorithmKind;
use super::network::Network;
use super::normaliser::Normaliser;
use super::shape::{AgentShape, Role};
use super::share::Share;
use super::stage::Stages;
use crate::kernels::train::{TILE, Tile, TrainKernels};
use crate::learn::error::LearnError;
use crate::learn::explore::Explorer;
use crate::learn::memory::{Replay, Rollout, Transition};
use crate::learn::net::Head;
use crate::learn::optim::AdamConfig;
use crate::random::Xoshiro256PlusPlus;
use core::fmt::Debug;
use rand_distr::{Distribution, StandardNormal};

/// Most networks of an agent, targets not counted.
pub const MAX_NETWORKS: usize = 3;
/// Most networks whose activations are needed at one time.
pub const MAX_TRACES: usize = 3;
/// Most figures that an update reports.
pub const MAX_LOSSES: usize = 5;

/// One network of an algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its shape is that of its role.
    pub role: Role,
    /// What follows its last sums.
    pub head: Head,
    /// Another network follows it.
    pub target: bool,
    /// The part of the losses that its gradient comes from.
    pub loss: u8,
}

/// What all threads read while they find gradients.
#[derive(Debug)]
pub struct Scene<'a, 'm> {
    /// The kernels to run networks with.
    pub kernels: TrainKernels,
    /// In the order of [`Algorithm::NETWORKS`].
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
            normaliser: $agent.normaliser.as_ref(),
            reward_factor: match $agent.training.scale_rewards {
                true => $agent.reward_scale.factor(),
                false => 1.0,
            },
            fake_features: $agent.training.fake_features as usize,
        }
    };
}
pub(super) use scene;

/// A reinforcement-learning algorithm; a value of the type is its settings.
pub trait Algorithm: Copy + Debug + PartialEq + Send + Sync {
    /// Which it is.
    const KIND: AlgorithmKind;
    /// Names of the figures of an update.
    const LOSSES: &'static [&'static str];
    /// Its networks, the one that acts first.
    const NETWORKS: &'static [Part];
    /// Of which roles activations are needed at one time.
    const TRACES: &'static [Role];

    /// Standard-normal numbers that a sample needs.
    fn noise(_shape: &AgentShape) -> usize {
        0
    }

    /// Scalars that are learned beside the networks.
    fn scalars(_shape: &AgentShape) -> usize {
        0
    }

    /// Their values at first.
    fn start_scalars(&self, _scalars: &mut [f32]) {}

    /// Refuses settings without a meaning.
    ///
    /// # Errors
    /// [`LearnError::Config`].
    fn check(&self) -> Result<(), LearnError>;

    /// Samples of a minibatch.
    fn batch(&self) -> u32;

    /// Discount γ.
    fn gamma(&self) -> f32;

    /// The optimiser of every network.
    fn optimiser(&self) -> AdamConfig;

    /// Steps of an iteration, and epochs over them, of an algorithm that learns from steps of its present
    /// policy only.
    fn iteration(&self) -> Option<(usize, u32)> {
        None
    }

    /// Derives what an iteration needs beside its steps; runs once before its first minibatch.
    fn prepare(&self, _scene: &Scene<'_, '_>, _share: &mut Share<'_>, _rollout: &mut Rollout<'_>) {}

    /// Updates that are due after the `step`-th step, whose transition is in `data`.
    fn updates_due(&self, _step: u64, _data: &Replay<'_>) -> u32 {
        1
    }

    /// What is done in the `update`-th update, counted from 1.
    fn stages(&self, update: u64) -> Stages;

    /// Updates from one step of a network, of [`Algorithm::NETWORKS`], to the next.
    fn step_every(&self, _network: usize) -> u32 {
        1
    }

    /// Leaves the gradients of one part of the losses, over some samples, in `share`.
    fn gradients(&self, part: u8, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]);

    /// The action without exploration, from the policy's outputs.
    fn greedy(&self, outputs: &[f32], action: &mut [f32]);

    /// The action to learn from, from the policy's outputs and the scalars, after `step` steps.
    fn explore(
        &self,
        step: u64,
        outputs: &[f32],
        scalars: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    );
}

impl Scene<'_, '_> {
    /// Transposes observations, or those that followed, of some samples into tiles; places without a
    /// sample become zero.
    pub fn load_observations<'r>(
        &'r self,
        samples: &[u32],
        into: &mut [Tile],
        noise: &mut Xoshiro256PlusPlus,
        part: impl Fn(&Transition<'r>) -> &'r [f32],
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
        part: impl Fn(&Transition<'r>) -> &'r [f32],
    ) {
        if samples.len() < TILE {
            into.fill(Tile::ZERO);
        }
        for (place, &index) in samples.iter().enumerate() {
            for (tile, &feature) in into.iter_mut().zip(part(&self.data.get(index as usize))) {
                tile.0[place] = feature;
            }
        }
    }

    /// The reward of a step, as it is learned from.
    pub fn reward(&self, step: &Transition<'_>) -> f32 {
        self.reward_factor * step.reward
    }
}
