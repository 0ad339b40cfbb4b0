//! One sparse layer: its links, and what learning needs beside them.

use super::learning::{LayerMemory, Learning};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{Finish, Tile, TrainKernels};
use crate::learn::budget::Budget;
use crate::learn::method::{Method, Newborn};
use core::ops::AddAssign;
use lacewing_formats::topology::{
    Change, Csr, CsrMut, Drop, Grow, Protect, RewireScratch, Score, Scores, Structure,
    TopologyError, age, carry, prune, rewire,
};
use rand_core::Rng;
use serde::{Deserialize, Serialize};

/// How weights start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// As if the layer were dense: uniform in ± 1/√n_in, PyTorch's `Linear` (Sokar et al. 2022).
    #[default]
    Dense,
    /// The same over the live inputs: uniform in ± 1/√(n_in · density), which keeps the variance
    /// of the sums (Evci et al. 2022; Graesser et al. 2022, App. B).
    SparsityAware,
    /// Uniform in ± 1/√n, n being the live inputs of that very unit.
    PerUnit,
}

/// How a network starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its weights.
    pub init: Init,
    /// Whether units have biases that learn; else those stay zero.
    pub bias: bool,
    /// What its layers have beside their links.
    pub memory: LayerMemory,
}

/// A layer as others see it.
#[derive(Clone, Copy, Debug)]
pub struct LayerRef<'a> {
    /// Live links, `[outputs]` rows by `[inputs]` columns.
    pub topology: Csr<'a>,
    /// One weight a link.
    pub weights: &'a [f32],
    /// One bias an output.
    pub bias: &'a [f32],
}

impl<'a> LayerRef<'a> {
    /// The layer without its outputs from `rows` on.
    ///
    /// # Panics
    /// If it has fewer.
    pub fn first_rows(self, rows: usize) -> Self {
        let topology = self.topology.first_rows(rows);
        let weights = &self.weights[..topology.links()];
        Self { topology, weights, bias: &self.bias[..rows] }
    }
}

/// Links with their weights: all that a target network is made of.
#[derive(Debug)]
pub(in crate::learn) struct Links<'m> {
    pub topology: CsrMut<'m>,
    pub weights: &'m mut [f32],
    pub bias: &'m mut [f32],
}

/// An online layer.
#[derive(Debug)]
pub(in crate::learn) struct Layer<'m> {
    pub links: Links<'m>,
    pub learning: Learning<'m>,
}

/// Working memory for changes of topology, two places a link, or an input, of the largest layer.
#[derive(Debug)]
pub(in crate::learn) struct TopologyScratch<'m> {
    pub(super) indices: &'m mut [u32],
    pub(super) columns: &'m mut [u16],
    pub(super) weights: &'m mut [f32],
    pub(super) strengths: &'m mut [f32],
}

impl<'m> TopologyScratch<'m> {
    pub fn new(arena: &mut Arena<'m>, links: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            indices: arena.take(2 * links)?,
            columns: arena.take(2 * links)?,
            weights: arena.take(2 * links)?,
            strengths: arena.take(2 * links)?,
        })
    }

    pub fn blocks(links: usize) -> usize {
        3 * Block::for_slice::<u32>(2 * links) + Block::for_slice::<u16>(2 * links)
    }
}

impl<'m> Links<'m> {
    /// Random links, uniformly drawn weights and biases.
    pub fn random(
        arena: &mut Arena<'m>,
        structure: Structure,
        (inputs, outputs, links): (usize, usize, usize),
        start: Start,
        rng: &mut impl Rng,
    ) -> Result<Self, crate::learn::error::LearnError> {
        let (row_ptr, col_idx) = (arena.take(outputs + 1)?, arena.take(links)?);
        let topology = CsrMut::random(structure, inputs, row_ptr, col_idx, rng)?;
        let (weights, bias) = (arena.take(links)?, arena.take(outputs)?);
        let fan_in = |row: usize| match start.init {
            Init::Dense => inputs as f64,
            Init::SparsityAware => links as f64 / outputs as f64,
            // A unit without inputs has a bias all the same.
            Init::PerUnit => topology.view().row(row).len().max(1) as f64,
        };
        let mut draw = |row: usize| {
            let unit = (rng.next_u32() >> 8) as f64 / f64::from(1 << 24);
            ((2.0 * unit - 1.0) * (1.0 / libm::sqrt(fan_in(row)))) as f32
        };
        for row in 0..outputs {
            weights[topology.view().row(row)].fill_with(|| draw(row));
        }
        if start.bias {
            (0..).zip(&mut *bias).for_each(|(row, bias)| *bias = draw(row));
        }
        Ok(Self { topology, weights, bias })
    }

    /// The same links and weights as `other`.
    pub fn copy(
        arena: &mut Arena<'m>,
        other: &Links<'_>,
    ) -> Result<Self, crate::learn::error::LearnError> {
        let view = other.topology.view();
        let (row_ptr, col_idx) = (arena.take(view.rows() + 1)?, arena.take(view.links())?);
        let topology = CsrMut::copied(&other.topology, row_ptr, col_idx)?;
        let (weights, bias) = (arena.take(view.links())?, arena.take(view.rows())?);
        weights.copy_from_slice(other.weights);
        bias.copy_from_slice(other.bias);
        Ok(Self { topology, weights, bias })
    }

    /// Becomes the same links and weights as `other`.
    pub fn copy_from(&mut self, other: &Links<'_>) -> Result<(), TopologyError> {
        self.topology.copy_from(&other.topology)?;
        shorten(&mut self.weights, other.weights.len());
        self.weights.copy_from_slice(other.weights);
        self.bias.copy_from_slice(other.bias);
        Ok(())
    }

