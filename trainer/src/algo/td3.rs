//! TD3's interaction loop (Fujimoto et al. 2018, alg. 1; DS-TD3: Sokar et al. 2022, alg. 1).
//!
//! Random actions first, then the actor's with noise, and one update an environment step.
//! The update itself, with the topology changes of DS-TD3, is the engine's.

use lacewing_runtime::learn::{Losses, Replay, ReplayError, Transition};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use thiserror::Error;

use crate::engine::{Engine, EngineError};
use crate::env::{Env, EnvError};
use crate::lab::evaluate::{Stream, derive_seed, narrow, scale_action};
use crate::lab::files::FileError;
use crate::lab::policy::PolicyError;

/// Why a loop stopped early.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The learner failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The run's files failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The policy cannot be written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The environment or the policy made something that is no number.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Where the loop stands between two steps; all of it, with the engine and the replay, at an
/// episode's end.
#[derive(Clone, Debug)]
pub struct Position {
    /// Environment steps so far.
    pub step: u64,
    /// Finished episodes so far.
    pub episodes: u64,
    /// Random actions and exploration noise.
    pub rng: Xoshiro256PlusPlus,
}

/// What decides the loop's behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seed of the episodes' resets.
    pub seed: u64,
    /// The loop ends after this many environment steps.
    pub steps: u64,
    /// Actions are random up to this step.
    pub random_steps: u64,
    /// Updates start after this step.
    pub update_after: u64,
    /// Standard deviation of the exploration noise, actions being in [-1, 1].
    pub exploration_noise: f32,
    /// Correlation of the noise from one step to the next: 0 is Gaussian noise, above it the
    /// Ornstein–Uhlenbeck process (Lillicrap et al. 2016, section 7) in discrete time.
    pub noise_correlation: f32,
}

/// Follows a loop: logs, evaluations, checkpoints.
pub trait Watch {
    /// A transition was stored.
    fn transition(&mut self, transition: &Transition<'_>);

    /// An environment step and, where `losses` is there, an update were done.
    ///
    /// # Errors
    /// Any, to stop the loop.
    fn step(
        &mut self,
        step: u64,
        losses: Option<Losses>,
        engine: &mut dyn Engine,
    ) -> Result<(), TrainError>;

    /// An episode ended with this return; whether to go on.
    ///
    /// # Errors
    /// Any, to stop the loop.
    fn episode(
        &mut self,
        at: &Position,
        total: f64,
        engine: &mut dyn Engine,
    ) -> Result<bool, TrainError>;
}

/// Runs the loop from `at`, an episode's end, until `plan.steps` or until `watch` stops it.
///
/// # Errors
/// [`TrainError`] of the environment, the engine or the watch.
pub fn run(
    plan: &Plan,
    at: &mut Position,
    env: &mut dyn Env,
    engine: &mut dyn Engine,
    replay: &mut Replay<'_>,
    watch: &mut dyn Watch,
) -> Result<(), TrainError> {
    let (low, high) = env.spec().limits()?;
    let (low, high) = (low.to_vec(), high.to_vec());
    let mut wide = vec![0.0_f64; env.spec().obs_dim];
    let mut obs = vec![0.0_f32; wide.len()];
    let mut next = obs.clone();
    let mut action = vec![0.0_f32; low.len()];
    let mut scaled = action.clone();
    let mut noise = action.clone();
    // Keeps the noise's standard deviation at 1 whatever its correlation.
    let fresh = (1.0 - plan.noise_correlation * plan.noise_correlation).sqrt();
    while at.step < plan.steps {
        env.reset(derive_seed(plan.seed, Stream::Training, at.episodes), &mut wide)?;
        narrow(&wide, &mut obs);
        let mut total = 0.0;
        noise.fill(0.0);
        loop {
            if at.step < plan.random_steps {
                action.iter_mut().for_each(|a| *a = uniform(&mut at.rng));
            } else {
                engine.act(&obs, &mut action)?;
                for (a, noise) in action.iter_mut().zip(&mut noise) {
                    let drawn: f32 = StandardNormal.sample(&mut at.rng);
                    *noise = plan.noise_correlation * *noise + fresh * drawn;
                    *a = (*a + plan.exploration_noise * *noise).clamp(-1.0, 1.0);
                }
            }
            scale_action(&action, &low, &high, &mut scaled);
            let outcome = env.step(&scaled, &mut wide)?;
            narrow(&wide, &mut next);
            total += outcome.reward;
            let transition = Transition {
                observation: &obs,
                action: &action,
                reward: outcome.reward as f32,
                next_observation: &next,
                // A time limit is no end of the task: only `terminated` stops the bootstrap.
                terminated: outcome.terminated,
            };
            replay.push(transition)?;
            watch.transition(&transition);
            std::mem::swap(&mut obs, &mut next);
            at.step += 1;
            let losses =
                (at.step > plan.update_after).then(|| engine.update(replay)).transpose()?;
            watch.step(at.step, losses, engine)?;
            if outcome.terminated || outcome.truncated {
                at.episodes += 1;
                if !watch.episode(at, total, engine)? {
                    return Ok(());
                }
                break;
            }
            if at.step == plan.steps {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Uniform in [-1, 1).
fn uniform(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}
