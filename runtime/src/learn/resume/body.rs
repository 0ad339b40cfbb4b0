//! The arrays of a resume section, written and read in one order.

use super::ResumeError;
use super::header::{LiveLinks, ResumeHeader, VERSION, policy_hash};
use crate::learn::agent::{Agent, Algorithm, DeployedLayer, Network, Statistics};
use crate::learn::algo::{AnyAgent, Settings, each};
use crate::learn::net::{Layer, LayerRef, Links, Target};
use bytemuck::Pod;

impl AnyAgent<'_> {
    /// See [`Agent::save`].
    ///
    /// # Errors
    /// See [`Agent::save`].
    pub fn save<E>(&self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        each!(AnyAgent, self, agent => agent.save(sink))
    }
}

impl<A: Algorithm + Into<Settings>> Agent<'_, A> {
    /// Hands all that learning needs to go on to `sink`, piece by piece.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn save<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let header = ResumeHeader {
            version: VERSION,
            settings: self.algorithm.into(),
            training: self.training,
            shape: self.shape.clone(),
            updates: self.updates,
            adam_steps: self.networks.iter().map(|network| network.adam.steps).collect(),
            live: self.networks.iter().map(live).collect(),
            scalar_steps: self.scalars.adam.steps,
            rng: self.rng.clone(),
            exploration: self.explorer.rng.clone(),
            policy_hash: policy_hash(self.deployed().map(|DeployedLayer { layer, .. }| {
                (layer.topology.row_ptr(), layer.topology.col_idx(), layer.bias)
            })),
        };
        header.write(&mut sink)?;
        for network in &self.networks {
            for layer in &network.online.layers {
                write_links(&layer.links, &mut sink)?;
                for moments in [&layer.learning.weights, &layer.learning.bias] {
                    sink(bytemuck::cast_slice(moments.m))?;
                    sink(bytemuck::cast_slice(moments.v))?;
                }
                sink(layer.learning.ages)?;
            }
        }
        for target in self.networks.iter().filter_map(|network| network.target.as_ref()) {
            for links in &target.layers {
                write_links(links, &mut sink)?;
            }
        }
        for scalars in [&self.scalars.values, &self.scalars.m, &self.scalars.v] {
            sink(bytemuck::cast_slice(scalars))?;
        }
        self.statistics.save(sink)
    }

    /// Becomes what was saved.
    pub(super) fn load(&mut self, header: &ResumeHeader, body: &[u8]) -> Result<(), ResumeError> {
        let body = &mut &*body;
        for (at, network) in self.networks.iter_mut().enumerate() {
            network.adam.steps = header.adam_steps[at];
            for (layer, &links) in network.online.layers.iter_mut().zip(&header.live[at].online) {
                layer.shrink_to(links as usize)?;
                read_layer(body, layer)?;
            }
        }
        for (network, live) in self.networks.iter_mut().zip(&header.live) {
            let target = network.target.iter_mut().flat_map(|target| &mut target.layers);
            for (links, &count) in target.zip(&live.target) {
                links.shrink_to(count as usize)?;
                read_links(body, links)?;
            }
        }
        self.fit_gradients();
        if let Some(anchor) = &mut self.anchor {
            for (to, from) in anchor.layers.iter_mut().zip(&self.networks[0].online.layers) {
                to.copy_from(&from.links)?;
            }
        }
        let scalars = &mut self.scalars;
        scalars.adam.steps = header.scalar_steps;
        for scalars in [&mut *scalars.values, &mut *scalars.m, &mut *scalars.v] {
            read_floats(body, scalars)?;
        }
        self.statistics.load(body)?;
        self.updates = header.updates;
        self.rng = header.rng.clone();
        self.explorer.rng = header.exploration.clone();
        Ok(())
    }
}

fn write_links<E>(
    links: &Links<'_>,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let view = links.view();
    sink(bytemuck::cast_slice(view.topology.row_ptr()))?;
    sink(bytemuck::cast_slice(view.topology.col_idx()))?;
    sink(bytemuck::cast_slice(view.weights))?;
    sink(bytemuck::cast_slice(view.bias))
}

fn read_layer(body: &mut &[u8], layer: &mut Layer<'_>) -> Result<(), ResumeError> {
    read_links(body, &mut layer.links)?;
    for moments in [&mut layer.learning.weights, &mut layer.learning.bias] {
        read_floats(body, moments.m)?;
        read_floats(body, moments.v)?;
        if moments.v.iter().any(|&v| v < 0.0) {
            return Err(ResumeError::Number);
        }
    }
    read(body, layer.learning.ages);
    layer.index_columns();
    Ok(())
}

fn read_links(body: &mut &[u8], links: &mut Links<'_>) -> Result<(), ResumeError> {
    links.topology.replace(|row_ptr, col_idx| {
        read(body, row_ptr);
        read(body, col_idx);
    })?;
    read_floats(body, links.weights)?;
    read_floats(body, links.bias)
}

fn read_floats(body: &mut &[u8], into: &mut [f32]) -> Result<(), ResumeError> {
    read(body, into);
    if into.iter().all(|number| number.is_finite()) { Ok(()) } else { Err(ResumeError::Number) }
}

/// Fills `into` from the front of `body`, whose length [`Resume::parse`] has checked.
pub(super) fn read<T: Pod>(body: &mut &[u8], into: &mut [T]) {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(into);
    let (taken, rest) = body.split_at(bytes.len());
    bytes.copy_from_slice(taken);
    *body = rest;
}

fn live(network: &Network<'_>) -> LiveLinks {
    let links = |layer: LayerRef<'_>| layer.weights.len() as u32;
    let target = network.target.iter().flat_map(Target::layers);
    LiveLinks {
        online: network.online.layers().map(links).collect(),
        target: target.map(links).collect(),
    }
}

/// Bytes after the header; none where that does not list the networks that the algorithm has.
pub(super) fn body_bytes<A: Algorithm>(_: &A, header: &ResumeHeader) -> Option<u64> {
    let networks = A::NETWORKS.len();
    if (header.adam_steps.len(), header.live.len()) != (networks, networks) {
        return None;
    }
    let mut bytes = 12 * A::scalars(&header.shape) as u64
        + Statistics::bytes(header.shape.observations(), &header.training);
    for (part, live) in A::NETWORKS.iter().zip(&header.live) {
        let shape = header.shape.network(part.role);
        let layers = shape.links.len();
        if live.online.len() != layers || live.target.len() != if part.target { layers } else { 0 }
        {
            return None;
        }
        let all = live.online.iter().zip(shape.layers()).map(|(&links, layer)| (links, layer, 9));
        let target =
            live.target.iter().zip(shape.layers()).map(|(&links, layer)| (links, layer, 0));
        for (links, (_, outputs, most), learning) in all.chain(target) {
            if !(1..=most).contains(&(links as usize)) {
                return None;
            }
            let (links, outputs) = (u64::from(links), outputs as u64);
            // Moments and age of a link, moments of a bias.
            let of_bias = if learning > 0 { 8 } else { 0 };
            bytes += 4 * (outputs + 1) + (6 + learning) * links + (4 + of_bias) * outputs;
        }
    }
    Some(bytes)
}
