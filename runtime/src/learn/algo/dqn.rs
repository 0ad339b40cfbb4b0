//! DQN with a sparse network (Mnih et al. 2015, alg. 1; double: van Hasselt et al. 2016, eq. 4).

use super::{all_hold, is_natural, is_positive, is_share};
use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::{Algorithm, AlgorithmKind, Part, Role, Scene, Share, Stage, Stages};
use crate::learn::error::LearnError;
use crate::learn::explore::{Explorer, argmax, first_greatest};
use crate::learn::memory::Replay;
use crate::learn::net::{Head, Wanted};
use crate::learn::optim::AdamConfig;
use serde::{Deserialize, Serialize};

/// What DQN makes of a TD error δ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TdLoss {
    /// ½ δ² up to |δ| = 1, |δ| − ½ beyond.
    Huber,
    /// δ².
    Squared,
}

impl TdLoss {
    /// The loss of an error, and its slope.
    fn of(self, error: f32) -> (f32, f32) {
        match self {
            Self::Squared => (error * error, 2.0 * error),
            Self::Huber if error.abs() <= 1.0 => (0.5 * error * error, error),
            Self::Huber => (error.abs() - 0.5, error.signum()),
        }
    }
}

/// DQN's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DqnConfig {
    /// Adam's α.
    pub learning_rate: f32,
    /// L2 regularisation, added to the gradient.
    pub weight_decay: f32,
    /// Samples of an update.
    pub batch: u32,
    /// Discount γ.
    pub gamma: f32,
    /// Updates after which the target becomes a copy of the network.
    pub target_every: u32,
    /// Environment steps to one update.
    pub train_every: u32,
    /// The loss of a TD error: `huber` or `squared`.
    pub loss: TdLoss,
    /// The network chooses the action that its target judges (double DQN).
    pub double: bool,
    /// Random steps before learning starts.
    pub start_steps: u64,
    /// Share of random actions at first.
    pub epsilon_start: f32,
    /// Share of random actions in the end.
    pub epsilon_end: f32,
    /// Step at which the share of random actions, which falls evenly, reaches its end.
    pub epsilon_steps: u64,
    /// Transitions that the replay keeps.
    pub replay: u32,
}

impl Default for DqnConfig {
    /// Graesser et al. 2022, App. B (classic control), with an ε that falls over a tenth of the run.
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            weight_decay: 1e-6,
            batch: 128,
            gamma: 0.99,
            target_every: 100,
            train_every: 1,
            loss: TdLoss::Squared,
            double: false,
            start_steps: 1000,
            epsilon_start: 1.0,
            epsilon_end: 0.05,
            epsilon_steps: 10_000,
            replay: 100_000,
        }
    }
}

const Q: usize = 0;
const TD_LOSS: usize = 0;
const MEAN_Q: usize = 1;

impl Algorithm for DqnConfig {
    const KIND: AlgorithmKind = AlgorithmKind::Dqn;
    /// Mean loss of the TD error; mean Q(s, a).
    const LOSSES: &'static [&'static str] = &["td_loss", "q"];
    const NETWORKS: &'static [Part] =
        &[Part { role: Role::Policy, head: Head::Identity, target: true, loss: 0 }];
    const TRACES: &'static [Role] = &[Role::Policy];

    fn check(&self) -> Result<(), LearnError> {
        all_hold(&[
            ((1..=1 << 16).contains(&self.batch), "batch must be 1 to 65536"),
            (is_share(self.gamma), "gamma must be 0 to 1"),
            (self.target_every > 0, "target-every must be at least 1"),
            (self.train_every > 0, "train-every must be at least 1"),
            (is_share(self.epsilon_start), "epsilon-start must be 0 to 1"),
            (is_share(self.epsilon_end), "epsilon-end must be 0 to 1"),
            (is_positive(self.learning_rate), "learning-rate must be above 0"),
            (is_natural(self.weight_decay), "weight-decay must be at least 0"),
        ])
    }

    fn batch(&self) -> u32 {
        self.batch
    }

    fn gamma(&self) -> f32 {
        self.gamma
    }

    fn optimiser(&self) -> AdamConfig {
        AdamConfig { learning_rate: self.learning_rate, weight_decay: self.weight_decay }
    }

    fn updates_due(&self, step: u64, _: &Replay<'_>) -> u32 {
        step.is_multiple_of(u64::from(self.train_every)).into()
    }

    fn stages(&self, update: u64) -> Stages {
        let tau = update.is_multiple_of(u64::from(self.target_every)).then_some(1.0);
        let step = Stage::Step { networks: 0..1, scalars: false, clip: None, tau };
        [Stage::Gradients(0), step, Stage::Change].into_iter().collect()
    }

    /// The gradient of `mean loss(Q(s, a) − y)` with `y = r + γ max Q′(s′, ·)`.
    fn gradients(&self, _: u8, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, data, batch, .. } = scene;
        let (mut loss, mut mean) = (share.loss(TD_LOSS), share.loss(MEAN_Q));
        let (network, gradients) = (&networks[Q], &mut share.gradients[Q]);
        let trace = &mut share.traces[0];
        trace.set_samples(samples.len());
        scene.load_next_observations(samples, trace.input(), &mut share.rng);
        let mut chosen = [0; TILE];
        if self.double {
            network.online.forward(kernels, trace);
            choose(trace.output(), &mut chosen);
        }
        network.forward_target(kernels, trace);
        if !self.double {
            choose(trace.output(), &mut chosen);
        }
        let mut targets = [0.0; TILE];
        for (i, &index) in samples.iter().enumerate() {
            targets[i] = scene.td_target(index, self.gamma, trace.output()[chosen[i]].0[i]);
        }

        scene.load_observations(samples, trace.input(), &mut share.rng, |step| step.observation);
        network.online.forward(kernels, trace);
        let outputs = trace.output().len();
        trace.gradient()[..outputs].fill(Tile::ZERO);
        for (i, &index) in samples.iter().enumerate() {
            // No replay of this agent's holds another.
            let action = (data.get(index as usize).action.at(0) as usize).min(outputs - 1);
            let q = trace.output()[action].0[i];
            let (of_error, slope) = self.loss.of(q - targets[i]);
            loss += of_error;
            mean += q;
            trace.gradient()[action].0[i] = slope / batch;
        }
        network.online.backward(kernels, trace, Wanted::Parameters(gradients));
        share.set_loss(TD_LOSS, loss);
        share.set_loss(MEAN_Q, mean);
    }

    /// The action of the greatest value.
    fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        action[0] = argmax(outputs) as f32;
    }

    /// ε-greedy.
    fn explore(
        &self,
        step: u64,
        outputs: &[f32],
        _: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) {
        let gone = (step as f32 / self.epsilon_steps.max(1) as f32).min(1.0);
        let epsilon = self.epsilon_start + gone * (self.epsilon_end - self.epsilon_start);
        action[0] = if explorer.unit() < epsilon {
            explorer.index(outputs.len() as u32) as f32
        } else {
            argmax(outputs) as f32
        };
    }
}

/// The row of the greatest output of each sample, the first of equals.
fn choose(outputs: &[Tile], chosen: &mut [usize; TILE]) {
    for (i, chosen) in chosen.iter_mut().enumerate() {
        *chosen = first_greatest(outputs.len(), |row| outputs[row].0[i]);
    }
}
