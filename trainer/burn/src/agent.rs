//! The engine without burn's types.

use crate::state::State;
use crate::td3::Td3;
use crate::{BurnError, Device, OwnedLayer};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use lacewing_runtime::learn::{
    ActionSpace, Algorithm, Explorer, Learner, Losses, Replay, Resume, Settings, Td3Config,
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
    /// `Σᵢ mean (Qᵢ(s, a) − y)²`.
    pub critic_loss: f32,
    /// Its gradient by every layer of both critics.
    pub critics: [Vec<LayerGradient>; 2],
    /// `−mean Q₁(s, π(s))`.
    pub actor_loss: f32,
    /// Its gradient by every layer of the actor.
    pub actor: Vec<LayerGradient>,
}

/// [`Td3`] on some backend.
pub(crate) trait Agent: Send {
    fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError>;
    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, BurnError>;
    fn gradients(&self, replay: &Replay<'_>) -> Result<Gradients, BurnError>;
    fn layers(&self) -> Vec<OwnedLayer>;
    fn state(&self) -> State;
}

/// A DS-TD3 agent on burn.
///
/// It is made from, and saved as, the resume section of the sparse engine
/// ([`lacewing_runtime::learn::Resume`]): a fresh sparse agent's section starts both engines alike,
/// and what one engine learned the other can go on from.
pub struct BurnTd3<'m> {
    agent: Box<dyn Agent>,
    config: Td3Config,
    actions: ActionSpace,
    explorer: Explorer<'m>,
    device: Device,
}

impl fmt::Debug for BurnTd3<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BurnTd3").field("device", &self.device).finish_non_exhaustive()
    }
}

/// TD3's settings.
fn td3(settings: &Settings) -> Result<Td3Config, BurnError> {
    match settings {
        Settings::Td3(config) => Ok(*config),
        #[expect(unreachable_patterns, reason = "there is no other algorithm yet")]
        other => Err(BurnError::Algorithm { algorithm: other.kind().name() }),
    }
}

impl<'m> BurnTd3<'m> {
    /// The agent that `resume` holds, with the settings it was saved with. `noise` is for the
    /// exploration, one place an action.
    ///
    /// # Errors
    /// [`BurnError`] if the device cannot be used, the bytes are not a resume section, or the
    /// agent's algorithm is another.
    ///
    /// # Panics
    /// When it explores, if `noise` has fewer places.
    pub fn new(device: Device, resume: &[u8], noise: &'m mut [f32]) -> Result<Self, BurnError> {
        device.check()?;
        let resume = Resume::parse(resume)?;
        let config = td3(resume.settings())?;
        let state = State::read(&resume)?;
        let agent: Box<dyn Agent> = match device {
            Device::Cpu => {
                Box::new(Td3::<Autodiff<Flex>>::load(&state, config, Default::default()))
            }
            #[cfg(feature = "cuda")]
            Device::Cuda => {
                Box::new(Td3::<Autodiff<burn_cuda::Cuda>>::load(&state, config, Default::default()))
            }
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => return Err(BurnError::CudaNotBuilt),
        };
        let actions = state.header.shape.actions;
        let explorer = Explorer::resume(noise, state.header.exploration);
        Ok(Self { agent, config, actions, explorer, device })
    }

    /// The policy's action for one observation, in [−1, 1].
    ///
    /// # Errors
    /// [`BurnError::Length`] if `observation` or `action` has another length than the agent's,
    /// [`BurnError::Learn`] if the action is not finite.
    pub fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        self.agent.act(observation, action)
    }

    /// One update from a random minibatch: critics always, actor and targets every
    /// `policy_delay`-th time, then the topology if it is due.
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

    /// What its actions are.
    pub fn actions(&self) -> ActionSpace {
        self.actions
    }

    /// The policy's layers as they are now, first to last.
    pub fn policy(&self) -> Vec<OwnedLayer> {
        self.agent.layers()
    }

    /// All that learning needs to go on, as a resume section.
    pub fn save(&self) -> Vec<u8> {
        let mut state = self.agent.state();
        state.header.exploration = self.explorer.rng().clone();
        state.write()
    }
}

impl Learner for BurnTd3<'_> {
    type Error = BurnError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        Self::act(self, observation, action)
    }

    fn explore(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        Self::act(self, observation, action)?;
        let outputs = action.to_vec();
        self.config.explore(&outputs, &[], &mut self.explorer, action);
        Ok(())
    }

    fn random(&mut self, action: &mut [f32]) {
        self.actions.random(&mut self.explorer, action);
    }

    fn begin_episode(&mut self) {
        self.explorer.begin_episode();
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.config.updates_due(step, data)
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, BurnError> {
        Self::update(self, data)
    }
}
