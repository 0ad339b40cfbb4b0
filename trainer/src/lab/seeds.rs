//! One seed settles a run: every user of random numbers derives its own from it.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

/// What a seed is derived for: episodes of training and evaluation never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights, batches and smoothing noise.
    Learner,
    /// Random actions and exploration noise.
    Exploration,
    /// Resets of training episodes.
    Training,
    /// Resets of evaluation episodes: the same ones at every evaluation of a run.
    Evaluation,
    /// Episodes that choose among policies during fine-tuning.
    Selection,
    /// Samples that a run's networks are looked at with.
    Diagnosis,
}

/// Default seed of evaluations outside of a training run. A run's own evaluations choose its best
/// policy: on the same episodes that one would look better than it is.
pub const FRESH_SEED: u64 = 20_260;

/// The seed of the `index`-th user of a stream of a run.
pub fn derive_seed(seed: u64, stream: Stream, index: u64) -> u64 {
    let run = SplitMix64::seed_from_u64(seed).next_u64();
    SplitMix64::seed_from_u64(run ^ (stream as u64) << 56 ^ index).next_u64()
}
