//! A training run from its folder to its result: new, resumed or interrupted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, Evaluation, Provenance};
use lacewing_runtime::learn::session::{Buffers, Plan, Position, Watch, run as session_loop};
use lacewing_runtime::learn::{AgentShape, Block, Losses, Replay, Score, Seeds, Transition};
use serde::Serialize;

use super::checkpoint::{Checkpoints, LoopState, Sum};
use super::config::{Changes, Layer, RunConfig};
use super::error::{LabError, TrainError};
use super::files;
use super::folder::RunFolder;
use super::log::{Log, Row};
use super::memory;
use super::policy::{self, Facts};
use super::progress::Progress;
use super::seeds::{Stream, derive_seed};
use super::world::{Simulator, evaluate};
use crate::engine::{self, Engine, EngineError, EngineKind, Normaliser, Probe, Start, Topologies};
use crate::env::{self, ActionSpace, Env, Shift};

/// Evaluations that a run's final return averages, as the papers do.
const FINAL_EVALUATIONS: usize = 10;

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All steps are done.
    Finished(Summary),
    /// It was asked to stop and left a checkpoint at this step.
    Interrupted {
        /// Environment steps done.
        step: u64,
    },
}

/// Result of a finished run, saved as `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Environment steps.
    pub steps: u64,
    /// Mean return of the last ten evaluations.
    pub final_return: f64,
    /// Mean return of the best evaluation.
    pub best_return: f64,
    /// Share of the actor's links that are pruned.
    pub actor_sparsity: f64,
    /// Wall-clock seconds, over all processes of the run.
    pub wall_seconds: f64,
    /// Bytes that the networks and all that learns them take, the replay not counted; absent where the
    /// engine has its own memory.
    pub learner_bytes: Option<usize>,
}

/// Checks a configuration whole, before anything is written: its values, its environment, its
/// networks and its engine.
///
/// # Errors
/// [`LabError`] naming the first thing that is wrong.
pub fn check(config: &RunConfig) -> Result<(), LabError> {
    config.validate()?;
    let env = env::make(&config.env, &Shift::default())?;
    let spec = env.spec();
    let shape = config.shape(spec.obs_dim, spec.action_space.of_agent())?;
    let (observations, actions) = (shape.observations(), shape.action_numbers());
    build(
        config,
        &shape,
        None,
        &mut memory::learner(&shape, &config.settings(), &config.training())?,
    )?;
    memory::replay(observations, actions, capacity(config))?;
    Ok(())
}

/// Transitions that the replay keeps: more than there are steps are never used.
fn capacity(config: &RunConfig) -> usize {
    usize::try_from(config.steps).unwrap_or(usize::MAX).min(config.experience())
}

/// What settles all that is random in a run's learner.
fn seeds(config: &RunConfig) -> Seeds {
    Seeds {
        learning: derive_seed(config.seed, Stream::Learner, 0),
        exploration: derive_seed(config.seed, Stream::Exploration, 0),
    }
}

/// The engine of a run: a fresh one, or one that goes on from what was saved.
fn build<'m>(
    config: &RunConfig,
    shape: &AgentShape,
    saved: Option<&[u8]>,
    memory: &'m mut [Block],
) -> Result<Box<dyn Engine + 'm>, EngineError> {
    let start = match saved {
        Some(saved) => Start::Saved(saved),
        None => Start::Fresh(seeds(config)),
    };
    let engine = (config.engine, config.device);
    engine::build(engine, shape, config.settings(), config.training(), start, memory)
}

/// What changed in the configuration since the last checkpoint, which knows its own; before the first
/// one there is nothing that a change could contradict.
fn changes(folder: &RunFolder, config: &RunConfig) -> Result<Option<Changes>, LabError> {
    let Some(state) = Checkpoints::peek(&folder.checkpoint()) else { return Ok(None) };
    let Some(text) = &state.config else { return Ok(None) };
    let layer = Layer::text("the checkpoint's configuration", text)?;
    let before = RunConfig::from_layers(None, None, vec![layer])?;
    let changes = Changes::between(&before, config, state.step)?;
    Ok(changes.map(|changes| changes.accept(config)).transpose()?)
}

