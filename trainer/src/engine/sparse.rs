//! The truly sparse learner as an engine.

use std::convert::Infallible;

use lacewing_runtime::learn::{Losses, Replay, Td3};

use super::{Engine, EngineError, Layer, actor_layers};

/// `lacewing_runtime::learn::Td3` in the caller's memory.
pub struct SparseEngine<'m> {
    td3: Td3<'m>,
}

impl<'m> SparseEngine<'m> {
    /// Wraps a learner.
    pub fn new(td3: Td3<'m>) -> Self {
        Self { td3 }
    }
}

impl Engine for SparseEngine<'_> {
    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), EngineError> {
        self.td3.act(observation, action);
        Ok(())
    }

    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, EngineError> {
        Ok(self.td3.update(replay)?)
    }

    fn actor(&self) -> Result<Vec<Layer>, EngineError> {
        Ok(actor_layers(self.td3.actor().layers()))
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(saved(&self.td3))
    }
}

/// All that a learner needs to go on.
pub fn saved(td3: &Td3<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let infallible = td3.save(|part| {
        bytes.extend_from_slice(part);
        Ok::<_, Infallible>(())
    });
    match infallible {
        Ok(()) => bytes,
    }
}
