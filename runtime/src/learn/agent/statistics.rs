//! What an agent knows of the size of what it sees, as far as its settings ask for it.

use super::normaliser::{Normaliser, OBSERVATION_CLIP, RewardScale};
use crate::arena::{Arena, OutOfMemory};
use crate::learn::training::Training;
use lacewing_formats::policy::ObservationNormaliser;

/// Running statistics of observations and rewards.
#[derive(Debug)]
pub struct Statistics<'m> {
    pub(in crate::learn) normaliser: Option<Normaliser<'m>>,
    pub(in crate::learn) reward_scale: Option<RewardScale>,
}

impl<'m> Statistics<'m> {
    /// Those that `training` asks for, of nothing yet, in [`Statistics::blocks`] of memory.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(
        arena: &mut Arena<'m>,
        observations: usize,
        training: &Training,
    ) -> Result<Self, OutOfMemory> {
        Ok(Self {
            normaliser: (training.normalise_observations)
                .then(|| Normaliser::new(arena, observations))
                .transpose()?,
            reward_scale: training.scale_rewards.then(RewardScale::default),
        })
    }

    /// Blocks that [`Statistics::new`] takes.
    pub fn blocks(observations: usize, training: &Training) -> usize {
        if training.normalise_observations { Normaliser::blocks(observations) } else { 0 }
    }

    /// Takes one more observation into account.
    pub fn observe(&mut self, observation: &[f32]) {
        if let Some(normaliser) = &mut self.normaliser {
            normaliser.observe(observation);
        }
    }

    /// Takes one more reward into account, with which an episode `ends` or not; returns are discounted
    /// by `gamma`.
    pub fn reward(&mut self, reward: f32, gamma: f32, ends: bool) {
        if let Some(scale) = &mut self.reward_scale {
            scale.observe(reward, gamma, ends);
        }
    }

    /// How observations are normalised, if they are, as a policy file holds it.
    pub fn normaliser(&self) -> Option<ObservationNormaliser<'_>> {
        self.normaliser.as_ref().map(|normaliser| ObservationNormaliser {
            mean: normaliser.mean(),
            std: normaliser.deviation(),
            clip: OBSERVATION_CLIP,
        })
    }

    /// What rewards are multiplied by.
    pub fn reward_factor(&self) -> f32 {
        self.reward_scale.as_ref().map_or(1.0, RewardScale::factor)
    }
}
