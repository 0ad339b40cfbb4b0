//! Activations of a network over one tile of the minibatch.

use super::shape::{NetworkShape, Norm};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, Quarter, Row, TILE, Tile};

/// Activations of one network over one tile, and the gradient on its way back.
#[derive(Debug)]
pub struct Trace<'m> {
    pub(super) passes: Passes<'m>,
    inputs: usize,
    outputs: usize,
    pub(super) samples: usize,
    /// Multiplies and adds of links in the passes so far.
    pub(in crate::learn) flops: u64,
}

/// What a forward pass leaves for the way back.
#[derive(Debug)]
pub(super) struct Forward<'m, R> {
    /// Input, then the output of every layer, side by side.
    pub activations: &'m mut [R],
    /// Of hidden layers with a norm, side by side: what went into their ReLU.
    pub normalised: &'m mut [R],
    /// For each of those layers 1 / the deviation of its sums.
    pub inverse: &'m mut [R],
}

/// Memory for passes there and back.
#[derive(Debug)]
pub(super) enum Passes<'m> {
    /// The gradient comes back by turns in two places.
    Full { forward: Forward<'m, Tile>, gradient: &'m mut [Tile], spare: &'m mut [Tile] },
    /// A quarter of a tile at a time. The gradient comes back in the place of the activations; only the
    /// ends, which others look at, are tiles.
    Lean {
        forward: Forward<'m, Quarter>,
        input: &'m mut [Tile],
        output: &'m mut [Tile],
        gradient: &'m mut [Tile],
        /// Bit by bit the samples that the ReLU of a layer's inputs let through.
        open: &'m mut [u16],
    },
}

const _: () = assert!(QUARTER == u16::BITS as usize);

/// Rows of a network's passes.
struct Sizes {
    inputs: usize,
    outputs: usize,
    all: usize,
    widest: usize,
    /// Outputs of all hidden layers with a norm, and how many such layers there are.
    normalised: usize,
    norms: usize,
}

impl Sizes {
    fn of(shape: &NetworkShape) -> Self {
        let widths = shape.widths.iter().map(|&width| width as usize);
        let (all, widest) = (widths.clone().sum(), widths.max().unwrap_or(0));
        let hidden = match shape.norm {
            Norm::None => &[],
            Norm::Layer => shape.widths.get(1..shape.widths.len() - 1).unwrap_or(&[]),
        };
        let normalised = hidden.iter().map(|&width| width as usize).sum();
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        Self { inputs, outputs, all, widest, normalised, norms: hidden.len() }
    }
}

impl<'m, R: Row> Forward<'m, R> {
    fn new(arena: &mut Arena<'m>, sizes: &Sizes) -> Result<Self, OutOfMemory> {
        Ok(Self {
            activations: arena.take(sizes.all)?,
            normalised: arena.take(sizes.normalised)?,
            inverse: arena.take(sizes.norms)?,
        })
    }

    fn blocks(sizes: &Sizes) -> usize {
        Block::for_slice::<R>(sizes.all)
            + Block::for_slice::<R>(sizes.normalised)
            + Block::for_slice::<R>(sizes.norms)
    }
}

impl<'m> Trace<'m> {
    /// Memory for a network of this shape, over [`TILE`] samples.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(arena: &mut Arena<'m>, shape: &NetworkShape) -> Result<Self, OutOfMemory> {
        let sizes = Sizes::of(shape);
        let passes = Passes::Full {
            forward: Forward::new(arena, &sizes)?,
            gradient: arena.take(sizes.widest)?,
            spare: arena.take(sizes.widest)?,
        };
        Ok(Self::over(passes, &sizes))
    }

    /// The same over a quarter of a tile, in less than a quarter of the memory.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn lean(arena: &mut Arena<'m>, shape: &NetworkShape) -> Result<Self, OutOfMemory> {
        let sizes = Sizes::of(shape);
        let passes = Passes::Lean {
            forward: Forward::new(arena, &sizes)?,
            input: arena.take(sizes.inputs)?,
            output: arena.take(sizes.outputs)?,
            gradient: arena.take(sizes.inputs.max(sizes.outputs))?,
            open: arena.take(sizes.widest)?,
        };
        Ok(Self::over(passes, &sizes))
    }

    fn over(passes: Passes<'m>, sizes: &Sizes) -> Self {
        let (inputs, outputs) = (sizes.inputs, sizes.outputs);
        let samples = match passes {
            Passes::Full { .. } => TILE,
            Passes::Lean { .. } => QUARTER,
        };
        Self { passes, inputs, outputs, samples, flops: 0 }
    }

    /// Blocks that [`Trace::new`] takes, or [`Trace::lean`].
    pub fn blocks(shape: &NetworkShape, lean: bool) -> usize {
        let sizes = Sizes::of(shape);
        if !lean {
            let back = 2 * Block::for_slice::<Tile>(sizes.widest);
            return Forward::<Tile>::blocks(&sizes) + back;
        }
        let ends = [sizes.inputs, sizes.outputs, sizes.inputs.max(sizes.outputs)];
        Forward::<Quarter>::blocks(&sizes)
            + ends.map(Block::for_slice::<Tile>).into_iter().sum::<usize>()
            + Block::for_slice::<u16>(sizes.widest)
    }

    /// Samples that a pass has at most.
    pub fn width(&self) -> usize {
        match self.passes {
            Passes::Full { .. } => TILE,
            Passes::Lean { .. } => QUARTER,
        }
    }

    /// Only the first `samples` of the tile hold something from now on; the rest must be zero in
    /// input and gradient, and costs little.
    ///
    /// # Panics
    /// If that is none, or more than [`Trace::width`].
    pub fn set_samples(&mut self, samples: usize) {
        assert!((1..=self.width()).contains(&samples));
        self.samples = samples;
    }

    /// Counts a product of so many links with the samples.
    pub(super) fn count(&mut self, links: usize) {
        self.flops += 2 * (links * self.samples) as u64;
    }

    /// The input, one tile a feature.
    pub fn input(&mut self) -> &mut [Tile] {
        match &mut self.passes {
            Passes::Full { forward, .. } => &mut forward.activations[..self.inputs],
            Passes::Lean { input, .. } => input,
        }
    }

    /// The outputs of all hidden layers of the last forward pass, side by side.
    #[cfg(feature = "alloc")]
    pub(in crate::learn) fn hidden(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let rows = match &self.passes {
            Passes::Full { forward, .. } => forward.activations.len(),
            Passes::Lean { forward, .. } => forward.activations.len(),
        };
        let row = |row: usize| match &self.passes {
            Passes::Full { forward, .. } => forward.activations[row].as_ref(),
            Passes::Lean { forward, .. } => forward.activations[row].as_ref(),
        };
        (self.inputs..rows - self.outputs).map(row)
    }

    /// The output of the last forward pass.
    pub fn output(&self) -> &[Tile] {
        match &self.passes {
            Passes::Full { forward, .. } => {
                &forward.activations[forward.activations.len() - self.outputs..]
            }
            Passes::Lean { output, .. } => output,
        }
    }

    /// Before a backward pass the gradient of the loss by the output, `[outputs]`; after one for
    /// the input that by the input, `[inputs]`.
    pub fn gradient(&mut self) -> &mut [Tile] {
        match &mut self.passes {
            Passes::Full { gradient, .. } | Passes::Lean { gradient, .. } => gradient,
        }
    }
}
