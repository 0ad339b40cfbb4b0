//! One sparse layer: its links, and what learning needs beside them.

use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{Finish, Tile, TrainKernels};
use lacewing_formats::topology::{
    Change, Csr, CsrMut, Drop, FollowScratch, Grow, RewireScratch, Structure, TargetRule, carry,
    follow, rewire,
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

/// Adam's moments of a slice of parameters.
#[derive(Debug)]
pub(in crate::learn) struct Moments<'m> {
    pub m: &'m mut [f32],
    pub v: &'m mut [f32],
}

/// What an online layer has beside its links.
#[derive(Debug)]
pub(in crate::learn) struct Learning<'m> {
    pub weights: Moments<'m>,
    pub bias: Moments<'m>,
    /// The topology by columns, for the gradient of the input.
    columns: CsrMut<'m>,
    /// For every link by columns its place by rows, and its weight.
    column_links: &'m mut [u32],
    column_weights: &'m mut [f32],
}

/// An online layer.
#[derive(Debug)]
pub(in crate::learn) struct Layer<'m> {
    pub links: Links<'m>,
    pub learning: Learning<'m>,
}

/// Working memory for changes of topology, two places a link of the largest layer.
#[derive(Debug)]
pub(in crate::learn) struct TopologyScratch<'m> {
    indices: &'m mut [u32],
    columns: &'m mut [u16],
    weights: &'m mut [f32],
    strengths: &'m mut [f32],
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
        init: Init,
        rng: &mut impl Rng,
    ) -> Result<Self, crate::learn::error::LearnError> {
        let (row_ptr, col_idx) = (arena.take(outputs + 1)?, arena.take(links)?);
        let topology = CsrMut::random(structure, inputs, row_ptr, col_idx, rng)?;
        let (weights, bias) = (arena.take(links)?, arena.take(outputs)?);
        let fan_in = match init {
            Init::Dense => inputs as f64,
            Init::SparsityAware => links as f64 / outputs as f64,
        };
        let bound = 1.0 / libm::sqrt(fan_in);
        for parameter in weights.iter_mut().chain(&mut *bias) {
            let unit = (rng.next_u32() >> 8) as f64 / f64::from(1 << 24);
            *parameter = ((2.0 * unit - 1.0) * bound) as f32;
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

    pub fn blocks((_, outputs, links): (usize, usize, usize)) -> usize {
        Block::for_slice::<u32>(outputs + 1)
            + Block::for_slice::<u16>(links)
            + Block::for_slice::<f32>(links)
            + Block::for_slice::<f32>(outputs)
    }

    pub fn view(&self) -> LayerRef<'_> {
        LayerRef { topology: self.topology.view(), weights: self.weights, bias: self.bias }
    }

    /// One Polyak step towards `online` that keeps the sparsity.
    pub fn follow(&mut self, online: &Links<'_>, tau: f32, scratch: &mut TopologyScratch<'_>) {
        let mut scratch = FollowScratch {
            columns: scratch.columns,
            weights: scratch.weights,
            strengths: scratch.strengths,
            ranking: bytemuck::cast_slice_mut(scratch.indices),
        };
        let (topology, weights) = (&mut self.topology, &mut *self.weights);
        let leader = (&online.topology, &*online.weights);
        follow(topology, weights, leader, tau, TargetRule::OwnTopology, &mut scratch);
        for (target, online) in self.bias.iter_mut().zip(&*online.bias) {
            *target += tau * (online - *target);
        }
    }
}

impl<'m> Moments<'m> {
    fn new(arena: &mut Arena<'m>, count: usize) -> Result<Self, OutOfMemory> {
        Ok(Self { m: arena.take(count)?, v: arena.take(count)? })
    }
}

impl<'m> Layer<'m> {
    /// Takes the memory for learning beside `links`.
    pub fn new(
        arena: &mut Arena<'m>,
        links: Links<'m>,
    ) -> Result<Self, crate::learn::error::LearnError> {
        let view = links.topology.view();
        let (inputs, outputs, count) = (view.cols(), view.rows(), view.links());
        let weights = Moments::new(arena, count)?;
        let bias = Moments::new(arena, outputs)?;
        let (row_ptr, col_idx) = (arena.take(inputs + 1)?, arena.take(count)?);
        let column_links = arena.take(count)?;
        let column_weights = arena.take(count)?;
        let columns = CsrMut::transposed(view, row_ptr, col_idx, column_links)?;
        let learning = Learning { weights, bias, columns, column_links, column_weights };
        let mut layer = Self { links, learning };
        layer.gather_columns();
        Ok(layer)
    }

    pub fn blocks(shape: (usize, usize, usize)) -> usize {
        let (inputs, outputs, links) = shape;
        Links::blocks(shape)
            + 4 * Block::for_slice::<f32>(links)
            + 2 * Block::for_slice::<f32>(outputs)
            + Block::for_slice::<u32>(inputs + 1)
            + Block::for_slice::<u16>(links)
    }

    /// Brings the view by columns up to date with topology and weights.
    pub fn index_columns(&mut self) {
        let topology = self.links.topology.view();
        self.learning.columns.transpose_from(topology, self.learning.column_links);
        self.gather_columns();
    }

    /// Brings the weights by columns up to date.
    pub fn gather_columns(&mut self) {
        let learning = &mut self.learning;
        for (weight, &link) in learning.column_weights.iter_mut().zip(&*learning.column_links) {
            *weight = self.links.weights[link as usize];
        }
    }

    /// `dx = finish(Wᵀ·dy)`.
    pub fn input_gradient(
        &self,
        kernels: &TrainKernels,
        dy: &[Tile],
        dx: &mut [Tile],
        finish: Finish<'_>,
        samples: usize,
    ) {
        let learning = &self.learning;
        kernels.spmm(
            learning.columns.view(),
            learning.column_weights,
            None,
            dy,
            dx,
            finish,
            samples,
        );
    }

    /// SET: grown links start at zero with fresh moments. Returns the links exchanged.
    pub fn rewire(
        &mut self,
        fraction: f64,
        rule: Drop,
        rng: &mut impl Rng,
        scratch: &mut TopologyScratch<'_>,
    ) -> usize {
        let (weights, moments) = (&mut *self.links.weights, &mut self.learning.weights);
        let (order, source) = scratch.indices[..2 * weights.len()].split_at_mut(weights.len());
        let strengths = &mut scratch.strengths[..weights.len()];
        let mut scratch = RewireScratch { order, strengths, source };
        let topology = &mut self.links.topology;
        let change = Change { fraction, drop: rule, protect: None };
        let exchanged = rewire(topology, weights, &change, Grow::Random(rng), &mut scratch);
        for values in [weights, moments.m, moments.v] {
            carry(values, scratch.source, 0.0);
        }
        self.index_columns();
        exchanged
    }
}
