//! What a chip goes on learning with: a plant or a robot, and memory.

use crate::message::{Refusal, Tuned};
use core::fmt::Debug;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::guard::GradientRules;
use lacewing_runtime::learn::session::World;
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Arena, Block, LearnError, Learner, MAX_LOSSES, Replay, ReplayShape,
    ReplayValues, Resume, RewriteError, Rewritten, Training, Transition, TuningTopology,
    observation_range,
};
use lacewing_runtime::telemetry::{Event, Guarded, LAYOUT, Record, Ring};

/// What a tuned policy says it was written by.
const PROGRAM: &str = concat!("lacewing-serial ", env!("CARGO_PKG_VERSION"));
/// Updates whose losses are told together.
const TOLD: u32 = 100;

/// A policy file as it lies in flash, and as it reads.
#[derive(Clone, Copy, Debug)]
pub struct RunningFile<'a> {
    /// The bytes.
    pub file: &'a [u8],
    /// The same, parsed.
    pub view: &'a PolicyView<'a>,
}

/// Goes on learning with the policy that runs, which is the same in all calls until the chip starts afresh.
pub trait Tuning {
    /// Control steps, and the updates that they are worth.
    ///
    /// # Errors
    /// [`Refusal::NothingToLearn`], [`Refusal::Memory`], [`Refusal::Diverged`], [`Refusal::Plant`].
    fn tune(&mut self, running: RunningFile<'_>, steps: u32) -> Result<Tuned, Refusal>;

    /// Bytes of the tuned policy's file.
    ///
    /// # Errors
    /// [`Refusal::NothingLearned`], [`Refusal::NothingToLearn`], [`Refusal::Diverged`].
    fn bytes(&mut self, running: RunningFile<'_>) -> Result<u32, Refusal>;

    /// Hands that file to `sink`, piece by piece.
    ///
    /// # Errors
    /// As [`Tuning::bytes`], and those of `sink`.
    fn write(
        &mut self,
        running: RunningFile<'_>,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal>;

    /// The file was saved, or not.
    fn saved(&mut self, bytes: Option<u32>);

    /// Takes the oldest frames of the log away that fit into `out`; their bytes.
    fn log(&mut self, out: &mut [u8]) -> usize;
}

/// [`Tuning`] of a board without a plant: there is none.
#[derive(Clone, Copy, Debug)]
pub enum NoPlant {}

impl Tuning for NoPlant {
    fn tune(&mut self, _: RunningFile<'_>, _: u32) -> Result<Tuned, Refusal> {
        match *self {}
    }

    fn bytes(&mut self, _: RunningFile<'_>) -> Result<u32, Refusal> {
        match *self {}
    }

    fn write(
        &mut self,
        _: RunningFile<'_>,
        _: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match *self {}
    }

    fn saved(&mut self, _: Option<u32>) {
        match *self {}
    }

    fn log(&mut self, _: &mut [u8]) -> usize {
        match *self {}
    }
}

/// [`Tuning`] on a [`World`] that waits while the chip learns, with links that stay as they are.
///
/// Its memory is the caller's. Episodes begin with the number that it is given.
#[derive(Debug)]
pub struct Bench<'m, W> {
    world: W,
    rules: Rules,
    /// For learner and replay; until there is a session.
    memory: Option<[&'m mut [Block]; 2]>,
    session: Option<Session<'m>>,
    log: Ring<'m>,
}

/// What a [`Bench`] is told.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Transitions of the replay, as f16.
    pub transitions: usize,
    /// Steps before the first update, which fill the replay.
    pub warm_up: u32,
    /// Number of the first episode.
    pub episode: u64,
    /// Milliseconds of a control step, for the log.
    pub period_ms: u32,
}

/// Learning that has begun.
#[derive(Debug)]
struct Session<'m> {
    agent: AnyAgent<'m>,
    replay: Replay<'m>,
    observation: &'m mut [f32],
    next: &'m mut [f32],
    action: &'m mut [f32],
    /// Whether an episode is under way, and what it has returned.
    total: Option<f64>,
    at: Tuned,
    /// Sums of the losses since they were told, and of how many.
    losses: [(f32, u32); MAX_LOSSES],
    updates: u32,
    rejected: u32,
    /// Nothing is learned any more.
    failed: Option<Refusal>,
    saves: u64,
}

impl<'m, W: World> Bench<'m, W> {
    /// Nothing learned yet. `learner` must have as many blocks as [`AnyAgent::blocks`] says for a lean fine-tuning of
    /// the policies that come, `replay` as many as [`ReplayShape::blocks`] and three for an observation twice and an
    /// action, each of up to 16 numbers.
    pub fn new(
        world: W,
        rules: Rules,
        learner: &'m mut [Block],
        replay: &'m mut [Block],
        log: &'m mut [u8],
    ) -> Self {
        let (memory, session) = (Some([learner, replay]), None);
        Self { world, rules, memory, session, log: Ring::new(log) }
    }

