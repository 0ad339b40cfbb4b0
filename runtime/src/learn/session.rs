//! The interaction loop of every algorithm, on a workstation and on a device: act, store, learn.

use super::agent::{Learner, Losses};
use super::dynamic_buffer::DynamicBuffer;
use super::memory::{Replay, ReplayError, Transition};
use serde::{Deserialize, Serialize};

/// What followed an action, beside the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Reward of the step.
    pub reward: f64,
    /// The task ended: no value follows.
    pub terminated: bool,
    /// The episode was cut off, by a time limit: its value goes on.
    pub truncated: bool,
    /// Whether the step can be learned from: not where a guard mended what sensors said before or after
    /// it. The episode goes on all the same.
    pub learnable: bool,
}

/// What an agent acts in: a simulator, or a robot's driver.
pub trait World {
    /// Why it may fail.
    type Error;

    /// Starts the `episode`-th episode and writes its first observation.
    ///
    /// # Errors
    /// The world's own.
    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), Self::Error>;

    /// Takes an action in the agent's units, numbers in [−1, 1] or an index, and writes the
    /// observation that follows. `None` where nobody knows what followed, as after a broken message of
    /// a sensor: the step is dropped, and with it what would have come after it in the episode.
    ///
    /// # Errors
    /// The world's own; also where too much is lost, as the loop itself never gives up.
    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, Self::Error>;

    /// Writes over `action`, which was taken on `observation`, what is to be learned in its place: a
    /// teacher's, where there is one.
    ///
    /// # Errors
    /// The world's own.
    fn teach(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), Self::Error> {
        let _ = (observation, action);
        Ok(())
    }
}

/// Where the loop stands; all of it, with the learner and its memory, at an episode's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps so far.
    pub step: u64,
    /// Finished episodes so far.
    pub episodes: u64,
}

/// How long the loop runs, and what it does at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The loop ends after this many steps.
    pub steps: u64,
    /// Actions are random up to this step.
    pub random_steps: u64,
    /// Updates start after this step.
    pub update_after: u64,
    /// How many times as many updates are made as are due: the update-to-data ratio (Chen et al. 2021,
    /// REDQ, §3) where one is due a step. 1 where learning is from the present policy's steps only.
    pub updates_per_step: u32,
    /// Whether the memory forgets what another policy did.
    pub dynamic_buffer: Option<DynamicBuffer>,
}

/// Follows a loop: logs, evaluations, saves. What is not said does nothing.
pub trait Watch<W: ?Sized, L: Learner + ?Sized, E: From<L::Error>> {
    /// A transition was stored.
    fn transition(&mut self, transition: &Transition<'_>) {
        let _ = transition;
    }

    /// An update was done.
    fn update(&mut self, losses: &Losses) {
        let _ = losses;
    }

    /// An update failed.
    ///
    /// # Errors
    /// That of the update where nothing else is said, to stop the loop.
    fn failed(&mut self, error: L::Error) -> Result<(), E> {
        Err(error.into())
    }

    /// A step, with what of updates followed it, was done.
    ///
    /// # Errors
    /// Any, to stop the loop.
    fn step(&mut self, step: u64, learner: &mut L, data: &Replay<'_>) -> Result<(), E> {
        let _ = (step, learner, data);
        Ok(())
    }

    /// An episode ended with this return; whether to go on. The world may be used for other episodes:
    /// the next one begins with a reset.
    ///
    /// # Errors
    /// Any, to stop the loop.
    fn episode(
        &mut self,
        at: &Position,
        total: f64,
        world: &mut W,
        learner: &mut L,
        data: &Replay<'_>,
    ) -> Result<bool, E> {
        let _ = (at, total, world, learner, data);
        Ok(true)
    }
}

/// Working memory of [`run`].
#[derive(Debug)]
pub struct Buffers<'b> {
    /// `[observations]`.
    pub observation: &'b mut [f32],
    /// `[observations]`.
    pub next_observation: &'b mut [f32],
    /// Numbers of an action.
    pub action: &'b mut [f32],
}

