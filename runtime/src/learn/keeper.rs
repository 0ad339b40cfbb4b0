//! Copies of the policy to go back to, and the judge that says when.

use super::actor::Actor;
use super::agent::AgentShape;
use super::algo::{AnyAgent, Settings};
use super::error::LearnError;
use super::training::Training;
use crate::arena::Arena;
use crate::guard::{Acting, Event, Judge, Switch};

/// The last good policy and the factory's, in memory, with the judge of the one that acts.
#[derive(Debug)]
pub struct Keeper<'m> {
    /// What happens is told to it; what it says is to be obeyed ([`Keeper::obey`]).
    pub judge: Judge,
    good: Actor<'m>,
    factory: Actor<'m>,
}

impl<'m> Keeper<'m> {
    /// Blocks of memory that [`Keeper::new`] takes.
    pub fn blocks(shape: &AgentShape, settings: &Settings, training: &Training) -> usize {
        2 * Actor::blocks(shape, settings, training)
    }

    /// A keeper whose factory policy is what `agent` has now.
    ///
    /// # Errors
    /// [`LearnError::Memory`].
    pub fn new(
        arena: &mut Arena<'m>,
        agent: &AnyAgent<'_>,
        judge: Judge,
    ) -> Result<Self, LearnError> {
        let (good, factory) = (Actor::new(arena, agent)?, Actor::new(arena, agent)?);
        Ok(Self { judge, good, factory })
    }

    /// What `agent` has now counts as the last good policy, unless the judge turns out to be of another
    /// mind: of a session that goes on, as a judge before this one had no objection.
    ///
    /// # Errors
    /// [`LearnError::Topology`] if it is another agent.
    pub fn go_on(&mut self, agent: &AnyAgent<'_>) -> Result<(), LearnError> {
        self.good.publish(agent)
    }

    /// The factory's policy.
    pub fn factory(&self) -> &Actor<'m> {
        &self.factory
    }

    /// The last good policy, or the factory's where none was good since.
    pub fn best(&self) -> &Actor<'m> {
        &self.good
    }

    /// Keeps the copy that acts, or makes it one to go back to. Says whether the learner is to go back to
    /// what acts now ([`AnyAgent::roll_back`]): its own policy is another.
    ///
    /// # Errors
    /// [`LearnError::Topology`] if `acting` is of another agent.
    pub fn obey(&mut self, event: &Event, acting: &mut Actor<'_>) -> Result<bool, LearnError> {
        match event.switch {
            Switch::Good => self.good.copy_from(acting)?,
            Switch::RolledBack { to: Acting::LastGood, .. } => acting.copy_from(&self.good)?,
            Switch::RolledBack { .. } => {
                acting.copy_from(&self.factory)?;
                self.good.copy_from(&self.factory)?;
            }
            Switch::Measured { .. } | Switch::Resumed => {}
            Switch::Froze(_) | Switch::BaselineLost => return Ok(false),
        }
        Ok(!matches!(event.switch, Switch::Good))
    }
}
