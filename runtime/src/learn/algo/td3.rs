//! TD3 with sparse networks (Fujimoto et al. 2018, alg. 1; Sokar et al. 2022, alg. 1).

use super::pull::{imitate, look_back, pull};
use super::twins::{lesser_value, regress};
use super::{all_hold, is_natural, is_positive, is_share};
use crate::kernels::train::Tile;
use crate::learn::agent::{
    AgentShape, Algorithm, AlgorithmKind, Part, Role, Scene, Share, Stage, Stages,
};
use crate::learn::error::LearnError;
use crate::learn::explore::Explorer;
use crate::learn::net::{Head, Wanted};
use crate::learn::optim::AdamConfig;
use serde::{Deserialize, Serialize};

/// TD3's settings. Actions and their noise are in units of [−1, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Td3Config {
    /// Adam's α for actor and critics.
    pub learning_rate: f32,
    /// L2 regularisation of actor and critics, added to the gradient.
    pub weight_decay: f32,
    /// Samples of an update.
    pub batch: u32,
    /// Discount γ.
    pub gamma: f32,
    /// Polyak factor τ of the targets.
    pub tau: f32,
    /// Standard deviation of the target policy's smoothing noise.
    pub policy_noise: f32,
    /// That noise is clipped to ± this.
    pub noise_clip: f32,
    /// Critic updates to one actor and target update.
    pub policy_delay: u32,
    /// Random steps before learning starts.
    pub start_steps: u64,
    /// Standard deviation of the exploration noise.
    pub exploration_noise: f32,
    /// Correlation of that noise from one step to the next, at least 0 and below 1.
    pub noise_correlation: f32,
    /// Transitions that the replay keeps.
    pub replay: u32,
}

impl Default for Td3Config {
    /// The published DS-TD3 (Sokar et al. 2022, appendix, and its code).
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            weight_decay: 2e-4,
            batch: 100,
            gamma: 0.99,
            tau: 0.005,
            policy_noise: 0.2,
            noise_clip: 0.5,
            policy_delay: 2,
            start_steps: 25_000,
            exploration_noise: 0.1,
            noise_correlation: 0.0,
            replay: 1_000_000,
        }
    }
}

const ACTOR: usize = 0;
const CRITICS: core::ops::Range<usize> = 1..3;

/// Parts of the losses, in the order of [`Algorithm::LOSSES`].
const CRITIC_LOSS: u8 = 0;
const ACTOR_LOSS: u8 = 1;

