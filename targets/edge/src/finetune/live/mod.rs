//! Fine-tuning beside a control loop that must not wait: a copy of the policy acts when an observation
//! comes, and learning has the time until the next one, or a thread of its own.

mod acting;
mod learning;
mod rows;

use super::robot::Robot;
use super::{LEARNING_SEEDS, Options, save, tell, tell_guarded};
use crate::EdgeError;
use acting::Acting;
use clap::ValueEnum;
use core_affinity::CoreId;
use hdrhistogram::Histogram;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use lacewing_runtime::guard::{GradientRules, Keeper};
use lacewing_runtime::learn::{
    Actor, AgentShape, AnyAgent, Arena, Block, Explorer, Replay, Settings, Training, Transition,
    Tuner,
};
use learning::{HandOver, Learned, Learning};
use rows::{Sender, Widths, ring};
use rtrb::RingBuffer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Copies of the policy: one acts, one is written to, one is on its way, one takes the learner back. There are
/// two more to go back to.
const ACTORS: usize = 4;
/// Transitions that may wait while an update is on its way.
const WAITING: usize = 1024;
/// Steps between two lines of progress.
const TELL_EVERY: u64 = 1000;
/// The longest reaction that is told apart from longer ones, in nanoseconds.
const LONGEST_NS: u64 = 60_000_000_000;

/// When to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// After each step, however long it takes: for simulators, which wait. The same from run to run
    LockStep,
    /// While the robot is on its way to the next observation, in slices: one core
    Slack,
    /// In a thread of its own
    Thread,
}

/// The half that acts.
struct Control<'c, 'r, 'm> {
    robot: &'c mut Robot<'r>,
    policy: &'c Policy<'c>,
    acting: Acting<'m>,
    explorer: Explorer<'c>,
    rows: Sender,
    /// Nanoseconds from an observation's arrival to its command's departure.
    reactions: Histogram<u64>,
    /// Transitions that found no room.
    unheard: u64,
    /// Whether steps of any policy can be learned from.
    off_policy: bool,
    /// Rewards far beyond what the frozen policy ever had.
    implausible: u64,
}

/// Memory of the copies of the policy.
pub fn blocks(shape: &AgentShape, settings: &Settings, training: &Training) -> usize {
    ACTORS * Actor::blocks(shape, settings, training) + Keeper::blocks(shape, settings, training)
}

/// Learns live for `options.steps` steps and leaves the policy in `options.out`.
///
/// # Errors
/// [`EdgeError`].
pub fn run(
    options: &Options,
    view: &PolicyView<'_>,
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    mut agent: AnyAgent<'_>,
    data: Replay<'_>,
) -> Result<(), EdgeError> {
    agent.guard_gradients(GradientRules::default());
    let mut memory = vec![Block::ZERO; blocks(agent.shape(), &agent.settings(), agent.training())];
    let mut arena = Arena::new(&mut memory);
    let keeper =
        Keeper::new(&mut arena, &agent, options.guard.judge(options.steps, robot.episode())?)?;
    let mut copies =
        (0..ACTORS).map(|_| Actor::new(&mut arena, &agent)).collect::<Result<Vec<_>, _>>()?;
    let (Some(actor), messenger) = (copies.pop(), copies.pop()) else { return Ok(()) };
    // Both have as many places as there are copies.
    let (fresh_in, fresh) = RingBuffer::new(ACTORS);
    let (returned, returned_out) = RingBuffer::new(ACTORS);
    let (losses_in, losses) = RingBuffer::new(WAITING);
    let widths = Widths { observations: policy.observations(), actions: policy.actions() };
    let (sender, receiver) = ring(WAITING, widths);
    let mut noise = vec![0.0; policy.actions()];
    let mut control = Control {
        robot,
        policy,
        acting: Acting {
            actor,
            keeper,
            fresh,
            returned,
            losses,
            messenger,
            untold: false,
            turns: 0,
        },
        explorer: Explorer::new(&mut noise, options.seed),
        rows: sender,
        reactions: Histogram::new_with_bounds(1, LONGEST_NS, 3).map_err(EdgeError::Histogram)?,
        unheard: 0,
        off_policy: agent.settings().iteration().is_none(),
        implausible: 0,
    };
    let mut learning = Learning {
        tuner: Tuner::new(agent, data, options.warm_up),
        rows: receiver,
        actors: HandOver {
            fresh: fresh_in,
            returned: returned_out,
            spare: copies,
            turns: 0,
            losses: losses_in,
        },
        learned: Learned::default(),
        news: false,
    };
    let (control_core, learning_core) = cores(options)?;
    if let Some(core) = control_core {
        core_affinity::set_for_current(core);
    }
    if options.learning == When::Slack {
        control.run(options, &mut |robot| {
            while !robot.has_answered() && learning.learn(&mut || !robot.has_answered())? {}
            Ok(())
        })?;
    } else {
        let stop = AtomicBool::new(false);
        learning = thread::scope(|scope| {
            let thread = scope.spawn(|| learning.run(&stop, learning_core));
            let controlled = control.run(options, &mut |_| match stop.load(Ordering::Relaxed) {
                true => Err(EdgeError::LearningEnded),
                false => Ok(()),
            });
            stop.store(true, Ordering::Relaxed);
            let learned = thread.join().unwrap_or(Err(EdgeError::LearningEnded))?;
            controlled.map(|()| learned)
        })?;
    }
    learning.finish_update()?;
    let keeper = &control.acting.keeper;
    learning.tuner.roll_back(keeper.best())?;
    if keeper.judge.measured().is_none() {
        tell(format_args!(
            "the frozen policy is not yet measured, so that it stays: give more --steps or a shorter \
             --guard-window"
        ));
    }
    let Learned { updates, rejected, dropped } = learning.learned;
    let forgone = learning.tuner.forgone();
    tell(format_args!("learned: {updates} updates, {forgone} more had no time"));
    for (count, what) in [
        (rejected, "updates were rejected: they diverged, or their gradients were far too long"),
        (control.implausible, "steps had a reward far beyond any of the frozen policy's"),
        (dropped, "transitions held what is no number"),
        (control.unheard, "transitions came while as many waited as there is room for"),
        (control.robot.lost(), "answers could not be used"),
    ] {
        if count > 0 {
            tell(format_args!("left out: {count} {what}"));
        }
    }
    tell_guarded(control.robot);
    control.tell_reactions();
    save::save(learning.tuner.agent(), view, options.steps, &options.out)?;
    tell(format_args!("saved {}", options.out.display()));
    Ok(())
}

