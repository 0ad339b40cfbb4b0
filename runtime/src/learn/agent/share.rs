//! A thread's share of a minibatch: what it writes while it finds gradients, tile by tile.

use super::algorithm::{Algorithm, MAX_LOSSES, MAX_NETWORKS, MAX_TRACES};
use super::scene::Scene;
use super::shape::AgentShape;
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, TILE, Tile};
use crate::learn::budget::Budget;
use crate::learn::net::{Gradients, Record, Trace};
use crate::random::Xoshiro256PlusPlus;
use heapless::Vec;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// What one thread writes.
#[derive(Debug)]
pub struct Share<'m> {
    /// Activations, in the order of [`Algorithm::TRACES`].
    pub traces: Vec<Trace<'m>, MAX_TRACES>,
    /// Standard normal, [`Algorithm::noise`] rows for each tile of the share.
    pub noise: &'m mut [Tile],
    /// Which tile of the share is the present one.
    pub tile: usize,
    /// For noise that stands for features.
    pub rng: Xoshiro256PlusPlus,
    /// Of every network, in the order of [`Algorithm::NETWORKS`].
    pub gradients: Vec<Gradients<'m>, MAX_NETWORKS>,
    /// Of every scalar.
    pub scalars: &'m mut [f32],
    /// For what gradients of links that are not there are made of, where the method asks for those.
    pub(super) record: Option<Record<'m>>,
    /// What the policy's outputs were before the fine-tuning, for a tile, where it is pulled towards them.
    pub anchored: &'m mut [Tile],
    /// Sums over the samples, in the order of [`Algorithm::LOSSES`].
    pub losses: [Option<f32>; MAX_LOSSES],
}

/// Samples in a thread's share, the last of which may be smaller: whole quarters of a tile.
pub(super) fn samples(batch: u32, threads: u32) -> usize {
    // Settings without a meaning have a size too: `Agent::new` refuses them.
    (batch as usize).max(1).div_ceil((threads as usize).max(1)).next_multiple_of(QUARTER)
}

/// How many shares a minibatch has.
pub(super) fn count(batch: u32, threads: u32) -> usize {
    (batch as usize).div_ceil(samples(batch, threads))
}

impl<'m> Share<'m> {
    /// Memory for one share, of so many samples, of an agent of this shape.
    pub(super) fn new<A: Algorithm>(
        arena: &mut Arena<'m>,
        shape: &AgentShape,
        samples: usize,
        (with_record, with_anchor): (bool, bool),
    ) -> Result<Self, OutOfMemory> {
        let traces = A::TRACES.iter().map(|&role| Trace::new(arena, shape.network(role)));
        Ok(Self {
            traces: traces.collect::<Result<_, _>>()?,
            noise: arena.take(samples.div_ceil(TILE) * A::noise(shape))?,
            tile: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(0),
            gradients: (A::NETWORKS.iter())
                .map(|part| Gradients::new(arena, shape.network(part.role)))
                .collect::<Result<_, _>>()?,
            scalars: arena.take(A::scalars(shape))?,
            record: (with_record)
                .then(|| Record::new(arena, shape.networks(), samples))
                .transpose()?,
            anchored: arena.take(if with_anchor { shape.policy.outputs() } else { 0 })?,
            losses: [None; MAX_LOSSES],
        })
    }

    /// Counts what [`Share::new`] takes.
    pub(super) fn count<A: Algorithm>(
        shape: &AgentShape,
        samples: usize,
        (with_record, with_anchor): (bool, bool),
        budget: &mut Budget,
    ) {
        let traces = A::TRACES.iter().map(|&role| Trace::blocks(shape.network(role)));
        let gradients = A::NETWORKS.iter().map(|part| Gradients::blocks(shape.network(part.role)));
        let noise = samples.div_ceil(TILE) * A::noise(shape);
        budget.traces += Block::BYTES * traces.sum::<usize>();
        budget.batch += Block::BYTES * Block::for_slice::<Tile>(noise);
        budget.gradients += Block::BYTES * gradients.sum::<usize>();
        budget.gradients += Block::BYTES * Block::for_slice::<f32>(A::scalars(shape));
        if with_anchor {
            let outputs = Block::for_slice::<Tile>(shape.policy.outputs());
            budget.anchor += Block::BYTES * outputs;
        }
        if with_record {
            budget.topology += Block::BYTES * Record::blocks(shape.networks(), samples);
        }
    }

    /// Draws the noise of so many samples, `rows` numbers each; apart from the threads, so that its
    /// order does not depend on them.
    pub(super) fn draw_noise(&mut self, samples: usize, rows: usize, rng: &mut impl Rng) {
        for sample in 0..samples {
            for noise in &mut self.noise[sample / TILE * rows..][..rows] {
                noise.0[sample % TILE] = StandardNormal.sample(rng);
            }
        }
    }

    /// Begins to find the gradients of one part of the losses.
    pub(super) fn begin<A: Algorithm>(&mut self, part: u8) {
        self.losses = Default::default();
        self.tile = 0;
        self.scalars.fill(0.0);
        for (gradients, network) in self.gradients.iter_mut().zip(A::NETWORKS) {
            if network.loss == part {
                gradients.clear();
            }
        }
    }

    /// Adds the gradients over the next tile of samples.
    pub(super) fn add_tile<A: Algorithm>(
        &mut self,
        algorithm: &A,
        part: u8,
        scene: &Scene<'_, '_>,
        samples: &[u32],
    ) {
        algorithm.gradients(part, scene, self, samples);
        self.tile += 1;
    }

    /// The sum of a loss over the tiles so far.
    pub fn loss(&self, loss: impl Into<usize>) -> f32 {
        self.losses[loss.into()].unwrap_or(0.0)
    }

    /// Sets the sum of a loss.
    pub fn set_loss(&mut self, loss: impl Into<usize>, sum: f32) {
        self.losses[loss.into()] = Some(sum);
    }
}
