//! All that learning needs to go on, as bytes: the resume section of a policy file.
//!
//! `u32` length of a postcard header ([`ResumeHeader`]), the header, then for every network of the
//! algorithm, the policy first, every layer's row pointers, columns, weights, biases, Adam's moments of
//! weights (m, v) and biases (m, v) and the links' ages in changes of topology (a byte each), then for their targets in the same order row pointers, columns,
//! weights, biases, then values and moments (m, v) of the scalars, then, where observations are
//! normalised, their number (u64), means and sums of squares (f64), then, where rewards are scaled, the
//! number of returns (u64), their mean and sum of squares and the return of the present episode (f64).
//! All little-endian, without padding.

use super::agent::{
    Agent, AgentShape, Algorithm, DeployedLayer, MAX_NETWORKS, Network, RewardScale, Seeds,
};
use super::algo::{AnyAgent, Settings, each};
use super::error::LearnError;
use super::net::{Layer, LayerRef, Links, MAX_LAYERS, Target};
use super::training::Training;
use crate::arena::{Block, OutOfMemory};
use crate::random::Xoshiro256PlusPlus;
use bytemuck::Pod;
use heapless::Vec;
use lacewing_formats::topology::TopologyError;
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(target_endian = "big")]
compile_error!("the resume section is little-endian, and so must the target be");

/// Layout of the section.
const VERSION: u16 = 2;
/// More than any header takes.
const MOST_HEADER_BYTES: usize = 1024;
/// More than any agent makes: what counts them cannot overflow.
const MOST_UPDATES: u64 = 1 << 62;

/// Why bytes are not a resume section.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ResumeError {
    /// The header cannot be read.
    #[error("the resume section has no readable header: export the policy again from its run")]
    Header,
    /// Of another version of Lacewing.
    #[error(
        "the resume section is of layout {found}, this program reads layout {VERSION}: train again, or \
         use the program that wrote the file"
    )]
    Version {
        /// The layout it claims.
        found: u16,
    },
    /// Networks that no agent has.
    #[error(
        "the resume section describes impossible networks: export the policy again from its run"
    )]
    Shape,
    /// It belongs to another policy.
    #[error(
        "the resume section is not of this policy ({what} differ): export the policy again from its run"
    )]
    OtherPolicy {
        /// In which they differ.
        what: &'static str,
    },
    /// Too short or too long for the networks it describes.
    #[error("the resume section has {found} bytes where {expected} are due: copy the file again")]
    Length {
        /// Bytes that the header calls for.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A number is not finite, a second moment negative, or a count beyond all reach.
    #[error("the resume section holds impossible numbers: go back to an earlier save")]
    Number,
    /// See [`TopologyError`].
    #[error("the resume section holds an impossible topology: {0}")]
    Topology(#[from] TopologyError),
    /// See [`OutOfMemory`].
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// See [`LearnError`].
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// What a resume section says before its arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResumeHeader {
    /// Layout of the section.
    pub version: u16,
    /// The algorithm, with the settings it was saved with.
    pub settings: Settings,
    /// The settings that no algorithm owns.
    pub training: Training,
    /// Shapes of the networks.
    pub shape: AgentShape,
    /// Updates made so far.
    pub updates: u64,
    /// Adam's steps for every network.
    pub adam_steps: Vec<u64, MAX_NETWORKS>,
    /// Live links of every network's layers: fewer than in its shape where it was pruned.
    pub live: Vec<LiveLinks, MAX_NETWORKS>,
    /// Adam's steps for the scalars.
    pub scalar_steps: u64,
    /// State of the agent's random numbers.
    pub rng: Xoshiro256PlusPlus,
    /// The same of its exploration.
    pub exploration: Xoshiro256PlusPlus,
    /// See [`policy_hash`].
    pub policy_hash: u32,
}

/// Live links of the layers of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveLinks {
    /// Of the network itself.
    pub online: Vec<u32, MAX_LAYERS>,
    /// Of its target; empty where it has none.
    pub target: Vec<u32, MAX_LAYERS>,
}

