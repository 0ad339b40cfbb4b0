//! Gradients of a network, apart from it: every thread adds up its own.

use super::mlp::Mlp;
use super::record::Record;
use super::shape::NetworkShape;
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::{QUARTER, Row, TrainKernels};
use crate::learn::error::MAX_LAYERS;
use core::ops::Range;
use heapless::Vec;
use lacewing_formats::topology::Csr;

/// Numbers of a block.
const NUMBERS: usize = Block::BYTES / size_of::<f32>();

/// Gradients of the live links and biases of a network.
#[derive(Debug)]
pub struct Gradients<'m> {
    /// Of all layers, each part on cache lines of its own; empty while another network has the memory.
    values: &'m mut [f32],
    layers: Vec<Parts, MAX_LAYERS>,
    /// Of which layer a record is made, while one is wanted.
    record: Option<(usize, Record<'m>)>,
}

/// Where a layer's gradients are.
#[derive(Clone, Debug)]
struct Parts {
    weights: Range<usize>,
    bias: Range<usize>,
}

impl<'m> Gradients<'m> {
    /// Gradients of zero for a network of this shape.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(arena: &mut Arena<'m>, shape: &NetworkShape) -> Result<Self, OutOfMemory> {
        let values = arena.take(Self::blocks(shape) * NUMBERS)?;
        Ok(Self { values, ..Self::homeless(shape) })
    }

    /// Gradients that are to be in memory which others have too.
    pub(in crate::learn) fn homeless(shape: &NetworkShape) -> Self {
        let mut end = 0;
        let mut take = |count: usize| {
            let start = end;
            end = start + count.next_multiple_of(NUMBERS);
            start..start + count
        };
        let layers = shape
            .layers()
            .map(|(_, outputs, links)| Parts { weights: take(links), bias: take(outputs) });
        Self { layers: layers.collect(), values: &mut [], record: None }
    }

    /// Whether others have the memory.
    pub(in crate::learn) fn is_homeless(&self) -> bool {
        self.values.is_empty()
    }

    /// Leaves its memory to another network's.
    pub(in crate::learn) fn move_out(&mut self) -> Option<&'m mut [f32]> {
        let values = core::mem::take(&mut self.values);
        (!values.is_empty()).then_some(values)
    }

    /// Takes over memory, of [`Gradients::blocks`] at least.
    pub(in crate::learn) fn move_in(&mut self, values: &'m mut [f32]) {
        self.values = values;
    }

    /// Blocks that [`Gradients::new`] takes.
    pub fn blocks(shape: &NetworkShape) -> usize {
        let layers = shape.layers().map(|(_, outputs, links)| {
            Block::for_slice::<f32>(links) + Block::for_slice::<f32>(outputs)
        });
        layers.sum()
    }

    /// Of weights and biases, layer by layer; none where another network's have taken their place.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = (&[f32], &[f32])> {
        let part = |range: &Range<usize>| self.values.get(range.clone()).unwrap_or(&[]);
        self.layers.iter().map(move |layer| (part(&layer.weights), part(&layer.bias)))
    }

    /// Adds a tile's gradient of one layer; `dy` is `[rows]`, `x` `[cols]`.
    pub(super) fn add_tile<R: Row>(
        &mut self,
        layer: usize,
        kernels: &TrainKernels,
        topology: Csr<'_>,
        (dy, x): (&[R], &[R]),
        samples: usize,
    ) {
        let Parts { weights, bias } = self.layers[layer].clone();
        kernels.sddmm(topology, dy, x, &mut self.values[weights], samples);
        for (gradient, dy) in self.values[bias].iter_mut().zip(dy) {
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
        for (parts, layer) in self.layers.iter_mut().zip(network.layers()) {
            parts.weights.end = parts.weights.start + layer.weights.len();
        }
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        self.values.fill(0.0);
    }

    /// The square of their L2 norm.
    pub(in crate::learn) fn squared_norm(&self) -> f32 {
        let squares = |values: &[f32]| values.iter().map(|g| g * g).sum::<f32>();
        self.layers().map(|(weights, bias)| squares(weights) + squares(bias)).sum()
    }

    /// Multiplies all.
    pub(in crate::learn) fn scale(&mut self, factor: f32) {
        self.values.iter_mut().for_each(|g| *g *= factor);
    }

    /// Adds those of another share of the minibatch, of the same network.
    pub(in crate::learn) fn add(&mut self, other: &Gradients<'_>) {
        add(self.values, other.values);
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// The sum of a tile whose `samples` are followed by zeros up to the end of their quarter, lane by
/// lane: one chain of additions would take longer than the layer's products.
fn sum<R: Row>(tile: &R, samples: usize) -> f32 {
    let mut lanes = [0.0; QUARTER];
    for quarter in tile.as_ref().chunks_exact(QUARTER).take(samples.div_ceil(QUARTER)) {
        add(&mut lanes, quarter);
    }
    lanes.iter().sum()
}