    pub fn blocks((_, outputs, links): (usize, usize, usize)) -> usize {
        Block::for_slice::<u32>(outputs + 1)
            + Block::for_slice::<u16>(links)
            + Block::for_slice::<f32>(links)
            + Block::for_slice::<f32>(outputs)
    }

    pub fn view(&self) -> LayerRef<'_> {
        LayerRef { topology: self.topology.view(), weights: self.weights, bias: self.bias }
    }
}

impl<'m> Layer<'m> {
    /// Takes the memory for learning beside `links`.
    pub fn new(
        arena: &mut Arena<'m>,
        links: Links<'m>,
        memory: LayerMemory,
    ) -> Result<Self, crate::learn::error::LearnError> {
        let learning = Learning::new(arena, links.topology.view(), memory)?;
        let mut layer = Self { links, learning };
        layer.gather_columns();
        Ok(layer)
    }

    /// Becomes a layer of the same links and weights as `links`, which has learned nothing yet.
    pub fn become_copy(&mut self, links: &Links<'_>) -> Result<(), TopologyError> {
        self.links.copy_from(links)?;
        self.shorten(links.weights.len());
        self.learning.moments.clear();
        self.learning.ages.fill(u8::MAX);
        self.index_columns();
        Ok(())
    }

    /// Counts what links and [`Layer::new`] take.
    pub fn count(shape: (usize, usize, usize), memory: LayerMemory, budget: &mut Budget) {
        budget.links += Block::BYTES * Links::blocks(shape);
        Learning::count(shape, memory, budget);
    }

    /// Brings the view by columns, if there is one, up to date with topology and weights.
    pub fn index_columns(&mut self) {
        if let Some(columns) = &mut self.learning.columns {
            columns.index(&self.links);
        }
    }

    /// Brings the weights by columns up to date.
    pub fn gather_columns(&mut self) {
        if let Some(columns) = &mut self.learning.columns {
            columns.gather(self.links.weights);
        }
    }

    /// `dx = finish(Wᵀ·dy)`, through the view by columns.
    pub fn input_gradient(
        &self,
        kernels: &TrainKernels,
        dy: &[Tile],
        dx: &mut [Tile],
        finish: Finish<'_>,
        samples: usize,
    ) {
        if let Some(columns) = &self.learning.columns {
            columns.product(kernels, dy, dx, finish, samples);
        }
    }

    /// Drops some links and grows as many, those with the highest scores where there is a score, else
    /// any; grown links start at zero.
    pub fn exchange(
        &mut self,
        fraction: f64,
        method: &Method,
        score: Option<&mut Score<'_>>,
        rng: &mut impl Rng,
        scratch: &mut TopologyScratch<'_>,
    ) -> Changed {
        let (links, learning) = (&mut self.links, &mut self.learning);
        let young = |ages: &[u8]| ages.iter().filter(|&&age| age == 0).count();
        let young_before = young(learning.ages);
        let protect = (method.protect > 0)
            .then_some(Protect { ages: &*learning.ages, changes: method.protect });
        let change = Change { fraction, drop: method.drop, protect };
        let TopologyScratch { indices, strengths, columns, weights: scores } = scratch;
        let mut scratch = for_change(indices, strengths, links.weights.len());
        let grow = match score {
            Some(score) => Grow::Scored(Scores { score, columns, scores }),
            None => Grow::Random(rng),
        };
        let topology = &mut links.topology;
        let dropped = rewire(topology, links.weights, &change, grow, &mut scratch);
        carry(links.weights, scratch.source, 0.0);
        learning.moments.carry(scratch.source, method.newborn);
        age(learning.ages, scratch.source);
        // Those that were young and are still there are one change old now.
        let survived = learning.ages.iter().filter(|&&age| age == 1).count();
        self.index_columns();
        Changed { dropped, newborn: young_before - survived }
    }

    /// Drops links until so many are left; the layer is then so much smaller.
    pub fn prune(&mut self, keep: usize, rule: Drop, scratch: &mut TopologyScratch<'_>) -> Changed {
        let (links, learning) = (&mut self.links, &mut self.learning);
        let before = links.weights.len();
        let mut scratch = for_change(scratch.indices, scratch.strengths, before);
        let left = prune(&mut links.topology, links.weights, keep, rule, &mut scratch);
        let source = &scratch.source[..left];
        carry(links.weights, source, 0.0);
        learning.moments.carry(source, Newborn::Fresh);
        age(learning.ages, source);
        self.shorten(left);
        self.index_columns();
        Changed { dropped: before - left, newborn: 0 }
    }

    /// Leaves the arrays of links with the first `left` places.
    fn shorten(&mut self, left: usize) {
        shorten(&mut self.links.weights, left);
        self.learning.shorten(left);
    }

    /// Becomes a layer of fewer links, to be filled in.
    pub fn shrink_to(&mut self, links: usize) -> Result<(), TopologyError> {
        self.links.topology.shrink_to(links)?;
        self.shorten(links);
        Ok(())
    }
}

/// Working memory for a change of a layer of so many links.
fn for_change<'s>(
    indices: &'s mut [u32],
    strengths: &'s mut [f32],
    links: usize,
) -> RewireScratch<'s> {
    let (order, source) = indices[..2 * links].split_at_mut(links);
    RewireScratch { order, strengths: &mut strengths[..links], source }
}

/// Leaves a slice with its first `left` places.
pub(super) fn shorten<T>(values: &mut &mut [T], left: usize) {
    *values = &mut core::mem::take(values)[..left];
}

/// What a change of topology did to a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Links that went.
    pub dropped: usize,
    /// Those of them that the change before had grown.
    pub newborn: usize,
}

impl AddAssign for Changed {
    fn add_assign(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.newborn += other.newborn;
    }
}
