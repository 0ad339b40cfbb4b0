//! A layer repacked so that vector kernels need no gather.
//!
//! Rows are taken in groups of as many as a vector has lanes, columns in blocks of as many inputs
//! as fit the registers that a permute instruction selects from. For each group and block the
//! layout holds *steps*: in one step every lane multiplies one link of its own row with an input
//! picked out of the block's registers. Lanes with fewer links in the block than the fullest one
//! are padded with the value zero (a sliced ELLPACK, Kreutzer et al. 2014, cut into column blocks).

use super::rows::RowLinks;
use crate::learn::{Arena, Block, OutOfMemory};
use core::iter::Peekable;
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

/// What repacking writes, in order.
enum Event {
    /// A column (relative to its block) and a value for each lane.
    Step([(u8, f32); MAX_LANES]),
    /// The block ends after this many steps.
    BlockEnd(u8),
}

/// How much of each part, as counted before it is written.
struct Sizes {
    counts: usize,
    entries: usize,
}

impl Sizes {
    fn of(layer: &LayerView<'_>, geometry: Geometry) -> Self {
        let mut sizes = Self { counts: 0, entries: 0 };
        walk(layer, geometry, |event| match event {
            Event::Step(_) => sizes.entries += geometry.lanes,
            Event::BlockEnd(_) => sizes.counts += 1,
        });
        sizes
    }
}

impl<'m> Packed<'m> {
    /// Blocks of memory that [`Packed::new`] takes.
    pub fn blocks(layer: &LayerView<'_>, geometry: Geometry) -> usize {
        let sizes = Sizes::of(layer, geometry);
        Block::for_slice::<f32>(sizes.entries)
            + Block::for_slice::<u8>(sizes.entries)
            + Block::for_slice::<u8>(sizes.counts)
    }

    /// Repacks `layer` into memory of `arena`. Time linear in links and in rows × blocks.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`Packed::blocks`] left.
    pub fn new(
        layer: &LayerView<'_>,
        geometry: Geometry,
        arena: &mut Arena<'m>,
    ) -> Result<Self, OutOfMemory> {
        let sizes = Sizes::of(layer, geometry);
        let values = arena.take::<f32>(sizes.entries)?;
        let columns = arena.take::<u8>(sizes.entries)?;
        let counts = arena.take::<u8>(sizes.counts)?;

        let mut steps =
            values.chunks_exact_mut(geometry.lanes).zip(columns.chunks_exact_mut(geometry.lanes));
        let mut blocks = counts.iter_mut();
        walk(layer, geometry, |event| match event {
            Event::Step(entries) => {
                let Some((values, columns)) = steps.next() else { return };
                for (lane, (value, column)) in values.iter_mut().zip(columns).enumerate() {
                    (*column, *value) = entries[lane];
                }
            }
            Event::BlockEnd(count) => {
                let Some(place) = blocks.next() else { return };
                *place = count;
            }
        });
        let (rows, cols) = (layer.rows(), layer.cols());
        Ok(Self { geometry, rows, cols, counts, columns, values })
    }

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

/// Tells `sink` the steps of `layer` in layout order.
fn walk(layer: &LayerView<'_>, geometry: Geometry, mut sink: impl FnMut(Event)) {
    let mut next = RowLinks::first(layer);
    for _ in (0..layer.rows()).step_by(geometry.lanes) {
        // Rows past the last are empty.
        let mut lanes: [Option<Peekable<RowLinks<'_>>>; MAX_LANES] = core::array::from_fn(|lane| {
            (lane < geometry.lanes).then(|| {
                let row = next.clone();
                next = row.after();
                row.peekable()
            })
        });
        for block in (0..layer.cols()).step_by(geometry.block) {
            let mut count = 0;
            loop {
                let mut live = false;
                let step = core::array::from_fn(|lane| {
                    let in_block = |link: &(usize, f32)| link.0 < block + geometry.block;
                    match lanes[lane].as_mut().and_then(|row| row.next_if(in_block)) {
                        Some((column, value)) => {
                            live = true;
                            ((column - block) as u8, value)
                        }
                        None => (0, 0.0),
                    }
                });
                if !live {
                    break;
                }
                sink(Event::Step(step));
                count += 1;
            }
            sink(Event::BlockEnd(count));
        }
    }
}
