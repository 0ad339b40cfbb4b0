//! A network that follows another and stays as sparse (Sokar et al. 2022, §4.2).

use crate::layer::{OwnedLayer, Topology};
use crate::network::Network;
use crate::online::Online;
use burn_tensor::backend::Backend;
use lacewing_runtime::learn::Head;

/// A network that follows another.
#[derive(Debug)]
pub(crate) struct Target<I: Backend> {
    pub network: Network<I>,
    topologies: Vec<Topology>,
}

impl<I: Backend> Target<I> {
    /// Copies a network to the device.
    pub fn load(layers: &[OwnedLayer], head: Head, device: &I::Device) -> Self {
        Self {
            network: Network::upload(layers, head, device),
            topologies: layers.iter().map(|layer| layer.topology.clone()).collect(),
        }
    }

    /// Copies the layers back.
    pub fn layers(&self) -> Vec<OwnedLayer> {
        self.network.download(self.topologies.iter())
    }

    /// One Polyak step that keeps the target at its number of links.
    pub fn follow(&mut self, online: &Online<I>, tau: f32, device: &I::Device) {
        let (new, old) = (f64::from(tau), 1.0 - f64::from(tau));
        let online = online.network.layers.iter().zip(&online.learning);
        let target = self.network.layers.iter_mut().zip(&mut self.topologies);
        for ((target, topology), (online, learning)) in target.zip(online) {
            target.bias = target.bias.clone() * old + online.bias.clone() * new;
            if *topology == learning.topology {
                target.weight = target.weight.clone() * old + online.weight.clone() * new;
                continue;
            }
            // Until the target's links have become the online ones, the weakest of both have to be
            // found: on the host, where topologies live.
            let mut weights = topology.gather(&target.weight);
            let online_weights = learning.topology.gather(&online.weight);
            topology.follow(&mut weights, &learning.topology, &online_weights, tau);
            target.weight = topology.scatter(&weights, device);
        }
    }
}
