//! The acting half of a live fine-tuning: the control loop.

use super::super::robot::{Robot, Troubles};
use super::super::{LEARNING_SEEDS, tell};
use super::acting::Acting;
use super::notes::{Note, Notes};
use super::rows::Sender;
use crate::EdgeError;
use hdrhistogram::Histogram;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{Explorer, Transition};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The control loop: from an observation to a command without waiting, and what followed to the learner.
pub struct Control<'c, 'r, 'm> {
    pub robot: &'c mut Robot<'r>,
    pub policy: &'c Policy<'c>,
    pub acting: Acting<'m>,
    pub explorer: Explorer<'c>,
    pub rows: Sender,
    pub notes: Notes,
    /// Where it stands; at first, where an earlier session ended.
    pub at: Position,
    /// Nanoseconds from an observation's arrival to its command's departure.
    pub reactions: Histogram<u64>,
    /// Transitions that found no room.
    pub unheard: u64,
    /// Whether steps of any policy can be learned from.
    pub off_policy: bool,
    /// Rewards far beyond what the frozen policy ever had.
    pub implausible: u64,
}

impl<'r> Control<'_, 'r, '_> {
    /// Acts up to step `steps`, from resets with the seeds `seed..`, unless `halt` ends it; `meanwhile` is done
    /// while the robot is on its way.
    ///
    /// # Errors
    /// [`EdgeError::Ended`] if `halt` is set; those of the robot, the policy and `meanwhile`.
    pub fn run(
        &mut self,
        (steps, seed): (u64, u64),
        halt: &AtomicBool,
        meanwhile: &mut dyn FnMut(&mut Robot<'r>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let halted = || halt.load(Ordering::Relaxed);
        match self.act(steps, seed.wrapping_add(LEARNING_SEEDS), &halted, meanwhile) {
            // With the signal of a terminal the driver may have ended too.
            Ok(()) | Err(EdgeError::Driver(_)) if halted() && self.at.step < steps => {
                Err(EdgeError::Ended { step: self.at.step })
            }
            ended => ended,
        }
    }

    fn act(
        &mut self,
        steps: u64,
        seed: u64,
        halted: &dyn Fn() -> bool,
        meanwhile: &mut dyn FnMut(&mut Robot<'r>) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        let (observations, actions) = (self.policy.observations(), self.policy.actions());
        let (mut observation, mut next) = (vec![0.0; observations], vec![0.0; observations]);
        let (mut action, mut command) = (vec![0.0; actions], vec![0.0; actions]);
        let (mut begins, mut total, mut troubles) = (true, 0.0, Troubles::default());
        self.robot.reset(seed.wrapping_add(self.at.episodes), &mut observation)?;
        while self.at.step < steps && !halted() {
            let step = self.at.step + 1;
            self.acting.act(
                step,
                &observation,
                &mut self.explorer,
                &mut self.notes,
                &mut action,
            )?;
            command.copy_from_slice(&action);
            self.policy.scale_action(&mut command);
            self.robot.send(&mut command)?;
            let reaction = self.robot.answered().elapsed();
            self.reactions.saturating_record(reaction.as_nanos() as u64);
            meanwhile(self.robot)?;
            let outcome = self.robot.outcome(&mut next)?;
            self.at.step = step;
            let reward = outcome.map(|outcome| outcome.reward);
            self.notes.take(Note::Step { step, reaction, reward });
            if troubles != self.robot.troubles() {
                troubles = self.robot.troubles();
                self.notes.take(Note::Troubles { step, troubles });
            }
            let Some(outcome) = outcome else {
                // Nobody knows what followed: it acts on what it saw last.
                begins = true;
                continue;
            };
            total += outcome.reward;
            if let Some(teacher) = self.robot.teacher().filter(|_| outcome.learnable) {
                action.copy_from_slice(teacher);
                self.policy.unscale_action(&mut action);
            }
            let transition = Transition {
                observation: &observation,
                action: &action,
                reward: outcome.reward as f32,
                next_observation: &next,
                terminated: outcome.terminated,
                truncated: outcome.truncated,
            };
            self.acting.judge(step, &outcome, self.robot, &mut self.notes)?;
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
                self.at.episodes += 1;
                self.notes.take(Note::Episode { at: self.at, total });
                total = 0.0;
                self.robot.reset(seed.wrapping_add(self.at.episodes), &mut observation)?;
                self.explorer.begin_episode();
            }
        }
        Ok(())
    }

    /// Tells how long reactions took.
    pub fn tell_reactions(&self) {
        let at = |quantile| Duration::from_nanos(self.reactions.value_at_quantile(quantile));
        let [half, most, nearly, all] =
            [0.5, 0.99, 0.999, 1.0].map(|it| at(it).as_secs_f64() * 1e6);
        tell(format_args!(
            "from observation to command: median {half:.1} µs, 99 % {most:.1}, 99.9 % {nearly:.1}, \
             longest {all:.1}"
        ));
    }
}
