//! Going on learning from a policy's resume section where the dynamics have changed.

use lacewing_runtime::learn::{Block, Losses, Replay, Resume, Td3, Td3Config, Transition};
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::error::LabError;
use super::evaluate::{Score, Stream, derive_seed, evaluate};
use super::memory;
use crate::algo::td3::{self, Plan, Position, TrainError, Watch};
use crate::engine::{Engine, Layer, SparseEngine};
use crate::env::Env;

/// How to fine-tune.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Environment steps.
    pub steps: u64,
    /// Steps that only fill the replay, before the first update.
    pub warm_up: u64,
    /// Transitions the replay keeps.
    pub replay: usize,
    /// Adam's step size.
    pub learning_rate: f32,
    /// Standard deviation of the exploration noise, actions being in [-1, 1].
    pub exploration_noise: f32,
    /// Episodes of each evaluation.
    pub episodes: u32,
    /// Environment steps between evaluations.
    pub evaluate_every: u64,
    /// Decides everything random.
    pub seed: u64,
}

/// Memory of a fine-tuning in bytes, known before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Networks, targets, optimiser and working memory.
    pub learner: usize,
    /// The replay ring.
    pub replay: usize,
}

impl Memory {
    /// What fine-tuning an agent takes.
    pub fn of(resume: &Resume<'_>, tuning: &Tuning) -> Self {
        let shape = resume.shape();
        let row = Replay::row_len(shape.observations(), shape.actions());
        Self {
            learner: Td3::blocks(shape, resume.config()) * Block::BYTES,
            replay: tuning.replay.saturating_mul(row * size_of::<f32>()),
        }
    }
}

/// What came of it.
pub struct Tuned {
    /// The frozen policy on the changed dynamics.
    pub frozen: Score,
    /// The tuned policy on the same episodes.
    pub tuned: Score,
    /// Environment step of the tuned policy; 0 where nothing better than the frozen one was found.
    pub step: u64,
    /// Evaluations on the way, by environment step, on episodes of their own.
    pub during: Vec<(u64, Score)>,
}

/// Follows a fine-tuning.
pub trait Follow {
    /// An evaluation on the way.
    fn evaluated(&mut self, step: u64, score: Score);

    /// The actor is the best so far: keep it, and what it takes to go on from there.
    ///
    /// # Errors
    /// Any, to stop the fine-tuning.
    fn best(&mut self, step: u64, actor: &[Layer], resume: &[u8]) -> Result<(), TrainError>;
}

/// Fine-tunes in `env` and tells `follow` how it goes.
///
/// Learning goes through bad spells, so what counts is the best policy evaluated on the way, the
/// frozen one included. It is chosen on other episodes than the ones it is compared on.
///
/// # Errors
/// [`LabError`] of the environment or the learner.
pub fn run(
    resume: &Resume<'_>,
    env: &mut dyn Env,
    eval_env: &mut dyn Env,
    tuning: &Tuning,
    follow: &mut dyn Follow,
) -> Result<Tuned, LabError> {
    let shape = resume.shape();
    let config = Td3Config { learning_rate: tuning.learning_rate, ..*resume.config() };
    let mut memory = memory::learner(shape, &config)?;
    let mut engine = SparseEngine::new(resume.restore(config, &mut memory)?);
    let (observations, actions) = (shape.observations(), shape.actions());
    let mut replay_memory = memory::replay(observations, actions, tuning.replay)?;
    let mut replay = Replay::new(&mut replay_memory, observations, actions)?;
    let plan = Plan {
        seed: tuning.seed,
        steps: tuning.steps,
        random_steps: 0,
        update_after: tuning.warm_up,
        exploration_noise: tuning.exploration_noise,
        noise_correlation: 0.0,
    };
    let rng = Xoshiro256PlusPlus::seed_from_u64(derive_seed(tuning.seed, Stream::Exploration, 0));
    let mut at = Position { step: 0, episodes: 0, rng };

    let frozen = evaluate(&mut engine, eval_env, tuning.episodes, tuning.seed)?;
    let mut watch = Best { eval_env, tuning, follow, during: Vec::new(), best: None };
    watch.evaluate(0, &mut engine)?;
    td3::run(&plan, &mut at, env, &mut engine, &mut replay, &mut watch)?;
    let (during, best) = (watch.during, watch.best);
    // There is one since step 0; were there none, what was learned last would stand.
    let (step, _, resume) = match best {
        Some(best) => best,
        None => (at.step, frozen, engine.save()?),
    };
    drop(engine);
    let mut engine = SparseEngine::new(Resume::parse(&resume)?.restore(config, &mut memory)?);
    let tuned = evaluate(&mut engine, eval_env, tuning.episodes, tuning.seed)?;
    Ok(Tuned { frozen, tuned, step, during })
}

/// Evaluates every so often and keeps the best.
struct Best<'a> {
    eval_env: &'a mut dyn Env,
    tuning: &'a Tuning,
    follow: &'a mut dyn Follow,
    during: Vec<(u64, Score)>,
    best: Option<(u64, Score, Vec<u8>)>,
}

impl Best<'_> {
    fn evaluate(&mut self, step: u64, engine: &mut dyn Engine) -> Result<(), TrainError> {
        // Seeds of other episodes than the final comparison's.
        let seed = derive_seed(self.tuning.seed, Stream::Selection, 0);
        let score = evaluate(engine, self.eval_env, self.tuning.episodes, seed)?;
        self.follow.evaluated(step, score);
        self.during.push((step, score));
        if self.best.as_ref().is_none_or(|(_, best, _)| score.mean > best.mean) {
            let resume = engine.save()?;
            self.follow.best(step, &engine.actor()?, &resume)?;
            self.best = Some((step, score, resume));
        }
        Ok(())
    }
}

impl Watch for Best<'_> {
    fn transition(&mut self, _: &Transition<'_>) {}

    fn step(
        &mut self,
        step: u64,
        _: Option<Losses>,
        engine: &mut dyn Engine,
    ) -> Result<(), TrainError> {
        if step.is_multiple_of(self.tuning.evaluate_every) || step == self.tuning.steps {
            self.evaluate(step, engine)?;
        }
        Ok(())
    }

    fn episode(&mut self, _: &Position, _: f64, _: &mut dyn Engine) -> Result<bool, TrainError> {
        Ok(true)
    }
}