    fn begin(&mut self, running: RunningFile<'_>) -> Result<&mut Session<'m>, Refusal> {
        if self.session.is_none() {
            let resume = Resume::of(running.view).ok().flatten().ok_or(Refusal::NothingToLearn)?;
            let settings = *resume.settings();
            let training = resume.tuning(TuningTopology::Frozen, Adapt::default());
            let training = Training { lean: true, ..training };
            let shape = resume.shape();
            // Those that learn from a whole iteration of their own steps have another kind of memory.
            if settings.iteration().is_some() || training.threads > 1 {
                return Err(Refusal::NothingToLearn);
            }
            let kept =
                ReplayShape::new(shape, settings.kind(), ReplayValues::F16, self.rules.transitions);
            let numbers = [shape.observations(), shape.observations(), shape.action_numbers()];
            let buffers = numbers.map(Block::for_slice::<f32>).iter().sum::<usize>();
            let needed = [AnyAgent::blocks(shape, &settings, &training), kept.blocks() + buffers];
            let there = self.memory.as_ref().is_some_and(|memory| {
                memory.iter().zip(needed).all(|(memory, needed)| memory.len() >= needed)
            });
            if !there {
                return Err(Refusal::Memory);
            }
            let Some([learner, rest]) = self.memory.take() else { return Err(Refusal::Memory) };
            let learner = &mut learner[..needed[0]];
            let mut agent =
                resume.restore(settings, training, learner).map_err(|_| Refusal::NothingToLearn)?;
            agent.guard_gradients(GradientRules::default());
            let arena = &mut Arena::new(rest);
            let replay =
                Replay::compact(arena, kept, |number| observation_range(running.view, number));
            let mut buffer = |index: usize| arena.take(numbers[index]).map_err(|_| Refusal::Memory);
            let (observation, next, action) = (buffer(0)?, buffer(1)?, buffer(2)?);
            self.session = Some(Session {
                agent,
                replay: replay.map_err(|_| Refusal::NothingToLearn)?,
                observation,
                next,
                action,
                total: None,
                at: Tuned::default(),
                losses: [(0.0, 0); MAX_LOSSES],
                updates: 0,
                rejected: 0,
                failed: None,
                saves: 0,
            });
            let policy = crc32fast::hash(running.file);
            let event = Event::Start { layout: LAYOUT, policy, resumed: false };
            self.log.push(&Record { step: 0, millis: 0, event });
        }
        self.session.as_mut().ok_or(Refusal::NothingToLearn)
    }

    /// What has learned, if it has gone well.
    fn learned(&mut self) -> Result<&mut Session<'m>, Refusal> {
        let session = self.session.as_mut().ok_or(Refusal::NothingLearned)?;
        session.failed.map_or(Ok(session), Err)
    }
}

impl<W: World> Tuning for Bench<'_, W> {
    fn tune(&mut self, running: RunningFile<'_>, steps: u32) -> Result<Tuned, Refusal> {
        self.begin(running)?;
        let Self { world, rules, session, log, .. } = self;
        let session = session.as_mut().ok_or(Refusal::NothingToLearn)?;
        if let Some(failed) = session.failed {
            return Err(failed);
        }
        for _ in 0..steps {
            if let Err(refusal) = session.step(world, rules, log) {
                session.failed = Some(refusal);
                return Err(refusal);
            }
        }
        Ok(session.at)
    }

    fn bytes(&mut self, running: RunningFile<'_>) -> Result<u32, Refusal> {
        let session = self.learned()?;
        Ok(session.file(running)?.bytes() as u32)
    }

    fn write(
        &mut self,
        running: RunningFile<'_>,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let session = self.learned()?;
        let file = session.file(running)?;
        file.write(&mut session.agent, session.action, sink)
    }

    fn saved(&mut self, bytes: Option<u32>) {
        let Self { rules, session: Some(session), log, .. } = self else { return };
        session.saves += u64::from(bytes.is_some());
        let event = bytes.map_or(Event::SaveFailed, |bytes| Event::Save {
            sequence: session.saves,
            bytes: bytes.into(),
        });
        session.tell(event, rules, log);
    }