impl ResumeHeader {
    /// Hands length and header to `sink`.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn write<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut buffer = [0; MOST_HEADER_BYTES];
        // Fewer than 100 varints of 5 bytes and 20 of 10, and names under 200.
        let length =
            postcard::to_slice(self, &mut buffer).expect("a header under 1024 bytes").len();
        sink(&(length as u32).to_le_bytes())?;
        sink(&buffer[..length])
    }

    fn check(&self) -> Result<(), ResumeError> {
        if self.version != VERSION {
            return Err(ResumeError::Version { found: self.version });
        }
        for rng in [&self.rng, &self.exploration] {
            let mut rng = rng.clone();
            if (0..4).all(|_| rng.next_u64() == 0) {
                return Err(ResumeError::Number);
            }
        }
        let counts = self.adam_steps.iter().chain([&self.updates, &self.scalar_steps]);
        if counts.max().is_some_and(|&count| count > MOST_UPDATES) {
            return Err(ResumeError::Number);
        }
        self.settings.check()?;
        self.training.check()?;
        if !self.shape.is_possible(self.settings.kind()) {
            return Err(ResumeError::Shape);
        }
        Ok(())
    }
}

/// A number that tells one policy from another, and stays the same however its weights are encoded:
/// the CRC-32 of row pointers, columns and biases of every layer of its file.
pub fn policy_hash<'l>(layers: impl Iterator<Item = (&'l [u32], &'l [u16], &'l [f32])>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for (row_ptr, col_idx, bias) in layers {
        hasher.update(bytemuck::cast_slice(row_ptr));
        hasher.update(bytemuck::cast_slice(col_idx));
        hasher.update(bytemuck::cast_slice(bias));
    }
    hasher.finalize()
}

/// A resume section whose header and length have been checked.
#[derive(Clone, Debug)]
pub struct Resume<'a> {
    header: ResumeHeader,
    body: &'a [u8],
}

