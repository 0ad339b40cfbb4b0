//! What computes TD3's updates, behind one seam: the truly sparse learner, or masked dense on burn.

#[cfg(feature = "burn")]
mod burn;
mod sparse;

use lacewing_formats::policy::Activation;
use lacewing_runtime::learn::{
    AgentShape, Block, LayerRef, LearnError, Losses, Replay, Resume, ResumeError, Td3,
};
use thiserror::Error;

use crate::lab::config::{EngineKind, RunConfig};
use crate::lab::evaluate::{Stream, derive_seed};
pub use sparse::SparseEngine;

/// A learner of one run.
pub trait Engine {
    /// The greedy action, in [-1, 1], for one observation.
    ///
    /// # Errors
    /// [`EngineError`] if the device failed.
    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError>;

    /// One update from a batch of the replay.
    ///
    /// # Errors
    /// [`EngineError`] if the learner diverged or the device failed.
    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, EngineError>;

    /// The actor's layers as they are now, first to last.
    ///
    /// # Errors
    /// [`EngineError`] if the device failed.
    fn actor(&self) -> Result<Vec<Layer>, EngineError>;

    /// Everything needed to go on learning.
    ///
    /// # Errors
    /// [`EngineError`] if the device failed.
    fn save(&self) -> Result<Vec<u8>, EngineError>;
}

/// One layer of an actor, rows being outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Inputs.
    pub cols: usize,
    /// First link of each row, and the number of links.
    pub row_ptr: Vec<u32>,
    /// Input of each link.
    pub col_idx: Vec<u16>,
    /// Weight of each link.
    pub weights: Vec<f32>,
    /// Bias of each row.
    pub bias: Vec<f32>,
    /// What follows the sums.
    pub activation: Activation,
}

/// Copies of an actor's layers: rectified inside, tanh at the end.
fn actor_layers<'a>(layers: impl ExactSizeIterator<Item = LayerRef<'a>>) -> Vec<Layer> {
    let last = layers.len() - 1;
    let copy = |(index, layer): (usize, LayerRef<'_>)| Layer {
        cols: layer.topology.cols(),
        row_ptr: layer.topology.row_ptr().to_vec(),
        col_idx: layer.topology.col_idx().to_vec(),
        weights: layer.weights.to_vec(),
        bias: layer.bias.to_vec(),
        activation: if index == last { Activation::Tanh } else { Activation::Relu },
    };
    layers.enumerate().map(copy).collect()
}

/// Why an engine failed.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The sparse learner failed.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The saved state is damaged.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The saved state is another agent's.
    #[error("the saved networks are not those of the configuration; restore config.toml")]
    OtherShape,
    /// The burn engine failed.
    #[cfg(feature = "burn")]
    #[error(transparent)]
    Burn(#[from] lacewing_burn::BurnError),
    /// The engine is not part of this build.
    #[cfg(not(feature = "burn"))]
    #[error(
        "this lacewing was built without the burn engine; rebuild it with \
         `cargo install --path trainer --features burn`, or use --engine sparse"
    )]
    NoBurn,
}

/// The engine that a configuration names, in [`Td3::blocks`] of the caller's memory: a fresh one, or
/// one that goes on from what [`Engine::save`] wrote.
///
/// # Errors
/// [`EngineError`] if it is not part of this build, its device is missing, or the saved state is
/// not of this configuration.
pub fn build<'m>(
    config: &RunConfig,
    shape: &AgentShape,
    saved: Option<&[u8]>,
    memory: &'m mut [Block],
) -> Result<Box<dyn Engine + 'm>, EngineError> {
    let td3 = match saved {
        None => {
            let seed = derive_seed(config.seed, Stream::Learner, 0);
            Td3::new(shape.clone(), config.learner(), memory, seed)?
        }
        Some(saved) => {
            let resume = Resume::parse(saved)?;
            if resume.shape() != shape {
                return Err(EngineError::OtherShape);
            }
            resume.restore(config.learner(), memory)?
        }
    };
    match config.engine {
        EngineKind::Sparse => Ok(Box::new(SparseEngine::new(td3))),
        // Both engines start from the same agent, so that a seed means the same to both.
        #[cfg(feature = "burn")]
        EngineKind::Burn => {
            Ok(Box::new(burn::BurnEngine::new(config.device, &sparse::saved(&td3))?))
        }
        #[cfg(not(feature = "burn"))]
        EngineKind::Burn => Err(EngineError::NoBurn),
    }
}
