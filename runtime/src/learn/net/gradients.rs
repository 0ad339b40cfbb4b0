//! Gradients of a network, apart from it: every thread adds up its own.

use super::mlp::Mlp;
use super::record::Record;
use super::shape::NetworkShape;
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, Tile, TrainKernels};
use crate::learn::error::MAX_LAYERS;
use heapless::Vec;
use lacewing_formats::topology::Csr;

/// Gradients of the live links and biases of a network.
#[derive(Debug)]
pub struct Gradients<'m> {
    layers: Vec<Gradient<'m>, MAX_LAYERS>,
    /// Of which layer a record is made, while one is wanted.
    record: Option<(usize, Record<'m>)>,
}

/// Gradients of one layer.
#[derive(Debug)]
pub(in crate::learn) struct Gradient<'m> {
    pub weights: &'m mut [f32],
    pub bias: &'m mut [f32],
}

impl<'m> Gradients<'m> {
    /// Gradients of zero for a network of this shape.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(arena: &mut Arena<'m>, shape: &NetworkShape) -> Result<Self, OutOfMemory> {
        let layers = shape.layers().map(|(_, outputs, links)| {
            Ok(Gradient { weights: arena.take(links)?, bias: arena.take(outputs)? })
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, record: None })
    }

    /// Blocks that [`Gradients::new`] takes.
    pub fn blocks(shape: &NetworkShape) -> usize {
        let layers = shape.layers().map(|(_, outputs, links)| {
            Block::for_slice::<f32>(links) + Block::for_slice::<f32>(outputs)
        });
        layers.sum()
    }

    /// Of weights and biases, layer by layer.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (&[f32], &[f32])> {
        self.layers.iter().map(|layer| (&*layer.weights, &*layer.bias))
    }

    /// Adds a tile's gradient of one layer; `dy` is `[rows]`, `x` `[cols]`.
    pub(super) fn add_tile(
        &mut self,
        layer: usize,
        kernels: &TrainKernels,
        topology: Csr<'_>,
        (dy, x): (&[Tile], &[Tile]),
        samples: usize,
    ) {
        let gradient = &mut self.layers[layer];
        kernels.sddmm(topology, dy, x, gradient.weights, samples);
        for (gradient, dy) in gradient.bias.iter_mut().zip(dy) {
            *gradient += sum(dy, samples);
        }
        if let Some((_, record)) = self.record.as_mut().filter(|(of, _)| *of == layer) {
            record.add(dy, x, samples);
        }
    }

    /// Keeps what the gradients of one layer are made of, from now on until it is taken back.
    pub(in crate::learn) fn begin_record(&mut self, layer: usize, mut record: Record<'m>) {
        record.begin();
        self.record = Some((layer, record));
    }

    /// Takes back the record.
    pub(in crate::learn) fn end_record(&mut self) -> Option<Record<'m>> {
        self.record.take().map(|(_, record)| record)
    }

    /// Has as many places as `network`, which may have been pruned, has links.
    pub(in crate::learn) fn shorten(&mut self, network: &Mlp<'_>) {
        for (gradient, layer) in self.layers.iter_mut().zip(network.layers()) {
            gradient.weights = &mut core::mem::take(&mut gradient.weights)[..layer.weights.len()];
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        for layer in &mut self.layers {
            layer.weights.fill(0.0);
            layer.bias.fill(0.0);
        }
    }

    /// The square of their L2 norm.
    pub(in crate::learn) fn squared_norm(&self) -> f32 {
        let squares = |values: &[f32]| values.iter().map(|g| g * g).sum::<f32>();
        self.layers.iter().map(|layer| squares(layer.weights) + squares(layer.bias)).sum()
    }

    /// Multiplies all.
    pub(in crate::learn) fn scale(&mut self, factor: f32) {
        for layer in &mut self.layers {
            layer.weights.iter_mut().chain(&mut *layer.bias).for_each(|g| *g *= factor);
        }
    }

    /// Adds those of another share of the minibatch, of the same network.
    pub(in crate::learn) fn add(&mut self, other: &Gradients<'_>) {
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            add(layer.weights, other.weights);
            add(layer.bias, other.bias);
        }
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// The sum of a tile whose `samples` are followed by zeros up to the end of their quarter, lane by
/// lane: one chain of additions would take longer than the layer's products.
fn sum(tile: &Tile, samples: usize) -> f32 {
    let mut lanes = [0.0; QUARTER];
    for quarter in tile.0.chunks_exact(QUARTER).take(samples.div_ceil(QUARTER)) {
        add(&mut lanes, quarter);
    }
    lanes.iter().sum()
}
