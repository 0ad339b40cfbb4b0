//! The learning half of a live fine-tuning: in the slack of the control loop, or in a thread of its own.

use super::super::state::{Saves, Step};
use super::super::tell;
use super::acting::{Fresh, Returned};
use super::notes::Clerk;
use super::rows::Receiver;
use crate::EdgeError;
use core_affinity::CoreId;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{Actor, LearnError, Rejections, Tuner};
use lacewing_runtime::store::{FolderError, StoreError};
use rtrb::{Consumer, Producer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long the thread sleeps where there is nothing to learn.
const NAP: Duration = Duration::from_micros(200);

/// Where copies of the policy go, and where they come back from.
pub struct HandOver<'m> {
    pub fresh: Producer<Fresh<'m>>,
    pub returned: Consumer<Returned<'m>>,
    /// Has room for all copies.
    pub spare: Vec<Actor<'m>>,
    /// How often the learner has gone back.
    pub turns: u32,
    /// Losses of the critics by update; NaN for one that was rejected.
    pub losses: Producer<f32>,
}

/// Learns from what comes through the ring, and hands over the policy after every update.
pub struct Learning<'m> {
    pub tuner: Tuner<'m>,
    pub rows: Receiver,
    pub actors: HandOver<'m>,
    pub clerk: Clerk<'m>,
    pub saves: Option<Saves>,
    /// Updates made.
    pub updates: u64,
    pub rejections: Rejections,
    /// Transitions left out: they held what is no number.
    pub dropped: u64,
    /// Whether the policy is newer than what was handed over.
    pub news: bool,
}

impl Learning<'_> {
    /// Writes down what the control loop has to tell.
    pub fn write_down(&mut self) {
        self.clerk.write_down(&mut self.tuner);
    }

    /// Learns as long as `more` says, to the end of an update at most, or writes a piece of a save; whether
    /// there is more to do.
    ///
    /// # Errors
    /// [`EdgeError`] that no other data would mend.
    pub fn learn(&mut self, more: &mut dyn FnMut() -> bool) -> Result<bool, EdgeError> {
        // What is saved stays as it is meanwhile.
        if self.is_saving() {
            return Ok(self.save_piece());
        }
        self.take_back()?;
        let at = self.clerk.at;
        if let Some(saves) = &mut self.saves
            && self.tuner.takes()
            && saves.is_due(at.step, false)
        {
            saves.begin(at.step, &at, self.tuner.agent(), self.tuner.data());
            return Ok(true);
        }
        self.take_in()?;
        let loss = match self.tuner.learn(more) {
            Ok(None) => None,
            Ok(Some(losses)) => {
                self.updates += 1;
                self.rejections.made();
                self.clerk.report.update(&losses);
                self.news = true;
                losses.get(self.tuner.agent().settings().kind().critic_loss())
            }
            Err(error) => {
                self.rejections.failed(error)?;
                self.clerk.report.rejected();
                Some(f32::NAN)
            }
        };
        if let Some(loss) = loss {
            // Where there is no room, the judge has enough to go by.
            let _ = self.actors.losses.push(loss);
        }
        self.hand_over()?;
        Ok(self.tuner.owes())
    }

    /// Takes copies back, and goes back to one where the control loop says so.
    fn take_back(&mut self) -> Result<(), EdgeError> {
        while let Ok(returned) = self.actors.returned.pop() {
            self.actors.spare.push(match returned {
                Returned::Spent(actor) => actor,
                Returned::GoBack(actor) => {
                    self.tuner.roll_back(&actor)?;
                    (self.news, self.actors.turns) = (true, self.actors.turns + 1);
                    actor
                }
            });
        }
        Ok(())
    }

    /// Stores what the control loop has sent, unless an update is on its way.
    fn take_in(&mut self) -> Result<(), EdgeError> {
        let (tuner, dropped) = (&mut self.tuner, &mut self.dropped);
        while tuner.takes() || !tuner.keeps() {
            let taken = self.rows.receive(|transition, begins| match tuner.takes() {
                true => tuner.take(transition, begins),
                // Worth nothing to what learns from its present policy only.
                false => Ok(()),
            });
            match taken {
                None => break,
                Some(Err(LearnError::Replay(_))) => *dropped += 1,
                Some(taken) => taken?,
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), EdgeError> {
        if !(self.news && self.tuner.takes()) {
            return Ok(());
        }
        // The control loop has not yet taken the last one: the next try is a newer policy's.
        let Some(mut actor) = self.actors.spare.pop() else { return Ok(()) };
        actor.publish(self.tuner.agent())?;
        self.news = false;
        let turns = self.actors.turns;
        if let Err(rtrb::PushError::Full(fresh)) = self.actors.fresh.push(Fresh { actor, turns }) {
            self.actors.spare.push(fresh.actor);
            self.news = true;
        }
        Ok(())
    }

    fn is_saving(&self) -> bool {
        self.saves.as_ref().is_some_and(Saves::is_saving)
    }

    /// Whether there is another piece that need not wait for the disk.
    fn save_piece(&mut self) -> bool {
        let Some(saves) = &mut self.saves else { return false };
        let stepped = saves.step(self.tuner.agent(), self.tuner.data());
        if let Ok(Step::More | Step::Wait) = stepped {
            return matches!(stepped, Ok(Step::More));
        }
        self.tell_saved(stepped.map(|_| ()));
        true
    }

    fn tell_saved(&mut self, saved: Result<(), StoreError<FolderError>>) {
        let Some(saves) = &self.saves else { return };
        let event = saves.tell(saved);
        self.clerk.report.event(self.clerk.at.step, event);
        self.clerk.report.flush();
    }

    /// Makes the rest of an update that is on its way, since only then are all networks of one age, and
    /// saves the session of a control loop that stands at `at`.
    ///
    /// # Errors
    /// As [`Learning::learn`].
    pub fn finish(&mut self, at: Position) -> Result<(), EdgeError> {
        self.write_down();
        self.clerk.tell_progress();
        while self.is_saving() {
            if !self.save_piece() {
                thread::sleep(NAP);
            }
        }
        while self.tuner.agent().is_learning() {
            self.learn(&mut || true)?;
        }
        self.take_back()?;
        self.clerk.report.tell(at.step, &mut self.tuner);
        if let Some(saves) = &mut self.saves {
            let saved = saves.save(at.step, &at, self.tuner.agent(), self.tuner.data());
            self.tell_saved(saved);
        }
        Ok(())
    }

    /// Learns until `stop`, on `core` if one is given.
    ///
    /// # Errors
    /// As [`Learning::learn`]; `stop` is then set.
    pub fn run(&mut self, stop: &AtomicBool, core: Option<CoreId>) -> Result<(), EdgeError> {
        if let Some(core) = core {
            core_affinity::set_for_current(core);
        }
        let goes_on = || !stop.load(Ordering::Relaxed);
        while goes_on() {
            self.write_down();
            match self.learn(&mut || goes_on()) {
                Ok(true) => {}
                Ok(false) => thread::sleep(NAP),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Tells what learning has come to.
    pub fn tell(&self) {
        let (updates, forgone) = (self.updates, self.tuner.forgone());
        tell(format_args!("learned: {updates} updates, {forgone} more had no time"));
    }
}