/// Trains in `folder`, continuing from its last checkpoint if there is one. Setting `stop` makes it
/// save a checkpoint at the end of the episode and return.
///
/// # Errors
/// [`LabError`]; the last checkpoint is then still good. [`LabError::Change`] if it was taken with a
/// configuration that makes it another run's.
pub fn train(
    folder: &RunFolder,
    config: &RunConfig,
    stop: &AtomicBool,
) -> Result<Outcome, LabError> {
    let changes = changes(folder, config)?;
    let mut env = env::make(&config.env, &Shift::default())?;
    let spec = env.spec();
    let shape = config.shape(spec.obs_dim, spec.action_space.of_agent())?;
    let (observations, actions) = (shape.observations(), shape.action_numbers());
    let capacity = capacity(config);
    let mut engine_memory = memory::learner(&shape, &config.settings(), &config.training())?;
    let learner_bytes =
        (config.engine == EngineKind::Sparse).then_some(size_of_val(&*engine_memory));
    // A resumed run's, too, follow from the seed.
    let start_topologies = engine::start_topologies(
        &shape,
        config.settings(),
        config.training(),
        seeds(config),
        &mut engine_memory,
    )?;
    let mut replay_memory = memory::replay(observations, actions, capacity)?;
    let mut replay = Replay::new(&mut replay_memory, observations, actions)?;

    let mut checkpoints = Checkpoints::new(
        &folder.checkpoint(),
        observations,
        actions,
        (capacity, config.is_on_policy()),
    )?;
    let mut pushed = Ok(());
    let restored = checkpoints.restore(|row| {
        pushed = pushed.and(replay.push(row));
    })?;
    pushed?;
    let saved = restored.as_ref().map(|restored| restored.learner.as_slice());
    let mut engine = build(config, &shape, saved, &mut engine_memory)?;
    let (mut state, fell_back) = match restored {
        Some(restored) => (restored.state, restored.fell_back),
        None => (LoopState::default(), false),
    };
    state.config = Some(config.to_toml()?);
    let mut at = Position { step: state.step, episodes: state.episodes };
    let title = format!("{} {}", config.env, config.method_name());
    let mut run = Run {
        folder,
        config,
        stop,
        eval_env: env::make(&config.env, &Shift::default())?,
        log: Log::open(folder, state.logs, config.settings().losses())?,
        checkpoints,
        next_checkpoint: state.step + config.checkpoint_every,
        progress: Progress::new(&title, state.step, config.steps),
        started: Instant::now(),
        sparsity: policy::sparsity(&engine.policy()?),
        start_topologies,
        learner_bytes,
        stopping: false,
        interrupted: false,
        state,
    };
    if let Some(changes) = changes {
        run.progress.say(&changes.to_string());
    }
    if fell_back {
        run.progress.say("warning: the last checkpoint is damaged; continuing from the one before");
    }
    if let Some(bytes) = learner_bytes {
        let mib = bytes as f64 / f64::from(1 << 20);
        run.progress.say(&format!("the learner takes {mib:.2} MiB, its replay not counted"));
    }
    let start = config.start_steps();
    let plan = Plan { steps: config.steps, random_steps: start, update_after: start };
    let mut world = Simulator::for_learner(&mut *env, config.seed, Stream::Training);
    let buffers = Buffers {
        observation: &mut vec![0.0; observations],
        next_observation: &mut vec![0.0; observations],
        action: &mut vec![0.0; actions],
    };
    let ended =
        session_loop(&plan, &mut at, &mut world, &mut *engine, &mut replay, buffers, &mut run);
    run.progress.finish();
    ended?;
    if run.interrupted {
        return Ok(Outcome::Interrupted { step: at.step });
    }
    Ok(Outcome::Finished(run.finish(&at, &mut *engine)?))
}

/// Watches the loop of one run.
struct Run<'a> {
    folder: &'a RunFolder,
    config: &'a RunConfig,
    stop: &'a AtomicBool,
    eval_env: Box<dyn Env>,
    log: Log,
    checkpoints: Checkpoints,
    next_checkpoint: u64,
    progress: Progress,
    started: Instant,
    sparsity: f64,
    start_topologies: Topologies,
    learner_bytes: Option<usize>,
    /// It was said that the run is about to stop.
    stopping: bool,
    interrupted: bool,
    /// As of the start of this process, with what is not in the loop's position kept current.
    state: LoopState,
}

