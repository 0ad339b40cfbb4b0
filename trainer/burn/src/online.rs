//! A network that learns: parameters, masks and Adam's moments on the device, topology on the host.

use crate::LayerGradient;
use crate::adam::{AdamStep, Moments};
use crate::layer::{OwnedLayer, Topology};
use crate::network::{Linear, Network};
use crate::state::{LayerMoments, OnlineState};
use crate::transfer::download;
use burn_tensor::Tensor;
use burn_tensor::backend::Backend;
use lacewing_runtime::learn::{Head, Rewire, Td3Config};
use rand_core::Rng;

/// A layer that learns, beside its parameters in the [`Network`].
#[derive(Debug)]
pub(crate) struct Learning<I: Backend> {
    pub topology: Topology,
    /// 1 on live links, 0 elsewhere; none for a dense layer.
    mask: Option<Tensor<I, 2>>,
    weight: Moments<I, 2>,
    bias: Moments<I, 1>,
}

/// A network that learns.
#[derive(Debug)]
pub(crate) struct Online<I: Backend> {
    pub network: Network<I>,
    pub learning: Vec<Learning<I>>,
    /// Steps of Adam so far.
    pub steps: u64,
}

impl<I: Backend> Online<I> {
    /// Copies a network to the device.
    pub fn load(state: &OnlineState, head: Head, steps: u64, device: &I::Device) -> Self {
        let learning = state.layers.iter().zip(&state.moments).map(|(layer, moments)| {
            let topology = layer.topology.clone();
            let [first, second] = [0, 1].map(|at| {
                Linear::upload(&topology, &moments.weights[at], &moments.bias[at], device)
            });
            Learning {
                mask: topology.mask(device),
                topology,
                weight: Moments { m: first.weight, v: second.weight },
                bias: Moments { m: first.bias, v: second.bias },
            }
        });
        Self {
            network: Network::upload(&state.layers, head, device),
            learning: learning.collect(),
            steps,
        }
    }

    /// Copies the layers back.
    pub fn layers(&self) -> Vec<OwnedLayer> {
        self.network.download(self.learning.iter().map(|learning| &learning.topology))
    }

    /// Copies back all that learning goes on from.
    pub fn state(&self) -> OnlineState {
        let moments = self.learning.iter().map(|learning| {
            let (weight, bias) = (&learning.weight, &learning.bias);
            LayerMoments {
                weights: [&weight.m, &weight.v].map(|moment| learning.topology.gather(moment)),
                bias: [&bias.m, &bias.v].map(|moment| download(moment.clone())),
            }
        });
        OnlineState { layers: self.layers(), moments: moments.collect() }
    }

    /// One step of Adam with the gradients of a dense network; only live links move.
    pub fn step(&mut self, config: &Td3Config, gradients: Vec<Linear<I>>) {
        self.steps += 1;
        let step = AdamStep::new(config, self.steps);
        // Tensors are moved out and back in, so that the backend may reuse their memory.
        let parameters = std::mem::take(&mut self.network.layers);
        let learning = std::mem::take(&mut self.learning);
        for ((layer, state), gradient) in parameters.into_iter().zip(learning).zip(gradients) {
            let gradient_of_live = match &state.mask {
                Some(mask) => gradient.weight * mask.clone(),
                None => gradient.weight,
            };
            let (weight, weight_moments) = step.apply(layer.weight, gradient_of_live, state.weight);
            let (bias, bias_moments) = step.apply(layer.bias, gradient.bias, state.bias);
            self.network.layers.push(Linear { weight, bias });
            self.learning.push(Learning { weight: weight_moments, bias: bias_moments, ..state });
        }
    }

    /// What of a gradient belongs to live links, in their order.
    pub fn of_links(&self, gradients: &[Linear<I>]) -> Vec<LayerGradient> {
        let of_layer = |(gradient, learning): (&Linear<I>, &Learning<I>)| LayerGradient {
            weights: learning.topology.gather(&gradient.weight),
            bias: download(gradient.bias.clone()),
        };
        gradients.iter().zip(&self.learning).map(of_layer).collect()
    }

    /// One change of topology in every layer that is not dense; grown links start at zero with
    /// fresh moments.
    pub fn rewire(&mut self, rewire: Rewire, rng: &mut impl Rng, device: &I::Device) {
        for (layer, learning) in self.network.layers.iter_mut().zip(&mut self.learning) {
            if learning.mask.is_none() {
                continue;
            }
            let (topology, moments) = (&mut learning.topology, &mut learning.weight);
            let tensors = [&mut layer.weight, &mut moments.m, &mut moments.v];
            let mut links = tensors.each_ref().map(|tensor| topology.gather(tensor));
            topology.rewire(&mut links, rewire, rng);
            for (tensor, links) in tensors.into_iter().zip(&links) {
                *tensor = topology.scatter(links, device);
            }
            learning.mask = topology.mask(device);
        }
    }
}
