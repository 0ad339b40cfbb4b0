//! What an online layer has beside its links.

use super::float8::Float8;
use super::layer::{Links, shorten};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{Finish, Tile, TrainKernels};
use crate::learn::budget::Budget;
use crate::learn::error::LearnError;
use crate::learn::method::Newborn;
use bytemuck::Pod;
use half::bf16;
use lacewing_formats::topology::{Csr, CsrMut, carry};

/// How much a layer may have beside its links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerMemory {
    /// All that makes learning fast.
    #[default]
    Full,
    /// What it cannot do without.
    Lean,
    /// The same where links stay for ever: they need no ages, and a target can share them.
    LeanFixed,
}

impl LayerMemory {
    /// Whether there is room for what only makes learning fast.
    fn is_full(self) -> bool {
        self == Self::Full
    }

    pub(in crate::learn) fn is_fixed(self) -> bool {
        self == Self::LeanFixed
    }
}

/// What an online layer has beside its links.
#[derive(Debug)]
pub(in crate::learn) struct Learning<'m> {
    pub moments: Moments<'m>,
    /// Age of every link in changes of topology; none where there are no changes.
    pub ages: &'m mut [u8],
    pub columns: Option<Columns<'m>>,
}

impl<'m> Learning<'m> {
    pub fn new(
        arena: &mut Arena<'m>,
        links: Csr<'_>,
        memory: LayerMemory,
    ) -> Result<Self, LearnError> {
        let moments = Moments::new(arena, (links.rows(), links.links()), memory)?;
        let columns = match memory.is_full() {
            true => Some(Columns::new(arena, links)?),
            false => None,
        };
        let ages: &mut [u8] = arena.take(if memory.is_fixed() { 0 } else { links.links() })?;
        // Links of the first draw are as old as can be: nothing grew them.
        ages.fill(u8::MAX);
        Ok(Self { moments, ages, columns })
    }

    /// Counts what [`Learning::new`] takes.
    pub fn count(
        (inputs, outputs, links): (usize, usize, usize),
        memory: LayerMemory,
        budget: &mut Budget,
    ) {
        let numbers = Block::for_slice::<f32>(links);
        budget.moments += Block::BYTES * Moments::blocks((outputs, links), memory);
        if memory.is_full() {
            let columns =
                Block::for_slice::<u32>(inputs + 1) + Block::for_slice::<u16>(links) + 2 * numbers;
            budget.columns += Block::BYTES * columns;
        }
        if !memory.is_fixed() {
            budget.ages += Block::BYTES * Block::for_slice::<u8>(links);
        }
    }

    /// Leaves the arrays of links with the first `left` places.
    pub fn shorten(&mut self, left: usize) {
        match &mut self.moments {
            Moments::Full { weights, .. } => {
                shorten(&mut weights.m, left);
                shorten(&mut weights.v, left);
            }
            Moments::Small { weights, .. } => {
                shorten(&mut weights.m, left);
                shorten(&mut weights.v, left);
            }
        }
        if let Some(columns) = &mut self.columns {
            shorten(&mut columns.links, left);
            shorten(&mut columns.weights, left);
        }
        if !self.ages.is_empty() {
            shorten(&mut self.ages, left);
        }
    }
}

/// First and second moments of a slice of parameters.
#[derive(Debug)]
pub(in crate::learn) struct Pair<'m, M = f32, V = f32> {
    pub m: &'m mut [M],
    pub v: &'m mut [V],
}

impl<'m, M: Pod, V: Pod> Pair<'m, M, V> {
    fn new(arena: &mut Arena<'m>, count: usize) -> Result<Self, OutOfMemory> {
        Ok(Self { m: arena.take(count)?, v: arena.take(count)? })
    }

    fn blocks(count: usize) -> usize {
        Block::for_slice::<M>(count) + Block::for_slice::<V>(count)
    }

