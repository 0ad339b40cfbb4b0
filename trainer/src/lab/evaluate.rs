//! Playing episodes with a fixed policy.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::{Deserialize, Serialize};

use crate::algo::td3::TrainError;
use crate::engine::Engine;
use crate::env::{Env, EnvError};

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
}

/// Default seed of evaluations outside of a training run. A run's own evaluations choose its best
/// policy: on the same episodes that one would look better than it is.
pub const FRESH_SEED: u64 = 20_260;

/// The seed of the `index`-th user of a stream of a run.
pub fn derive_seed(seed: u64, stream: Stream, index: u64) -> u64 {
    let run = SplitMix64::seed_from_u64(seed).next_u64();
    SplitMix64::seed_from_u64(run ^ (stream as u64) << 56 ^ index).next_u64()
}

/// Mean and population standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean return of the episodes.
    pub mean: f64,
    /// Their population standard deviation.
    pub std: f64,
}

impl Score {
    /// Summarises returns; of none, both are NaN.
    pub fn of(returns: &[f64]) -> Self {
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self { mean, std: variance.sqrt() }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} ± {:.1}", self.mean, self.std)
    }
}

/// Maps a normalised action in [-1, 1] to the environment's units, within its limits.
pub fn scale_action(action: &[f32], low: &[f32], high: &[f32], out: &mut [f32]) {
    for (((out, &a), &low), &high) in out.iter_mut().zip(action).zip(low).zip(high) {
        *out = (low + (a + 1.0) / 2.0 * (high - low)).clamp(low, high);
    }
}

/// Plays `episodes` episodes whose resets follow from `seed` and returns their returns. `act` gets
/// an observation and writes an action in the environment's units.
///
/// # Errors
/// The environment's errors and those of `act`.
pub fn play<E: From<EnvError>>(
    env: &mut dyn Env,
    episodes: u32,
    seed: u64,
    mut act: impl FnMut(&[f32], &mut [f32]) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let (obs_dim, act_dim) = (env.spec().obs_dim, env.spec().action_space.len());
    let (mut wide, mut obs) = (vec![0.0_f64; obs_dim], vec![0.0_f32; obs_dim]);
    let mut action = vec![0.0_f32; act_dim];
    let mut returns = Vec::new();
    for episode in 0..episodes {
        env.reset(derive_seed(seed, Stream::Evaluation, episode.into()), &mut wide)?;
        let mut total = 0.0;
        loop {
            narrow(&wide, &mut obs);
            act(&obs, &mut action)?;
            let step = env.step(&action, &mut wide)?;
            total += step.reward;
            if step.terminated || step.truncated {
                break;
            }
        }
        returns.push(total);
    }
    Ok(returns)
}

/// Plays with an engine's greedy policy.
///
/// # Errors
/// [`TrainError`] of the environment or the engine.
pub fn evaluate(
    engine: &mut dyn Engine,
    env: &mut dyn Env,
    episodes: u32,
    seed: u64,
) -> Result<Score, TrainError> {
    let (low, high) = env.spec().limits()?;
    let (low, high) = (low.to_vec(), high.to_vec());
    let mut action = vec![0.0; low.len()];
    let returns = play(env, episodes, seed, |obs, scaled| {
        engine.act(obs, &mut action)?;
        scale_action(&action, &low, &high, scaled);
        Ok::<_, TrainError>(())
    })?;
    Ok(Score::of(&returns))
}

/// Environments observe in f64, networks in f32.
pub fn narrow(wide: &[f64], out: &mut [f32]) {
    out.iter_mut().zip(wide).for_each(|(out, &wide)| *out = wide as f32);
}
