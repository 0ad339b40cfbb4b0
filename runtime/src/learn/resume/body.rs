//! The arrays of a resume section, written and read in one order.

use super::ResumeError;
use super::header::{LiveLinks, ResumeHeader, VERSION, policy_hash};
use crate::learn::agent::{Agent, Algorithm, DeployedLayer, Network, Statistics};
use crate::learn::algo::{AnyAgent, Settings, each};
use crate::learn::net::{Float8, Follower, Layer, LayerRef, Links, Moments};
use bytemuck::Pod;
use half::bf16;

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
        self.header().write(&mut sink)?;
        self.save_body(sink)
    }

    pub(super) fn header(&self) -> ResumeHeader {
        ResumeHeader {
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
        }
    }

    pub(super) fn save_body<E>(
        &self,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for network in &self.networks {
            for layer in &network.online.layers {
                write_links(layer.links.view(), &mut sink)?;
                write_learning(layer, &mut sink)?;
            }
        }
        for network in &self.networks {
            for layer in network.target.iter().flat_map(|target| target.layers(&network.online)) {
                write_links(layer, &mut sink)?;
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
            let layers = target.zip(&network.online.layers).zip(&live.target);
            for ((follower, online), &count) in layers {
                follower.shrink_to(count as usize)?;
                read_follower(body, follower, online, count as usize)?;
            }
        }
        self.fit_gradients();
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

    /// From now on the policy is pulled towards what it is now.
    pub(super) fn drop_anchor(&mut self) -> Result<(), ResumeError> {
        if let Some(anchor) = &mut self.anchor {
            for (to, from) in anchor.layers.iter_mut().zip(&self.networks[0].online.layers) {
                to.copy_from(&from.links)?;
            }
        }
        Ok(())
    }
}

fn write_links<E>(
    layer: LayerRef<'_>,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    sink(bytemuck::cast_slice(layer.topology.row_ptr()))?;
    sink(bytemuck::cast_slice(layer.topology.col_idx()))?;
    sink(bytemuck::cast_slice(layer.weights))?;
    sink(bytemuck::cast_slice(layer.bias))
}

/// Moments and ages, where there are fewer as if there were all.
fn write_learning<E>(
    layer: &Layer<'_>,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match &layer.learning.moments {
        Moments::Full { weights, bias } => {
            for moments in [&weights.m, &weights.v, &bias.m, &bias.v] {
                sink(bytemuck::cast_slice(moments))?;
            }
        }
        Moments::Small { weights, bias } => {
            for moments in [weights, bias] {
                write_floats(moments.m.iter().map(|m| m.to_f32()), sink)?;
                write_floats(moments.v.iter().map(|v| v.to_f32()), sink)?;
            }
        }
    }
    if layer.learning.ages.is_empty() {
        let old = [u8::MAX; CHUNK];
        let mut left = layer.links.weights.len();
        while left > 0 {
            let some = left.min(CHUNK);
            sink(&old[..some])?;
            left -= some;
        }
    }
    sink(layer.learning.ages)
}

/// Numbers that are worked out on the way to a sink.
const CHUNK: usize = 64;

fn write_floats<E>(
    mut numbers: impl Iterator<Item = f32>,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let some: heapless::Vec<f32, CHUNK> = numbers.by_ref().take(CHUNK).collect();
        if some.is_empty() {
            return Ok(());
        }
        sink(bytemuck::cast_slice(&some))?;
    }
}

fn read_layer(body: &mut &[u8], layer: &mut Layer<'_>) -> Result<(), ResumeError> {
    read_links(body, &mut layer.links)?;
    match &mut layer.learning.moments {
        Moments::Full { weights, bias } => {
            for moments in [weights, bias] {
                read_floats(body, moments.m)?;
                read_floats(body, moments.v)?;
                if moments.v.iter().any(|&v| v < 0.0) {
                    return Err(ResumeError::Number);
                }
            }
        }
        Moments::Small { weights, bias } => {
            for moments in [weights, bias] {
                for m in moments.m.iter_mut() {
                    *m = bf16::from_f32(read_float(body)?);
                }
                for v in moments.v.iter_mut() {
                    *v = Float8::nearest(read_second(body)?);
                }
            }
        }
    }
    if layer.learning.ages.is_empty() {
        skip(body, layer.links.weights.len());
    }
    read(body, layer.learning.ages);
    layer.index_columns();
    Ok(())
}

/// Reads a target of so many links; where it has to share those of `online`, what they were is taken and
/// other links are dropped.
fn read_follower(
    body: &mut &[u8],
    follower: &mut Follower<'_>,
    online: &Layer<'_>,
    count: usize,
) -> Result<(), ResumeError> {
    if let Some(topology) = &mut follower.topology {
        topology.replace(|row_ptr, col_idx| {
            read(body, row_ptr);
            read(body, col_idx);
        })?;
        read_floats(body, follower.weights)?;
        return read_floats(body, follower.bias);
    }
    follower.fit(&online.links);
    let shared = online.links.topology.view();
    let row_ptr = skip(body, 4 * (shared.rows() + 1));
    let columns = skip(body, 2 * count);
    let weights = skip(body, 4 * count);
    let column = |at: usize| u16::from_le_bytes([columns[2 * at], columns[2 * at + 1]]);
    let pointer = |row: usize| {
        let pointer: u32 = bytemuck::pod_read_unaligned(&row_ptr[4 * row..][..4]);
        pointer as usize
    };
    for row in 0..shared.rows() {
        let (mut at, end) = (pointer(row), pointer(row + 1));
        if at > end || end > count {
            return Err(ResumeError::Number);
        }
        for link in shared.row(row) {
            let wanted = shared.col_idx()[link];
            while at < end && column(at) < wanted {
                at += 1;
            }
            let weight = match at < end && column(at) == wanted {
                true => bytemuck::pod_read_unaligned(&weights[4 * at..][..4]),
                false => 0.0_f32,
            };
            if !weight.is_finite() {
                return Err(ResumeError::Number);
            }
            follower.weights[link] = weight;
        }
    }
    read_floats(body, follower.bias)
}

fn read_links(body: &mut &[u8], links: &mut Links<'_>) -> Result<(), ResumeError> {
    links.topology.replace(|row_ptr, col_idx| {
        read(body, row_ptr);
        read(body, col_idx);
    })?;
    read_floats(body, links.weights)?;
    read_floats(body, links.bias)
}

fn read_float(body: &mut &[u8]) -> Result<f32, ResumeError> {
    let mut number = [0.0];
    read_floats(body, &mut number)?;
    Ok(number[0])
}

/// A second moment.
fn read_second(body: &mut &[u8]) -> Result<f32, ResumeError> {
    let number = read_float(body)?;
    if number < 0.0 { Err(ResumeError::Number) } else { Ok(number) }
}

/// Takes bytes from the front of `body`, whose length [`Resume::parse`] has checked.
fn skip<'b>(body: &mut &'b [u8], bytes: usize) -> &'b [u8] {
    let (taken, rest) = body.split_at(bytes);
    *body = rest;
    taken
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
    let target = network.target.iter().flat_map(|target| target.layers(&network.online));
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
