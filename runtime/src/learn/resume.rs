//! All that learning needs to go on, as bytes: the resume section of a policy file.
//!
//! `u32` length of a postcard header ([`ResumeHeader`], and the actor's and critics' structures where
//! there are any), the header, then for actor and both critics every layer's row pointers, columns, weights, biases and Adam's moments of weights (m, v) and biases
//! (m, v), then for their targets in the same order row pointers, columns, weights, biases. All
//! little-endian, without padding.

use super::config::{AgentShape, NetworkShape, Td3Config};
use super::layer::{Layer, Links};
use super::memory::{Block, OutOfMemory};
use super::td3::{LearnError, Td3};
use crate::random::Xoshiro256PlusPlus;
use bytemuck::Pod;
use lacewing_formats::topology::{Structure, TopologyError};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(target_endian = "big")]
compile_error!("the resume section is little-endian, and so must the target be");

/// More than any header takes.
const MOST_HEADER_BYTES: usize = 512;
/// More than any agent makes: what counts them cannot overflow.
const MOST_UPDATES: u64 = 1 << 62;

/// Why bytes are not a resume section.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ResumeError {
    /// The header cannot be read.
    #[error("the resume section has no readable header: export the policy again from its run")]
    Header,
    /// Networks that no agent has.
    #[error(
        "the resume section describes impossible networks: export the policy again from its run"
    )]
    Shape,
    /// Networks of another policy.
    #[error(
        "the resume section has {} observations and {} actions, its policy {} and {}: export the \
         policy again from its run",
        found.0, found.1, policy.0, policy.1
    )]
    OtherPolicy {
        /// Observations and actions of the networks.
        found: (usize, usize),
        /// Those of the policy.
        policy: (usize, usize),
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
    /// Shapes of the networks.
    pub shape: AgentShape,
    /// Settings it was saved with.
    pub config: Td3Config,
    /// Updates made so far.
    pub updates: u64,
    /// Adam's steps for the actor and both critics.
    pub adam_steps: [u64; 3],
    /// State of the agent's random numbers.
    pub rng: Xoshiro256PlusPlus,
}

impl ResumeHeader {
    /// Hands length and header to `sink`.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn write<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut buffer = [0; MOST_HEADER_BYTES];
        // At most 22 varints of 5 bytes, 8 of 10, 60 bytes of settings and two names under 20.
        let fits = "a header under 512 bytes";
        let mut length = postcard::to_slice(self, &mut buffer).expect(fits).len();
        let structures = [self.shape.actor.structure, self.shape.critic.structure];
        if structures != [Structure::Unstructured; 2] {
            length += postcard::to_slice(&structures, &mut buffer[length..]).expect(fits).len();
        }
        sink(&(length as u32).to_le_bytes())?;
        sink(&buffer[..length])
    }
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
        let (header, body) = rest.split_at(length);
        let (mut header, structures): (ResumeHeader, _) =
            postcard::take_from_bytes(header).map_err(|_| ResumeError::Header)?;
        if !structures.is_empty() {
            let (structures, left): ([Structure; 2], _) =
                postcard::take_from_bytes(structures).map_err(|_| ResumeError::Header)?;
            if !left.is_empty() {
                return Err(ResumeError::Header);
            }
            [header.shape.actor.structure, header.shape.critic.structure] = structures;
        }
        let mut rng = header.rng.clone();
        if (0..4).all(|_| rng.next_u64() == 0) {
            return Err(ResumeError::Number);
        }
        let counts = header.adam_steps.iter().chain([&header.updates]);
        if counts.max().is_some_and(|&count| count > MOST_UPDATES) {
            return Err(ResumeError::Number);
        }
        super::td3::check(&header.config)?;
        if !header.shape.is_possible() {
            return Err(ResumeError::Shape);
        }
        let expected = body_bytes(&header.shape);
        if expected != body.len() as u64 {
            return Err(ResumeError::Length { expected, found: body.len() as u64 });
        }
        Ok(Self { header, body })
    }

    /// Refuses the section where it is not of a policy with so many observations and actions.
    ///
    /// # Errors
    /// [`ResumeError::OtherPolicy`].
    pub fn check_policy(&self, observations: usize, actions: usize) -> Result<(), ResumeError> {
        let (found, policy) =
            ((self.shape().observations(), self.shape().actions()), (observations, actions));
        if found == policy { Ok(()) } else { Err(ResumeError::OtherPolicy { found, policy }) }
    }

    /// The networks' shape.
    pub fn shape(&self) -> &AgentShape {
        &self.header.shape
    }

    /// The settings it was saved with.
    pub fn config(&self) -> &Td3Config {
        &self.header.config
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

    /// The agent as it was saved, but with the settings of `config`, in
    /// [`Td3::blocks`]`(shape, config)` blocks of memory.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub fn restore<'m>(
        &self,
        config: Td3Config,
        memory: &'m mut [Block],
    ) -> Result<Td3<'m>, ResumeError> {
        let ResumeHeader { shape, updates, adam_steps, rng, .. } = &self.header;
        let mut agent = Td3::new(shape.clone(), config, memory, 0)?;
        let mut body = self.body;
        for (learner, &steps) in agent.learners_mut().zip(adam_steps) {
            learner.adam.steps = steps;
            for layer in &mut learner.online.layers {
                read_layer(&mut body, layer)?;
            }
        }
        for learner in agent.learners_mut() {
            for links in &mut learner.target.layers {
                read_links(&mut body, links)?;
            }
        }
        agent.updates = *updates;
        agent.rng = rng.clone();
        Ok(agent)
    }
}

impl Td3<'_> {
    /// Hands all that learning needs to go on to `sink`, piece by piece.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn save<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let [first, second] = &self.critics;
        let header = ResumeHeader {
            shape: self.shape.clone(),
            config: self.config,
            updates: self.updates,
            adam_steps: [&self.actor, first, second].map(|learner| learner.adam.steps),
            rng: self.rng.clone(),
        };
        header.write(&mut sink)?;
        for learner in [&self.actor, first, second] {
            for layer in &learner.online.layers {
                write_links(&layer.links, &mut sink)?;
                for moments in [&layer.learning.weights, &layer.learning.bias] {
                    sink(bytemuck::cast_slice(moments.m))?;
                    sink(bytemuck::cast_slice(moments.v))?;
                }
            }
        }
        for learner in [&self.actor, first, second] {
            for links in &learner.target.layers {
                write_links(links, &mut sink)?;
            }
        }
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
fn read<T: Pod>(body: &mut &[u8], into: &mut [T]) {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(into);
    let (taken, rest) = body.split_at(bytes.len());
    bytes.copy_from_slice(taken);
    *body = rest;
}

/// Bytes after the header.
fn body_bytes(shape: &AgentShape) -> u64 {
    let network = |shape: &NetworkShape| -> u64 {
        let layers = shape.layers().map(|(_, outputs, links)| {
            let (outputs, links) = (outputs as u64, links as u64);
            let links_bytes = 4 * (outputs + 1) + 2 * links + 4 * links + 4 * outputs;
            2 * links_bytes + 8 * links + 8 * outputs
        });
        layers.sum()
    };
    network(&shape.actor) + 2 * network(&shape.critic)
}
