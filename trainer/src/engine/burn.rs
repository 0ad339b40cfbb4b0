//! Masked dense on burn as an engine.

use lacewing_burn::BurnAgent;
use lacewing_runtime::learn::deployed;

use super::{AsEngine, Device, Engine, EngineError, Layer, Normaliser};

/// `lacewing_burn::BurnAgent` on one device.
pub type BurnEngine<'m> = AsEngine<BurnAgent<'m>>;

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
        Ok(Self { learner: BurnAgent::new(device, saved, noise)? })
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
        None
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.learner.save())
    }
}
