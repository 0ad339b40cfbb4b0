//! Masked dense on burn as an engine.

use lacewing_burn::BurnAgent;
use lacewing_runtime::learn::{Learner, Losses, Replay, deployed};

use super::{Device, Engine, EngineError, Layer, Normaliser};

/// `lacewing_burn::BurnAgent` on one device.
pub struct BurnEngine<'m> {
    agent: BurnAgent<'m>,
}

impl<'m> BurnEngine<'m> {
    /// Starts from the sparse learner's saved state; `noise` is for the exploration, one place an
    /// action.
    ///
    /// # Errors
    /// [`EngineError::Burn`] if the device cannot be used, the state is damaged, or burn has not its
    /// algorithm or does not follow a setting.
    pub fn new(device: Device, saved: &[u8], noise: &'m mut [f32]) -> Result<Self, EngineError> {
        let device = match device {
            Device::Cpu => lacewing_burn::Device::Cpu,
            Device::Cuda => lacewing_burn::Device::Cuda,
        };
        Ok(Self { agent: BurnAgent::new(device, saved, noise)? })
    }
}

impl Learner for BurnEngine<'_> {
    type Error = EngineError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        Ok(self.agent.act(observation, action)?)
    }

    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), EngineError> {
        Ok(self.agent.explore(step, observation, action)?)
    }

    fn random(&mut self, action: &mut [f32]) {
        self.agent.random(action);
    }

    fn begin_episode(&mut self) {
        self.agent.begin_episode();
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

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, EngineError> {
        Ok(self.agent.update(data)?)
    }
}

impl Engine for BurnEngine<'_> {
    fn policy(&self) -> Result<Vec<Layer>, EngineError> {
        let layers = self.agent.policy();
        let views = layers.iter().map(|layer| layer.view());
        let (algorithm, actions) = (self.agent.algorithm(), self.agent.actions());
        Ok(deployed(views, algorithm, actions).map(Layer::from).collect())
    }

    fn normaliser(&self) -> Option<Normaliser> {
        None
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.agent.save())
    }
}
