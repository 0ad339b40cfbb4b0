//! A training run from its folder to its result: new, resumed or interrupted.

mod run;
mod sample;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use lacewing_runtime::learn::session::{Buffers, Plan, Position, run as session_loop};
use lacewing_runtime::learn::{AgentShape, Block, Replay, Seeds};
use serde::{Deserialize, Serialize};

use crate::engine::{self, Engine, EngineError, EngineKind, Start};
use crate::env::{self, Shift};
use crate::lab::checkpoint::{Checkpoints, LoopState, Restored};
use crate::lab::config::{Changes, Layer, RunConfig};
use crate::lab::error::LabError;
use crate::lab::folder::{RunFolder, SUMMARY};
use crate::lab::log::Log;
use crate::lab::memory;
use crate::lab::policy;
use crate::lab::progress::Progress;
use crate::lab::seeds::{Stream, derive_seed};
use crate::lab::world::Simulator;
use run::Run;
pub use sample::{Sample, attempt, sample};

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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Environment steps.
    pub steps: u64,
    /// Mean return of the last tenth of all evaluations, as in reports.
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

impl Summary {
    /// That of the run in a folder, which is finished if there is one that can be read.
    pub fn read(run: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(run.join(SUMMARY)).ok()?).ok()
    }
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

/// How the loop goes whose replay was empty at step `refilled_from`.
fn plan(config: &RunConfig, refilled_from: u64) -> Plan {
    let start = config.start_steps();
    Plan {
        steps: config.steps,
        random_steps: start,
        update_after: refilled_from + start,
        updates_per_step: 1,
        dynamic_buffer: config.dynamic_buffer,
    }
}

/// What changed in the configuration since the last checkpoint, which knows its own; before the first
/// one there is nothing that a change could contradict.
///
/// # Errors
/// [`LabError::Change`] where it would be another run.
pub fn changes(folder: &RunFolder, config: &RunConfig) -> Result<Option<Changes>, LabError> {
    let Some(state) = Checkpoints::peek(&folder.checkpoint()) else { return Ok(None) };
    let Some(text) = &state.config else { return Ok(None) };
    let layer = Layer::text("the checkpoint's configuration", text)?;
    let before = RunConfig::from_layers(None, None, vec![layer])?;
    let changes = Changes::between(&before, config, state.step)?;
    Ok(changes.map(|changes| changes.accept(config)).transpose()?)
}

/// The mean return that a policy file records, if there is one. A run's best policy may be of a later
/// step than its checkpoint, and a worse one must not replace it.
fn evaluation(path: &Path) -> Option<f64> {
    let bytes = policy::read(path).ok()?;
    Some(policy::parse(&bytes, path).ok()?.provenance().evaluation?.mean)
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
    let real_features = env::parts(&config.env)?.1.real_features(observations);
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
        Some(Restored { state, fell_back, .. }) => {
            if let Some(kept) = state.kept {
                replay.keep_newest(kept);
            }
            (state, fell_back)
        }
        None => (LoopState::default(), false),
    };
    let saved = evaluation(&folder.best());
    if state.step > 0 && saved > state.best {
        state.best = saved;
    }
    state.config = Some(config.to_toml()?);
    let refilled_from = state.refilled_from;
    let mut at = Position { step: state.step, episodes: state.episodes };
    let title = format!("{} {}", config.env, config.method_name());
    let mut run = Run {
        folder,
        config,
        stop,
        eval_env: env::make(&config.env, &Shift::default())?,
        log: Log::open(folder, state.logs, config.settings().losses(), real_features.is_some())?,
        checkpoints,
        next_checkpoint: state.step + config.checkpoint_every,
        progress: Progress::new(&title, state.step, config.steps),
        started: Instant::now(),
        sparsity: policy::sparsity(&engine.policy()?),
        start_topologies,
        real_features,
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
    if at.step > 0 && at.step == refilled_from && config.start_steps() > 0 {
        run.progress.say(&format!(
            "the replay was dropped when the run ended: the next {} steps fill it before learning goes on",
            config.start_steps()
        ));
    }
    if let Some(bytes) = learner_bytes {
        let mib = bytes as f64 / f64::from(1 << 20);
        run.progress.say(&format!("the learner takes {mib:.2} MiB, its replay not counted"));
    }
    let plan = plan(config, refilled_from);
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