    fn log(&mut self, out: &mut [u8]) -> usize {
        self.log.take_whole(out)
    }
}

impl Session<'_> {
    fn tell(&self, event: Event, rules: &Rules, log: &mut Ring<'_>) {
        let step = u64::from(self.at.steps);
        log.push(&Record { step, millis: step * u64::from(rules.period_ms), event });
    }

    fn file<'v>(&mut self, running: RunningFile<'v>) -> Result<Rewritten<'v>, Refusal> {
        let steps = (u64::from(self.at.steps), PROGRAM);
        let file =
            Rewritten::new(&mut self.agent, (running.file, running.view), steps, self.action);
        file.map_err(|error| match error {
            RewriteError::Learn(_) => Refusal::Diverged,
            _ => Refusal::NothingToLearn,
        })
    }

    /// A control step, and the updates that it is worth.
    fn step<W: World>(
        &mut self,
        world: &mut W,
        rules: &Rules,
        log: &mut Ring<'_>,
    ) -> Result<(), Refusal> {
        let plant = |_: W::Error| Refusal::Plant;
        let total = match self.total {
            Some(total) => total,
            None => {
                world
                    .reset(rules.episode + u64::from(self.at.episodes), self.observation)
                    .map_err(plant)?;
                self.agent.begin_episode();
                self.agent.observe(self.observation);
                0.0
            }
        };
        let steps = u64::from(self.at.steps);
        self.agent.explore(steps, self.observation, self.action).map_err(learning)?;
        let outcome = world.step(self.action, self.next).map_err(plant)?;
        self.at.steps += 1;
        let Some(outcome) = outcome.filter(|outcome| outcome.learnable) else {
            // Nobody knows what followed: the next step begins an episode.
            self.replay.cut();
            self.agent.reward(0.0, true);
            self.total = None;
            let event = Event::Guard { by: Guarded::SkippedTransition, count: 1 };
            self.tell(event, rules, log);
            return Ok(());
        };
        let ends = outcome.terminated || outcome.truncated;
        let reward = outcome.reward as f32;
        let stored = self.replay.push(Transition {
            observation: self.observation,
            action: self.action,
            reward,
            next_observation: self.next,
            terminated: outcome.terminated,
            truncated: outcome.truncated,
        });
        // It holds what is no number.
        stored.map_err(|_| Refusal::Plant)?;
        self.agent.observe(self.next);
        self.agent.reward(reward, ends);
        self.observation.copy_from_slice(self.next);
        self.total = Some(total + outcome.reward);
        if self.at.steps > rules.warm_up {
            let due = self.agent.updates_due(u64::from(self.at.steps), &self.replay);
            for _ in 0..due {
                self.update(rules, log)?;
            }
        }
        if ends {
            let total = total + outcome.reward;
            self.total = None;
            self.at.episodes += 1;
            self.at.last = total as f32;
            self.tell(Event::Return { episode: self.at.episodes.into(), total }, rules, log);
        }
        Ok(())
    }

    fn update(&mut self, rules: &Rules, log: &mut Ring<'_>) -> Result<(), Refusal> {
        match self.agent.update(&mut self.replay) {
            Ok(losses) => {
                for ((sum, count), loss) in self.losses.iter_mut().zip(losses.iter()) {
                    (*sum, *count) =
                        (*sum + loss.unwrap_or(0.0), *count + u32::from(loss.is_some()));
                }
            }
            Err(LearnError::Rejected) => self.rejected += 1,
            Err(error) => return Err(learning(error)),
        }
        self.at.updates += 1;
        self.updates += 1;
        if self.updates == TOLD {
            self.updates = 0;
            let figures = core::mem::replace(&mut self.losses, [(0.0, 0); MAX_LOSSES])
                .map(|(sum, count)| (count > 0).then(|| sum / count as f32));
            let updates = self.agent.updates();
            self.tell(Event::Losses { updates, figures }, rules, log);
            let count = core::mem::take(&mut self.rejected).into();
            if count > 0 {
                self.tell(Event::Guard { by: Guarded::RejectedUpdate, count }, rules, log);
            }
        }
        Ok(())
    }
}

fn learning(error: LearnError) -> Refusal {
    match error {
        LearnError::Memory(_) => Refusal::Memory,
        _ => Refusal::Diverged,
    }
}