/// Runs the loop from `at`, an episode's end, until `plan.steps` or until `watch` stops it.
///
/// # Errors
/// Those of the world, the learner, the memory and the watch.
pub fn run<W, L, E>(
    plan: &Plan,
    at: &mut Position,
    world: &mut W,
    learner: &mut L,
    data: &mut Replay<'_>,
    buffers: Buffers<'_>,
    watch: &mut impl Watch<W, L, E>,
) -> Result<(), E>
where
    W: World + ?Sized,
    L: Learner + ?Sized,
    E: From<W::Error> + From<L::Error> + From<ReplayError>,
{
    let Buffers { mut observation, mut next_observation, action } = buffers;
    while at.step < plan.steps {
        world.reset(at.episodes, observation)?;
        learner.begin_episode();
        learner.observe(observation);
        let mut total = 0.0;
        loop {
            if at.step < plan.random_steps {
                learner.random(action);
            } else {
                learner.explore(at.step, observation, action)?;
            }
            let Some(outcome) = world.step(action, next_observation)? else {
                lose(learner, data);
                at.episodes += 1;
                break;
            };
            total += outcome.reward;
            if outcome.learnable {
                world.teach(observation, action)?;
            }
            let transition = Transition {
                observation,
                action,
                reward: outcome.reward as f32,
                next_observation,
                // A time limit is no end of the task: only `terminated` stops the bootstrap.
                terminated: outcome.terminated,
                truncated: outcome.truncated,
            };
            let ends = outcome.terminated || outcome.truncated;
            if outcome.learnable {
                data.push(transition)?;
                watch.transition(&transition);
                learner.observe(next_observation);
                learner.reward(transition.reward, ends);
            } else {
                lose(learner, data);
            }
            core::mem::swap(&mut observation, &mut next_observation);
            at.step += 1;
            if at.step > plan.update_after && !data.is_empty() {
                for _ in 0..plan.updates_per_step * learner.updates_due(at.step, data) {
                    match learner.update(data) {
                        Ok(losses) => watch.update(&losses),
                        Err(error) => watch.failed(error)?,
                    }
                }
            }
            if let Some(buffer) = &plan.dynamic_buffer {
                buffer.fit(at.step, learner, data, (next_observation, action))?;
            }
            watch.step(at.step, learner, data)?;
            if ends {
                at.episodes += 1;
                if !watch.episode(at, total, world, learner, data)? {
                    return Ok(());
                }
                break;
            }
            if at.step == plan.steps {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A step is not learned from: what is stored next does not follow what was stored before it.
fn lose<L: Learner + ?Sized>(learner: &mut L, data: &mut Replay<'_>) {
    data.cut();
    // Ends the return that rewards are scaled by.
    learner.reward(0.0, true);
}

/// Plays an episode for each place of `returns`, from the `first`-th on, with the actions that `act`
/// writes, in the units that the world takes. An episode of which a step was lost is played again.
///
/// # Errors
/// Those of the world and of `act`.
pub fn play<W, E>(
    world: &mut W,
    first: u64,
    returns: &mut [f64],
    (observation, action): (&mut [f32], &mut [f32]),
    mut act: impl FnMut(&[f32], &mut [f32]) -> Result<(), E>,
) -> Result<(), E>
where
    W: World + ?Sized,
    E: From<W::Error>,
{
    for (episode, total) in (first..).zip(returns) {
        world.reset(episode, observation)?;
        *total = 0.0;
        loop {
            act(observation, action)?;
            let Some(outcome) = world.step(action, observation)? else {
                world.reset(episode, observation)?;
                *total = 0.0;
                continue;
            };
            *total += outcome.reward;
            if outcome.terminated || outcome.truncated {
                break;
            }
        }
    }
    Ok(())
}
