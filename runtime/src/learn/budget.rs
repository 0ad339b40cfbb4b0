//! The memory of learning by what it is for, known before any is taken.

use super::actor::Actor;
use super::agent::AgentShape;
use super::algo::{AnyAgent, Settings};
use super::keeper::Keeper;
use super::memory::ReplayShape;
use super::resume::Resume;
use super::training::Training;
use crate::arena::Block;
use core::fmt;
use serde::Serialize;

/// Copies of the policy between what learns and what acts meanwhile: one acts, one is written to, one is on its
/// way, one takes the learner back.
pub const ACTORS: usize = 4;

/// Transitions, and as many notes and losses, that may wait between what acts and what learns.
pub const WAITING: usize = 1024;

/// Numbers of a transition on that way, before its observation: whether it begins, reward, end.
pub const ROW_HEAD: usize = 3;

/// The most bytes that a note takes of what the control loop has to tell.
pub const NOTE_BYTES: usize = 96;

/// Bytes for all that may wait.
fn waiting(shape: &AgentShape) -> usize {
    let row = ROW_HEAD + 2 * shape.observations() + shape.action_numbers();
    let loss = 1;
    WAITING * ((row + loss) * size_of::<f32>() + NOTE_BYTES)
}

/// Memory for those copies, and for what a [`Keeper`] may go back to.
pub fn live_blocks(shape: &AgentShape, settings: &Settings, training: &Training) -> usize {
    ACTORS * Actor::blocks(shape, settings, training) + Keeper::blocks(shape, settings, training)
}

/// Bytes of memory by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// The policy file, and copies of it.
    pub files: usize,
    /// The networks that learn: row pointers, columns, weights and biases.
    pub links: usize,
    /// Adam's moments.
    pub moments: usize,
    /// Ages of links, for methods that spare the young.
    pub ages: usize,
    /// The topologies by columns, for the gradients of inputs.
    pub columns: usize,
    /// Target networks.
    pub targets: usize,
    /// The policy as it was, where it is to stay near that.
    pub anchor: usize,
    /// Gradients of all threads.
    pub gradients: usize,
    /// Activations and what comes back through them, of all threads.
    pub traces: usize,
    /// Working memory of changes of topology.
    pub topology: usize,
    /// Minibatch, noise, and what on-policy learning derives from an iteration's steps.
    pub batch: usize,
    /// Scalars, statistics, and the policy's outputs for one observation.
    pub rest: usize,
    /// Copies of the policy that act while it learns.
    pub acting: usize,
    /// What waits between acting and learning.
    pub waiting: usize,
    /// The replay.
    pub replay: usize,
}

impl Budget {
    /// What it takes to go on from `resume`, which lies in a file of `file` bytes, on a device: saving a better
    /// policy builds two copies of that. Where the robot does not wait for learning (`live`), copies of the
    /// policy act and may be gone back to, and transitions wait.
    pub fn of_tuning(
        (resume, file): (&Resume<'_>, usize),
        training: &Training,
        replay: &ReplayShape,
        live: bool,
    ) -> Self {
        let (shape, settings) = (resume.shape(), resume.settings());
        let copies = if live { live_blocks(shape, settings, training) } else { 0 };
        Self {
            files: 3 * file,
            acting: copies * Block::BYTES,
            waiting: if live { waiting(shape) } else { 0 },
            replay: replay.blocks().saturating_mul(Block::BYTES),
            ..AnyAgent::budget(shape, settings, training)
        }
    }

    /// Every part with its name.
    pub fn parts(&self) -> [(&'static str, usize); 15] {
        [
            ("files", self.files),
            ("links", self.links),
            ("moments", self.moments),
            ("ages", self.ages),
            ("columns", self.columns),
            ("targets", self.targets),
            ("anchor", self.anchor),
            ("gradients", self.gradients),
            ("traces", self.traces),
            ("topology", self.topology),
            ("batch", self.batch),
            ("rest", self.rest),
            ("acting", self.acting),
            ("waiting", self.waiting),
            ("replay", self.replay),
        ]
    }

    /// All together; `usize::MAX` where it is more.
    pub fn total(&self) -> usize {
        self.parts().iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// What the learner itself takes: all but files, acting, waiting and replay.
    pub fn learner(&self) -> usize {
        Self { files: 0, acting: 0, waiting: 0, replay: 0, ..*self }.total()
    }
}

/// On one line, without what takes nothing.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.total())?;
        let taken = self.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
        for (at, (name, bytes)) in taken.enumerate() {
            write!(f, "{} {name} {bytes}", if at == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
