//! A network that learns, with the target that follows it.

use super::adam::{Adam, AdamConfig};
use super::config::NetworkShape;
use super::gradients::Gradients;
use super::layer::{Init, TopologyScratch};
use super::memory::Arena;
use super::mlp::{Head, Mlp, Target};
use super::td3::LearnError;
use crate::kernels::train::TrainKernels;
use rand_core::Rng;

/// All that one step of a network changes, so that networks may step in different threads.
#[derive(Debug)]
pub(super) struct Learner<'m> {
    pub online: Mlp<'m>,
    pub target: Target<'m>,
    pub adam: Adam,
}

impl<'m> Learner<'m> {
    /// A network with a random topology and a target that equals it.
    pub fn random(
        arena: &mut Arena<'m>,
        shape: &NetworkShape,
        head: Head,
        (init, adam): (Init, AdamConfig),
        rng: &mut impl Rng,
    ) -> Result<Self, LearnError> {
        let online = Mlp::random(arena, shape, head, init, rng)?;
        let target = Target::copy(arena, &online)?;
        Ok(Self { online, target, adam: Adam::new(adam) })
    }

    /// Blocks that [`Learner::random`] takes.
    pub fn blocks(shape: &NetworkShape) -> usize {
        Mlp::blocks(shape) + Target::blocks(shape)
    }

    /// One step of Adam along the sum of all threads' gradients, which is left in the first; then,
    /// where there is a `tau`, one Polyak step of the target.
    pub fn step(
        &mut self,
        kernels: &TrainKernels,
        gradients: &mut [&mut Gradients<'m>],
        tau: Option<f32>,
        scratch: &mut TopologyScratch<'_>,
    ) {
        if let Some((sum, others)) = gradients.split_first_mut() {
            others.iter().for_each(|other| sum.add(other));
            self.adam.step(kernels, &mut self.online, sum);
        }
        if let Some(tau) = tau {
            self.target.follow(&self.online, tau, scratch);
        }
    }
}
