//! Episodes: to judge a policy, and to learn from.

use super::Options;
use super::environment::Environment;
use crate::EdgeError;
use lacewing_runtime::act::{ActError, Policy};
use lacewing_runtime::guard::first_non_finite;
use lacewing_runtime::learn::{Replay, Td3, Transition};
use rand_core::SeedableRng;
use rand_distr::{Distribution, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Learning episodes start from seeds this far from those of the evaluations.
const LEARNING_SEEDS: u64 = 1 << 32;

/// Returns of some episodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean return.
    pub mean: f64,
    /// Standard deviation over the episodes.
    pub std: f64,
}

impl Score {
    fn of(returns: &[f64]) -> Self {
        let count = returns.len().max(1) as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / count;
        Self { mean, std: variance.sqrt() }
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} ± {:.1}", self.mean, self.std)
    }
}

/// Plays `episodes` episodes from the seeds `seed..` with the actions that `act` writes.
pub fn evaluate(
    environment: &mut Environment,
    (episodes, seed): (u64, u64),
    mut act: impl FnMut(&[f32], &mut [f32]) -> Result<(), EdgeError>,
) -> Result<Score, EdgeError> {
    let mut action = vec![0.0; environment.spec().actions.len()];
    let mut returns = Vec::new();
    for episode in 0..episodes {
        let mut obs = environment.reset(seed.wrapping_add(episode))?;
        let mut sum = 0.0;
        loop {
            act(&obs, &mut action)?;
            let outcome = environment.step(&action)?;
            sum += outcome.reward;
            if outcome.terminated || outcome.truncated {
                break;
            }
            obs = outcome.obs;
        }
        returns.push(sum);
    }
    Ok(Score::of(&returns))
}

/// Exploration noise on actions in [-1, 1].
///
/// # Errors
/// [`EdgeError::Noise`].
pub fn exploration(std_dev: f32) -> Result<Normal<f32>, EdgeError> {
    let noise = Normal::new(0.0, std_dev).ok();
    noise.filter(|noise| noise.std_dev() >= 0.0).ok_or(EdgeError::Noise)
}

/// A learner at work in an environment.
pub struct Session<'s, 'm> {
    /// The policy that learning started from: its normaliser and action head stay.
    pub policy: &'s Policy<'s>,
    /// The learner.
    pub agent: Td3<'m>,
    /// What it learns from.
    pub replay: Replay<'m>,
}

impl Session<'_, '_> {
    /// The learner's own action, without noise.
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EdgeError> {
        let mut x = vec![0.0; observation.len()];
        self.policy.normalise(observation, &mut x);
        self.act_unscaled(&x, action)?;
        self.policy.scale_action(action);
        Ok(())
    }

    /// The action in [-1, 1] for a normalised observation.
    fn act_unscaled(&mut self, x: &[f32], action: &mut [f32]) -> Result<(), EdgeError> {
        self.agent.act(x, action);
        match first_non_finite(action) {
            Some(index) => Err(EdgeError::Step(ActError::Overflow { index })),
            None => Ok(()),
        }
    }

    /// Acts with noise, stores and learns for `options.steps` steps. `between` runs before the first
    /// episode, after each with its return, and after the last step; it may use the environment.
    pub fn learn(
        &mut self,
        environment: &mut Environment,
        options: &Options,
        noise: Normal<f32>,
        mut between: impl FnMut(&mut Self, &mut Environment, u64, Option<f64>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        let (observations, actions) = (self.policy.observations(), self.policy.actions());
        let (mut x, mut next_x) = (vec![0.0; observations], vec![0.0; observations]);
        let (mut action, mut scaled) = (vec![0.0; actions], vec![0.0; actions]);
        let mut seed = options.seed.wrapping_add(LEARNING_SEEDS);
        between(self, environment, 0, None)?;
        let (mut sum, mut obs) = (0.0, environment.reset(seed)?);
        for step in 1..=options.steps {
            self.policy.normalise(&obs, &mut x);
            self.act_unscaled(&x, &mut action)?;
            for action in &mut action {
                *action = (*action + noise.sample(&mut rng)).clamp(-1.0, 1.0);
            }
            scaled.copy_from_slice(&action);
            self.policy.scale_action(&mut scaled);
            let outcome = environment.step(&scaled)?;
            sum += outcome.reward;
            self.policy.normalise(&outcome.obs, &mut next_x);
            self.replay.push(Transition {
                observation: &x,
                action: &action,
                reward: outcome.reward as f32,
                next_observation: &next_x,
                terminated: outcome.terminated,
            })?;
            if step > options.warm_up {
                self.agent.update(&self.replay)?;
            }
            obs = outcome.obs;
            if outcome.terminated || outcome.truncated {
                between(self, environment, step, Some(sum))?;
                seed = seed.wrapping_add(1);
                (sum, obs) = (0.0, environment.reset(seed)?);
            } else if step == options.steps {
                between(self, environment, step, None)?;
            }
        }
        Ok(())
    }
}
