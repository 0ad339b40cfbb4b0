//! Masked dense on burn as an engine.

use lacewing_burn::BurnTd3;
use lacewing_runtime::learn::{AlgorithmKind, Learner, Losses, Replay, deployed};

use super::{Device, Engine, EngineError, Layer};

/// `lacewing_burn::BurnTd3` on one device.
pub struct BurnEngine<'m> {
    td3: BurnTd3<'m>,
}

impl<'m> BurnEngine<'m> {
    /// Starts from the sparse learner's saved state; `noise` is for the exploration, one place an
    /// action.
    ///
    /// # Errors
    /// [`EngineError::Burn`] if the device cannot be used, the state is damaged or its algorithm is
    /// not TD3.
    pub fn new(device: Device, saved: &[u8], noise: &'m mut [f32]) -> Result<Self, EngineError> {
        let device = match device {
            Device::Cpu => lacewing_burn::Device::Cpu,
            Device::Cuda => lacewing_burn::Device::Cuda,
        };
        Ok(Self { td3: BurnTd3::new(device, saved, noise)? })
    }
}

impl Learner for BurnEngine<'_> {
    type Error = EngineError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        Ok(self.td3.act(observation, action)?)
    }

    fn explore(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        Ok(self.td3.explore(observation, action)?)
    }

    fn random(&mut self, action: &mut [f32]) {
        self.td3.random(action);
    }

    fn begin_episode(&mut self) {
        self.td3.begin_episode();
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        self.td3.updates_due(step, data)
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, EngineError> {
        Ok(self.td3.update(data)?)
    }
}

impl Engine for BurnEngine<'_> {
    fn policy(&self) -> Result<Vec<Layer>, EngineError> {
        let layers = self.td3.policy();
        let views = layers.iter().map(|layer| layer.view());
        Ok(deployed(views, AlgorithmKind::Td3, self.td3.actions()).map(Layer::from).collect())
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.td3.save())
    }
}