impl<'a> Resume<'a> {
    /// Reads the header; memory that an agent will need is then known, before any is given.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ResumeError> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(ResumeError::Header)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MOST_HEADER_BYTES || length > rest.len() {
            return Err(ResumeError::Header);
        }
        let (head, body) = rest.split_at(length);
        // What follows the version depends on it.
        let (found, _) = postcard::take_from_bytes(head).map_err(|_| ResumeError::Header)?;
        if found != VERSION {
            return Err(ResumeError::Version { found });
        }
        let (header, left): (ResumeHeader, _) =
            postcard::take_from_bytes(head).map_err(|_| ResumeError::Header)?;
        if !left.is_empty() {
            return Err(ResumeError::Header);
        }
        header.check()?;
        let expected =
            each!(Settings, &header.settings, algorithm => body_bytes(algorithm, &header))
                .ok_or(ResumeError::Shape)?;
        if expected != body.len() as u64 {
            return Err(ResumeError::Length { expected, found: body.len() as u64 });
        }
        Ok(Self { header, body })
    }

    /// Refuses the section where it is not of the policy with so many observations and numbers of an
    /// action, and with this [`policy_hash`].
    ///
    /// # Errors
    /// [`ResumeError::OtherPolicy`].
    pub fn check_policy(
        &self,
        observations: usize,
        actions: usize,
        hash: u32,
    ) -> Result<(), ResumeError> {
        let what = if observations != self.shape().observations() {
            "observations"
        } else if actions != self.shape().action_numbers() {
            "actions"
        } else if hash != self.header.policy_hash {
            "links or biases"
        } else {
            return Ok(());
        };
        Err(ResumeError::OtherPolicy { what })
    }

    /// The networks' shape.
    pub fn shape(&self) -> &AgentShape {
        &self.header.shape
    }

    /// The algorithm, with the settings it was saved with.
    pub fn settings(&self) -> &Settings {
        &self.header.settings
    }

    /// The settings that no algorithm owns.
    pub fn training(&self) -> &Training {
        &self.header.training
    }

    /// Updates made before it was saved.
    pub fn updates(&self) -> u64 {
        self.header.updates
    }

    /// All of the header.
    pub fn header(&self) -> &ResumeHeader {
        &self.header
    }

    /// The arrays behind the header, as long as the header calls for.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The agent as it was saved, but with these settings, in
    /// [`AnyAgent::blocks`]`(shape, settings, training)` blocks of memory.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn restore<'m>(
        &self,
        settings: Settings,
        training: Training,
        memory: &'m mut [Block],
    ) -> Result<AnyAgent<'m>, ResumeError> {
        let training = Training {
            // What the section holds is decided.
            normalise_observations: self.header.training.normalise_observations,
            scale_rewards: self.header.training.scale_rewards,
            ..training
        };
        if settings.kind() != self.header.settings.kind() {
            return Err(ResumeError::OtherPolicy { what: "algorithms" });
        }
        let shape = self.header.shape.clone();
        let mut agent = AnyAgent::new(shape, settings, training, memory, Seeds::default())?;
        each!(AnyAgent, &mut agent, agent => agent.load(&self.header, self.body))?;
        Ok(agent)
    }
}

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
        if let Some(normaliser) = &self.normaliser {
            sink(&normaliser.count.to_le_bytes())?;
            sink(bytemuck::cast_slice(normaliser.means))?;
            sink(bytemuck::cast_slice(normaliser.squares))?;
        }
        if self.training.scale_rewards {
            let RewardScale { count, mean, squares, discounted } = self.reward_scale;
            sink(&count.to_le_bytes())?;
            sink(bytemuck::bytes_of(&[mean, squares, discounted]))?;
        }
        Ok(())
    }

    /// Becomes what was saved.
    fn load(&mut self, header: &ResumeHeader, body: &[u8]) -> Result<(), ResumeError> {
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
        let scalars = &mut self.scalars;
        scalars.adam.steps = header.scalar_steps;
        for scalars in [&mut *scalars.values, &mut *scalars.m, &mut *scalars.v] {
            read_floats(body, scalars)?;
        }
        if let Some(normaliser) = &mut self.normaliser {
            normaliser.count = read_count(body)?;
            read_doubles(body, normaliser.means)?;
            read_doubles(body, normaliser.squares)?;
            if normaliser.squares.iter().any(|&squares| squares < 0.0) {
                return Err(ResumeError::Number);
            }
            normaliser.refresh();
        }
        if self.training.scale_rewards {
            let count = read_count(body)?;
            let mut sums = [0.0; 3];
            read_doubles(body, &mut sums)?;
            let [mean, squares, discounted] = sums;
            if squares < 0.0 {
                return Err(ResumeError::Number);
            }
            self.reward_scale = RewardScale { count, mean, squares, discounted };
        }
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

fn read_doubles(body: &mut &[u8], into: &mut [f64]) -> Result<(), ResumeError> {
    read(body, into);
    if into.iter().all(|number| number.is_finite()) { Ok(()) } else { Err(ResumeError::Number) }
}

fn read_count(body: &mut &[u8]) -> Result<u64, ResumeError> {
    let mut count = [0];
    read(body, &mut count);
    if count[0] > MOST_UPDATES { Err(ResumeError::Number) } else { Ok(count[0]) }
}

/// Fills `into` from the front of `body`, whose length [`Resume::parse`] has checked.
fn read<T: Pod>(body: &mut &[u8], into: &mut [T]) {
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
fn body_bytes<A: Algorithm>(_: &A, header: &ResumeHeader) -> Option<u64> {
    let networks = A::NETWORKS.len();
    if (header.adam_steps.len(), header.live.len()) != (networks, networks) {
        return None;
    }
    let mut bytes = 12 * A::scalars(&header.shape) as u64;
    if header.training.normalise_observations {
        bytes += 8 + 16 * header.shape.observations() as u64;
    }
    if header.training.scale_rewards {
        bytes += 32;
    }
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
