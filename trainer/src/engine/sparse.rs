//! The truly sparse learner as an engine.

use std::convert::Infallible;

use lacewing_runtime::learn::{AnyAgent, Replay, Work};

use super::diagnosis::{self, Diagnosis, Probe};
use super::{AsEngine, Engine, EngineError, Layer, Normaliser};

/// `lacewing_runtime::learn::AnyAgent` in the caller's memory.
pub type SparseEngine<'m> = AsEngine<AnyAgent<'m>>;

impl<'m> SparseEngine<'m> {
    /// Wraps a learner.
    pub fn new(agent: AnyAgent<'m>) -> Self {
        Self { learner: agent }
    }
}

impl Engine for SparseEngine<'_> {
    fn policy(&self) -> Result<Vec<Layer>, EngineError> {
        Ok(self.learner.deployed().map(Layer::from).collect())
    }

    fn normaliser(&self) -> Option<Normaliser> {
        self.learner.normaliser().map(Normaliser::from)
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(saved(&self.learner))
    }

    fn take_work(&mut self) -> Option<Work> {
        Some(self.learner.take_work())
    }

    fn diagnose(&mut self, data: &Replay<'_>, probe: &Probe<'_>) -> Result<Diagnosis, EngineError> {
        Ok(diagnosis::diagnose(&mut self.learner, data, probe)?)
    }
}

/// All that a learner needs to go on.
pub fn saved(agent: &AnyAgent<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let infallible = agent.save(|part| {
        bytes.extend_from_slice(part);
        Ok::<_, Infallible>(())
    });
    match infallible {
        Ok(()) => bytes,
    }
}
