//! Going on learning from a policy's resume section where the dynamics have changed.

use lacewing_runtime::learn::session::{Buffers, Plan, Position, Watch, run as session_loop};
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Arena, Block, Budget, Losses, Range, Replay, ReplayShape, ReplayValues,
    Resume, Score, Settings, Transition, TuningTopology,
};

use super::error::{LabError, TrainError};
use super::memory;
use super::seeds::{Stream, derive_seed};
use super::world::{Simulator, evaluate};
use crate::engine::{Engine, SparseEngine};
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
    /// As what it keeps them.
    pub replay_values: ReplayValues,
    /// Transitions after which one is drawn half as often, if they are not all drawn as often.
    pub half_life: Option<u32>,
    /// The algorithm, with the settings to go on with.
    pub settings: Settings,
    /// What becomes of the links.
    pub topology: TuningTopology,
    /// What learns.
    pub adapt: Adapt,
    /// Episodes of each evaluation.
    pub episodes: u32,
    /// Environment steps between evaluations.
    pub evaluate_every: u64,
    /// Decides everything random.
    pub seed: u64,
}

impl Tuning {
    /// What of transitions is kept: those of an iteration where learning is from the present policy's only.
    pub fn kept(&self, resume: &Resume<'_>) -> ReplayShape {
        let transitions = self.settings.iteration().unwrap_or(self.replay);
        ReplayShape::new(resume.shape(), self.settings.kind(), self.replay_values, transitions)
    }
}

/// Memory that fine-tuning takes beside the policy file, known before it starts.
pub fn budget(resume: &Resume<'_>, tuning: &Tuning) -> Budget {
    let training = resume.tuning(tuning.topology, tuning.adapt);
    let learner = AnyAgent::budget(resume.shape(), &tuning.settings, &training);
    Budget { replay: tuning.kept(resume).blocks() * Block::BYTES, ..learner }
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

    /// The policy is the best so far: keep it, and what it takes to go on from there.
    ///
    /// # Errors
    /// Any, to stop the fine-tuning.
    fn best(&mut self, step: u64, engine: &dyn Engine, resume: &[u8]) -> Result<(), TrainError>;
}

/// Fine-tunes in `env` and tells `follow` how it goes. `range` says between what a number of an
/// observation lies.
///
/// Learning goes through bad spells, so what counts is the best policy evaluated on the way, the
/// frozen one included. It is chosen on other episodes than the ones it is compared on.
///
/// # Errors
/// [`LabError`] of the environment or the learner.
pub fn run(
    resume: &Resume<'_>,
    range: &dyn Fn(usize) -> Option<Range>,
    env: &mut dyn Env,
    eval_env: &mut dyn Env,
    tuning: &Tuning,
    follow: &mut dyn Follow,
) -> Result<Tuned, LabError> {
    let shape = resume.shape();
    let (settings, training) = (tuning.settings, resume.tuning(tuning.topology, tuning.adapt));
    let mut memory = memory::learner(shape, &settings, &training)?;
    let mut agent = resume.restore(settings, training, &mut memory)?;
    agent.seed_exploration(derive_seed(tuning.seed, Stream::Exploration, 0));
    let mut engine = SparseEngine::new(agent);
    let (observations, actions) = (shape.observations(), shape.action_numbers());
    let kept = tuning.kept(resume);
    let mut replay_memory = memory::compact_replay(&kept)?;
    let mut replay = Replay::compact(&mut Arena::new(&mut replay_memory), kept, range)?;
    replay.set_half_life(tuning.half_life.map(|transitions| transitions as f32));
    let update_after = if settings.iteration().is_some() { 0 } else { tuning.warm_up };
    let plan = Plan { steps: tuning.steps, random_steps: 0, update_after, dynamic_buffer: None };
    let mut at = Position::default();

    let frozen = evaluate(&mut engine, eval_env, tuning.episodes, tuning.seed)?;
    let mut watch = Best { eval_env, tuning, follow, during: Vec::new(), best: None };
    watch.evaluate(0, &mut engine)?;
    let mut world = Simulator::for_learner(env, tuning.seed, Stream::Training);
    let buffers = Buffers {
        observation: &mut vec![0.0; observations],
        next_observation: &mut vec![0.0; observations],
        action: &mut vec![0.0; actions],
    };
    session_loop::<_, dyn Engine, TrainError>(
        &plan,
        &mut at,
        &mut world,
        &mut engine,
        &mut replay,
        buffers,
        &mut watch,
    )?;
    let (during, best) = (watch.during, watch.best);
    // There is one since step 0; were there none, what was learned last would stand.
    let (step, _, resume) = match best {
        Some(best) => best,
        None => (at.step, frozen, engine.save()?),
    };
    drop(engine);
    let mut engine =
        SparseEngine::new(Resume::parse(&resume)?.restore(settings, training, &mut memory)?);
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
            self.follow.best(step, engine, &resume)?;
            self.best = Some((step, score, resume));
        }
        Ok(())
    }
}

impl<'w, 'e> Watch<Simulator<'w>, dyn Engine + 'e, TrainError> for Best<'_> {
    fn transition(&mut self, _: &Transition<'_>) {}

    fn update(&mut self, _: &Losses) {}

    fn step(
        &mut self,
        step: u64,
        engine: &mut (dyn Engine + 'e),
        _: &Replay<'_>,
    ) -> Result<(), TrainError> {
        if step.is_multiple_of(self.tuning.evaluate_every) || step == self.tuning.steps {
            self.evaluate(step, engine)?;
        }
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
        Ok(true)
    }
}
