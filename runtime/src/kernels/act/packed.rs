//! A layer repacked so that vector kernels need no gather.
//!
//! Rows are taken in groups of as many as a vector has lanes, columns in blocks of as many inputs
//! as fit the registers that a permute instruction selects from. For each group and block the
//! layout holds *steps*: in one step every lane multiplies one link of its own row with an input
//! picked out of the block's registers. Lanes with fewer links in the block than the fullest one
//! are padded with the value zero (a sliced ELLPACK, Kreutzer et al. 2014, cut into column blocks).
//! So that there is little to pad, rows may be put into another order ([`PackedPlan::order`]); the next
//! layer is then told where its inputs went.

#[cfg(feature = "alloc")]
use super::{
    group::{fill, group},
    links::Links,
};
#[cfg(feature = "alloc")]
use crate::learn::{Arena, Block, OutOfMemory};
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// The shape of a kernel's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows in a group: lanes of the kernel's vectors, at most [`MAX_LANES`].
    pub lanes: usize,
    /// Inputs in a block: what its permutes select from, at most [`MAX_BLOCK`].
    pub block: usize,
}

/// Lanes of the widest geometry.
pub const MAX_LANES: usize = 16;

/// Inputs in the widest block.
pub const MAX_BLOCK: usize = 32;

/// A layer in the layout of a [`Geometry`]; to have one is proof that every index in it is sound.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'m> {
    geometry: Geometry,
    rows: usize,
    cols: usize,
    /// Steps of every block of every group.
    counts: &'m [u8],
    /// `lanes` columns a step, relative to their block.
    columns: &'m [u8],
    /// `lanes` values a step.
    values: &'m [f32],
}

impl<'m> Packed<'m> {
    /// The layout's geometry.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Blocks of columns in each group of rows.
    pub fn blocks_per_group(&self) -> usize {
        self.cols.div_ceil(self.geometry.block)
    }

    pub(super) fn counts(&self) -> &'m [u8] {
        self.counts
    }

    pub(super) fn columns(&self) -> &'m [u8] {
        self.columns
    }

    pub(super) fn values(&self) -> &'m [f32] {
        self.values
    }
}

/// A [`Packed`] to be: everything but its memory.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct PackedPlan {
    geometry: Geometry,
    links: Links,
    order: Vec<u16>,
    counts: Vec<u8>,
}

#[cfg(feature = "alloc")]
impl PackedPlan {
    /// Plans `links` for `geometry`; `regroup` says whether outputs may change their places.
    ///
    /// # Panics
    /// If `geometry` is wider than [`MAX_LANES`] and [`MAX_BLOCK`].
    pub fn new(links: &Links, geometry: Geometry, regroup: bool) -> Self {
        assert!(geometry.lanes <= MAX_LANES && geometry.block <= MAX_BLOCK, "{geometry:?}");
        let order = if regroup {
            group(links, geometry)
        } else {
            (0..links.rows()).map(|row| row as u16).collect()
        };
        let blocks = links.cols().div_ceil(geometry.block);
        let mut counts = vec![0; links.rows().div_ceil(geometry.lanes) * blocks];
        for (rows, counts) in order.chunks(geometry.lanes).zip(counts.chunks_exact_mut(blocks)) {
            for &row in rows {
                fill(links, geometry, row.into(), counts);
            }
        }
        Self { geometry, links: links.clone(), order, counts }
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.counts.iter().map(|&count| usize::from(count)).sum()
    }

    /// What it is planned for.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The output neuron at each place.
    pub fn order(&self) -> &[u16] {
        &self.order
    }

    /// Blocks of memory that [`PackedPlan::write`] takes.
    pub fn blocks(&self) -> usize {
        let entries = self.steps() * self.geometry.lanes;
        Block::for_slice::<f32>(entries)
            + Block::for_slice::<u8>(entries)
            + Block::for_slice::<u8>(self.counts.len())
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`PackedPlan::blocks`] left.
    pub fn write<'m>(&self, arena: &mut Arena<'m>) -> Result<Packed<'m>, OutOfMemory> {
        let Geometry { lanes, block } = self.geometry;
        let entries = self.steps() * lanes;
        let values = arena.take::<f32>(entries)?;
        let columns = arena.take::<u8>(entries)?;
        let counts = arena.take::<u8>(self.counts.len())?;
        counts.copy_from_slice(&self.counts);

        let mut steps = values.chunks_exact_mut(lanes).zip(columns.chunks_exact_mut(lanes));
        let (rows, cols) = (self.links.rows(), self.links.cols());
        let groups = self.order.chunks(lanes).zip(counts.chunks_exact(cols.div_ceil(block)));
        for (group, counts) in groups {
            let mut rest: Vec<_> = group.iter().map(|&row| self.links.row(row.into())).collect();
            for (start, &count) in (0..).step_by(block).zip(counts) {
                for (values, columns) in steps.by_ref().take(count.into()) {
                    for (links, entry) in rest.iter_mut().zip(values.iter_mut().zip(columns)) {
                        // Lanes without a link left in this block stay zero.
                        let Some((&(place, value), after)) = links.split_first() else { continue };
                        if usize::from(place) < start + block {
                            *entry.0 = value;
                            *entry.1 = (usize::from(place) - start) as u8;
                            *links = after;
                        }
                    }
                }
            }
        }
        Ok(Packed { geometry: self.geometry, rows, cols, counts, columns, values })
    }
}
