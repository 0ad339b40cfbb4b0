//! What the control loop has to tell, on its way to where there is time to write it down.

use super::super::report::Report;
use super::super::robot::Troubles;
use super::super::tell;
use lacewing_runtime::guard;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{NOTE_BYTES, Tuner, WAITING};
use lacewing_runtime::telemetry::Event;
use rtrb::{Consumer, Producer, RingBuffer};
use std::time::Duration;

const _: () = assert!(size_of::<Note>() <= NOTE_BYTES, "the budget says less than notes take");

/// Steps between two lines of progress.
const TELL_EVERY: u64 = 1000;

/// Something that happened in the control loop.
#[derive(Clone, Copy)]
pub enum Note {
    /// A step, for which the robot waited so long, had this reward; none where its answer was lost.
    Step { step: u64, reaction: Duration, reward: Option<f64> },
    /// An episode ended, with this return.
    Episode { at: Position, total: f64 },
    /// So much of what the robot sent could not be used so far.
    Troubles { step: u64, troubles: Troubles },
    /// The guard switched; so long a window would tell the loss that it allows, if the present one is too
    /// short.
    Verdict { event: guard::Event, telling_window: Option<u64> },
}

/// Takes notes without waiting, and loses those that find no room.
pub struct Notes(Producer<Note>);

impl Notes {
    /// Takes a note.
    pub fn take(&mut self, note: Note) {
        // The learner is behind by a thousand steps: the control loop does not wait for it.
        let _ = self.0.push(note);
    }
}

/// Writes down what was noted.
pub struct Clerk<'m> {
    notes: Consumer<Note>,
    pub report: Report<'m>,
    /// Where the control loop is.
    pub at: Position,
    /// Sum of rewards, and their number, since the last line of progress.
    rewards: (f64, u64),
    /// Whether an episode has ended, and windows in which none did.
    has_episodes: bool,
    windows: u64,
}

/// A ring for notes, and who reads them, from a position on.
pub fn notes(report: Report<'_>, at: Position) -> (Notes, Clerk<'_>) {
    let (sender, notes) = RingBuffer::new(WAITING);
    let (rewards, has_episodes, windows) = Default::default();
    (Notes(sender), Clerk { notes, report, at, rewards, has_episodes, windows })
}

impl Clerk<'_> {
    /// Reads what there is.
    pub fn write_down(&mut self, tuner: &mut Tuner<'_>) {
        while let Ok(note) = self.notes.pop() {
            match note {
                Note::Step { step, reaction, reward } => {
                    self.at.step = step;
                    self.report.step(step, reaction, tuner);
                    let (sum, count) = &mut self.rewards;
                    (*sum, *count) = (*sum + reward.unwrap_or(0.0), *count + 1);
                    if step.is_multiple_of(TELL_EVERY) {
                        self.end_window(step);
                        self.tell_progress();
                    }
                }
                Note::Episode { at, total } => {
                    (self.at, self.has_episodes) = (at, true);
                    self.report.episode(&at, total, tuner);
                }
                Note::Troubles { step, troubles } => self.report.troubles(step, troubles),
                Note::Verdict { event, telling_window } => {
                    tell(format_args!("{event}"));
                    if let Some(steps) = telling_window {
                        tell(format_args!(
                            "guard: with --guard-window {steps} it could tell less from noise"
                        ));
                    }
                    let guard::Event { step, switch, mean, frozen } = event;
                    self.report.event(step, Event::Verdict { switch, mean, frozen });
                }
            }
        }
    }

    /// Where no episode ends, windows have returns.
    fn end_window(&mut self, step: u64) {
        self.windows += 1;
        // An episode as long as the first window ends after it.
        if !self.has_episodes && self.windows > 1 {
            let (total, episode) = (self.rewards.0, self.windows);
            self.report.event(step, Event::Return { episode, total });
        }
    }

    /// Tells of the steps since this was done last.
    pub fn tell_progress(&mut self) {
        let (sum, count) = std::mem::take(&mut self.rewards);
        if count > 0 {
            let (step, mean) = (self.at.step, sum / count as f64);
            tell(format_args!("step {step}: reward {mean:.3} a step, over {count} steps"));
        }
    }
}
