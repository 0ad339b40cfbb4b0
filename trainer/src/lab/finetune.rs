//! Going on learning from a policy's resume section where the dynamics have changed.

use lacewing_runtime::guard::GradientRules;
use lacewing_runtime::learn::session::{Buffers, Plan, Position, Watch, run as session_loop};
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Arena, Block, Budget, Losses, Range, Rejections, Replay, ReplayShape,
    ReplayValues, Resume, Score, Settings, Training, TuningTopology,
};

use super::error::{LabError, TrainError};
use super::memory;
use super::seeds::{Stream, derive_seed};
use super::teacher::{Taught, Teacher};
use super::world::{Simulator, evaluate};
use crate::engine::{Engine, EngineError, SparseEngine};
use crate::env::Env;

/// How to fine-tune.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Environment steps.
    pub steps: u64,
    /// Steps that only fill the replay, before the first update.
    pub warm_up: u64,
    /// Updates after each step, where an algorithm learns from a replay.
    pub updates_per_step: u32,
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
    /// Whether to take as little memory as can be ([`Training::lean`]).
    pub lean: bool,
    /// Episodes of each evaluation.
    pub episodes: u32,
    /// Environment steps between evaluations.
    pub evaluate_every: u64,
    /// Decides everything random.
    pub seed: u64,
}

impl Tuning {
    /// The training to go on with.
    fn training(&self, resume: &Resume<'_>) -> Training {
        Training { lean: self.lean, ..resume.tuning(self.topology, self.adapt) }
    }

    /// What of transitions is kept: those of an iteration where learning is from the present policy's only.
    pub fn kept(&self, resume: &Resume<'_>) -> ReplayShape {
        let transitions = self.settings.iteration().unwrap_or(self.replay);
        ReplayShape::new(resume.shape(), self.settings.kind(), self.replay_values, transitions)
    }
}

/// Memory that fine-tuning takes beside the policy file, known before it starts.
pub fn budget(resume: &Resume<'_>, tuning: &Tuning) -> Budget {
    let training = tuning.training(resume);
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
    /// Updates that were left out, since they diverged or their gradients were far too long.
    pub rejected: u64,
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
/// observation lies. With a `teacher`, of its actions is learned what `tuning.adapt` says.
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
    teacher: Option<&mut Teacher<'_>>,
    follow: &mut dyn Follow,
) -> Result<Tuned, LabError> {
    let shape = resume.shape();
    let (settings, training) = (tuning.settings, tuning.training(resume));
    let mut memory = memory::learner(shape, &settings, &training)?;
    let mut agent = resume.restore(settings, training, &mut memory)?;
    agent.seed_exploration(derive_seed(tuning.seed, Stream::Exploration, 0));
    agent.guard_gradients(GradientRules::default());
    let mut engine = SparseEngine::new(agent);
    let (observations, actions) = (shape.observations(), shape.action_numbers());
    let kept = tuning.kept(resume);
    let mut replay_memory = memory::compact_replay(&kept)?;
    let mut replay = Replay::compact(&mut Arena::new(&mut replay_memory), kept, range)?;
    replay.set_half_life(tuning.half_life.map(|transitions| transitions as f32));
    let update_after = if settings.iteration().is_some() { 0 } else { tuning.warm_up };
    let plan = Plan {
        steps: tuning.steps,
        random_steps: 0,
        update_after,
        updates_per_step: tuning.updates_per_step,
        dynamic_buffer: None,
    };
    let mut at = Position::default();

    let frozen = evaluate(&mut engine, eval_env, tuning.episodes, tuning.seed)?;
    let rejections = Rejections::default();
    let mut watch = Best { eval_env, tuning, follow, during: Vec::new(), best: None, rejections };
    watch.evaluate(0, &mut engine)?;
    let simulator = Simulator::for_learner(env, tuning.seed, Stream::Training);
    let mut world = Taught { simulator, teacher };
    let (mut observation, mut next_observation) =
        (vec![0.0; observations], vec![0.0; observations]);
    let mut action = vec![0.0; actions];
    let mut buffers = Buffers {
        observation: &mut observation,
        next_observation: &mut next_observation,
        action: &mut action,
    };
    resume.begin(tuning.adapt, &mut replay, &mut buffers)?;
    session_loop::<_, dyn Engine, TrainError>(
        &plan,
        &mut at,
        &mut world,
        &mut engine,
        &mut replay,
        buffers,
        &mut watch,
    )?;
    let (during, best, rejected) = (watch.during, watch.best, watch.rejections.total());
    // There is one since step 0; were there none, what was learned last would stand.
    let (step, _, resume) = match best {
        Some(best) => best,
        None => (at.step, frozen, engine.save()?),
    };
    drop(engine);
    let mut engine =
        SparseEngine::new(Resume::parse(&resume)?.restore(settings, training, &mut memory)?);
    let tuned = evaluate(&mut engine, eval_env, tuning.episodes, tuning.seed)?;
    Ok(Tuned { frozen, tuned, step, during, rejected })
}

/// Evaluates every so often and keeps the best.
struct Best<'a> {
    eval_env: &'a mut dyn Env,
    tuning: &'a Tuning,
    follow: &'a mut dyn Follow,
    during: Vec<(u64, Score)>,
    best: Option<(u64, Score, Vec<u8>)>,
    rejections: Rejections,
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

impl<'e, W> Watch<W, dyn Engine + 'e, TrainError> for Best<'_> {
    fn update(&mut self, _: &Losses) {
        self.rejections.made();
    }

    fn failed(&mut self, error: EngineError) -> Result<(), TrainError> {
        Ok(match error {
            EngineError::Learn(error) => self.rejections.failed(error).map_err(EngineError::from),
            error => Err(error),
        }?)
    }

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
}
