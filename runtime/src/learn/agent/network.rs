//! A network that learns, with its optimiser and the target that follows it.

use crate::arena::{Arena, Block};
use crate::kernels::train::TrainKernels;
use crate::learn::adapt::Learns;
use crate::learn::budget::Budget;
use crate::learn::error::LearnError;
use crate::learn::net::{
    Gradients, Head, LayerMemory, Mlp, NetworkShape, Start, Target, TopologyScratch, Trace,
};
use crate::learn::optim::{Adam, AdamConfig};
use lacewing_formats::topology::TargetRule;
use rand_core::Rng;

/// All that one step of a network changes, so that networks may step in different threads.
#[derive(Debug)]
pub struct Network<'m> {
    /// The network itself.
    pub online: Mlp<'m>,
    /// What follows it, where the algorithm wants that.
    pub target: Option<Target<'m>>,
    pub(in crate::learn) adam: Adam,
}

impl<'m> Network<'m> {
    /// A network with a random topology and, if wanted, a target that equals it.
    pub(super) fn random(
        arena: &mut Arena<'m>,
        shape: &NetworkShape,
        (head, with_target): (Head, bool),
        (start, adam): (Start, AdamConfig),
        rng: &mut impl Rng,
    ) -> Result<Self, LearnError> {
        let online = Mlp::random(arena, shape, head, start, rng)?;
        let shared = start.memory.is_fixed();
        let target = with_target.then(|| Target::copy(arena, &online, shared)).transpose()?;
        Ok(Self { online, target, adam: Adam::new(adam) })
    }

    /// Counts what [`Network::random`] takes.
    pub(super) fn count(
        shape: &NetworkShape,
        with_target: bool,
        memory: LayerMemory,
        budget: &mut Budget,
    ) {
        Mlp::count(shape, memory, budget);
        if with_target {
            budget.targets += Block::BYTES * Target::blocks(shape, memory.is_fixed());
        }
    }

    /// Runs the target, or the network itself where it has none, over the trace's input.
    pub fn forward_target(&self, kernels: &TrainKernels, trace: &mut Trace<'_>) {
        match &self.target {
            Some(target) => target.forward(&self.online, kernels, trace),
            None => self.online.forward(kernels, trace),
        }
    }

    /// One step of Adam along `gradient`, of what `learns`; then, where there is a `tau`, one Polyak step of the
    /// target, whose links are then as `rule` says.
    pub(super) fn step(
        &mut self,
        kernels: &TrainKernels,
        gradient: &Gradients<'_>,
        learns: Learns,
        (tau, rule): (Option<f32>, TargetRule),
        scratch: &mut TopologyScratch<'_>,
    ) {
        self.adam.step(kernels, &mut self.online, gradient, learns);
        if let (Some(target), Some(tau)) = (&mut self.target, tau) {
            target.follow(&self.online, tau, rule, scratch);
        }
    }
}
