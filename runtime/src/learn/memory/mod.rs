//! What an agent has seen.

mod replay;
mod rollout;

pub use replay::{Replay, ReplayError, Transition};
pub use rollout::Rollout;

use crate::kernels::train::{TILE, Tile};

/// Transposes a part of samples of the replay into tiles; places without a sample become zero.
pub(super) fn load<'r>(
    data: &'r Replay<'_>,
    samples: &[u32],
    into: &mut [Tile],
    part: impl Fn(&Transition<'r>) -> &'r [f32],
) {
    if samples.len() < TILE {
        into.fill(Tile::ZERO);
    }
    for (place, &index) in samples.iter().enumerate() {
        for (tile, &feature) in into.iter_mut().zip(part(&data.get(index as usize))) {
            tile.0[place] = feature;
        }
    }
}
