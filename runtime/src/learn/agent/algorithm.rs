//! What an algorithm says: which networks and scalars it has, the gradient at the outputs, the order of
//! its stages, how it acts.

use super::kind::AlgorithmKind;
use super::scene::Scene;
use super::shape::{AgentShape, Role};
use super::share::Share;
use super::stage::Stages;
use crate::learn::error::LearnError;
use crate::learn::explore::Explorer;
use crate::learn::memory::{Replay, Rollout};
use crate::learn::net::Head;
use crate::learn::optim::AdamConfig;
use core::fmt::Debug;
use core::ops::Range;

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

    /// Whether the policy can be pulled towards what it was ([`Adapt::stay_near`]).
    ///
    /// [`Adapt::stay_near`]: crate::learn::Adapt::stay_near
    const HAS_PULL: bool = false;

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

    /// Derives what an iteration needs beside its steps; runs before its first minibatch, for these steps,
    /// a tile of them, after those before them.
    fn prepare(
        &self,
        _scene: &Scene<'_, '_>,
        _share: &mut Share<'_>,
        _rollout: &mut Rollout<'_>,
        _steps: Range<usize>,
    ) {
    }

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

    /// Adds the gradients of one part of the losses, over a tile of samples, to those in `share`, and
    /// their part of the losses.
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
