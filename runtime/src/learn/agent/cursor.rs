//! Where an update stands, so that it can be made in slices.

use super::losses::Losses;
use super::stage::Stages;

/// An update on its way. What it counts is done part by part, in this order, whatever the slices, so that
/// they change no bit of what is learned.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// None before the minibatch is drawn.
    pub stages: Stages,
    /// Which of them is the present one.
    pub stage: usize,
    /// Parts of it that are done: networks that stepped, or layers that changed.
    pub done: usize,
    /// Tiles of the minibatch that are done, where gradients are being found.
    pub tile: usize,
    pub losses: Losses,
}

impl Cursor {
    /// Goes on to the next stage.
    pub fn next_stage(&mut self) {
        (self.stage, self.done, self.tile) = (self.stage + 1, 0, 0);
    }

    /// Goes on to the next part of a stage.
    pub fn next_part(&mut self) {
        (self.done, self.tile) = (self.done + 1, 0);
    }
}
