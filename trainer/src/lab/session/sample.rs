//! A moment of a run, timed: what a step costs before learning begins, and after.

use std::time::{Duration, Instant};

use lacewing_runtime::learn::session::{Buffers, Position, Watch, run as session_loop};
use lacewing_runtime::learn::{Losses, Replay, Settings};

use super::{build, capacity, plan};
use crate::engine::Engine;
use crate::env::{self, Shift, Wrap};
use crate::lab::config::RunConfig;
use crate::lab::error::{LabError, TrainError};
use crate::lab::memory;
use crate::lab::seeds::Stream;
use crate::lab::world::Simulator;

/// Steps of an episode at most: where it ends the sample can end.
const EPISODE: u32 = 100;
/// The same where nothing is timed.
const SHORT_EPISODE: u32 = 10;

/// What a run takes.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Seconds of a step without learning.
    collecting: f64,
    /// Seconds of a step with what it is learned from.
    learning: f64,
    /// Bytes of the learner in a checkpoint.
    learner: usize,
    /// Bytes of a transition in a checkpoint.
    transition: usize,
    /// Steps of an episode at most.
    episode: u32,
}

/// Trains for a moment after a short beginning, and keeps nothing.
///
/// # Errors
/// [`LabError`], as the run itself.
pub fn sample(config: &RunConfig, moment: Duration) -> Result<Sample, LabError> {
    begin(config, moment, EPISODE)
}

/// Trains for some updates, to see whether they fail.
///
/// # Errors
/// [`LabError`], as the run itself.
pub fn attempt(config: &RunConfig) -> Result<(), LabError> {
    begin(config, Duration::from_nanos(1), SHORT_EPISODE).map(drop)
}

/// Trains until learning took so long, to the end of an episode.
fn begin(config: &RunConfig, moment: Duration, episode: u32) -> Result<Sample, LabError> {
    let own = env::make(&config.env, &Shift::default())?.spec().max_episode_steps;
    let mut short = config.clone();
    short.set_start_steps(config.start_steps().min(config.batch()));
    let mut settings = short.settings();
    if let Settings::Ppo(ppo) = &mut settings {
        ppo.steps = ppo.batch;
        short.set_settings(settings);
    }
    let (name, wrap) = env::parts(&config.env)?;
    let wrap = Wrap { time_limit: Some(own.min(episode)), ..wrap };
    let mut env = env::make_wrapped(name, &Shift::default(), &wrap)?;
    let spec = env.spec();
    let shape = short.shape(spec.obs_dim, spec.action_space.of_agent())?;
    let (observations, actions) = (shape.observations(), shape.action_numbers());
    let mut engine_memory = memory::learner(&shape, &short.settings(), &short.training())?;
    let mut engine = build(&short, &shape, None, &mut engine_memory)?;
    let mut replay_memory = memory::replay(observations, actions, capacity(&short))?;
    let mut replay = Replay::new(&mut replay_memory, observations, actions)?;
    let plan = plan(&short, 0);
    let mut world = Simulator::for_learner(&mut *env, config.seed, Stream::Training);
    let buffers = Buffers {
        observation: &mut vec![0.0; observations],
        next_observation: &mut vec![0.0; observations],
        action: &mut vec![0.0; actions],
    };
    let mut clock = Clock {
        moment,
        started: Instant::now(),
        updates: 0,
        collected: (0, Duration::ZERO),
        learned: (0, Duration::ZERO),
    };
    let mut at = Position::default();
    session_loop(&plan, &mut at, &mut world, &mut *engine, &mut replay, buffers, &mut clock)?;
    let ((collected, before), (learned, after)) = (clock.collected, clock.learned);
    let per_step = |time: Duration, steps: u64| time.as_secs_f64() / steps.max(1) as f64;
    Ok(Sample {
        collecting: per_step(before, collected),
        learning: per_step(after.saturating_sub(before), learned.saturating_sub(collected)),
        learner: engine.save()?.len(),
        transition: Replay::row_len(observations, actions) * size_of::<f32>(),
        episode: own,
    })
}

impl Sample {
    /// Seconds of a whole run, its evaluations being of episodes as long as they can be.
    pub fn seconds(&self, config: &RunConfig) -> f64 {
        let random = config.start_steps().min(config.steps);
        let evaluations = config.steps / config.evaluate_every;
        let evaluated = evaluations * u64::from(config.evaluate_episodes) * u64::from(self.episode);
        self.collecting * (random + evaluated) as f64
            + self.learning * (config.steps - random) as f64
    }

    /// Bytes of a finished run's folder: the learner and two policies, which can go on learning; the
    /// replay and one more learner where they are kept.
    pub fn bytes(&self, config: &RunConfig) -> u64 {
        let kept = self.learner + self.transition * capacity(config);
        (3 * self.learner + if config.keep_replay { kept } else { 0 }) as u64
    }
}

/// Notes when steps were done, without learning and with it.
struct Clock {
    moment: Duration,
    started: Instant,
    updates: u64,
    /// Steps until learning began, and the time they took.
    collected: (u64, Duration),
    /// Steps so far, and the time they took.
    learned: (u64, Duration),
}

impl<'w, 'e> Watch<Simulator<'w>, dyn Engine + 'e, TrainError> for Clock {
    fn update(&mut self, _: &Losses) {
        self.updates += 1;
    }

    fn step(
        &mut self,
        step: u64,
        _: &mut (dyn Engine + 'e),
        _: &Replay<'_>,
    ) -> Result<(), TrainError> {
        let now = (step, self.started.elapsed());
        if self.updates == 0 {
            self.collected = now;
        }
        self.learned = now;
        Ok(())
    }

    fn episode(
        &mut self,
        _: &Position,
        _: f64,
        _: &mut Simulator<'w>,
        _: &mut (dyn Engine + 'e),
        _: &Replay<'_>,
    ) -> Result<bool, TrainError> {
        Ok(self.learned.1 - self.collected.1 < self.moment)
    }
}
