//! The learning half of a live fine-tuning: in the slack of the control loop, or in a thread of its own.

use super::acting::{Fresh, Returned};
use super::rows::Receiver;
use crate::EdgeError;
use core_affinity::CoreId;
use lacewing_runtime::learn::{Actor, LearnError, Tuner};
use rtrb::{Consumer, Producer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long the thread sleeps where there is nothing to learn.
const NAP: Duration = Duration::from_micros(200);

/// What learning has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Updates made.
    pub updates: u64,
    /// Updates left out: they diverged, so that the networks stay as they were.
    pub rejected: u64,
    /// Transitions left out: they held what is no number.
    pub dropped: u64,
}

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
    pub learned: Learned,
    /// Whether the policy is newer than what was handed over.
    pub news: bool,
}

impl Learning<'_> {
    /// Learns as long as `more` says, to the end of an update at most; whether there is more to learn.
    ///
    /// # Errors
    /// [`EdgeError`] that no other data would mend.
    pub fn learn(&mut self, more: &mut dyn FnMut() -> bool) -> Result<bool, EdgeError> {
        self.take_back()?;
        self.take_in()?;
        let loss = match self.tuner.learn(more) {
            Ok(None) => None,
            Ok(Some(losses)) => {
                self.learned.updates += 1;
                self.news = true;
                losses.get(self.tuner.agent().settings().kind().critic_loss())
            }
            Err(LearnError::Diverged | LearnError::Rejected) => {
                self.learned.rejected += 1;
                Some(f32::NAN)
            }
            Err(error) => return Err(error.into()),
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
        let (tuner, dropped) = (&mut self.tuner, &mut self.learned.dropped);
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
        if !(self.news && self.tuner.is_whole()) {
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

    /// Makes the rest of an update that is on its way: only then are all networks of one age.
    ///
    /// # Errors
    /// As [`Learning::learn`].
    pub fn finish_update(&mut self) -> Result<(), EdgeError> {
        while self.tuner.agent().is_learning() {
            self.learn(&mut || true)?;
        }
        Ok(())
    }

    /// Learns until `stop`, on `core` if one is given.
    ///
    /// # Errors
    /// As [`Learning::learn`]; `stop` is then set.
    pub fn run(mut self, stop: &AtomicBool, core: Option<CoreId>) -> Result<Self, EdgeError> {
        if let Some(core) = core {
            core_affinity::set_for_current(core);
        }
        let goes_on = || !stop.load(Ordering::Relaxed);
        while goes_on() {
            match self.learn(&mut || goes_on()) {
                Ok(true) => {}
                Ok(false) => thread::sleep(NAP),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(self)
    }
}
