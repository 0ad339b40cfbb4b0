//! Which copy of the policy acts: the newest, or an earlier one where the judge says so.

use super::super::robot::Robot;
use super::notes::{Note, Notes};
use crate::EdgeError;
use lacewing_runtime::guard::{Event, Switch};
use lacewing_runtime::learn::session::Outcome;
use lacewing_runtime::learn::{Actor, Explorer, Keeper, LearnError};
use rtrb::{Consumer, Producer};

/// A copy of the policy on its way to the control loop.
pub struct Fresh<'m> {
    pub actor: Actor<'m>,
    /// How often the learner had gone back when it was made.
    pub turns: u32,
}

/// A copy of the policy on its way to the learner.
pub enum Returned<'m> {
    /// To be written over.
    Spent(Actor<'m>),
    /// The learner is to go back to this.
    GoBack(Actor<'m>),
}

/// The copy that acts, and the guard over it.
pub struct Acting<'m> {
    pub actor: Actor<'m>,
    pub keeper: Keeper<'m>,
    pub fresh: Consumer<Fresh<'m>>,
    pub returned: Producer<Returned<'m>>,
    /// Losses of the critics by update; NaN for one that was rejected.
    pub losses: Consumer<f32>,
    /// Takes what acts to the learner; absent while on its way.
    pub messenger: Option<Actor<'m>>,
    /// Whether the learner is still to be told.
    pub untold: bool,
    pub turns: u32,
}

impl Acting<'_> {
    /// The action for an observation: explores where the policy learns.
    ///
    /// # Errors
    /// [`EdgeError::Learn`] if not even the factory policy has one.
    pub fn act(
        &mut self,
        step: u64,
        observation: &[f32],
        explorer: &mut Explorer<'_>,
        notes: &mut Notes,
        action: &mut [f32],
    ) -> Result<(), EdgeError> {
        self.take_over();
        loop {
            let acted = match self.keeper.judge.learns() {
                true => self.actor.explore(step, observation, explorer, action),
                false => self.actor.act(observation, action),
            };
            let Err(LearnError::Diverged) = acted else { return Ok(acted?) };
            match self.keeper.judge.no_number(step) {
                // There is none to go back to; nothing is sent.
                None => return Ok(acted?),
                event => self.obey(event, notes)?,
            }
        }
    }

    /// What followed the action, for the judge.
    ///
    /// # Errors
    /// [`EdgeError`] if the policy cannot be rolled back.
    pub fn judge(
        &mut self,
        step: u64,
        outcome: &Outcome,
        robot: &Robot<'_>,
        notes: &mut Notes,
    ) -> Result<(), EdgeError> {
        let event = self.keeper.judge.step(step, outcome.reward, robot.saturated());
        self.obey(event, notes)?;
        if outcome.terminated || outcome.truncated {
            let rest = if outcome.terminated { robot.rest() } else { 0 };
            let event = self.keeper.judge.ended(step, rest);
            self.obey(event, notes)?;
        }
        while let Ok(loss) = self.losses.pop() {
            let event = match loss.is_nan() {
                true => self.keeper.judge.rejected(step),
                false => self.keeper.judge.update(step, loss.into()),
            };
            self.obey(event, notes)?;
        }
        self.tell_learner()
    }

    fn obey(&mut self, event: Option<Event>, notes: &mut Notes) -> Result<(), EdgeError> {
        let Some(event) = event else { return Ok(()) };
        let measured = matches!(event.switch, Switch::Measured { .. });
        let telling_window = self.keeper.judge.telling_window().filter(|_| measured);
        notes.take(Note::Verdict { event, telling_window });
        if self.keeper.obey(&event, &mut self.actor)? {
            (self.untold, self.turns) = (true, self.turns + 1);
        }
        Ok(())
    }

    /// Sends the learner back to what acts, as soon as there is a copy to write it to.
    fn tell_learner(&mut self) -> Result<(), EdgeError> {
        if self.untold
            && let Some(mut messenger) = self.messenger.take()
        {
            messenger.copy_from(&self.actor)?;
            // It has as many places as there are copies.
            let _ = self.returned.push(Returned::GoBack(messenger));
            self.untold = false;
        }
        Ok(())
    }

    /// Acts with the newest copy from now on, if it may.
    fn take_over(&mut self) {
        while let Ok(Fresh { actor, turns }) = self.fresh.pop() {
            let current = turns == self.turns && self.keeper.judge.learns();
            let old = match current {
                true => std::mem::replace(&mut self.actor, actor),
                false => actor,
            };
            match self.messenger {
                None => self.messenger = Some(old),
                Some(_) => drop(self.returned.push(Returned::Spent(old))),
            }
        }
    }
}
