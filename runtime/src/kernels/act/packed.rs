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
use crate::arena::{Arena, Block, OutOfMemory};
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
#[cfg(feature = "alloc")]
use bytemuck::Pod;

/// The shape of a kernel's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows in a group: lanes of the kernel's vectors, at most [`MAX_LANES`].
    pub lanes: usize,
    /// Inputs in a block: what its permutes select from, at most 128.
    pub block: usize,
    /// Links that one lane, so one row, multiplies in a step.
    pub links: usize,
}

impl Geometry {
    /// Weights in a step.
    pub const fn entries(self) -> usize {
        self.lanes * self.links
    }
}

/// Lanes of the widest geometry.
pub const MAX_LANES: usize = 16;

/// Inputs in the widest block of f32.
pub const MAX_BLOCK: usize = 64;

/// A layer in the layout of a [`Geometry`]; to have one is proof that every index in it is sound.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'m, V = f32> {
    geometry: Geometry,
    rows: usize,
    cols: usize,
    /// Steps of every block of every group.
    counts: &'m [u8],
    /// `lanes × links` columns a step, relative to their block.
    columns: &'m [u8],
    /// `lanes × links` values a step.
    values: &'m [V],
}

impl<'m, V> Packed<'m, V> {
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

    pub(super) fn values(&self) -> &'m [V] {
        self.values
    }
}

/// Hands every entry to `each`, group by group, as (row, input, value). The last group may have fewer
/// rows than lanes: what lies in the others is for rows that are not there.
pub(super) fn each_entry<V: Copy>(packed: &Packed<'_, V>, mut each: impl FnMut(usize, usize, V)) {
    let Geometry { lanes, block, links } = packed.geometry;
    let mut entries = packed.values.iter().zip(packed.columns);
    for (group, counts) in packed.counts.chunks_exact(packed.blocks_per_group()).enumerate() {
        for (number, &count) in counts.iter().enumerate() {
            let entries = entries.by_ref().take(usize::from(count) * packed.geometry.entries());
            for (at, (&value, &column)) in entries.enumerate() {
                let lane = at / links % lanes;
                each(group * lanes + lane, number * block + usize::from(column), value);
            }
        }
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
    /// If `geometry` has more than [`MAX_LANES`] lanes or blocks of more than 128.
    pub fn new(links: &Links, geometry: Geometry, regroup: bool) -> Self {
        assert!(geometry.lanes <= MAX_LANES && geometry.block <= 128, "{geometry:?}");
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

    /// Blocks of memory that [`PackedPlan::write`] takes for values of `V`.
    pub fn blocks<V>(&self) -> usize {
        let entries = self.steps() * self.geometry.entries();
        Block::for_slice::<V>(entries)
            + Block::for_slice::<u8>(entries)
            + Block::for_slice::<u8>(self.counts.len())
    }

    /// Writes the layout into memory of `arena`; `value` makes a value of a row's weight.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`PackedPlan::blocks`] left.
    pub fn write<'m, V: Pod>(
        &self,
        arena: &mut Arena<'m>,
        value: impl Fn(u16, f32) -> V,
    ) -> Result<Packed<'m, V>, OutOfMemory> {
        let Geometry { lanes, block, links } = self.geometry;
        let entries = self.steps() * self.geometry.entries();
        let values = arena.take::<V>(entries)?;
        let columns = arena.take::<u8>(entries)?;
        let counts = arena.take::<u8>(self.counts.len())?;
        counts.copy_from_slice(&self.counts);

        // Entries of one lane in one step.
        let mut entries = values.chunks_exact_mut(links).zip(columns.chunks_exact_mut(links));
        let (rows, cols) = (self.links.rows(), self.links.cols());
        let groups = self.order.chunks(lanes).zip(counts.chunks_exact(cols.div_ceil(block)));
        for (group, counts) in groups {
            let mut rest: Vec<_> = group.iter().map(|&row| self.links.row(row.into())).collect();
            rest.resize(lanes, &[]);
            for (start, &count) in (0..).step_by(block).zip(counts) {
                for _ in 0..count {
                    for (lane, links) in rest.iter_mut().enumerate() {
                        let Some((values, columns)) = entries.next() else { continue };
                        for (at, column) in values.iter_mut().zip(columns) {
                            // Lanes without a link left in this block stay zero.
                            let Some((&(place, weight), after)) = links.split_first() else {
                                break;
                            };
                            if usize::from(place) < start + block {
                                *at = value(group[lane], weight);
                                *column = (usize::from(place) - start) as u8;
                                *links = after;
                            }
                        }
                    }
                }
            }
        }
        Ok(Packed { geometry: self.geometry, rows, cols, counts, columns, values })
    }
}
