//! Masked dense on burn as an engine.

use lacewing_burn::BurnAgent;
use lacewing_runtime::learn::{Block, deployed};

use super::{AsEngine, Device, Engine, EngineError, Layer, Normaliser};

/// `lacewing_burn::BurnAgent` on one device.
pub type BurnEngine<'m> = AsEngine<BurnAgent<'m>>;

impl<'m> BurnEngine<'m> {
    /// Starts from the sparse learner's saved state, in [`BurnAgent::blocks`] of `memory`.
    ///
    /// # Errors
    /// [`EngineError::Burn`] if memory is short, the device cannot be used, the state is damaged, or burn
    /// has not its algorithm.
    pub fn new(device: Device, saved: &[u8], memory: &'m mut [Block]) -> Result<Self, EngineError> {
        let device = match device {
            Device::Cpu => lacewing_burn::Device::Cpu,
            Device::Cuda => lacewing_burn::Device::Cuda,
        };
        Ok(Self { learner: BurnAgent::new(device, saved, memory)? })
    }
}

impl Engine for BurnEngine<'_> {
    fn policy(&self) -> Result<Vec<Layer>, EngineError> {
        let layers = self.learner.policy();
        let views = layers.iter().map(|layer| layer.view());
        let (algorithm, actions) = (self.learner.algorithm(), self.learner.actions());
        Ok(deployed(views, algorithm, actions).map(Layer::from).collect())
    }

    fn normaliser(&self) -> Option<Normaliser> {
        self.learner.normaliser().map(Normaliser::from)
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.learner.save())
    }
}