    fn clear(&mut self) {
        self.m.fill(M::zeroed());
        self.v.fill(V::zeroed());
    }
}

/// Moments of a layer's parameters.
#[derive(Debug)]
pub(in crate::learn) enum Moments<'m> {
    /// Each in 32 bits.
    Full { weights: Pair<'m>, bias: Pair<'m> },
    /// The first in 16 bits, the second in 8.
    Small { weights: SmallPair<'m>, bias: SmallPair<'m> },
}

/// Moments in three bytes a parameter.
pub(in crate::learn) type SmallPair<'m> = Pair<'m, bf16, Float8>;

impl<'m> Moments<'m> {
    fn new(
        arena: &mut Arena<'m>,
        (outputs, links): (usize, usize),
        memory: LayerMemory,
    ) -> Result<Self, OutOfMemory> {
        Ok(match memory.is_full() {
            true => {
                Self::Full { weights: Pair::new(arena, links)?, bias: Pair::new(arena, outputs)? }
            }
            false => {
                Self::Small { weights: Pair::new(arena, links)?, bias: Pair::new(arena, outputs)? }
            }
        })
    }

    fn blocks((outputs, links): (usize, usize), memory: LayerMemory) -> usize {
        let each = |count| match memory.is_full() {
            true => Pair::<f32, f32>::blocks(count),
            false => SmallPair::blocks(count),
        };
        each(links) + each(outputs)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        match self {
            Self::Full { weights, bias } => [weights, bias].into_iter().for_each(Pair::clear),
            Self::Small { weights, bias } => [weights, bias].into_iter().for_each(Pair::clear),
        }
    }

    /// Follows the links to their new places; `source` as [`carry`] wants it.
    pub fn carry(&mut self, source: &[u32], newborn: Newborn) {
        let second = |sum: f32, count: usize| match newborn {
            Newborn::Fresh => 0.0,
            Newborn::LayerMean => sum / count as f32,
        };
        match self {
            Self::Full { weights, .. } => {
                let v = second(weights.v.iter().sum(), weights.v.len());
                carry(weights.m, source, 0.0);
                carry(weights.v, source, v);
            }
            Self::Small { weights, .. } => {
                let sum = weights.v.iter().map(|v| v.to_f32()).sum();
                let v = second(sum, weights.v.len());
                carry(weights.m, source, bf16::ZERO);
                carry(weights.v, source, Float8::nearest(v));
            }
        }
    }
}

/// The topology by columns, for the gradient of the input.
#[derive(Debug)]
pub(in crate::learn) struct Columns<'m> {
    topology: CsrMut<'m>,
    /// For every link by columns its place by rows, and its weight.
    links: &'m mut [u32],
    weights: &'m mut [f32],
}

impl<'m> Columns<'m> {
    fn new(arena: &mut Arena<'m>, rows: Csr<'_>) -> Result<Self, LearnError> {
        let (row_ptr, col_idx) = (arena.take(rows.cols() + 1)?, arena.take(rows.links())?);
        let (links, weights) = (arena.take(rows.links())?, arena.take(rows.links())?);
        let topology = CsrMut::transposed(rows, row_ptr, col_idx, links)?;
        Ok(Self { topology, links, weights })
    }

    /// Becomes that of `links`.
    pub fn index(&mut self, links: &Links<'_>) {
        self.topology.transpose_from(links.topology.view(), self.links);
        self.gather(links.weights);
    }

    /// Takes the weights again.
    pub fn gather(&mut self, weights: &[f32]) {
        for (weight, &link) in self.weights.iter_mut().zip(&*self.links) {
            *weight = weights[link as usize];
        }
    }

    pub fn product(
        &self,
        kernels: &TrainKernels,
        dy: &[Tile],
        dx: &mut [Tile],
        finish: Finish<'_>,
        samples: usize,
    ) {
        kernels.spmm(self.topology.view(), self.weights, None, dy, dx, finish, samples);
    }
}
