//! A sparse multilayer perceptron over one tile of the minibatch.

use super::gradients::Gradients;
use super::layer::{Layer, LayerRef, Links, Start, TopologyScratch};
use super::shape::{NetworkShape, Norm};
use super::trace::Trace;
use crate::arena::{Arena, Block};
use crate::kernels::train::{Finish, TrainKernels};
use crate::learn::budget::Budget;
use crate::learn::error::LearnError;
use crate::learn::error::MAX_LAYERS;
use heapless::Vec;
use lacewing_formats::topology::TargetRule;
use rand_core::Rng;

/// Activation of the output layer; hidden layers are ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// A value.
    Identity,
    /// An action in [−1, 1].
    Tanh,
}

/// What a backward pass is for.
#[derive(Debug)]
pub enum Wanted<'g, 'm> {
    /// Gradients of weights and biases are added to these.
    Parameters(&'g mut Gradients<'m>),
    /// The gradient of the input is left in [`Trace::gradient`].
    Input,
}

/// Runs `layers` over the trace's input.
fn forward<'l>(
    kernels: &TrainKernels,
    layers: impl ExactSizeIterator<Item = LayerRef<'l>>,
    (head, norm): (Head, Norm),
    trace: &mut Trace<'_>,
) {
    let last = layers.len() - 1;
    let mut links = 0;
    let mut rest = &mut *trace.activations;
    let mut normalised = &mut *trace.normalised;
    for (at, layer) in layers.enumerate() {
        links += layer.topology.links();
        let (x, tail) = rest.split_at_mut(layer.topology.cols());
        let y = &mut tail[..layer.topology.rows()];
        let finish = if at < last && norm == Norm::None { Finish::Relu } else { Finish::Store };
        kernels.spmm(layer.topology, layer.weights, Some(layer.bias), x, y, finish, trace.samples);
        if at < last && norm == Norm::Layer {
            let (of_layer, further) = normalised.split_at_mut(y.len());
            kernels.normalise(y, of_layer, &mut trace.inverse[at], trace.samples);
            normalised = further;
        }
        if at == last && head == Head::Tanh {
            for y in y {
                y.0[..trace.samples].iter_mut().for_each(|y| *y = libm::tanhf(*y));
            }
        }
        rest = tail;
    }
    trace.count(links);
}

/// A network that learns.
#[derive(Debug)]
pub struct Mlp<'m> {
    pub(in crate::learn) layers: Vec<Layer<'m>, MAX_LAYERS>,
    head: Head,
    norm: Norm,
    /// Whether biases learn.
    pub(in crate::learn) bias: bool,
}

/// A network that only follows another.
#[derive(Debug)]
pub struct Target<'m> {
    pub(in crate::learn) layers: Vec<Links<'m>, MAX_LAYERS>,
    head: Head,
    norm: Norm,
}

impl<'m> Mlp<'m> {
    /// A network with a random topology.
    ///
    /// # Errors
    /// [`LearnError`] if memory is short or the shape is none.
    pub fn random(
        arena: &mut Arena<'m>,
        shape: &NetworkShape,
        head: Head,
        start: Start,
        rng: &mut impl Rng,
    ) -> Result<Self, LearnError> {
        let mut layers = Vec::new();
        for size in shape.layers() {
            let links = Links::random(arena, shape.structure, size, start, rng)?;
            layers.push(Layer::new(arena, links)?).map_err(|_| LearnError::Layers)?;
        }
        Ok(Self { layers, head, norm: shape.norm, bias: start.bias })
    }

    /// Blocks that [`Mlp::random`] takes.
    pub fn blocks(shape: &NetworkShape) -> usize {
        let mut budget = Budget::default();
        Self::count(shape, &mut budget);
        budget.total() / Block::BYTES
    }

    /// What they are for.
    pub(in crate::learn) fn count(shape: &NetworkShape, budget: &mut Budget) {
        shape.layers().for_each(|layer| Layer::count(layer, budget));
    }

    /// The layers, from the input on.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = LayerRef<'_>> {
        self.layers.iter().map(|layer| layer.links.view())
    }

    /// What follows the last sums.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Runs the network over the trace's input.
    pub fn forward(&self, kernels: &TrainKernels, trace: &mut Trace<'_>) {
        forward(kernels, self.layers(), (self.head, self.norm), trace);
    }

    /// Takes the gradient of the output in `trace` back through the network.
    pub fn backward(
        &self,
        kernels: &TrainKernels,
        trace: &mut Trace<'_>,
        mut wanted: Wanted<'_, '_>,
    ) {
        if self.head == Head::Tanh {
            let output = &trace.activations[trace.activations.len() - trace.outputs..];
            for (dy, y) in trace.gradient.iter_mut().zip(output) {
                dy.0.iter_mut().zip(y.0).for_each(|(dy, y)| *dy *= 1.0 - y * y);
            }
        }
        let mut links = 0;
        let mut end = trace.activations.len();
        let (last, mut normalised) = (self.layers.len() - 1, trace.normalised.len());
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let topology = layer.links.topology.view();
            let (rows, cols) = (topology.rows(), topology.cols());
            end -= rows;
            if at < last && self.norm == Norm::Layer {
                normalised -= rows;
                let of_layer = &trace.normalised[normalised..][..rows];
                let dy = &mut trace.gradient[..rows];
                kernels.normalise_back(dy, of_layer, &trace.inverse[at], trace.samples);
            }
            let x = &trace.activations[end - cols..end];
            let dy = &trace.gradient[..rows];
            if let Wanted::Parameters(gradients) = &mut wanted {
                links += topology.links();
                gradients.add_tile(at, kernels, topology, (dy, x), trace.samples);
            }
            if at > 0 || matches!(wanted, Wanted::Input) {
                // Above the first layer `x` came out of a ReLU.
                let finish = if at > 0 { Finish::Gate(x) } else { Finish::Store };
                let dx = &mut trace.spare[..cols];
                links += topology.links();
                layer.input_gradient(kernels, dy, dx, finish, trace.samples);
                core::mem::swap(&mut trace.gradient, &mut trace.spare);
            }
        }
        trace.count(links);
    }
}

impl<'m> Target<'m> {
    /// A copy of `online`.
    pub(in crate::learn) fn copy(
        arena: &mut Arena<'m>,
        online: &Mlp<'_>,
    ) -> Result<Self, LearnError> {
        let mut layers = Vec::new();
        for layer in &online.layers {
            layers.push(Links::copy(arena, &layer.links)?).map_err(|_| LearnError::Layers)?;
        }
        Ok(Self { layers, head: online.head, norm: online.norm })
    }

    /// Blocks that [`Target::copy`] takes.
    pub(in crate::learn) fn blocks(shape: &NetworkShape) -> usize {
        shape.layers().map(Links::blocks).sum()
    }

    /// Runs the network over the trace's input.
    pub fn forward(&self, kernels: &TrainKernels, trace: &mut Trace<'_>) {
        forward(kernels, self.layers.iter().map(Links::view), (self.head, self.norm), trace);
    }

    /// The layers, from the input on.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = LayerRef<'_>> {
        self.layers.iter().map(Links::view)
    }

    /// One Polyak step towards `online` that keeps to its sparsity.
    pub(in crate::learn) fn follow(
        &mut self,
        online: &Mlp<'_>,
        tau: f32,
        rule: TargetRule,
        scratch: &mut TopologyScratch<'_>,
    ) {
        for (target, online) in self.layers.iter_mut().zip(&online.layers) {
            target.follow(&online.links, tau, rule, scratch);
        }
    }
}
