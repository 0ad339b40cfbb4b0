//! What computes an agent's updates, behind one seam: the truly sparse learner, or masked dense on
//! burn.

#[cfg(feature = "burn")]
mod burn;
mod diagnosis;
mod sparse;

use lacewing_formats::policy::{Activation, LayerNorm, ObservationNormaliser};
use lacewing_runtime::learn::{
    AgentShape, AnyAgent, Block, DeployedLayer, LearnError, Learner, Losses, Replay, Resume,
    ResumeError, Seeds, Settings, Training, Work,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use diagnosis::{Diagnosis, Finding, Probe, Topologies};
pub use sparse::SparseEngine;

/// What computes the updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// `lacewing_runtime::learn`: pruned links cost nothing.
    Sparse,
    /// Masked dense on burn (cargo feature `burn`).
    Burn,
}

/// Where the burn engine computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// This machine's processor.
    Cpu,
    /// The first NVIDIA GPU (cargo feature `cuda`).
    Cuda,
}

/// A learner of one run.
pub trait Engine: Learner<Error = EngineError> {
    /// The policy's layers as they are now, first to last, as a policy file holds them.
    ///
    /// # Errors
    /// [`EngineError`] if the device failed.
    fn policy(&self) -> Result<Vec<Layer>, EngineError>;

    /// How observations are normalised before the first layer, if they are.
    fn normaliser(&self) -> Option<Normaliser>;

    /// Everything needed to go on learning.
    ///
    /// # Errors
    /// [`EngineError`] if the device failed.
    fn save(&self) -> Result<Vec<u8>, EngineError>;

    /// What was done since this was last asked for, where the engine counts it.
    fn take_work(&mut self) -> Option<Work> {
        None
    }

    /// A look at the networks that changes nothing of learning; an engine that cannot look finds nothing.
    ///
    /// # Errors
    /// [`EngineError`] if `data` is another agent's or the device failed.
    fn diagnose(&mut self, _: &Replay<'_>, _: &Probe<'_>) -> Result<Diagnosis, EngineError> {
        Ok(Diagnosis::default())
    }
}

/// A learner whose errors are an engine's.
pub struct AsEngine<L> {
    learner: L,
}

impl<L: Learner> Learner for AsEngine<L>
where
    EngineError: From<L::Error>,
{
    type Error = EngineError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        Ok(self.learner.act(observation, action)?)
    }

    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), EngineError> {
        Ok(self.learner.explore(step, observation, action)?)
    }

    fn random(&mut self, action: &mut [f32]) {
        self.learner.random(action);
    }

    fn begin_episode(&mut self) {
        self.learner.begin_episode();
    }

    fn observe(&mut self, observation: &[f32]) {
        self.learner.observe(observation);
    }

    fn reward(&mut self, reward: f32, ends: bool) {
        self.learner.reward(reward, ends);
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.learner.updates_due(step, data)
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, EngineError> {
        Ok(self.learner.update(data)?)
    }
}

/// Means and deviations of observations; see
/// [`ObservationNormaliser`].
#[derive(Clone, Debug, PartialEq)]
pub struct Normaliser {
    /// One mean an observation.
    pub mean: Vec<f32>,
    /// One standard deviation an observation.
    pub std: Vec<f32>,
    /// Bound of the result.
    pub clip: f32,
}

impl Normaliser {
    /// The same, borrowed.
    pub fn view(&self) -> ObservationNormaliser<'_> {
        ObservationNormaliser { mean: &self.mean, std: &self.std, clip: self.clip }
    }
}

impl From<ObservationNormaliser<'_>> for Normaliser {
    fn from(by: ObservationNormaliser<'_>) -> Self {
        Self { mean: by.mean.to_vec(), std: by.std.to_vec(), clip: by.clip }
    }
}

/// One layer of a policy, rows being outputs.
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
    /// What the sums go through before the activation, if anything.
    pub norm: Option<Norm>,
    /// What follows the sums.
    pub activation: Activation,
}

/// An owned [`LayerNorm`].
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Added to the variance.
    pub epsilon: f32,
    /// One an output.
    pub gain: Vec<f32>,
    /// One an output.
    pub shift: Vec<f32>,
}

impl Norm {
    /// What it owns, as files and kernels take it.
    pub fn view(&self) -> LayerNorm<'_> {
        LayerNorm { epsilon: self.epsilon, gain: &self.gain, shift: &self.shift }
    }
}

impl From<LayerNorm<'_>> for Norm {
    fn from(norm: LayerNorm<'_>) -> Self {
        Self { epsilon: norm.epsilon, gain: norm.gain.to_vec(), shift: norm.shift.to_vec() }
    }
}

impl From<DeployedLayer<'_>> for Layer {
    fn from(DeployedLayer { layer, activation }: DeployedLayer<'_>) -> Self {
        Self {
            cols: layer.topology.cols(),
            row_ptr: layer.topology.row_ptr().to_vec(),
            col_idx: layer.topology.col_idx().to_vec(),
            weights: layer.weights.to_vec(),
            bias: layer.bias.to_vec(),
            norm: None,
            activation,
        }
    }
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

/// An engine of this kind, in [`AnyAgent::blocks`] of the caller's memory: a fresh one, or one that
/// goes on from what [`Engine::save`] wrote.
///
/// # Errors
/// [`EngineError`] if it is not part of this build, its device is missing, or the saved state is
/// not of these networks.
pub fn build<'m>(
    (kind, device): (EngineKind, Device),
    shape: &AgentShape,
    settings: Settings,
    training: Training,
    start: Start<'_>,
    memory: &'m mut [Block],
) -> Result<Box<dyn Engine + 'm>, EngineError> {
    match kind {
        EngineKind::Sparse => {
            let agent = agent(shape, settings, training, start, memory)?;
            Ok(Box::new(SparseEngine::new(agent)))
        }
        #[cfg(feature = "burn")]
        EngineKind::Burn => {
            // Both engines start from the same agent, so that a seed means the same to both.
            let saved = sparse::saved(&agent(shape, settings, training, start, memory)?);
            Ok(Box::new(burn::BurnEngine::new(device, &saved, memory)?))
        }
        #[cfg(not(feature = "burn"))]
        EngineKind::Burn => {
            let _ = device;
            Err(EngineError::NoBurn)
        }
    }
}

fn agent<'m>(
    shape: &AgentShape,
    settings: Settings,
    training: Training,
    start: Start<'_>,
    memory: &'m mut [Block],
) -> Result<AnyAgent<'m>, EngineError> {
    match start {
        Start::Fresh(seeds) => Ok(AnyAgent::new(shape.clone(), settings, training, memory, seeds)?),
        Start::Saved(saved) => {
            let resume = Resume::parse(saved)?;
            if resume.shape() != shape {
                return Err(EngineError::OtherShape);
            }
            Ok(resume.restore(settings, training, memory)?)
        }
    }
}

/// The topologies that such an agent starts with. `memory` is used and free again.
///
/// # Errors
/// [`EngineError::Learn`] if the agent cannot be made.
pub fn start_topologies(
    shape: &AgentShape,
    settings: Settings,
    training: Training,
    seeds: Seeds,
    memory: &mut [Block],
) -> Result<Topologies, EngineError> {
    let agent = AnyAgent::new(shape.clone(), settings, training, memory, seeds)?;
    Ok(Topologies::of(&agent))
}

/// Where an engine starts from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'s> {
    /// From these seeds.
    Fresh(Seeds),
    /// From what [`Engine::save`] wrote.
    Saved(&'s [u8]),
}
