//! What the gradients of a layer are made of, so that those of links that are not there can be asked
//! for row by row, and are never all stored.

use super::shape::NetworkShape;
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, Quarter, Row, Tile, TrainKernels};
use lacewing_formats::topology::Csr;

/// Gradients by a layer's sums and the layer's inputs, tile after tile of a minibatch.
#[derive(Debug)]
pub struct Record<'m> {
    quarters: &'m mut [Quarter],
    /// Quarters of a row of samples.
    width: usize,
    /// Samples of all tiles so far.
    samples: usize,
    rows: usize,
    cols: usize,
}

impl<'m> Record<'m> {
    /// Memory for any layer of these networks, and so many samples in rows of `width` quarters.
    pub(in crate::learn) fn new<'s>(
        arena: &mut Arena<'m>,
        shapes: impl Iterator<Item = &'s NetworkShape>,
        (samples, width): (usize, usize),
    ) -> Result<Self, OutOfMemory> {
        let quarters = arena.take(Self::quarters(shapes, samples, width))?;
        Ok(Self { quarters, width, samples: 0, rows: 0, cols: 0 })
    }

    /// Blocks that [`Record::new`] takes.
    pub(in crate::learn) fn blocks<'s>(
        shapes: impl Iterator<Item = &'s NetworkShape>,
        (samples, width): (usize, usize),
    ) -> usize {
        Block::for_slice::<Quarter>(Self::quarters(shapes, samples, width))
    }

    fn quarters<'s>(
        shapes: impl Iterator<Item = &'s NetworkShape>,
        samples: usize,
        width: usize,
    ) -> usize {
        let ends = shapes.flat_map(NetworkShape::layers).map(|(cols, rows, _)| rows + cols);
        ends.max().unwrap_or(0) * samples.div_ceil(width * QUARTER) * width
    }

    pub(super) fn begin(&mut self) {
        self.samples = 0;
    }

    /// Keeps a tile; only the last may have fewer samples than a tile has places.
    pub(super) fn add<R: Row>(&mut self, dy: &[R], x: &[R], samples: usize) {
        (self.rows, self.cols) = (dy.len(), x.len());
        let tile = (self.rows + self.cols) * self.width;
        let place = self.samples / R::SAMPLES * tile;
        let (to_dy, to_x) = self.quarters[place..][..tile].split_at_mut(self.rows * self.width);
        to_dy.copy_from_slice(bytemuck::cast_slice(dy));
        to_x.copy_from_slice(bytemuck::cast_slice(x));
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
        match self.width {
            1 => self.gradients_in::<Quarter>(kernels, row, columns, out),
            _ => self.gradients_in::<Tile>(kernels, row, columns, out),
        }
    }

    fn gradients_in<R: Row>(
        &self,
        kernels: &TrainKernels,
        row: usize,
        columns: &[u16],
        out: &mut [f32],
    ) {
        let ends = [0, columns.len() as u32];
        let Ok(topology) = Csr::new(self.cols, &ends, columns) else { return };
        let tiles: &[R] = bytemuck::cast_slice(self.quarters);
        let tiles = tiles.chunks_exact((self.rows + self.cols).max(1));
        for (first, tile) in (0..self.samples).step_by(R::SAMPLES).zip(tiles) {
            let (dy, x) = tile.split_at(self.rows);
            let samples = R::SAMPLES.min(self.samples - first);
            kernels.sddmm(topology, &dy[row..=row], x, out, samples);
        }
    }
}
