//! Masked dense on burn as an engine.

use lacewing_burn::{BurnTd3, Device};
use lacewing_runtime::learn::{Losses, Replay};

use super::{Engine, EngineError, Layer, actor_layers};
use crate::lab::config;

/// `lacewing_burn::BurnTd3` on one device.
pub struct BurnEngine {
    td3: BurnTd3,
}

impl BurnEngine {
    /// Starts from the sparse learner's saved state.
    ///
    /// # Errors
    /// [`EngineError::Burn`] if the device cannot be used or the state is damaged.
    pub fn new(device: config::Device, saved: &[u8]) -> Result<Self, EngineError> {
        let device = match device {
            config::Device::Cpu => Device::Cpu,
            config::Device::Cuda => Device::Cuda,
        };
        Ok(Self { td3: BurnTd3::new(device, saved)? })
    }
}

impl Engine for BurnEngine {
    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        Ok(self.td3.act(observation, action)?)
    }

    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, EngineError> {
        Ok(self.td3.update(replay)?)
    }

    fn actor(&self) -> Result<Vec<Layer>, EngineError> {
        let layers = self.td3.actor();
        Ok(actor_layers(layers.iter().map(|layer| layer.view())))
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.td3.save())
    }
}
