//! A multilayer perceptron of dense tensors.
//!
//! Weights off the mask are held at exactly zero, by the optimiser and by every change of topology,
//! so that a forward pass needs no mask.

use crate::OwnedLayer;
use crate::layer::Topology;
use crate::transfer::{download, vector};
use burn_tensor::backend::{AutodiffBackend, Backend};
use burn_tensor::{Tensor, activation::relu, module::linear};
use lacewing_runtime::learn::{Head, Norm};

/// What layer normalisation adds to a variance before its root is taken.
const NORM_EPSILON: f64 = 1e-5;

/// Parameters of a layer, or something of the same shape: a gradient, a moment.
#[derive(Clone, Debug)]
pub(crate) struct Linear<B: Backend> {
    /// `[inputs, outputs]`.
    pub weight: Tensor<B, 2>,
    /// `[outputs]`.
    pub bias: Tensor<B, 1>,
}

/// The layers of one network.
#[derive(Clone, Debug)]
pub(crate) struct Network<B: Backend> {
    pub layers: Vec<Linear<B>>,
    pub finish: Finish,
}

/// What follows the sums of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    /// Of the last.
    pub head: Head,
    /// Of the others, before their ReLU.
    pub norm: Norm,
}

impl<B: Backend> Linear<B> {
    /// From values of the links and of the outputs.
    pub fn upload(topology: &Topology, links: &[f32], bias: &[f32], device: &B::Device) -> Self {
        Self { weight: topology.scatter(links, device), bias: vector(bias, device) }
    }
}

impl<B: Backend> Network<B> {
    /// Copies `layers` to the device.
    pub fn upload(layers: &[OwnedLayer], finish: Finish, device: &B::Device) -> Self {
        let upload = |layer: &OwnedLayer| {
            Linear::upload(&layer.topology, &layer.weights, &layer.bias, device)
        };
        Self { layers: layers.iter().map(upload).collect(), finish }
    }

    /// Copies the layers back, given where their links are.
    pub fn download<'t>(&self, topologies: impl Iterator<Item = &'t Topology>) -> Vec<OwnedLayer> {
        let layer = |(layer, topology): (&Linear<B>, &Topology)| OwnedLayer {
            weights: topology.gather(&layer.weight),
            bias: download(layer.bias.clone()),
            topology: topology.clone(),
        };
        self.layers.iter().zip(topologies).map(layer).collect()
    }

    /// `[n, inputs]` → `[n, outputs]`; hidden layers are ReLU.
    pub fn forward(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(input, |x, (at, layer)| {
            let y = linear(x, layer.weight.clone(), Some(layer.bias.clone()));
            match self.finish {
                Finish { norm: Norm::None, .. } if at < last => relu(y),
                Finish { norm: Norm::Layer, .. } if at < last => relu(normalise(y)),
                Finish { head: Head::Tanh, .. } => y.tanh(),
                Finish { head: Head::Identity, .. } => y,
            }
        })
    }

    /// The same network as constants of an autodiff graph.
    pub fn constant<A: AutodiffBackend<InnerBackend = B>>(&self) -> Network<A> {
        let layers = self.layers.iter().map(|layer| Linear {
            weight: Tensor::from_inner(layer.weight.clone()),
            bias: Tensor::from_inner(layer.bias.clone()),
        });
        Network { layers: layers.collect(), finish: self.finish }
    }

    /// The same network as leaves of an autodiff graph.
    pub fn tracked<A: AutodiffBackend<InnerBackend = B>>(&self) -> Network<A> {
        let Network { layers, finish } = self.constant::<A>();
        let layers = layers.into_iter().map(|layer| Linear {
            weight: layer.weight.require_grad(),
            bias: layer.bias.require_grad(),
        });
        Network { layers: layers.collect(), finish }
    }
}

/// Every row with mean 0 and variance 1 (Ba et al. 2016, eq. 4, without gain and bias).
fn normalise<B: Backend>(y: Tensor<B, 2>) -> Tensor<B, 2> {
    let off = y.clone() - y.mean_dim(1);
    let variance = off.clone().square().mean_dim(1);
    off / (variance + NORM_EPSILON).sqrt()
}

impl<A: AutodiffBackend> Network<A> {
    /// What a backward pass left for the layers of a [`tracked`](Network::tracked) network.
    pub fn gradients(&self, gradients: &mut A::Gradients) -> Vec<Linear<A::InnerBackend>> {
        let reached = "every layer is on the way to the loss";
        let of_layer = |layer: &Linear<A>| Linear {
            weight: layer.weight.grad_remove(gradients).expect(reached),
            bias: layer.bias.grad_remove(gradients).expect(reached),
        };
        self.layers.iter().map(of_layer).collect()
    }
}
