//! Environments as the learner's interaction loop sees them, and episodes played in them.

use lacewing_formats::policy::{scale_action, unscale_action};
use lacewing_runtime::learn::Score;
use lacewing_runtime::learn::session::{self, Outcome, World};

use super::error::TrainError;
use super::seeds::{Stream, derive_seed};
use crate::engine::Engine;
use crate::env::{ActionSpace, Env, EnvError, Scene};

/// In which units actions come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Units {
    /// Numbers in [−1, 1] or an index, as learners give them.
    Agent,
    /// The environment's, as policy files give them.
    Environment,
}

/// An environment whose episodes start from the seeds of one stream.
pub struct Simulator<'e> {
    env: &'e mut dyn Env,
    seed: u64,
    stream: Stream,
    units: Units,
    wide: Vec<f64>,
    scaled: Vec<f32>,
}

impl<'e> Simulator<'e> {
    /// For a learner to act in.
    pub fn for_learner(env: &'e mut dyn Env, seed: u64, stream: Stream) -> Self {
        Self::new(env, seed, stream, Units::Agent)
    }

    /// For a policy file to act in, in the episodes of an evaluation.
    pub fn for_policy(env: &'e mut dyn Env, seed: u64) -> Self {
        Self::new(env, seed, Stream::Evaluation, Units::Environment)
    }

    /// What there is to draw.
    pub fn scene(&self) -> Scene<'_> {
        self.env.scene()
    }

    fn new(env: &'e mut dyn Env, seed: u64, stream: Stream, units: Units) -> Self {
        let wide = vec![0.0; env.spec().obs_dim];
        let scaled = vec![0.0; env.spec().action_space.len()];
        Self { env, seed, stream, units, wide, scaled }
    }

    /// Turns an action in the environment's units into a learner's, in place.
    pub fn unscale(&self, action: &mut [f32]) {
        if let ActionSpace::Box { low, high } = &self.env.spec().action_space {
            unscale_action(action, low, high);
        }
    }

    /// Takes a step, as [`World::step`]: a simulator always knows what followed.
    ///
    /// # Errors
    /// The environment's.
    pub fn advance(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Outcome, EnvError> {
        self.scaled.copy_from_slice(action);
        if let (Units::Agent, ActionSpace::Box { low, high }) =
            (self.units, &self.env.spec().action_space)
        {
            scale_action(&mut self.scaled, low, high);
        }
        let step = self.env.step(&self.scaled, &mut self.wide)?;
        narrow(&self.wide, observation);
        let (terminated, truncated) = (step.terminated, step.truncated);
        Ok(Outcome { reward: step.reward, terminated, truncated, learnable: true })
    }
}

impl World for Simulator<'_> {
    type Error = EnvError;

    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), EnvError> {
        self.env.reset(derive_seed(self.seed, self.stream, episode), &mut self.wide)?;
        narrow(&self.wide, observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, EnvError> {
        self.advance(action, observation).map(Some)
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
    act: impl FnMut(&[f32], &mut [f32]) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    episodes_of(Simulator::for_policy(env, seed), episodes, act)
}

/// Plays with an engine's policy, without exploration.
///
/// # Errors
/// [`TrainError`] of the environment or the engine.
pub fn evaluate(
    engine: &mut dyn Engine,
    env: &mut dyn Env,
    episodes: u32,
    seed: u64,
) -> Result<Score, TrainError> {
    let world = Simulator::for_learner(env, seed, Stream::Evaluation);
    let act = |obs: &[f32], action: &mut [f32]| Ok::<_, TrainError>(engine.act(obs, action)?);
    Ok(Score::of(&episodes_of(world, episodes, act)?))
}

fn episodes_of<E: From<EnvError>>(
    mut world: Simulator<'_>,
    episodes: u32,
    act: impl FnMut(&[f32], &mut [f32]) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let (mut observation, mut action) =
        (vec![0.0; world.wide.len()], vec![0.0; world.scaled.len()]);
    let mut returns = vec![0.0; episodes as usize];
    session::play(&mut world, 0, &mut returns, (&mut observation, &mut action), act)?;
    Ok(returns)
}

/// Environments observe in f64, networks in f32.
pub fn narrow(wide: &[f64], out: &mut [f32]) {
    out.iter_mut().zip(wide).for_each(|(out, &wide)| *out = wide as f32);
}