impl<'w, 'e> Watch<Simulator<'w>, dyn Engine + 'e, TrainError> for Run<'_> {
    fn transition(&mut self, transition: &Transition<'_>) {
        self.checkpoints.record(transition);
    }

    fn update(&mut self, losses: &Losses) {
        self.state.updates += 1;
        self.state.sums.add(losses);
    }

    fn step(
        &mut self,
        step: u64,
        engine: &mut (dyn Engine + 'e),
        data: &Replay<'_>,
    ) -> Result<(), TrainError> {
        self.progress.step(step);
        if !self.stopping && self.stop.load(Ordering::Relaxed) {
            self.stopping = true;
            self.progress.say(
                "finishing the episode to save a checkpoint; press Ctrl-C again to stop at once",
            );
        }
        if step.is_multiple_of(self.config.evaluate_every) || step == self.config.steps {
            self.evaluate(step, engine, data)?;
        }
        Ok(())
    }

    fn episode(
        &mut self,
        at: &Position,
        total: f64,
        _: &mut Simulator<'w>,
        engine: &mut (dyn Engine + 'e),
    ) -> Result<bool, TrainError> {
        self.state.episodes = at.episodes;
        self.state.sums.returns.add(total);
        let last = self.state.recent.last().map(|score| format!(", evaluated {score}"));
        self.progress.status(format!("return {total:.1}{}", last.unwrap_or_default()));
        self.interrupted = self.stop.load(Ordering::Relaxed);
        if at.step >= self.next_checkpoint || self.interrupted {
            self.checkpoint(at, engine)?;
        }
        Ok(!self.interrupted)
    }
}

impl Run<'_> {
    fn evaluate(
        &mut self,
        step: u64,
        engine: &mut dyn Engine,
        data: &Replay<'_>,
    ) -> Result<(), TrainError> {
        let episodes = self.config.evaluate_episodes;
        let score = evaluate(engine, &mut *self.eval_env, episodes, self.config.seed)?;
        self.sparsity = policy::sparsity(&engine.policy()?);
        let diagnosis = engine.diagnose(
            data,
            &Probe {
                start: &self.start_topologies,
                dormant_tau: self.config.dormant_tau,
                seed: derive_seed(self.config.seed, Stream::Diagnosis, step),
            },
        )?;
        self.collect_work(engine);
        let wall_seconds = self.wall_seconds();
        let seconds =
            wall_seconds - std::mem::replace(&mut self.state.logged_seconds, wall_seconds);
        let sums = std::mem::take(&mut self.state.sums);
        self.log.row(&Row {
            step,
            episodes: self.state.episodes,
            updates: self.state.updates,
            eval_mean: score.mean,
            eval_std: score.std,
            train_return: sums.returns.mean(),
            losses: sums.losses[..self.config.settings().losses().len()]
                .iter()
                .map(Sum::mean)
                .collect(),
            actor_sparsity: self.sparsity,
            wall_seconds,
            updates_per_second: sums.updates as f64 / seconds,
            flops: self.state.flops,
            changed: sums.changed,
            diagnosis,
        })?;
        self.progress.say(&format!("step {step}: return {score}"));
        if self.state.recent.len() == FINAL_EVALUATIONS {
            self.state.recent.remove(0);
        }
        self.state.recent.push(score);
        self.state.evaluated = step;
        // Before learning starts an evaluation says nothing about the policy to keep.
        if self.state.updates > 0 && self.state.best.is_none_or(|best| score.mean > best) {
            self.state.best = Some(score.mean);
            self.write_policy(step, engine, &self.folder.best())?;
        }
        Ok(())
    }

    /// Takes over what the engine has counted.
    fn collect_work(&mut self, engine: &mut dyn Engine) {
        if let Some(work) = engine.take_work() {
            self.state.add(work);
        }
    }

    fn checkpoint(&mut self, at: &Position, engine: &mut dyn Engine) -> Result<(), TrainError> {
        self.collect_work(engine);
        let state = LoopState {
            step: at.step,
            episodes: at.episodes,
            wall_seconds: self.wall_seconds(),
            logs: self.log.sync()?,
            ..self.state.clone()
        };
        self.checkpoints.save(&state, &engine.save()?)?;
        self.next_checkpoint = at.step + self.config.checkpoint_every;
        self.write_policy(at.step, engine, &self.folder.policy())
    }

    /// A policy file with all it takes to go on learning.
    fn write_policy(
        &mut self,
        step: u64,
        engine: &dyn Engine,
        path: &Path,
    ) -> Result<(), TrainError> {
        let resume = engine.save()?;
        // An evaluation of older weights would be another policy's.
        let evaluated = self.state.recent.last().filter(|_| self.state.evaluated == step);
        let evaluation = evaluated.map(|score| Evaluation {
            mean: score.mean,
            std: score.std,
            episodes: self.config.evaluate_episodes,
        });
        let observations = policy::probe_observations(&mut *self.eval_env, self.config.seed)?;
        let spec = self.eval_env.spec();
        let action_head = match &spec.action_space {
            ActionSpace::Box { low, high } => ActionHead::Scaled { low, high },
            ActionSpace::Discrete { .. } => ActionHead::Argmax,
        };
        let method = self.config.method_name();
        let normaliser = engine.normaliser();
        let facts = Facts {
            normaliser: normaliser.as_ref().map(Normaliser::view),
            action_head,
            control_period_s: spec.control_period_s,
            provenance: Provenance {
                environment: &self.config.env,
                algorithm: self.config.algorithm.name(),
                method: &method,
                program: policy::PROGRAM,
                seed: self.config.seed,
                steps: step,
                evaluation,
                ..Provenance::default()
            },
            resume: Some(&resume),
        };
        let bytes = policy::to_bytes(&engine.policy()?, &facts, &observations, Encoding::PLAIN)?;
        Ok(files::write_atomic(path, &bytes)?)
    }

    fn wall_seconds(&self) -> f64 {
        self.state.wall_seconds + self.started.elapsed().as_secs_f64()
    }

    fn finish(&mut self, at: &Position, engine: &mut dyn Engine) -> Result<Summary, LabError> {
        self.log.sync()?;
        self.write_policy(at.step, engine, &self.folder.policy())?;
        let means: Vec<f64> = self.state.recent.iter().map(|score| score.mean).collect();
        let final_return = Score::of(&means).mean;
        let summary = Summary {
            steps: at.step,
            final_return,
            best_return: self.state.best.unwrap_or(final_return),
            actor_sparsity: self.sparsity,
            wall_seconds: self.wall_seconds(),
            learner_bytes: self.learner_bytes,
        };
        let json = serde_json::to_vec_pretty(&summary).unwrap_or_default();
        files::write_atomic(&self.folder.summary(), &json)?;
        Ok(summary)
    }
}
