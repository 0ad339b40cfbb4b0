//! A network that follows another and stays as sparse (Sokar et al. 2022, §4.2).

use crate::layer::{OwnedLayer, Topology};
use crate::network::{Finish, Network};
use crate::online::Online;
use burn_tensor::backend::Backend;
use lacewing_formats::topology::TargetRule;

/// A network that follows another.
#[derive(Debug)]
pub(crate) struct Target<I: Backend> {
    pub network: Network<I>,
    topologies: Vec<Topology>,
}

impl<I: Backend> Target<I> {
    /// Copies a network to the device.
    pub fn load(layers: &[OwnedLayer], finish: Finish, device: &I::Device) -> Self {
        Self {
            network: Network::upload(layers, finish, device),
            topologies: layers.iter().map(|layer| layer.topology.clone()).collect(),
        }
    }

    /// Copies the layers back.
    pub fn layers(&self) -> Vec<OwnedLayer> {
        self.network.download(self.topologies.iter())
    }

    /// One Polyak step, after which the target has as many links as the online network.
    pub fn follow(
        &mut self,
        online: &Online<I>,
        (tau, rule): (f32, TargetRule),
        device: &I::Device,
    ) {
        let (new, old) = (f64::from(tau), 1.0 - f64::from(tau));
        let online = online.network.layers.iter().zip(&online.learning);
        let target = self.network.layers.iter_mut().zip(&mut self.topologies);
        for ((target, topology), (online, learning)) in target.zip(online) {
            target.bias = target.bias.clone() * old + online.bias.clone() * new;
            if *topology == learning.topology {
                target.weight = target.weight.clone() * old + online.weight.clone() * new;
                continue;
            }
            // Until the target's links have become the online ones, those to keep of both have to
            // be found: on the host, where topologies live.
            let mut weights = topology.gather(&target.weight);
            let online_weights = learning.topology.gather(&online.weight);
            topology.follow(&mut weights, (&learning.topology, &online_weights), tau, rule);
            target.weight = topology.scatter(&weights, device);
        }
    }
}