/// The cores for acting and learning, as asked for.
fn cores(options: &Options) -> Result<(Option<CoreId>, Option<CoreId>), EdgeError> {
    let Some([act, learn]) = options.cores else { return Ok((None, None)) };
    let there = core_affinity::get_core_ids().unwrap_or_default();
    let find = |id: usize| {
        there.iter().find(|core| core.id == id).copied().ok_or(EdgeError::Core { core: id })
    };
    Ok((Some(find(act)?), Some(find(learn)?)))
}

impl<'r> Control<'_, 'r, '_> {
    /// Acts for `options.steps` steps; `meanwhile` is done while the robot is on its way.
    fn run(
        &mut self,
        options: &Options,
        meanwhile: &mut dyn FnMut(&mut Robot<'r>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let (observations, actions) = (self.policy.observations(), self.policy.actions());
        let (mut observation, mut next) = (vec![0.0; observations], vec![0.0; observations]);
        let (mut action, mut command) = (vec![0.0; actions], vec![0.0; actions]);
        let seed = options.seed.wrapping_add(LEARNING_SEEDS);
        let (mut episode, mut begins, mut total) = (0, true, 0.0);
        self.robot.reset(seed, &mut observation)?;
        for step in 1..=options.steps {
            self.acting.act(step, &observation, &mut self.explorer, &mut action)?;
            command.copy_from_slice(&action);
            self.policy.scale_action(&mut command);
            self.robot.send(&mut command)?;
            let reaction = self.robot.answered().elapsed().as_nanos();
            self.reactions.saturating_record(u64::try_from(reaction).unwrap_or(LONGEST_NS));
            meanwhile(self.robot)?;
            let Some(outcome) = self.robot.outcome(&mut next)? else {
                // Nobody knows what followed: it acts on what it saw last.
                begins = true;
                continue;
            };
            total += outcome.reward;
            let transition = Transition {
                observation: &observation,
                action: &action,
                reward: outcome.reward as f32,
                next_observation: &next,
                terminated: outcome.terminated,
                truncated: outcome.truncated,
            };
            self.acting.judge(step, &outcome, self.robot)?;
            let plausible = self.acting.keeper.judge.is_plausible(outcome.reward);
            // What does not explore is no step of the policy that learns.
            let on_policy = self.off_policy || self.acting.keeper.judge.learns();
            let learnable = outcome.learnable && plausible && on_policy;
            self.implausible += u64::from(!plausible);
            if learnable {
                self.unheard += u64::from(!self.rows.send(&transition, begins));
            }
            let ends = outcome.terminated || outcome.truncated;
            begins = ends || !learnable;
            std::mem::swap(&mut observation, &mut next);
            if ends {
                episode += 1;
                self.robot.reset(seed.wrapping_add(episode), &mut observation)?;
                self.explorer.begin_episode();
            }
            if step.is_multiple_of(TELL_EVERY) || step == options.steps {
                let window = (step - 1) % TELL_EVERY + 1;
                let mean = total / window as f64;
                tell(format_args!("step {step}: reward {mean:.3} a step, over {window} steps"));
                total = 0.0;
            }
        }
        Ok(())
    }

    fn tell_reactions(&self) {
        let at = |percentile| self.reactions.value_at_quantile(percentile) as f64 / 1000.0;
        tell(format_args!(
            "from observation to command: median {:.1} µs, 99 % {:.1}, 99.9 % {:.1}, longest {:.1}",
            at(0.5),
            at(0.99),
            at(0.999),
            self.reactions.max() as f64 / 1000.0
        ));
    }
}
