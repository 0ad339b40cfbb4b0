//! Running statistics at the end of a resume section.

use super::ResumeError;
use super::body::read;
use super::header::MOST_UPDATES;
use crate::learn::agent::{RewardScale, Statistics};
use crate::learn::training::Training;

impl Statistics<'_> {
    /// Hands the statistics to `sink`, piece by piece.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn save<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if let Some(normaliser) = &self.normaliser {
            sink(&normaliser.count.to_le_bytes())?;
            sink(bytemuck::cast_slice(normaliser.means))?;
            sink(bytemuck::cast_slice(normaliser.squares))?;
        }
        if let Some(RewardScale { count, mean, squares, discounted }) = self.reward_scale {
            sink(&count.to_le_bytes())?;
            sink(bytemuck::bytes_of(&[mean, squares, discounted]))?;
        }
        Ok(())
    }

    /// Becomes what was saved, taken from the front of `body`.
    ///
    /// # Errors
    /// [`ResumeError::Number`] if a number is impossible.
    ///
    /// # Panics
    /// If `body` is too short; that of a [`Resume`](super::Resume) with the same settings is not.
    pub fn load(&mut self, body: &mut &[u8]) -> Result<(), ResumeError> {
        if let Some(normaliser) = &mut self.normaliser {
            normaliser.count = read_count(body)?;
            read_doubles(body, normaliser.means)?;
            read_doubles(body, normaliser.squares)?;
            if normaliser.squares.iter().any(|&squares| squares < 0.0) {
                return Err(ResumeError::Number);
            }
            normaliser.refresh();
        }
        if let Some(scale) = &mut self.reward_scale {
            let count = read_count(body)?;
            let mut sums = [0.0; 3];
            read_doubles(body, &mut sums)?;
            let [mean, squares, discounted] = sums;
            if squares < 0.0 {
                return Err(ResumeError::Number);
            }
            *scale = RewardScale { count, mean, squares, discounted };
        }
        Ok(())
    }

    /// Bytes that [`Statistics::save`] hands out.
    pub(super) fn bytes(observations: usize, training: &Training) -> u64 {
        let of_observations = 8 + 16 * observations as u64;
        (if training.normalise_observations { of_observations } else { 0 })
            + if training.scale_rewards { 32 } else { 0 }
    }
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
