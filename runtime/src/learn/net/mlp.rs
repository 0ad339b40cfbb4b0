//! A sparse multilayer perceptron over one tile of the minibatch.

use super::follower::Follower;
use super::gradients::Gradients;
use super::layer::{Layer, LayerRef, Links, Start, TopologyScratch};
use super::learning::LayerMemory;
use super::shape::{NetworkShape, Norm};
use super::trace::{Forward, Passes, Trace};
use crate::arena::{Arena, Block};
use crate::kernels::train::{Finish, QUARTER, Quarter, Row, Tile, TrainKernels};
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
    ends: (Head, Norm),
    trace: &mut Trace<'_>,
) {
    let samples = trace.samples;
    let links = match &mut trace.passes {
        Passes::Full { forward, .. } => pass(kernels, layers, ends, forward, samples),
        Passes::Lean { forward, input, output, .. } => {
            for (to, from) in forward.activations.iter_mut().zip(&**input) {
                to.0.copy_from_slice(&from.0[..QUARTER]);
            }
            let links = pass(kernels, layers, ends, forward, samples);
            let outputs = forward.activations.iter().rev();
            for (to, from) in output.iter_mut().rev().zip(outputs) {
                to.0[..QUARTER].copy_from_slice(&from.0);
            }
            links
        }
    };
    trace.count(links);
}

/// Runs `layers` over the input in `rows`; returns how many links they have.
fn pass<'l, R: Row>(
    kernels: &TrainKernels,
    layers: impl ExactSizeIterator<Item = LayerRef<'l>>,
    (head, norm): (Head, Norm),
    rows: &mut Forward<'_, R>,
    samples: usize,
) -> usize {
    let last = layers.len() - 1;
    let mut links = 0;
    let mut rest = &mut *rows.activations;
    let mut normalised = &mut *rows.normalised;
    for (at, layer) in layers.enumerate() {
        links += layer.topology.links();
        let (x, tail) = rest.split_at_mut(layer.topology.cols());
        let y = &mut tail[..layer.topology.rows()];
        let finish = if at < last && norm == Norm::None { Finish::Relu } else { Finish::Store };
        kernels.spmm(layer.topology, layer.weights, Some(layer.bias), x, y, finish, samples);
        if at < last && norm == Norm::Layer {
            let (of_layer, further) = normalised.split_at_mut(y.len());
            kernels.normalise(y, of_layer, &mut rows.inverse[at], samples);
            normalised = further;
        }
        if at == last && head == Head::Tanh {
            for y in y {
                y.as_mut()[..samples].iter_mut().for_each(|y| *y = libm::tanhf(*y));
            }
        }
        rest = tail;
    }
    links
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
    pub(in crate::learn) layers: Vec<Follower<'m>, MAX_LAYERS>,
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
            layers.push(Layer::new(arena, links, start.memory)?).map_err(|_| LearnError::Layers)?;
        }
        Ok(Self { layers, head, norm: shape.norm, bias: start.bias })
    }

    /// Blocks that [`Mlp::random`] takes.
    pub fn blocks(shape: &NetworkShape, memory: LayerMemory) -> usize {
        let mut budget = Budget::default();
        Self::count(shape, memory, &mut budget);
        budget.total() / Block::BYTES
    }

    /// What they are for.
    pub(in crate::learn) fn count(shape: &NetworkShape, memory: LayerMemory, budget: &mut Budget) {
        shape.layers().for_each(|layer| Layer::count(layer, memory, budget));
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
        let samples = trace.samples;
        let mut links = 0;
        for at in (0..self.layers.len()).rev() {
            let of_layer = self.layers[at].links.weights.len();
            let input = at > 0 || matches!(wanted, Wanted::Input);
            links += usize::from(matches!(wanted, Wanted::Parameters(_))) * of_layer;
            links += usize::from(input) * of_layer;
        }
        match &mut trace.passes {
            Passes::Full { forward, gradient, spare } => {
                self.back(kernels, forward, (gradient, spare), &mut wanted, samples);
            }
            Passes::Lean { forward, gradient, open, .. } => {
                self.back_in_place(kernels, forward, (gradient, open), &mut wanted, samples);
            }
        }
        trace.count(links);
    }

    fn back<'t>(
        &self,
        kernels: &TrainKernels,
        rows: &mut Forward<'_, Tile>,
        (gradient, spare): (&mut &'t mut [Tile], &mut &'t mut [Tile]),
        wanted: &mut Wanted<'_, '_>,
        samples: usize,
    ) {
        let last = self.layers.len() - 1;
        let mut end = rows.activations.len();
        if self.head == Head::Tanh {
            let outputs = self.layers[last].links.bias.len();
            let output = &rows.activations[end - outputs..];
            for (dy, y) in gradient.iter_mut().zip(output) {
                dy.0.iter_mut().zip(y.0).for_each(|(dy, y)| *dy *= 1.0 - y * y);
            }
        }
        let mut normalised = rows.normalised.len();
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let topology = layer.links.topology.view();
            let (outputs, inputs) = (topology.rows(), topology.cols());
            end -= outputs;
            if at < last && self.norm == Norm::Layer {
                normalised -= outputs;
                let of_layer = &rows.normalised[normalised..][..outputs];
                let dy = &mut gradient[..outputs];
                kernels.normalise_back(dy, of_layer, &rows.inverse[at], samples);
            }
            let x = &rows.activations[end - inputs..end];
            let dy = &gradient[..outputs];
            if let Wanted::Parameters(gradients) = wanted {
                gradients.add_tile(at, kernels, topology, (dy, x), samples);
            }
            if at > 0 || matches!(wanted, Wanted::Input) {
                // Above the first layer `x` came out of a ReLU.
                let finish = if at > 0 { Finish::Gate(x) } else { Finish::Store };
                let dx = &mut spare[..inputs];
                layer.input_gradient(kernels, dy, dx, finish, samples);
                core::mem::swap(gradient, spare);
            }
        }
    }

    /// The same where the gradient by what went into a layer takes its place, row by row of the topology:
    /// it needs neither another place nor the topology by columns.
    fn back_in_place(
        &self,
        kernels: &TrainKernels,
        rows: &mut Forward<'_, Quarter>,
        (gradient, open): (&mut [Tile], &mut [u16]),
        wanted: &mut Wanted<'_, '_>,
        samples: usize,
    ) {
        let last = self.layers.len() - 1;
        let mut end = rows.activations.len();
        let outputs = self.layers[last].links.bias.len();
        for (y, dy) in rows.activations[end - outputs..].iter_mut().zip(&*gradient) {
            for (y, dy) in y.0.iter_mut().zip(dy.0) {
                *y = if self.head == Head::Tanh { dy * (1.0 - *y * *y) } else { dy };
            }
        }
        let mut normalised = rows.normalised.len();
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let topology = layer.links.topology.view();
            let (outputs, inputs) = (topology.rows(), topology.cols());
            end -= outputs;
            let (before, dy) = rows.activations.split_at_mut(end);
            let (x, dy) = (&mut before[end - inputs..], &mut dy[..outputs]);
            if at < last && self.norm == Norm::Layer {
                normalised -= outputs;
                let of_layer = &rows.normalised[normalised..][..outputs];
                kernels.normalise_back(dy, of_layer, &rows.inverse[at], samples);
            }
            if let Wanted::Parameters(gradients) = wanted {
                gradients.add_tile(at, kernels, topology, (&*dy, &*x), samples);
            }
            if at > 0 || matches!(wanted, Wanted::Input) {
                for (open, x) in open.iter_mut().zip(&*x) {
                    // Above the first layer `x` came out of a ReLU.
                    *open = if at > 0 { open_gates(x) } else { u16::MAX };
                }
                x.fill(Quarter([0.0; QUARTER]));
                kernels.spmm_back(topology, layer.links.weights, dy, x, samples);
                for (&open, x) in open.iter().zip(&mut *x) {
                    shut_gates(open, x);
                }
            }
        }
        if let Wanted::Input = wanted {
            for (to, from) in gradient.iter_mut().zip(&*rows.activations) {
                to.0[..QUARTER].copy_from_slice(&from.0);
            }
        }
    }
}

