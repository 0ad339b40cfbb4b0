//! What is done around the loop of one run: evaluations, logs, checkpoints, policy files.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, Evaluation, Provenance};
use lacewing_runtime::learn::session::{Position, Watch};
use lacewing_runtime::learn::{Losses, Replay, Transition};

use super::Summary;
use crate::engine::{Engine, Normaliser, Probe, Topologies};
use crate::env::{ActionSpace, Env};
use crate::lab::checkpoint::{Checkpoints, LoopState, Sum};
use crate::lab::config::RunConfig;
use crate::lab::error::{LabError, TrainError};
use crate::lab::evaluations;
use crate::lab::files;
use crate::lab::folder::RunFolder;
use crate::lab::log::{Log, Row};
use crate::lab::policy::{self, Facts};
use crate::lab::progress::Progress;
use crate::lab::seeds::{Stream, derive_seed};
use crate::lab::world::{Simulator, evaluate};

/// Watches the loop of one run.
pub(super) struct Run<'a> {
    pub(super) folder: &'a RunFolder,
    pub(super) config: &'a RunConfig,
    pub(super) stop: &'a AtomicBool,
    pub(super) eval_env: Box<dyn Env>,
    pub(super) log: Log,
    pub(super) checkpoints: Checkpoints,
    pub(super) next_checkpoint: u64,
    pub(super) progress: Progress,
    pub(super) started: Instant,
    pub(super) sparsity: f64,
    pub(super) start_topologies: Topologies,
    /// For each observed value whether it is real, where some are fake.
    pub(super) real_features: Option<Vec<bool>>,
    pub(super) learner_bytes: Option<usize>,
    /// It was said that the run is about to stop.
    pub(super) stopping: bool,
    pub(super) interrupted: bool,
    /// As of the start of this process, with what is not in the loop's position kept current.
    pub(super) state: LoopState,
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
        self.state.kept = Some(data.len());
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
        _: &Replay<'_>,
    ) -> Result<bool, TrainError> {
        self.state.episodes = at.episodes;
        self.state.sums.returns.add(total);
        let last = self.state.last.map(|score| format!(", evaluated {score}"));
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
                real: self.real_features.as_deref(),
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
        self.state.last = Some(score);
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
        let evaluated = self.state.last.filter(|_| self.state.evaluated == step);
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
            contract: None,
            resume: Some(&resume),
        };
        let bytes = policy::to_bytes(&engine.policy()?, &facts, &observations, Encoding::PLAIN)?;
        Ok(files::write_atomic(path, &bytes)?)
    }

    fn wall_seconds(&self) -> f64 {
        self.state.wall_seconds + self.started.elapsed().as_secs_f64()
    }

    pub(super) fn finish(
        &mut self,
        at: &Position,
        engine: &mut dyn Engine,
    ) -> Result<Summary, LabError> {
        self.log.sync()?;
        self.write_policy(at.step, engine, &self.folder.policy())?;
        let evaluations = evaluations::read(self.folder.root())?;
        let final_return = evaluations::final_return(&evaluations).unwrap_or(f64::NAN);
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
        if !self.config.keep_replay {
            self.drop_replay(at, engine);
        }
        Ok(summary)
    }

    /// Leaves of the checkpoints what goes on from the run's end. The run is finished and its last
    /// checkpoint good: where this fails they merely take room.
    fn drop_replay(&mut self, at: &Position, engine: &mut dyn Engine) {
        self.collect_work(engine);
        let wall_seconds = self.wall_seconds();
        let (Ok(logs), Ok(learner)) = (self.log.sync(), engine.save()) else { return };
        let state = LoopState {
            step: at.step,
            episodes: at.episodes,
            kept: None,
            refilled_from: at.step,
            wall_seconds,
            logs,
            ..self.state.clone()
        };
        let _ = self.checkpoints.keep_learner(&state, &learner);
    }
}
