//! A layer repacked so that vector kernels need no gather.
//!
//! Rows are taken in groups of as many as a vector has lanes, columns in blocks of as many inputs
//! as fit the registers that a permute instruction selects from. For each group and block the
//! layout holds *steps*: in one step every lane multiplies one link of its own row with an input
//! picked out of the block's registers. Lanes with fewer links in the block than the fullest one
//! are padded with the value zero (a sliced ELLPACK, Kreutzer et al. 2014, cut into column blocks).
//! So that there is little to pad, rows may be put into another order ([`Plan::order`]); the next
//! layer is then told where its inputs went.

#[cfg(feature = "alloc")]
use super::group::{fill, group};
#[cfg(feature = "alloc")]
use crate::learn::{Arena, Block, OutOfMemory};
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
#[cfg(feature = "alloc")]
use lacewing_formats::artifact::LayerView;

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

/// The links of a layer after its inputs have moved.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub(super) struct Placed {
    cols: usize,
    row_ptr: Vec<u32>,
    /// Place of the input and weight, ascending in each row.
    links: Vec<(u16, f32)>,
}

#[cfg(feature = "alloc")]
impl Placed {
    fn new(layer: &LayerView<'_>, inputs: Option<&[u16]>) -> Self {
        let place = |column: u16| inputs.map_or(column, |inputs| inputs[usize::from(column)]);
        let links = layer.iter().map(|(_, column, value)| (place(column), value)).collect();
        let mut placed = Self { cols: layer.cols(), row_ptr: layer.row_ptr().to_vec(), links };
        for row in 0..placed.rows() {
            let links = placed.range(row);
            placed.links[links].sort_unstable_by_key(|link| link.0);
        }
        placed
    }

    fn range(&self, row: usize) -> core::ops::Range<usize> {
        self.row_ptr[row] as usize..self.row_ptr[row + 1] as usize
    }

    pub(super) fn rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn row(&self, row: usize) -> &[(u16, f32)] {
        &self.links[self.range(row)]
    }
}

/// A [`Packed`] to be: everything but its memory.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct Plan {
    geometry: Geometry,
    links: Placed,
    order: Vec<u16>,
    counts: Vec<u8>,
}

#[cfg(feature = "alloc")]
impl Plan {
    /// Plans `layer` for `geometry`; `inputs` says at which place each input lies (where `None`,
    /// its own), `regroup` whether outputs may change their places.
    ///
    /// # Panics
    /// If there is no place for an input, or `geometry` is wider than [`MAX_LANES`] and
    /// [`MAX_BLOCK`].
    pub fn new(
        layer: &LayerView<'_>,
        geometry: Geometry,
        inputs: Option<&[u16]>,
        regroup: bool,
    ) -> Self {
        assert!(geometry.lanes <= MAX_LANES && geometry.block <= MAX_BLOCK, "{geometry:?}");
        let links = Placed::new(layer, inputs);
        let order = if regroup {
            group(&links, geometry)
        } else {
            (0..links.rows()).map(|row| row as u16).collect()
        };
        let blocks = links.cols().div_ceil(geometry.block);
        let mut counts = vec![0; links.rows().div_ceil(geometry.lanes) * blocks];
        for (rows, counts) in order.chunks(geometry.lanes).zip(counts.chunks_exact_mut(blocks)) {
            for &row in rows {
                fill(&links, geometry, row.into(), counts);
            }
        }
        Self { geometry, links, order, counts }
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.counts.iter().map(|&count| usize::from(count)).sum()
    }

    /// The output neuron at each place.
    pub fn order(&self) -> &[u16] {
        &self.order
    }

    /// Blocks of memory that [`Plan::write`] takes.
    pub fn blocks(&self) -> usize {
        let entries = self.steps() * self.geometry.lanes;
        Block::for_slice::<f32>(entries)
            + Block::for_slice::<u8>(entries)
            + Block::for_slice::<u8>(self.counts.len())
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`Plan::blocks`] left.
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
