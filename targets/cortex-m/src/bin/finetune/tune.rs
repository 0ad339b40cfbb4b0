//! What the program does with its policy.

use core::convert::Infallible;
use core::fmt::{self, Write};
use lacewing_cortex_m::counter::Counter;
use lacewing_cortex_m::memory::stack_high_water;
use lacewing_cortex_m::pendulum::Pendulum;
use lacewing_formats::artifact::{FileError, PolicyView, leading_file};
use lacewing_runtime::learn::session::{World, play};
use lacewing_runtime::learn::{
    Actor, Adapt, AnyAgent, Arena, Block, LearnError, Learner, OutOfMemory, Replay, ReplayError,
    ReplayShape, ReplayValues, Resume, ResumeError, Training, Transition, TuningTopology,
    observation_range,
};
use thiserror::Error;

/// The share of the motor that is left.
const GEAR: f32 = 0.4;
/// Environment steps to learn from, those that fill the replay at first, and those between evaluations.
const STEPS: u64 = 5000;
const WARM_UP: u64 = 400;
const EVALUATE_EVERY: u64 = 200;
/// Episodes of an evaluation.
const EPISODES: usize = 10;
/// First of the episodes that decide which policy is the best, that it is judged on, and that are learned from.
const CHOOSING: u64 = 0;
const JUDGING: u64 = 1 << 16;
const LEARNING: u64 = 1 << 32;
const TRANSITIONS: usize = 5000;
/// Slices of an update are over with the first quantum that ends after so many instructions: a part of a
/// control period.
const SLICE: u64 = 500_000;
/// Numbers of an observation and of an action.
const SIZES: (usize, usize) = (3, 1);

/// All memory beside the stack.
pub struct Memory {
    learner: [Block; 1024],
    acting: [Block; 192],
    replay: [Block; 1024],
}

impl Memory {
    /// Not used yet.
    pub const ZERO: Self = Self {
        learner: [Block::ZERO; 1024],
        acting: [Block::ZERO; 192],
        replay: [Block::ZERO; 1024],
    };
}

/// Why the policy does not learn here.
#[derive(Debug, Error)]
pub enum TuneError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Resume(#[from] ResumeError),
    #[error(transparent)]
    Learn(#[from] LearnError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    #[error("the policy file has nothing to go on learning from: use the one of a training run")]
    NoResume,
    #[error("this is no policy for Pendulum-v1")]
    OtherTask,
    #[error("learning needs {needed} blocks of 64 bytes: raise Memory::learner")]
    Room { needed: usize },
    #[error("the machine beside this one takes no output")]
    Output(#[from] fmt::Error),
}

impl From<Infallible> for TuneError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Instructions of something that is done again and again.
#[derive(Default)]
struct Cost {
    times: u64,
    sum: u64,
    most: u64,
}

impl Cost {
    fn add(&mut self, instructions: u64) {
        self.times += 1;
        self.sum += instructions;
        self.most = self.most.max(instructions);
    }

    fn mean(&self) -> u64 {
        self.sum.checked_div(self.times).unwrap_or(0)
    }
}

/// Learns, and writes a line of JSON to `out`.
///
/// # Errors
/// [`TuneError`].
pub fn run(flash: &[u8], memory: &mut Memory, out: &mut impl Write) -> Result<(), TuneError> {
    let view = PolicyView::parse(leading_file(flash)?)?;
    let resume = Resume::of(&view)?.ok_or(TuneError::NoResume)?;
    if (resume.shape().observations(), resume.shape().action_numbers()) != SIZES {
        return Err(TuneError::OtherTask);
    }
    let settings = *resume.settings();
    let training = resume.tuning(TuningTopology::Frozen, Adapt::default());
    let training = Training { lean: true, ..training };
    let needed = AnyAgent::blocks(resume.shape(), &settings, &training);
    let learner = memory.learner.get_mut(..needed).ok_or(TuneError::Room { needed })?;
    let mut agent = resume.restore(settings, training, learner)?;
    let kept = ReplayShape::new(resume.shape(), settings.kind(), ReplayValues::F16, TRANSITIONS);
    let mut replay = Replay::compact(&mut Arena::new(&mut memory.replay), kept, |number| {
        observation_range(&view, number)
    })?;
    let mut best = Actor::new(&mut Arena::new(&mut memory.acting), &agent)?;
    let mut world = Pendulum::new(GEAR);

    let before = mean(&mut world, JUDGING, |seen, action| agent.act(seen, action))?;
    let mut score = mean(&mut world, CHOOSING, |seen, action| agent.act(seen, action))?;
    let (mut acting, mut update, mut slice) = (Cost::default(), Cost::default(), Cost::default());
    let (mut observation, mut next, mut action) = ([0.0; SIZES.0], [0.0; SIZES.0], [0.0; SIZES.1]);
    let mut episode = LEARNING;
    world.reset(episode, &mut observation)?;
    agent.begin_episode();
    for step in 1..=STEPS {
        let counter = Counter::start();
        agent.explore(step, &observation, &mut action)?;
        acting.add(counter.instructions());
        let Some(outcome) = world.step(&action, &mut next)? else { continue };
        replay.push(Transition {
            observation: &observation,
            action: &action,
            reward: outcome.reward as f32,
            next_observation: &next,
            terminated: outcome.terminated,
            truncated: outcome.truncated,
        })?;
        agent.observe(&next);
        agent.reward(outcome.reward as f32, outcome.truncated);
        observation = next;
        if step > WARM_UP {
            for _ in 0..agent.updates_due(step, &replay) {
                let whole = Counter::start();
                loop {
                    let counter = Counter::start();
                    let learned =
                        agent.learn(&mut replay, &mut || counter.instructions() < SLICE)?;
                    slice.add(counter.instructions());
                    if learned.is_some() {
                        break;
                    }
                }
                update.add(whole.instructions());
            }
        }
        if outcome.truncated {
            if step > WARM_UP && step.is_multiple_of(EVALUATE_EVERY) {
                let now = mean(&mut world, CHOOSING, |seen, action| agent.act(seen, action))?;
                if now > score {
                    score = now;
                    best.publish(&agent)?;
                }
            }
            episode += 1;
            world.reset(episode, &mut observation)?;
            agent.begin_episode();
        }
    }
    // The best so far: learning goes through bad spells.
    let after = mean(&mut world, JUDGING, |seen, action| best.act(seen, action))?;
    writeln!(
        out,
        r#"{{"before":{before},"after":{after},"steps":{STEPS},"updates":{},"instructions_per_step":{},"instructions_per_update":{},"slices":{},"longest_slice":{},"learner_bytes":{},"acting_bytes":{},"replay_bytes":{},"stack_bytes":{}}}"#,
        update.times,
        acting.mean(),
        update.mean(),
        slice.times,
        slice.most,
        needed * Block::BYTES,
        Actor::blocks(resume.shape(), &settings, &training) * Block::BYTES,
        kept.blocks() * Block::BYTES,
        stack_high_water(),
    )?;
    Ok(())
}

/// The mean return of some episodes, rounded.
fn mean(
    world: &mut Pendulum,
    first: u64,
    mut act: impl FnMut(&[f32], &mut [f32]) -> Result<(), LearnError>,
) -> Result<i64, TuneError> {
    let (mut observation, mut action) = ([0.0; SIZES.0], [0.0; SIZES.1]);
    let mut returns = [0.0; EPISODES];
    play(world, first, &mut returns, (&mut observation, &mut action), |observation, action| {
        act(observation, action).map_err(TuneError::from)
    })?;
    Ok(libm::round(returns.iter().sum::<f64>() / EPISODES as f64) as i64)
}
