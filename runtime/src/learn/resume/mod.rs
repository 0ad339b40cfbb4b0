//! All that learning needs to go on, as bytes: the resume section of a policy file.
//!
//! `u32` length of a postcard header ([`ResumeHeader`]), the header, then for every network of the
//! algorithm, the policy first, every layer's row pointers, columns, weights, biases, Adam's moments of
//! weights (m, v) and biases (m, v) and the links' ages in changes of topology (a byte each), then for their targets in the same order row pointers, columns,
//! weights, biases, then values and moments (m, v) of the scalars, then, where observations are
//! normalised, their number (u64), means and sums of squares (f64), then, where rewards are scaled, the
//! number of returns (u64), their mean and sum of squares and the return of the present episode (f64).
//! All little-endian, without padding. What is behind that are transitions to begin with, as
//! [`Shipped`] reads them.

mod body;
mod header;
mod image;
mod statistics;
mod whose;

pub use header::{LiveLinks, ResumeHeader, policy_hash};
pub use image::ResumeImage;

use super::adapt::Adapt;
use super::agent::{AgentShape, Seeds};
use super::algo::{AnyAgent, Settings, each};
use super::error::LearnError;
use super::memory::{Replay, ReplayError, Shipped, ShippedError};
use super::session::Buffers;
use super::training::Training;
use super::tuning::TuningTopology;
use crate::arena::{Block, OutOfMemory};
use body::body_bytes;
use header::{MOST_HEADER_BYTES, VERSION};
use lacewing_formats::topology::TopologyError;
use thiserror::Error;

#[cfg(target_endian = "big")]
compile_error!("the resume section is little-endian, and so must the target be");

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
    /// The learner has not what follows the sums of a layer.
    #[error(
        "layer {layer} (counted from 0) of the policy has {what}, which the learner cannot train there (it \
         has ReLU, and behind the last layer what its algorithm has): tune a policy that Lacewing trained"
    )]
    Activation {
        /// Which layer, counted from 0.
        layer: usize,
        /// What it has.
        what: &'static str,
    },
    /// The learner's actions are not made so.
    #[error("the learner has no {head} actions: tune a policy that Lacewing trained")]
    Head {
        /// Name of the policy's head.
        head: &'static str,
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
    /// See [`ShippedError`].
    #[error(transparent)]
    Shipped(#[from] ShippedError),
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

/// A resume section whose header and length have been checked.
#[derive(Clone, Debug)]
pub struct Resume<'a> {
    header: ResumeHeader,
    body: &'a [u8],
    shipped: Option<Shipped<'a>>,
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
        let found = body.len() as u64;
        let split =
            usize::try_from(expected).ok().and_then(|expected| body.split_at_checked(expected));
        let (body, rest) = split.ok_or(ResumeError::Length { expected, found })?;
        let shape = &header.shape;
        let shipped = (!rest.is_empty())
            .then(|| Shipped::parse(rest, shape.observations(), shape.actions))
            .transpose()?;
        Ok(Self { header, body, shipped })
    }

    /// Transitions that travel with the policy, if any do.
    pub fn shipped(&self) -> Option<&Shipped<'a>> {
        self.shipped.as_ref()
    }

    /// Stores them in a replay to begin with, and returns how many there are. Not those of another policy's
    /// steps: where a teacher's actions are learned, or the present policy's steps only, there are none.
    ///
    /// # Errors
    /// See [`Shipped::store`].
    ///
    /// # Panics
    /// See [`Shipped::store`].
    pub fn begin(
        &self,
        adapt: Adapt,
        replay: &mut Replay<'_>,
        buffers: &mut Buffers<'_>,
    ) -> Result<usize, ReplayError> {
        let of_use = !adapt.imitate && self.settings().iteration().is_none();
        let Some(shipped) = self.shipped.filter(|_| of_use) else { return Ok(0) };
        shipped.store(replay, buffers)?;
        Ok(shipped.count())
    }

    /// The bytes that this was read from, without them.
    ///
    /// # Panics
    /// If `section` is shorter than they are: it is another one.
    pub fn without_shipped<'s>(&self, section: &'s [u8]) -> &'s [u8] {
        &section[..section.len() - self.shipped.map_or(0, |shipped| shipped.bytes().len())]
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

    /// The same for a fine-tuning, in one thread; `adapt` counts updates from its start.
    pub fn tuning(&self, topology: TuningTopology, adapt: Adapt) -> Training {
        let training = *self.training();
        let policy_after = match adapt.policy_after {
            0 => 0,
            updates => self.updates().saturating_add(updates),
        };
        let method = topology.method(&training.method, self.updates());
        Training { method, adapt: Adapt { policy_after, ..adapt }, ..training }
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
        each!(AnyAgent, &mut agent, agent => {
            agent.load(&self.header, self.body)?;
            agent.drop_anchor()
        })?;
        Ok(agent)
    }

    /// Makes an agent what was saved of it later on, in its fine-tuning: it keeps its settings and the policy
    /// that it is pulled towards.
    ///
    /// # Errors
    /// [`ResumeError`]; the agent is then of no use.
    pub fn go_on(&self, agent: &mut AnyAgent<'_>) -> Result<(), ResumeError> {
        if self.settings().kind() != agent.settings().kind() {
            return Err(ResumeError::OtherPolicy { what: "algorithms" });
        }
        if self.shape() != agent.shape() {
            return Err(ResumeError::OtherPolicy { what: "networks" });
        }
        each!(AnyAgent, agent, agent => agent.load(&self.header, self.body))
    }
}
