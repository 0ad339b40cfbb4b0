//! Fine-tuning beside a control loop that must not wait: a copy of the policy acts when an observation
//! comes, and learning has the time until the next one, or a thread of its own.
//!
//! | module | holds |
//! |---|---|
//! | `control`, `acting` | the control loop; which copy of the policy acts, as the judge says |
//! | `rows`, `notes` | transitions, and what there is to tell, on their way to the learner |
//! | `learning` | the learner, which saves the session and writes down what was noted too |

mod acting;
mod control;
mod learning;
mod notes;
mod rows;

use super::report::Report;
use super::robot::Robot;
use super::state::{Saved, Saves, cut};
use super::{Options, save, tell, tell_guarded};
use crate::EdgeError;
use acting::Acting;
use clap::ValueEnum;
use control::Control;
use core_affinity::CoreId;
use hdrhistogram::Histogram;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{
    ACTORS, Actor, AnyAgent, Arena, Block, Explorer, Keeper, Rejections, Replay, Tuner, WAITING,
    live_blocks,
};
use learning::{HandOver, Learning};
use notes::notes;
use rows::{Widths, ring};
use rtrb::RingBuffer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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

/// Learns live up to step `options.steps`, or until `halt`, and leaves the policy in `options.out`, however it
/// ends.
///
/// # Errors
/// [`EdgeError`].
pub fn run(
    options: &Options,
    view: &PolicyView<'_>,
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    (mut agent, mut data): (AnyAgent<'_>, Replay<'_>),
    (mut saves, halt, report): (Option<Saves>, &AtomicBool, Report<'_>),
) -> Result<(), EdgeError> {
    let mut memory =
        vec![Block::ZERO; live_blocks(agent.shape(), &agent.settings(), agent.training())];
    let mut arena = Arena::new(&mut memory);
    let judge = options.guard.judge(options.steps, robot.episode())?;
    // The factory's policy is that of the file, whatever was learned before.
    let mut keeper = Keeper::new(&mut arena, &agent, judge)?;
    let mut at = Position::default();
    if let Some(saved) = saves.as_mut().map(Saves::newest).transpose()?.flatten() {
        at = go_on(saved, &mut agent, &mut data)?;
        keeper.go_on(&agent)?;
    }
    let mut actor = || Actor::new(&mut arena, &agent);
    let [mut acting, messenger, one, other] = [actor()?, actor()?, actor()?, actor()?];
    // Until the judge has measured it the factory's policy acts.
    acting.copy_from(keeper.factory())?;
    // Both have as many places as there are copies.
    let (fresh_in, fresh) = RingBuffer::new(ACTORS);
    let (returned, returned_out) = RingBuffer::new(ACTORS);
    let (losses_in, losses) = RingBuffer::new(WAITING);
    let widths = Widths { observations: policy.observations(), actions: policy.actions() };
    let (sender, receiver) = ring(WAITING, widths);
    let (notes, clerk) = notes(report, at);
    let mut noise = vec![0.0; policy.actions()];
    let mut control = Control {
        robot,
        policy,
        acting: Acting {
            actor: acting,
            keeper,
            fresh,
            returned,
            losses,
            messenger: Some(messenger),
            untold: false,
            turns: 0,
        },
        // Not the same noise again.
        explorer: Explorer::new(&mut noise, options.seed.wrapping_add(at.step)),
        rows: sender,
        notes,
        at,
        reactions: Histogram::new_with_bounds(1, LONGEST_NS, 2).map_err(EdgeError::Histogram)?,
        unheard: 0,
        off_policy: agent.settings().iteration().is_none(),
        implausible: 0,
    };
    let mut learning = Learning {
        tuner: Tuner::new(agent, data, at.step, options.warm_up)
            .with_updates_per_step(options.updates_per_step),
        rows: receiver,
        actors: HandOver {
            fresh: fresh_in,
            returned: returned_out,
            spare: vec![one, other],
            turns: 0,
            losses: losses_in,
        },
        clerk,
        saves,
        updates: 0,
        rejections: Rejections::default(),
        dropped: 0,
        // What was learned before is handed over once the judge has measured the factory's policy.
        news: at.step > 0,
    };
    let ended = act_and_learn(options, &mut control, &mut learning, halt);
    // Whatever ended it, the session is saved and the best policy kept.
    let ended = ended.and(learning.finish(control.at)).map_err(|error| match error {
        EdgeError::Ended { step } if learning.saves.is_some() => EdgeError::Interrupted { step },
        error => error,
    });
    learning.tuner.roll_back(control.acting.keeper.best())?;
    tell_all(&control, &learning);
    save(learning.tuner.agent(), view, control.at.step, &options.out)?;
    if ended.is_ok() {
        tell(format_args!("saved {}", options.out.display()));
    }
    ended
}

/// Goes on from a save; returns where it was made.
fn go_on(
    mut saved: Saved<'_, Position>,
    agent: &mut AnyAgent<'_>,
    data: &mut Replay<'_>,
) -> Result<Position, EdgeError> {
    let Position { step, episodes } = *saved.progress();
    saved.restore(step, agent, data)?;
    cut(agent, data);
    Ok(Position { step, episodes: episodes + 1 })
}

/// Runs both halves until the control loop ends.
fn act_and_learn<'r>(
    options: &Options,
    control: &mut Control<'_, 'r, '_>,
    learning: &mut Learning<'_>,
    halt: &AtomicBool,
) -> Result<(), EdgeError> {
    let (control_core, learning_core) = cores(options)?;
    if let Some(core) = control_core {
        core_affinity::set_for_current(core);
    }
    let run = (options.steps, options.seed);
    if options.learning == When::Slack {
        return control.run(run, halt, &mut |robot: &mut Robot<'r>| {
            learning.write_down();
            while !robot.has_answered() && learning.learn(&mut || !robot.has_answered())? {}
            Ok(())
        });
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let thread = scope.spawn(|| learning.run(&stop, learning_core));
        let controlled = control.run(run, halt, &mut |_| match stop.load(Ordering::Relaxed) {
            true => Err(EdgeError::LearningEnded),
            false => Ok(()),
        });
        stop.store(true, Ordering::Relaxed);
        // Why learning ended comes before that it did.
        thread.join().unwrap_or(Err(EdgeError::LearningEnded)).and(controlled)
    })
}