impl Algorithm for Td3Config {
    const KIND: AlgorithmKind = AlgorithmKind::Td3;
    /// Mean squared TD error, summed over both critics; −mean Q₁(s, π(s)).
    const LOSSES: &'static [&'static str] = &["critic_loss", "actor_loss"];
    const NETWORKS: &'static [Part] = &[
        Part { role: Role::Policy, head: Head::Tanh, target: true, loss: ACTOR_LOSS },
        Part { role: Role::Critic, head: Head::Identity, target: true, loss: CRITIC_LOSS },
        Part { role: Role::Critic, head: Head::Identity, target: true, loss: CRITIC_LOSS },
    ];
    const TRACES: &'static [Role] = &[Role::Policy, Role::Critic];
    const HAS_PULL: bool = true;

    /// For the target policy's smoothing.
    fn noise(shape: &AgentShape) -> usize {
        shape.action_numbers()
    }

    fn check(&self) -> Result<(), LearnError> {
        all_hold(&[
            ((1..=1 << 16).contains(&self.batch), "batch must be 1 to 65536"),
            (is_share(self.gamma), "gamma must be 0 to 1"),
            (is_share(self.tau), "tau must be 0 to 1"),
            (is_natural(self.policy_noise), "policy-noise must be at least 0"),
            (is_natural(self.noise_clip), "noise-clip must be at least 0"),
            (self.policy_delay > 0, "policy-delay must be at least 1"),
            (is_positive(self.learning_rate), "learning-rate must be above 0"),
            (is_natural(self.weight_decay), "weight-decay must be at least 0"),
            (is_natural(self.exploration_noise), "exploration-noise must be at least 0"),
            (
                (0.0..1.0).contains(&self.noise_correlation),
                "noise-correlation must be at least 0 and below 1",
            ),
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

    fn step_every(&self, network: usize) -> u32 {
        if network == ACTOR { self.policy_delay } else { 1 }
    }

    /// Critics always, actor and targets every `policy_delay`-th time, then the topology.
    fn stages(&self, update: u64) -> Stages {
        let delayed = update.is_multiple_of(u64::from(self.policy_delay));
        let tau = delayed.then_some(self.tau);
        let step = |networks| Stage::Step { networks, scalars: false, clip: None, tau };
        let critics = [Stage::Gradients(CRITIC_LOSS), step(1..3)];
        let actor = [Stage::Gradients(ACTOR_LOSS), step(0..1)];
        (critics.into_iter())
            .chain(actor.into_iter().filter(|_| delayed))
            .chain([Stage::Change])
            .collect()
    }

    fn gradients(&self, part: u8, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        match part {
            CRITIC_LOSS => self.critic_gradients(scene, share, samples),
            _ => self.actor_gradients(scene, share, samples),
        }
    }

    fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        action.copy_from_slice(outputs);
    }

    fn explore(
        &self,
        _: u64,
        outputs: &[f32],
        _: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) {
        action.copy_from_slice(outputs);
        explorer.perturb(action, self.exploration_noise, self.noise_correlation);
    }
}

impl Td3Config {
    /// The gradient of `Σᵢ mean (Qᵢ(s, a) − y)²`, with the clipped double-Q target
    /// `y = r + γ min Q′ᵢ(s′, π′(s′) + ε)`.
    fn critic_gradients(&self, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, data, .. } = scene;
        let critics = &networks[CRITICS];
        let (observations, actions) = (data.observations(), data.actions());
        let mut loss = share.loss(CRITIC_LOSS);
        let (actor_trace, critic_trace) = share.traces.split_at_mut(1);
        let (actor_trace, critic_trace) = (&mut actor_trace[0], &mut critic_trace[0]);
        let noise = &share.noise[..actions];
        actor_trace.set_samples(samples.len());
        critic_trace.set_samples(samples.len());
        scene.load_next_observations(samples, actor_trace.input(), &mut share.rng);
        networks[ACTOR].forward_target(kernels, actor_trace);
        let (next_observation, next_action) = critic_trace.input().split_at_mut(observations);
        next_observation.copy_from_slice(actor_trace.input());
        for ((smoothed, action), noise) in
            next_action.iter_mut().zip(actor_trace.output()).zip(noise)
        {
            for ((smoothed, action), noise) in
                smoothed.0.iter_mut().zip(action.0).zip(noise.0).take(samples.len())
            {
                let noise = (self.policy_noise * noise).clamp(-self.noise_clip, self.noise_clip);
                *smoothed = (action + noise).clamp(-1.0, 1.0);
            }
        }
        let mut targets = lesser_value(scene, critics, critic_trace);
        for (target, &index) in targets.iter_mut().zip(samples) {
            *target = scene.td_target(index, self.gamma, *target);
        }
        let learned = (critics, &mut share.gradients[CRITICS]);
        regress(scene, learned, critic_trace, samples, &targets, &mut share.rng, &mut loss);
        share.set_loss(CRITIC_LOSS, loss);
    }

    /// The gradient of `−mean Q₁(s, π(s))`, or of the loss of imitation.
    fn actor_gradients(&self, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, data, batch, .. } = scene;
        let (actor, critic) = (&networks[ACTOR].online, &networks[CRITICS.start].online);
        let (observations, actions) = (data.observations(), data.actions());
        let mut loss = share.loss(ACTOR_LOSS);
        let (actor_trace, critic_trace) = share.traces.split_at_mut(1);
        let (actor_trace, critic_trace) = (&mut actor_trace[0], &mut critic_trace[0]);
        if scene.imitates {
            let recorded = &mut critic_trace.input()[observations..][..actions];
            let found = (&mut share.gradients[ACTOR], &mut share.rng);
            // The way back through tanh has its slope.
            let unsquashed = |action: f32| (action, 1.0 / (1.0 - action * action).max(1e-7));
            loss += imitate(scene, actor_trace, recorded, found, samples, unsquashed);
            share.set_loss(ACTOR_LOSS, loss);
            return;
        }
        actor_trace.set_samples(samples.len());
        critic_trace.set_samples(samples.len());
        scene.load_observations(samples, actor_trace.input(), &mut share.rng, |step| {
            step.observation
        });
        look_back(scene, actor_trace, share.anchored);
        actor.forward(kernels, actor_trace);
        let (observation, action) = critic_trace.input().split_at_mut(observations);
        observation.copy_from_slice(actor_trace.input());
        action.copy_from_slice(actor_trace.output());
        critic.forward(kernels, critic_trace);
        let mut gradient = Tile::ZERO;
        for (gradient, q) in
            gradient.0.iter_mut().zip(critic_trace.output()[0].0).take(samples.len())
        {
            loss -= q;
            *gradient = -1.0 / batch;
        }
        critic_trace.gradient()[0] = gradient;
        critic.backward(kernels, critic_trace, Wanted::Input);
        let by_action = &critic_trace.gradient()[observations..][..actions];
        actor_trace.gradient()[..actions].copy_from_slice(by_action);
        let q = &critic_trace.output()[0].0[..samples.len()];
        loss += pull(scene, actor_trace, share.anchored, q, actions, |action| (action, 1.0));
        let wanted = Wanted::Parameters(&mut share.gradients[ACTOR]);
        actor.backward(kernels, actor_trace, wanted);
        share.set_loss(ACTOR_LOSS, loss);
    }
}
