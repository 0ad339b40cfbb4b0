//! The robot as the learner's interaction loop sees it, and what is done between its episodes.

use super::robot::Robot;
use super::{LEARNING_SEEDS, Options, save, tell};
use crate::EdgeError;
use crate::driver::DriverError;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::{self, Buffers, Outcome, Plan, Position, Watch, World};
use lacewing_runtime::learn::{AnyAgent, Learner, Losses, Replay, Score, Transition};

/// Episodes to choose the best policy by start from seeds this far from those it is compared on.
const SELECTION_SEEDS: u64 = 1 << 33;

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
}

impl<'e, 'm> Episodes<'e, 'm> {
    fn new(robot: &'e mut Robot<'m>, policy: &'e Policy<'e>, units: Units, seed: u64) -> Self {
        Self { robot, policy, units, seed, action: vec![0.0; policy.actions()] }
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
        self.robot.reset(self.seed.wrapping_add(episode), observation)
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
        let outcome = self.robot.step(&mut self.action, observation)?;
        Ok(outcome.map(|it| Outcome {
            reward: it.reward,
            terminated: it.terminated,
            truncated: it.truncated,
        }))
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

/// Learns for `options.steps` steps and keeps the best policy so far in `options.out`.
pub fn learn(
    options: &Options,
    view: &PolicyView<'_>,
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    agent: &mut AnyAgent<'_>,
    data: &mut Replay<'_>,
) -> Result<(), EdgeError> {
    let (observations, actions) = (policy.observations(), policy.actions());
    let seed = options.seed.wrapping_add(LEARNING_SEEDS);
    let mut world = Episodes::new(robot, policy, Units::Learner, seed);
    let mut between = Between { options, view, best: None, due: 0, step: None };
    between.evaluate(0, &mut world, agent)?;
    let update_after = match agent.settings().iteration() {
        Some(_) => 0,
        None => options.warm_up,
    };
    let plan = Plan { steps: options.steps, random_steps: 0, update_after, dynamic_buffer: None };
    let buffers = Buffers {
        observation: &mut vec![0.0; observations],
        next_observation: &mut vec![0.0; observations],
        action: &mut vec![0.0; actions],
    };
    let at = &mut Position::default();
    session::run::<_, _, EdgeError>(&plan, at, &mut world, agent, data, buffers, &mut between)?;
    // The last step may lie within an episode.
    if between.step != Some(at.step) {
        between.evaluate(at.step, &mut world, agent)?;
    }
    Ok(())
}

/// Judges the learner between episodes and keeps the best.
struct Between<'a> {
    options: &'a Options,
    view: &'a PolicyView<'a>,
    best: Option<f64>,
    /// Step from which on the next evaluation is due.
    due: u64,
    /// Step of the last one.
    step: Option<u64>,
}

impl Between<'_> {
    fn evaluate(
        &mut self,
        step: u64,
        world: &mut Episodes<'_, '_>,
        agent: &mut AnyAgent<'_>,
    ) -> Result<(), EdgeError> {
        self.due = step + self.options.evaluate_every;
        self.step = Some(step);
        let learning = world.seed;
        world.seed = self.options.seed.wrapping_add(SELECTION_SEEDS);
        let score =
            world.score(self.options.episodes, |obs, action| Ok(agent.act(obs, action)?))?;
        world.seed = learning;
        tell(format_args!("step {step}: evaluated {score}"));
        if self.best.is_none_or(|best| score.mean > best) {
            self.best = Some(score.mean);
            save::save(agent, self.view, step, &self.options.out)?;
        }
        Ok(())
    }
}

impl<'e, 'w, 'm> Watch<Episodes<'e, 'w>, AnyAgent<'m>, EdgeError> for Between<'_> {
    fn transition(&mut self, _: &Transition<'_>) {}

    fn update(&mut self, _: &Losses) {}

    fn step(&mut self, _: u64, _: &mut AnyAgent<'m>, _: &Replay<'_>) -> Result<(), EdgeError> {
        Ok(())
    }

    fn episode(
        &mut self,
        at: &Position,
        total: f64,
        world: &mut Episodes<'e, 'w>,
        agent: &mut AnyAgent<'m>,
    ) -> Result<bool, EdgeError> {
        tell(format_args!("step {}: {total:.1}", at.step));
        if at.step >= self.due || at.step >= self.options.steps {
            self.evaluate(at.step, world, agent)?;
        }
        Ok(true)
    }
}
