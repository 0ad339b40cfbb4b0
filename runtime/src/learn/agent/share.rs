//! A thread's share of a minibatch: what it writes while it finds gradients, tile by tile.

use super::algorithm::{Algorithm, MAX_LOSSES, MAX_NETWORKS, MAX_TRACES, Part};
use super::scene::Scene;
use super::shape::{AgentShape, Role};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, Tile};
use crate::learn::budget::Budget;
use crate::learn::net::{Gradients, Record, Trace};
use crate::learn::training::Training;
use crate::random::Xoshiro256PlusPlus;
use heapless::Vec;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// What one thread writes.
#[derive(Debug)]
pub struct Share<'m> {
    /// Activations, in the order of [`Algorithm::TRACES`].
    pub traces: Vec<Trace<'m>, MAX_TRACES>,
    /// Standard normal, [`Algorithm::noise`] rows for the present tile.
    pub noise: &'m mut [Tile],
    /// The same for all samples of the share, one after the other.
    drawn: &'m mut [f32],
    /// Samples of the share that are done.
    done: usize,
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

/// Quarters of a tile that are learned from side by side.
fn width(training: &Training) -> usize {
    training.tile() / QUARTER
}

/// How many networks have gradients at a time: all, or where memory is short, most that a part of the losses
/// has.
fn homes<A: Algorithm>(lean: bool) -> usize {
    let of_part = |part: &Part| A::NETWORKS.iter().filter(|other| other.loss == part.loss).count();
    let most = A::NETWORKS.iter().map(of_part).max().unwrap_or(0);
    if lean { most } else { A::NETWORKS.len() }
}

/// Blocks for the gradients of a network of a role, or of any.
fn home<A: Algorithm>(shape: &AgentShape, role: Role, lean: bool) -> usize {
    let own = Gradients::blocks(shape.network(role));
    let all = A::NETWORKS.iter().map(|part| Gradients::blocks(shape.network(part.role)));
    if lean { all.max().unwrap_or(own) } else { own }
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
        training: &Training,
    ) -> Result<Self, OutOfMemory> {
        let lean = training.lean;
        let traces = A::TRACES.iter().map(|&role| match lean {
            true => Trace::lean(arena, shape.network(role)),
            false => Trace::new(arena, shape.network(role)),
        });
        let traces = traces.collect::<Result<_, _>>()?;
        let mut homes = homes::<A>(lean);
        let gradients = A::NETWORKS.iter().map(|part| {
            let mut gradients = Gradients::homeless(shape.network(part.role));
            if homes > 0 {
                homes -= 1;
                let blocks = home::<A>(shape, part.role, lean);
                gradients.move_in(arena.take(blocks * Block::BYTES / size_of::<f32>())?);
            }
            Ok(gradients)
        });
        let gradients = gradients.collect::<Result<_, _>>()?;
        let with_anchor = training.adapt.stay_near > 0.0;
        Ok(Self {
            traces,
            noise: arena.take(A::noise(shape))?,
            drawn: arena.take(samples * A::noise(shape))?,
            done: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(0),
            gradients,
            scalars: arena.take(A::scalars(shape))?,
            record: (training.method.wants_gradients())
                .then(|| Record::new(arena, shape.networks(), (samples, width(training))))
                .transpose()?,
            anchored: arena.take(if with_anchor { shape.policy.outputs() } else { 0 })?,
            losses: [None; MAX_LOSSES],
        })
    }

    /// Counts what [`Share::new`] takes.
    pub(super) fn count<A: Algorithm>(
        shape: &AgentShape,
        samples: usize,
        training: &Training,
        budget: &mut Budget,
    ) {
        let lean = training.lean;
        let traces = A::TRACES.iter().map(|&role| Trace::blocks(shape.network(role), lean));
        let homed = A::NETWORKS.iter().take(homes::<A>(lean));
        let gradients = homed.map(|part| home::<A>(shape, part.role, lean));
        let noise = Block::for_slice::<Tile>(A::noise(shape))
            + Block::for_slice::<f32>(samples * A::noise(shape));
        budget.traces += Block::BYTES * traces.sum::<usize>();
        budget.batch += Block::BYTES * noise;
        budget.gradients += Block::BYTES * gradients.sum::<usize>();
        budget.gradients += Block::BYTES * Block::for_slice::<f32>(A::scalars(shape));
        if training.adapt.stay_near > 0.0 {
            let outputs = Block::for_slice::<Tile>(shape.policy.outputs());
            budget.anchor += Block::BYTES * outputs;
        }
        if training.method.wants_gradients() {
            let record = Record::blocks(shape.networks(), (samples, width(training)));
            budget.topology += Block::BYTES * record;
        }
    }

    /// Draws the noise of so many samples, `rows` numbers each; apart from the threads, so that its
    /// order does not depend on them.
    pub(super) fn draw_noise(&mut self, samples: usize, rows: usize, rng: &mut impl Rng) {
        for number in &mut self.drawn[..samples * rows] {
            *number = StandardNormal.sample(rng);
        }
    }

    /// Begins to find the gradients of one part of the losses.
    pub(super) fn begin<A: Algorithm>(&mut self, part: u8) {
        self.losses = Default::default();
        self.done = 0;
        self.scalars.fill(0.0);
        self.house::<A>(part);
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
        let rows = self.noise.len();
        for (row, noise) in self.noise.iter_mut().enumerate() {
            let drawn = self.drawn[self.done * rows + row..].iter().step_by(rows);
            noise.0[..samples.len()].iter_mut().zip(drawn).for_each(|(to, from)| *to = *from);
        }
        algorithm.gradients(part, scene, self, samples);
        self.done += samples.len();
    }

    /// Gives the gradients of a part of the losses memory that those of others have, where there is not
    /// enough for all.
    fn house<A: Algorithm>(&mut self, part: u8) {
        let of_part = |at: usize| A::NETWORKS[at].loss == part;
        for at in 0..self.gradients.len() {
            if of_part(at) && self.gradients[at].is_homeless() {
                let mut others = (0..self.gradients.len()).filter(|&other| !of_part(other));
                let home = others.find_map(|other| self.gradients[other].move_out());
                self.gradients[at].move_in(home.unwrap_or_default());
            }
        }
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
