//! What a resume section says before its arrays.

use super::ResumeError;
use crate::learn::agent::{AgentShape, MAX_NETWORKS};
use crate::learn::algo::Settings;
use crate::learn::net::MAX_LAYERS;
use crate::learn::training::Training;
use crate::random::Xoshiro256PlusPlus;
use heapless::Vec;
use rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Layout of the section. Files of other days have up to 4: the next is 5.
pub(super) const VERSION: u16 = 2;
/// More than any header takes.
pub(super) const MOST_HEADER_BYTES: usize = 1024;
/// More than any agent makes: what counts them cannot overflow.
pub(super) const MOST_UPDATES: u64 = 1 << 62;

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

    pub(super) fn check(&self) -> Result<(), ResumeError> {
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
        let fakes = self.training.fake_features as usize;
        if !self.shape.is_possible(self.settings.kind()) || fakes > self.shape.observations() {
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
