//! Activations of a network over one tile of the minibatch.

use super::shape::{NetworkShape, Norm};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{TILE, Tile};

/// Activations of one network over one tile, and the gradient on its way back.
#[derive(Debug)]
pub struct Trace<'m> {
    /// Input, then the output of every layer, side by side.
    pub(super) activations: &'m mut [Tile],
    /// Of hidden layers with a norm, side by side: what went into their ReLU.
    pub(super) normalised: &'m mut [Tile],
    /// For each of those layers 1 / the deviation of its sums.
    pub(super) inverse: &'m mut [Tile],
    pub(super) gradient: &'m mut [Tile],
    pub(super) spare: &'m mut [Tile],
    inputs: usize,
    pub(super) outputs: usize,
    pub(super) samples: usize,
    /// Multiplies and adds of links in the passes so far.
    pub(in crate::learn) flops: u64,
}

impl<'m> Trace<'m> {
    /// Memory for a network of this shape.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(arena: &mut Arena<'m>, shape: &NetworkShape) -> Result<Self, OutOfMemory> {
        let (all, widest) = Self::tiles(shape);
        let (normalised, layers) = Self::norm_tiles(shape);
        Ok(Self {
            activations: arena.take(all)?,
            normalised: arena.take(normalised)?,
            inverse: arena.take(layers)?,
            gradient: arena.take(widest)?,
            spare: arena.take(widest)?,
            inputs: shape.inputs(),
            outputs: shape.outputs(),
            samples: TILE,
            flops: 0,
        })
    }

    /// Blocks that [`Trace::new`] takes.
    pub fn blocks(shape: &NetworkShape) -> usize {
        let (all, widest) = Self::tiles(shape);
        let (normalised, layers) = Self::norm_tiles(shape);
        Block::for_slice::<Tile>(all)
            + Block::for_slice::<Tile>(normalised)
            + Block::for_slice::<Tile>(layers)
            + 2 * Block::for_slice::<Tile>(widest)
    }

    /// Outputs of all hidden layers with a norm, and how many such layers there are.
    fn norm_tiles(shape: &NetworkShape) -> (usize, usize) {
        if shape.norm == Norm::None || shape.widths.len() < 2 {
            return (0, 0);
        }
        let hidden = &shape.widths[1..shape.widths.len() - 1];
        (hidden.iter().map(|&width| width as usize).sum(), hidden.len())
    }

    fn tiles(shape: &NetworkShape) -> (usize, usize) {
        let widths = shape.widths.iter().map(|&width| width as usize);
        (widths.clone().sum(), widths.max().unwrap_or(0))
    }

    /// Only the first `samples` of the tile hold something from now on; the rest must be zero in
    /// input and gradient, and costs little.
    ///
    /// # Panics
    /// If that is none, or more than a tile has.
    pub fn set_samples(&mut self, samples: usize) {
        assert!((1..=TILE).contains(&samples));
        self.samples = samples;
    }

    /// Counts a product of so many links with the samples.
    pub(super) fn count(&mut self, links: usize) {
        self.flops += 2 * (links * self.samples) as u64;
    }

    /// The input, one tile a feature.
    pub fn input(&mut self) -> &mut [Tile] {
        &mut self.activations[..self.inputs]
    }

    /// The outputs of all hidden layers of the last forward pass, side by side.
    #[cfg(feature = "alloc")]
    pub(in crate::learn) fn hidden(&self) -> &[Tile] {
        &self.activations[self.inputs..self.activations.len() - self.outputs]
    }

    /// The output of the last forward pass.
    pub fn output(&self) -> &[Tile] {
        &self.activations[self.activations.len() - self.outputs..]
    }

    /// Before a backward pass the gradient of the loss by the output, `[outputs]`; after one for
    /// the input that by the input, `[inputs]`.
    pub fn gradient(&mut self) -> &mut [Tile] {
        self.gradient
    }
}
