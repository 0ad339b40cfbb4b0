//! The robot as the learner's interaction loop sees it, and what is done between its episodes.

use super::progress::Progress;
use super::report::Report;
use super::robot::Robot;
use super::state::Saves;
use super::{LEARNING_SEEDS, Options, save, tell};
use crate::EdgeError;
use crate::driver::DriverError;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::{self, Buffers, Outcome, Plan, Position, Watch, World};
use lacewing_runtime::learn::{AnyAgent, LearnError, Learner, Losses, Rejections, Replay, Score};
use lacewing_runtime::telemetry::Event;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Episodes to choose the best policy by start from seeds this far from those it is compared on.
const SELECTION_SEEDS: u64 = 1 << 33;

/// Steps of an episode after which it may be none.
const ENDLESS: u64 = 10_000;

/// In which units actions are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Units {
    /// Numbers in [−1, 1], or an index.
    Learner,
    /// Those of the policy file.
    Policy,
}

/// Episodes of a robot, which start from the seeds `seed..`.
pub struct Episodes<'e, 'm> {
    robot: &'e mut Robot<'m>,
    /// Its action head scales the learner's actions.
    policy: &'e Policy<'e>,
    units: Units,
    /// Seed of the first episode.
    seed: u64,
    action: Vec<f32>,
    /// When the last observation came.
    seen: Instant,
    /// From an observation to the last command.
    waited: Rc<Cell<Duration>>,
}

impl<'e, 'm> Episodes<'e, 'm> {
    fn new(robot: &'e mut Robot<'m>, policy: &'e Policy<'e>, units: Units, seed: u64) -> Self {
        let action = vec![0.0; policy.actions()];
        Self { robot, policy, units, seed, action, seen: Instant::now(), waited: Rc::default() }
    }

    /// Plays episodes with the actions that `act` writes.
    fn score(
        &mut self,
        episodes: u64,
        act: impl FnMut(&[f32], &mut [f32]) -> Result<(), EdgeError>,
    ) -> Result<Score, EdgeError> {
        let mut returns = vec![0.0; episodes as usize];
        let mut observation = vec![0.0; self.policy.observations()];
        let mut action = vec![0.0; self.policy.actions()];
        session::play(self, 0, &mut returns, (&mut observation, &mut action), act)?;
        Ok(Score::of(&returns))
    }
}

impl World for Episodes<'_, '_> {
    type Error = DriverError;

    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), DriverError> {
        let reset = self.robot.reset(self.seed.wrapping_add(episode), observation);
        self.seen = Instant::now();
        reset
    }

    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, DriverError> {
        self.action.copy_from_slice(action);
        if self.units == Units::Learner {
            self.policy.scale_action(&mut self.action);
        }
        self.waited.set(self.seen.elapsed());
        let outcome = self.robot.step(&mut self.action, observation)?;
        self.seen = Instant::now();
        if self.robot.steps() == ENDLESS && self.robot.episode().is_none() {
            tell(format_args!(
                "{ENDLESS} steps without the end of an episode, and the driver announces no max_episode_steps: \
                 a robot without episodes learns with --learning slack"
            ));
        }
        Ok(outcome)
    }

    fn teach(&mut self, _: &[f32], action: &mut [f32]) -> Result<(), DriverError> {
        if let Some(teacher) = self.robot.teacher() {
            action.copy_from_slice(teacher);
            self.policy.unscale_action(action);
        }
        Ok(())
    }
}

/// How well the policy of a file does in episodes from the seeds `seed..`.
pub fn judge(
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    (episodes, seed): (u64, u64),
) -> Result<Score, EdgeError> {
    let mut scratch = vec![0.0; policy.scratch_len()];
    let mut world = Episodes::new(robot, policy, Units::Policy, seed);
    world.score(episodes, |obs, action| {
        policy.act(obs, action, &mut scratch).map_err(EdgeError::Step)
    })
}

/// Where a session is kept, and who follows it.
pub struct Kept<'k, 'm> {
    /// How far it is.
    pub progress: Progress,
    /// Where it is saved, if it is.
    pub saves: Option<Saves>,
    /// Set once it has to end.
    pub stop: &'k AtomicBool,
    /// What is told of it.
    pub report: Report<'m>,
    /// Updates that the guard rejected.
    pub rejections: Rejections,
}

