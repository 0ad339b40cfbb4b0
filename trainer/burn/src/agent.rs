//! The engine without burn's types.

use crate::learner::Masked;
use crate::state::State;
use crate::{BurnError, Device, OwnedLayer};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_tensor::backend::AutodiffBackend;
use lacewing_formats::policy::ObservationNormaliser;
use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, Arena, Block, Explorer, LearnError, Learner, Losses,
    Replay, Resume, SacConfig, Settings, Statistics, Td3Config, Training,
};
use std::fmt;

/// Gradient of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerGradient {
    /// One value a live link, in the order of the layer's links.
    pub weights: Vec<f32>,
    /// One value an output.
    pub bias: Vec<f32>,
}

/// Losses and gradients of one minibatch, L2 regularisation not included.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// In the order of the algorithm's
    /// [`LOSSES`](lacewing_runtime::learn::Algorithm::LOSSES).
    pub losses: Losses,
    /// Of every layer of every network, in the order of the algorithm's
    /// [`NETWORKS`](lacewing_runtime::learn::Algorithm::NETWORKS).
    pub networks: Vec<Vec<LayerGradient>>,
    /// Of every scalar that is learned beside the networks: with SAC log α.
    pub scalars: Vec<f32>,
}

/// [`Masked`] of some algorithm on some backend.
pub(crate) trait Agent: Send {
    fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError>;
    fn explore(
        &self,
        step: u64,
        observation: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) -> Result<(), BurnError>;
    fn observe(&mut self, observation: &[f32]);
    fn reward(&mut self, reward: f32, ends: bool);
    fn normaliser(&self) -> Option<ObservationNormaliser<'_>>;
    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32;
    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, BurnError>;
    fn gradients(&self, replay: &Replay<'_>) -> Result<Gradients, BurnError>;
    fn layers(&self) -> Vec<OwnedLayer>;
    /// All that learning needs to go on, as a resume section.
    fn save(&self, explorer: &Explorer<'_>) -> Vec<u8>;
}

/// A TD3 or SAC agent on burn.
///
/// It is made from, and saved as, the resume section of the sparse engine
/// ([`lacewing_runtime::learn::Resume`]): a fresh sparse agent's section starts both engines alike,
/// and what one engine learned the other can go on from.
pub struct BurnAgent<'m> {
    agent: Box<dyn Agent + 'm>,
    algorithm: AlgorithmKind,
    actions: ActionSpace,
    explorer: Explorer<'m>,
    device: Device,
}

impl fmt::Debug for BurnAgent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnAgent").field("device", &self.device).finish_non_exhaustive()
    }
}

/// The agent that `resume` holds, on the first device of the backend `A`.
fn load<'m, A: AutodiffBackend>(
    resume: &Resume<'_>,
    mut statistics: Statistics<'m>,
) -> Result<Box<dyn Agent + 'm>, BurnError> {
    let (header, body, device) =
        (resume.header().clone(), &mut resume.body(), A::Device::default());
    match *resume.settings() {
        Settings::Td3(td3) => {
            let state = State::read::<Td3Config>(header, body)?;
            statistics.load(body)?;
            Ok(Box::new(Masked::<A, _>::load(state, statistics, td3, device)))
        }
        Settings::Sac(sac) => {
            let state = State::read::<SacConfig>(header, body)?;
            statistics.load(body)?;
            Ok(Box::new(Masked::<A, _>::load(state, statistics, sac, device)))
        }
        Settings::Dqn(_) | Settings::Ppo(_) => {
            Err(BurnError::Algorithm { algorithm: resume.settings().kind().name() })
        }
    }
}

impl<'m> BurnAgent<'m> {
    /// The agent that `resume` holds, with the settings it was saved with. What it keeps on the host
    /// is in [`BurnAgent::blocks`] of `memory`.
    ///
    /// # Errors
    /// [`BurnError`] if memory is short, the device cannot be used, the bytes are not a resume section,
    /// or this engine has not the agent's algorithm.
    pub fn new(device: Device, resume: &[u8], memory: &'m mut [Block]) -> Result<Self, BurnError> {
        device.check()?;
        let resume = Resume::parse(resume)?;
        let (shape, arena) = (resume.shape(), &mut Arena::new(memory));
        let noise = arena.take(shape.action_numbers()).map_err(LearnError::from)?;
        let statistics = Statistics::new(arena, shape.observations(), resume.training());
        let statistics = statistics.map_err(LearnError::from)?;
        let agent = match device {
            Device::Cpu => load::<Autodiff<Flex>>(&resume, statistics)?,
            #[cfg(feature = "cuda")]
            Device::Cuda => load::<Autodiff<burn_cuda::Cuda>>(&resume, statistics)?,
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => return Err(BurnError::CudaNotBuilt),
        };
        let (algorithm, actions) = (resume.settings().kind(), shape.actions);
        let explorer = Explorer::resume(noise, resume.header().exploration.clone());
        Ok(Self { agent, algorithm, actions, explorer, device })
    }

    /// Blocks of memory that [`BurnAgent::new`] takes; no more than the sparse engine's agent of the same
    /// shape and settings.
    pub fn blocks(shape: &AgentShape, training: &Training) -> usize {
        Block::for_slice::<f32>(shape.action_numbers())
            + Statistics::blocks(shape.observations(), training)
    }

    /// The policy's action for one observation, in [−1, 1].
    ///
    /// # Errors
    /// [`BurnError::Length`] if `observation` or `action` has another length than the agent's,
    /// [`BurnError::Learn`] if the action is not finite.
    pub fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        self.agent.act(observation, action)
    }

    /// One update from a random minibatch, then the topology if it is due.
    ///
    /// # Errors
    /// [`BurnError::Learn`] if there is nothing to learn from, the replay is another agent's, or a
    /// loss is not finite.
    pub fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, BurnError> {
        self.agent.update(replay)
    }

    /// Losses and gradients of the minibatch that the next [`update`](Self::update) would draw,
    /// all at the present weights.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn gradients(&self, replay: &Replay<'_>) -> Result<Gradients, BurnError> {
        self.agent.gradients(replay)
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> AlgorithmKind {
        self.algorithm
    }

    /// What its actions are.
    pub fn actions(&self) -> ActionSpace {
        self.actions
    }

    /// How observations are normalised, if they are, as a policy file holds it.
    pub fn normaliser(&self) -> Option<ObservationNormaliser<'_>> {
        self.agent.normaliser()
    }

    /// The policy's layers as they are now, first to last.
    pub fn policy(&self) -> Vec<OwnedLayer> {
        self.agent.layers()
    }

    /// All that learning needs to go on, as a resume section.
    pub fn save(&self) -> Vec<u8> {
        self.agent.save(&self.explorer)
    }
}

impl Learner for BurnAgent<'_> {
    type Error = BurnError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        Self::act(self, observation, action)
    }

    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), BurnError> {
        self.agent.explore(step, observation, &mut self.explorer, action)
    }

    fn random(&mut self, action: &mut [f32]) {
        self.actions.random(&mut self.explorer, action);
    }

    fn begin_episode(&mut self) {
        self.explorer.begin_episode();
    }

    fn observe(&mut self, observation: &[f32]) {
        self.agent.observe(observation);
    }

    fn reward(&mut self, reward: f32, ends: bool) {
        self.agent.reward(reward, ends);
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.agent.updates_due(step, data)
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, BurnError> {
        Self::update(self, data)
    }
}
