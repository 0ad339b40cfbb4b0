//! The truly sparse learner as an engine.

use std::convert::Infallible;

use lacewing_runtime::learn::{AnyAgent, Learner, Losses, Replay, Work};

use super::diagnosis::{self, Diagnosis, Probe};
use super::{Engine, EngineError, Layer, Normaliser};

/// `lacewing_runtime::learn::AnyAgent` in the caller's memory.
pub struct SparseEngine<'m> {
    agent: AnyAgent<'m>,
}

impl<'m> SparseEngine<'m> {
    /// Wraps a learner.
    pub fn new(agent: AnyAgent<'m>) -> Self {
        Self { agent }
    }
}

impl Learner for SparseEngine<'_> {
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

impl Engine for SparseEngine<'_> {
    fn policy(&self) -> Result<Vec<Layer>, EngineError> {
        Ok(self.agent.deployed().map(Layer::from).collect())
    }

    fn normaliser(&self) -> Option<Normaliser> {
        self.agent.normaliser().map(Normaliser::from)
    }

    fn save(&self) -> Result<Vec<u8>, EngineError> {
        Ok(saved(&self.agent))
    }

    fn take_work(&mut self) -> Option<Work> {
        Some(self.agent.take_work())
    }

    fn diagnose(&mut self, data: &Replay<'_>, probe: &Probe<'_>) -> Result<Diagnosis, EngineError> {
        Ok(diagnosis::diagnose(&mut self.agent, data, probe)?)
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
