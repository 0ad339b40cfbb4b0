//! What all algorithms are told alike: how networks start, how their topology changes, how many
//! threads share an update.

use super::adapt::Adapt;
use super::error::LearnError;
use super::method::Method;
use super::net::{Init, LayerMemory, Start};
use crate::kernels::train::{QUARTER, TILE};
use serde::{Deserialize, Serialize};

/// Most threads that may share an update; one without feature `threads`.
pub const MAX_THREADS: u32 = if cfg!(feature = "threads") { 8 } else { 1 };

/// Settings that no algorithm owns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// How weights start.
    pub init: Init,
    /// Whether units have biases.
    pub bias: bool,
    /// Whether observations are normalised by their running mean and deviation.
    pub normalise_observations: bool,
    /// Whether rewards are divided by the running deviation of the discounted return.
    pub scale_rewards: bool,
    /// Steps whose rewards a TD target adds up before it takes a value, 1 to 64 (Sutton & Barto 2018, eq.
    /// 7.1); RLx2 takes 3 after 300,000 updates. PPO's advantages have their own λ.
    pub n_step: u32,
    /// Up to this update it is one step.
    pub n_step_after: u64,
    /// So many features at the end of an observation are noise, which learning draws anew whenever it
    /// looks at a sample (ANF: Grooten et al. 2023, §4.1).
    pub fake_features: u32,
    /// Topology over time.
    pub method: Method,
    /// What of the agent learns; a matter of the fine-tuning, so it is not saved with an agent.
    #[serde(skip)]
    pub adapt: Adapt,
    /// Takes as little memory as it can, for a device: tiles of 16 samples instead of 64, no copy of the
    /// topology by columns, moments of 16 and 8 bits, one set of gradients for all networks that do not
    /// step together, and where links stay, targets that share them. What is learned is not the same in
    /// every bit. Not saved, like `threads`.
    #[serde(skip)]
    pub lean: bool,
    /// Threads that share the minibatch, 1 to [`MAX_THREADS`]; a matter of the machine, so it is not
    /// saved with an agent. Sums are in an order that depends on it (and not on which thread is
    /// first), so the last bits of a result do.
    #[serde(skip, default = "one")]
    pub threads: u32,
}

fn one() -> u32 {
    1
}

impl Default for Training {
    fn default() -> Self {
        Self {
            init: Init::Dense,
            bias: true,
            normalise_observations: false,
            scale_rewards: false,
            n_step: 1,
            n_step_after: 0,
            fake_features: 0,
            method: Method::default(),
            adapt: Adapt::default(),
            lean: false,
            threads: 1,
        }
    }
}

impl Training {
    pub(super) fn start(&self) -> Start {
        Start { init: self.init, bias: self.bias, memory: self.memory() }
    }

    /// Samples that are learned from side by side.
    pub(super) fn tile(&self) -> usize {
        if self.lean { QUARTER } else { TILE }
    }

    /// What layers may leave out.
    pub(super) fn memory(&self) -> LayerMemory {
        match (self.lean, self.method.is_static()) {
            (false, _) => LayerMemory::Full,
            (true, false) => LayerMemory::Lean,
            (true, true) => LayerMemory::LeanFixed,
        }
    }

    /// Refuses settings without a meaning.
    ///
    /// # Errors
    /// [`LearnError::Config`].
    pub fn check(&self) -> Result<(), LearnError> {
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return Err(LearnError::Config(if cfg!(feature = "threads") {
                "threads must be 1 to 8"
            } else {
                "threads must be 1 in this build"
            }));
        }
        if !(1..=64).contains(&self.n_step) {
            return Err(LearnError::Config("n-step must be 1 to 64"));
        }
        self.method.check()
    }

    /// Steps that a TD target takes in the `update`-th update.
    pub fn n_step_at(&self, update: u64) -> usize {
        if update > self.n_step_after { self.n_step as usize } else { 1 }
    }
}