/// Says how it went.
fn tell_all(control: &Control<'_, '_, '_>, learning: &Learning<'_>) {
    if control.acting.keeper.judge.measured().is_none() {
        tell(format_args!(
            "the frozen policy is not yet measured, so that it stays: give more --steps or a shorter \
             --guard-window"
        ));
    }
    learning.tell();
    for (count, what) in [
        (
            learning.rejections.total(),
            "updates were rejected: they diverged, or their gradients were far too long",
        ),
        (control.implausible, "steps had a reward far beyond any of the frozen policy's"),
        (learning.dropped, "transitions held what is no number"),
        (control.unheard, "transitions came while as many waited as there is room for"),
        (control.robot.troubles().lost, "answers could not be used"),
    ] {
        if count > 0 {
            tell(format_args!("left out: {count} {what}"));
        }
    }
    tell_guarded(control.robot);
    control.tell_reactions();
}

/// The cores for acting and learning, as asked for.
///
/// # Errors
/// [`EdgeError::Core`].
pub fn cores(options: &Options) -> Result<(Option<CoreId>, Option<CoreId>), EdgeError> {
    let Some([act, learn]) = options.cores else { return Ok((None, None)) };
    let there = core_affinity::get_core_ids().unwrap_or_default();
    let find = |id: usize| {
        there.iter().find(|core| core.id == id).copied().ok_or(EdgeError::Core { core: id })
    };
    Ok((Some(find(act)?), Some(find(learn)?)))
}
