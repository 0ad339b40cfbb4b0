//! A simulator with a teacher, whose actions are learned instead of what was done (DAgger: Ross et al. 2011, alg.
//! 3.1, with all states from the learner's own policy).

use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::{Outcome, World};

use super::error::TrainError;
use super::policy::PolicyError;
use super::world::Simulator;

/// A policy to learn from.
pub struct Teacher<'p> {
    policy: Policy<'p>,
    scratch: Vec<f32>,
}

impl<'p> Teacher<'p> {
    /// The policy of a file, for actions that are numbers.
    ///
    /// # Errors
    /// [`PolicyError::Load`].
    pub fn new(view: PolicyView<'p>) -> Result<Self, PolicyError> {
        let policy = Policy::new(view)?;
        let scratch = vec![0.0; policy.scratch_len()];
        Ok(Self { policy, scratch })
    }
}

/// A simulator, and a teacher if there is one.
pub struct Taught<'w, 't, 'p> {
    /// Where the learner acts.
    pub simulator: Simulator<'w>,
    /// What it learns from.
    pub teacher: Option<&'t mut Teacher<'p>>,
}

impl World for Taught<'_, '_, '_> {
    type Error = TrainError;

    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), TrainError> {
        Ok(self.simulator.reset(episode, observation)?)
    }

    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, TrainError> {
        Ok(self.simulator.step(action, observation)?)
    }

    fn teach(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), TrainError> {
        if let Some(Teacher { policy, scratch }) = self.teacher.as_deref_mut() {
            policy.act(observation, action, scratch).map_err(PolicyError::from)?;
            self.simulator.unscale(action);
        }
        Ok(())
    }
}
