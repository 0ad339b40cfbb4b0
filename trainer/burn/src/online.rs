//! A network that learns: parameters, masks and Adam's moments on the device, topology and ages on
//! the host.

use crate::LayerGradient;
use crate::adam::{AdamStep, Moments};
use crate::layer::{OwnedLayer, Topology};
use crate::links::Links;
use crate::network::{Finish, Linear, Network};
use crate::state::{LearningState, NetworkState};
use crate::transfer::download;
use burn_tensor::Tensor;
use burn_tensor::backend::Backend;
use lacewing_runtime::learn::AdamConfig;

/// A layer that learns, beside its parameters in the [`Network`].
#[derive(Debug)]
pub(crate) struct Learning<I: Backend> {
    pub topology: Topology,
    /// Age of every link in changes of topology.
    ages: Vec<u8>,
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
    /// Whether biases learn.
    bias: bool,
}

impl<I: Backend> Online<I> {
    /// Copies a network to the device.
    pub fn load(
        state: &NetworkState,
        (finish, bias): (Finish, bool),
        steps: u64,
        device: &I::Device,
    ) -> Self {
        let learning = state.layers.iter().zip(&state.learning).map(|(layer, learning)| {
            let topology = layer.topology.clone();
            let [first, second] = [0, 1].map(|at| {
                Linear::upload(&topology, &learning.weights[at], &learning.bias[at], device)
            });
            Learning {
                mask: topology.mask(device),
                ages: learning.ages.clone(),
                topology,
                weight: Moments { m: first.weight, v: second.weight },
                bias: Moments { m: first.bias, v: second.bias },
            }
        });
        let learning = learning.collect();
        Self { network: Network::upload(&state.layers, finish, device), learning, steps, bias }
    }

    /// Copies the layers back.
    pub fn layers(&self) -> Vec<OwnedLayer> {
        self.network.download(self.learning.iter().map(|learning| &learning.topology))
    }

    /// Copies back what the layers have beside their links.
    pub fn learning(&self) -> Vec<LearningState> {
        let state = |learning: &Learning<I>| {
            let (weight, bias) = (&learning.weight, &learning.bias);
            LearningState {
                weights: [&weight.m, &weight.v].map(|moment| learning.topology.gather(moment)),
                bias: [&bias.m, &bias.v].map(|moment| download(moment.clone())),
                ages: learning.ages.clone(),
            }
        };
        self.learning.iter().map(state).collect()
    }

    /// One step of Adam with the gradients of a dense network; only live links move.
    pub fn step(&mut self, config: AdamConfig, gradients: Vec<Linear<I>>) {
        self.steps += 1;
        let step = AdamStep::new(config, self.steps);
        // Tensors are moved out and back in, so that the backend may reuse their memory.
        let parameters = std::mem::take(&mut self.network.layers);
        let learning = std::mem::take(&mut self.learning);
        for ((mut layer, mut state), gradient) in
            parameters.into_iter().zip(learning).zip(gradients)
        {
            let gradient_of_live = match &state.mask {
                Some(mask) => gradient.weight * mask.clone(),
                None => gradient.weight,
            };
            (layer.weight, state.weight) = step.apply(layer.weight, gradient_of_live, state.weight);
            if self.bias {
                (layer.bias, state.bias) = step.apply(layer.bias, gradient.bias, state.bias);
            }
            self.network.layers.push(layer);
            self.learning.push(state);
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

    /// Lets `change` change the links of a layer on the host.
    pub fn change(&mut self, layer: usize, device: &I::Device, change: impl FnOnce(&mut Links)) {
        let (parameters, learning) = (&mut self.network.layers[layer], &mut self.learning[layer]);
        let Learning { topology, ages, mask, weight: Moments { m, v }, .. } = learning;
        let tensors = [&mut parameters.weight, m, v];
        let [weights, first, second] = tensors.each_ref().map(|tensor| topology.gather(tensor));
        let mut links = Links { topology, weights, m: first, v: second, ages };
        change(&mut links);
        let Links { topology, weights, m, v, .. } = links;
        for (tensor, values) in tensors.into_iter().zip([weights, m, v]) {
            *tensor = topology.scatter(&values, device);
        }
        *mask = topology.mask(device);
    }
}