/// Learns up to step `options.steps` and keeps the best policy so far in `options.out`.
pub fn learn(
    options: &Options,
    view: &PolicyView<'_>,
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    (agent, data): (&mut AnyAgent<'_>, &mut Replay<'_>),
    kept: &mut Kept<'_, '_>,
) -> Result<(), EdgeError> {
    let (observations, actions) = (policy.observations(), policy.actions());
    let seed = options.seed.wrapping_add(LEARNING_SEEDS);
    let mut world = Episodes::new(robot, policy, Units::Learner, seed);
    let at = &mut kept.progress.position();
    let mut between = Between { options, view, kept, waited: Rc::clone(&world.waited) };
    if between.kept.progress.evaluated.is_none() {
        between.evaluate(at.step, &mut world, agent)?;
        between.save(at, false, agent, data);
    }
    let update_after = match agent.settings().iteration() {
        Some(_) => 0,
        None => options.warm_up,
    };
    let plan = Plan {
        steps: options.steps,
        random_steps: 0,
        update_after,
        updates_per_step: options.updates_per_step,
        dynamic_buffer: None,
    };
    let buffers = Buffers {
        observation: &mut vec![0.0; observations],
        next_observation: &mut vec![0.0; observations],
        action: &mut vec![0.0; actions],
    };
    let run =
        session::run::<_, _, EdgeError>(&plan, at, &mut world, agent, data, buffers, &mut between);
    between.kept.report.troubles(at.step, world.robot.troubles());
    between.kept.report.tell(at.step, agent);
    match run {
        Ok(()) => {}
        // With the signal of a terminal the driver may have ended too. Learning is as it should be.
        Err(EdgeError::Interrupted { .. } | EdgeError::Driver(_))
            if between.kept.stop.load(Ordering::Relaxed) =>
        {
            between.save(at, true, agent, data);
            return Err(EdgeError::Interrupted { step: at.step });
        }
        Err(error) => return Err(error),
    }
    // The last step may lie within an episode.
    if between.kept.progress.evaluated != Some(at.step) {
        between.evaluate(at.step, &mut world, agent)?;
    }
    between.save(at, false, agent, data);
    Ok(())
}

/// Judges the learner between episodes, keeps the best and saves the session.
struct Between<'a, 'k, 'm> {
    options: &'a Options,
    view: &'a PolicyView<'a>,
    kept: &'a mut Kept<'k, 'm>,
    /// For the last command.
    waited: Rc<Cell<Duration>>,
}

impl Between<'_, '_, '_> {
    /// Whether the learner is the best so far.
    fn evaluate(
        &mut self,
        step: u64,
        world: &mut Episodes<'_, '_>,
        agent: &mut AnyAgent<'_>,
    ) -> Result<bool, EdgeError> {
        let progress = &mut self.kept.progress;
        progress.due = step + self.options.evaluate_every;
        progress.evaluated = Some(step);
        let learning = world.seed;
        world.seed = self.options.seed.wrapping_add(SELECTION_SEEDS);
        let score =
            world.score(self.options.episodes, |obs, action| Ok(agent.act(obs, action)?))?;
        world.seed = learning;
        tell(format_args!("step {step}: evaluated {score}"));
        let best = progress.best.is_none_or(|best| score.mean > best);
        if best {
            progress.best = Some(score.mean);
            save(agent, self.view, step, &self.options.out)?;
        }
        let Score { mean, std } = score;
        self.kept.report.event(step, Event::Evaluation { mean, std, best });
        Ok(best)
    }

    /// Saves the session, if it is kept. Learning goes on where that fails: the last save is still good.
    fn save(&mut self, at: &Position, within: bool, agent: &AnyAgent<'_>, data: &Replay<'_>) {
        let Kept { progress, saves: Some(saves), report, .. } = &mut *self.kept else { return };
        (progress.step, progress.episodes, progress.within) = (at.step, at.episodes, within);
        let saved = saves.save(at.step, progress, agent, data);
        report.event(at.step, saves.tell(saved));
        report.flush();
    }

    fn is_save_due(&self, step: u64, within: bool) -> bool {
        self.kept.saves.as_ref().is_some_and(|saves| saves.is_due(step, within))
    }
}

impl<'e, 'w, 'm> Watch<Episodes<'e, 'w>, AnyAgent<'m>, EdgeError> for Between<'_, '_, '_> {
    fn update(&mut self, losses: &Losses) {
        self.kept.rejections.made();
        self.kept.report.update(losses);
    }

    fn failed(&mut self, error: LearnError) -> Result<(), EdgeError> {
        self.kept.report.rejected();
        Ok(self.kept.rejections.failed(error)?)
    }

    fn step(
        &mut self,
        step: u64,
        agent: &mut AnyAgent<'m>,
        data: &Replay<'_>,
    ) -> Result<(), EdgeError> {
        self.kept.report.step(step, self.waited.get(), agent);
        if self.kept.stop.load(Ordering::Relaxed) {
            return Err(EdgeError::Interrupted { step });
        }
        if self.is_save_due(step, true) {
            let at = Position { step, episodes: self.kept.progress.episodes };
            self.save(&at, true, agent, data);
        }
        Ok(())
    }

    fn episode(
        &mut self,
        at: &Position,
        total: f64,
        world: &mut Episodes<'e, 'w>,
        agent: &mut AnyAgent<'m>,
        data: &Replay<'_>,
    ) -> Result<bool, EdgeError> {
        tell(format_args!("step {}: {total:.1}", at.step));
        let due = at.step >= self.kept.progress.due || at.step >= self.options.steps;
        self.kept.progress.episodes = at.episodes;
        self.kept.report.troubles(at.step, world.robot.troubles());
        self.kept.report.episode(at, total, agent);
        let best = due && self.evaluate(at.step, world, agent)?;
        if best || self.is_save_due(at.step, false) {
            self.save(at, false, agent, data);
        }
        Ok(true)
    }
}
