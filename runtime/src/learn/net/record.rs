//! What the gradients of a layer are made of, so that those of links that are not there can be asked
//! for row by row, and are never all stored.

use super::shape::NetworkShape;
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{TILE, Tile, TrainKernels};
use lacewing_formats::topology::Csr;

/// Gradients by a layer's sums and the layer's inputs, tile after tile of a minibatch.
#[derive(Debug)]
pub struct Record<'m> {
    tiles: &'m mut [Tile],
    /// Samples of all tiles so far.
    samples: usize,
    rows: usize,
    cols: usize,
}

impl<'m> Record<'m> {
    /// Memory for any layer of these networks, and so many samples.
    pub(in crate::learn) fn new<'s>(
        arena: &mut Arena<'m>,
        shapes: impl Iterator<Item = &'s NetworkShape>,
        samples: usize,
    ) -> Result<Self, OutOfMemory> {
        let tiles = arena.take(Self::tiles(shapes, samples))?;
        Ok(Self { tiles, samples: 0, rows: 0, cols: 0 })
    }

    /// Blocks that [`Record::new`] takes.
    pub(in crate::learn) fn blocks<'s>(
        shapes: impl Iterator<Item = &'s NetworkShape>,
        samples: usize,
    ) -> usize {
        Block::for_slice::<Tile>(Self::tiles(shapes, samples))
    }

    fn tiles<'s>(shapes: impl Iterator<Item = &'s NetworkShape>, samples: usize) -> usize {
        let ends = shapes.flat_map(NetworkShape::layers).map(|(cols, rows, _)| rows + cols);
        ends.max().unwrap_or(0) * samples.div_ceil(TILE)
    }

    pub(super) fn begin(&mut self) {
        self.samples = 0;
    }

    /// Keeps a tile; only the last may have fewer samples than a tile has places.
    pub(super) fn add(&mut self, dy: &[Tile], x: &[Tile], samples: usize) {
        (self.rows, self.cols) = (dy.len(), x.len());
        let place = self.samples / TILE * (self.rows + self.cols);
        let (to_dy, to_x) = self.tiles[place..][..self.rows + self.cols].split_at_mut(self.rows);
        to_dy.copy_from_slice(dy);
        to_x.copy_from_slice(x);
        self.samples += samples;
    }

    /// Adds to `out` the gradients by the weights that links of `row` to these columns, ascending,
    /// have or would have.
    pub(in crate::learn) fn gradients(
        &self,
        kernels: &TrainKernels,
        row: usize,
        columns: &[u16],
        out: &mut [f32],
    ) {
        let ends = [0, columns.len() as u32];
        let Ok(topology) = Csr::new(self.cols, &ends, columns) else { return };
        let tiles = self.tiles.chunks_exact((self.rows + self.cols).max(1));
        for (first, tile) in (0..self.samples).step_by(TILE).zip(tiles) {
            let (dy, x) = tile.split_at(self.rows);
            let samples = TILE.min(self.samples - first);
            kernels.sddmm(topology, &dy[row..=row], x, out, samples);
        }
    }
}