/// Whether the ReLU that made it let a sample through, a bit each. NaN stays NaN, as everywhere.
fn open_gates(x: &Quarter) -> u16 {
    let bit = |lane: usize| u16::from(x.0[lane] > 0.0 || x.0[lane].is_nan()) << lane;
    (0..QUARTER).fold(0, |bits, lane| bits | bit(lane))
}

/// Makes zero what belongs to a sample whose bit is not set: by a mask, since a branch would be guessed wrong half the
/// time.
fn shut_gates(open: u16, x: &mut Quarter) {
    for (lane, x) in x.0.iter_mut().enumerate() {
        let mask = u32::from(open >> lane & 1).wrapping_neg();
        *x = f32::from_bits(x.to_bits() & mask);
    }
}

impl<'m> Target<'m> {
    /// A copy of `online`; with links of its own, or those of `online`, which then must stay where they
    /// are.
    pub(in crate::learn) fn copy(
        arena: &mut Arena<'m>,
        online: &Mlp<'_>,
        shared: bool,
    ) -> Result<Self, LearnError> {
        let mut layers = Vec::new();
        for layer in &online.layers {
            let follower = Follower::copy(arena, &layer.links, shared)?;
            layers.push(follower).map_err(|_| LearnError::Layers)?;
        }
        Ok(Self { layers, head: online.head, norm: online.norm })
    }

    /// Blocks that [`Target::copy`] takes.
    pub(in crate::learn) fn blocks(shape: &NetworkShape, shared: bool) -> usize {
        shape.layers().map(|layer| Follower::blocks(layer, shared)).sum()
    }

    /// Runs the network over the trace's input. `online` is what it follows.
    pub fn forward(&self, online: &Mlp<'_>, kernels: &TrainKernels, trace: &mut Trace<'_>) {
        forward(kernels, self.layers(online), (self.head, self.norm), trace);
    }

    /// The layers, from the input on; `online` is what it follows.
    pub fn layers<'t>(
        &'t self,
        online: &'t Mlp<'_>,
    ) -> impl ExactSizeIterator<Item = LayerRef<'t>> {
        self.layers.iter().zip(&online.layers).map(|(own, online)| own.view(&online.links))
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
