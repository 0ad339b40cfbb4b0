//! The truly sparse learner as an engine.

use lacewing_runtime::learn::{Losses, Replay, Td3};

use super::{Engine, EngineError, Layer};

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
        let layers = self.td3.actor().layers().map(|layer| Layer {
            cols: layer.topology.cols(),
            row_ptr: layer.topology.row_ptr().to_vec(),
            col_idx: layer.topology.col_idx().to_vec(),
            weights: layer.weights.to_vec(),
            bias: layer.bias.to_vec(),
        });
        Ok(layers.collect())
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        let infallible = self.td3.save(|part| {
            bytes.extend_from_slice(part);
            Ok::<_, std::convert::Infallible>(())
        });
        match infallible {
            Ok(()) => Ok(bytes),
        }
    }
}
