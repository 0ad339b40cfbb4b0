//! Soft actor-critic with sparse networks (Haarnoja et al. 2018, "Algorithms and Applications",
//! alg. 1; as DS-SAC: Sokar et al. 2022, appendix).

use super::gaussian::{LOG_SQRT_2PI, log_one_minus_tanh_squared};
use super::pull::{imitate, look_back, pull};
use super::twins::{lesser_value, regress};
use super::{all_hold, is_natural, is_positive, is_share};
use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::{
    AgentShape, Algorithm, AlgorithmKind, Part, Role, Scene, Share, Stage, Stages,
};
use crate::learn::error::LearnError;
use crate::learn::explore::Explorer;
use crate::learn::net::{Head, Trace, Wanted};
use crate::learn::optim::AdamConfig;
use serde::{Deserialize, Serialize};

/// SAC's settings. Actions are in units of [−1, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SacConfig {
    /// Adam's α for actor, critics and temperature.
    pub learning_rate: f32,
    /// L2 regularisation of actor and critics, added to the gradient.
    pub weight_decay: f32,
    /// Samples of an update.
    pub batch: u32,
    /// Discount γ.
    pub gamma: f32,
    /// Polyak factor τ of the critics' targets; 1 makes them copies.
    pub tau: f32,
    /// Updates between two steps of the targets (DS-SAC: 1000, with τ = 1).
    pub target_every: u32,
    /// Temperature α, at first or for good.
    pub temperature: f32,
    /// Whether the temperature is learned (eq. 18), so that the entropy goes to its target.
    pub automatic_temperature: bool,
    /// Target of the entropy a number of an action (the paper: −1).
    pub target_entropy: f32,
    /// Random steps before learning starts.
    pub start_steps: u64,
    /// Transitions that the replay keeps.
    pub replay: u32,
}

impl Default for SacConfig {
    /// The paper's table 1, with learning from step 10,000 on.
    fn default() -> Self {
        Self {
            learning_rate: 3e-4,
            weight_decay: 0.0,
            batch: 256,
            gamma: 0.99,
            tau: 0.005,
            target_every: 1,
            temperature: 1.0,
            automatic_temperature: true,
            target_entropy: -1.0,
            start_steps: 10_000,
            replay: 1_000_000,
        }
    }
}

const ACTOR: usize = 0;
const CRITICS: core::ops::Range<usize> = 1..3;

const CRITIC_LOSS: u8 = 0;
const ACTOR_LOSS: u8 = 1;
const TEMPERATURE: usize = 2;
const ENTROPY: usize = 3;

/// Bounds of the logarithm of the standard deviation.
const LOG_STD: [f32; 2] = [-20.0, 2.0];

impl Algorithm for SacConfig {
    const KIND: AlgorithmKind = AlgorithmKind::Sac;
    /// Mean squared soft TD error, summed over both critics; mean α log π(a|s) − min Qᵢ(s, a); α;
    /// −mean log π(a|s).
    const LOSSES: &'static [&'static str] =
        &["critic_loss", "actor_loss", "temperature", "entropy"];
    /// The actor gives means, then logarithms of standard deviations.
    const NETWORKS: &'static [Part] = &[
        Part { role: Role::Policy, head: Head::Identity, target: false, loss: ACTOR_LOSS },
        Part { role: Role::Critic, head: Head::Identity, target: true, loss: CRITIC_LOSS },
        Part { role: Role::Critic, head: Head::Identity, target: true, loss: CRITIC_LOSS },
    ];
    const TRACES: &'static [Role] = &[Role::Policy, Role::Critic, Role::Critic];
    const HAS_PULL: bool = true;

    /// For the action after the observed step, and for the one that the actor is judged by.
    fn noise(shape: &AgentShape) -> usize {
        2 * shape.action_numbers()
    }

    /// log α.
    fn scalars(_: &AgentShape) -> usize {
        1
    }

    fn start_scalars(&self, scalars: &mut [f32]) {
        scalars[0] = libm::logf(self.temperature);
    }

    fn check(&self) -> Result<(), LearnError> {
        all_hold(&[
            ((1..=1 << 16).contains(&self.batch), "batch must be 1 to 65536"),
            (is_share(self.gamma), "gamma must be 0 to 1"),
            (is_share(self.tau), "tau must be 0 to 1"),
            (self.target_every > 0, "target-every must be at least 1"),
            (is_positive(self.temperature), "temperature must be above 0"),
            (self.target_entropy.is_finite(), "target-entropy must be a number"),
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

    fn stages(&self, update: u64) -> Stages {
        let tau = update.is_multiple_of(u64::from(self.target_every)).then_some(self.tau);
        let scalars = self.automatic_temperature;
        [
            Stage::Gradients(CRITIC_LOSS),
            Stage::Step { networks: 1..3, scalars: false, clip: None, tau },
            Stage::Gradients(ACTOR_LOSS),
            Stage::Step { networks: 0..1, scalars, clip: None, tau: None },
            Stage::Change,
        ]
        .into_iter()
        .collect()
    }

    fn gradients(&self, part: u8, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        match part {
            CRITIC_LOSS => self.critic_gradients(scene, share, samples),
            _ => self.actor_gradients(scene, share, samples),
        }
    }

    /// tanh of the mean.
    fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        action.iter_mut().zip(outputs).for_each(|(action, &mean)| *action = libm::tanhf(mean));
    }

    fn explore(
        &self,
        _: u64,
        outputs: &[f32],
        _: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) {
        let (means, log_stds) = outputs.split_at(action.len());
        for ((action, mean), &log_std) in action.iter_mut().zip(means).zip(log_stds) {
            let std = libm::expf(log_std.clamp(LOG_STD[0], LOG_STD[1]));
            *action = libm::tanhf(mean + std * explorer.normal());
        }
    }
}

impl SacConfig {
    /// The gradient of `Σᵢ mean (Qᵢ(s, a) − y)²`, with the soft target (eq. 5 and 6)
    /// `y = r + γ (min Q′ᵢ(s′, a′) − α log π(a′|s′))`, a′ ~ π(·|s′).
    fn critic_gradients(&self, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, scalars, data, .. } = scene;
        let critics = &networks[CRITICS];
        let (observations, actions) = (data.observations(), data.actions());
        let alpha = libm::expf(scalars[0]);
        let mut loss = share.loss(CRITIC_LOSS);
        let (actor_trace, critic_traces) = share.traces.split_at_mut(1);
        let (actor_trace, critic_trace) = (&mut actor_trace[0], &mut critic_traces[0]);
        let noise = &share.noise[..actions];
        actor_trace.set_samples(samples.len());
        critic_trace.set_samples(samples.len());
        scene.load_next_observations(samples, actor_trace.input(), &mut share.rng);
        networks[ACTOR].online.forward(kernels, actor_trace);
        let (next_observation, next_action) = critic_trace.input().split_at_mut(observations);
        next_observation.copy_from_slice(actor_trace.input());
        let log_prob = sample(actor_trace, noise, next_action, samples.len());
        let mut targets = lesser_value(scene, critics, critic_trace);
        for ((target, log_prob), &index) in targets.iter_mut().zip(log_prob.0).zip(samples) {
            *target = scene.td_target(index, self.gamma, *target - alpha * log_prob);
        }
        let learned = (critics, &mut share.gradients[CRITICS]);
        regress(scene, learned, critic_trace, samples, &targets, &mut share.rng, &mut loss);
        share.set_loss(CRITIC_LOSS, loss);
    }

    /// The gradient of `mean (α log π(a|s) − min Qᵢ(s, a))`, a = tanh(μ + σ ε) (eq. 9), and that of
    /// `−log α · mean (log π(a|s) + H̄)` by log α (eq. 18 with log α for its factor α, as everybody
    /// implements it).
    fn actor_gradients(&self, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, scalars, data, batch, .. } = scene;
        let (observations, actions) = (data.observations(), data.actions());
        let alpha = libm::expf(scalars[0]);
        let (actor, critics) = (&networks[ACTOR].online, &networks[CRITICS]);
        let (mut loss, mut entropy) = (share.loss(ACTOR_LOSS), share.loss(ENTROPY));
        let (actor_trace, critic_traces) = share.traces.split_at_mut(1);
        let (actor_trace, critic_traces) = (&mut actor_trace[0], &mut critic_traces[..2]);
        let noise = &share.noise[actions..2 * actions];
        let (count, mut excess) = (samples.len(), 0.0);
        if scene.imitates {
            // Of its deterministic action; how much it explores stays as it is.
            let recorded = &mut critic_traces[0].input()[observations..][..actions];
            let found = (&mut share.gradients[ACTOR], &mut share.rng);
            loss +=
                imitate(scene, actor_trace, recorded, found, samples, |mean| (squash(mean).0, 1.0));
            share.set_loss(ACTOR_LOSS, loss);
            return;
        }
        actor_trace.set_samples(count);
        scene.load_observations(samples, actor_trace.input(), &mut share.rng, |step| {
            step.observation
        });
        look_back(scene, actor_trace, share.anchored);
        actor.forward(kernels, actor_trace);
        let mut log_prob = Tile::ZERO;
        for (critic, trace) in critics.iter().zip(&mut *critic_traces) {
            trace.set_samples(count);
            let (observation, action) = trace.input().split_at_mut(observations);
            observation.copy_from_slice(actor_trace.input());
            log_prob = sample(actor_trace, noise, action, count);
            critic.online.forward(kernels, trace);
        }
        // The gradient goes back through the critic that judges lower.
        let [first, second] = [0, 1].map(|at| critic_traces[at].output()[0].0);
        let mut gradients = [Tile::ZERO; 2];
        for i in 0..count {
            let lower = usize::from(second[i] < first[i]);
            gradients[lower].0[i] = -1.0 / batch;
            let q = if lower == 0 { first[i] } else { second[i] };
            loss += alpha * log_prob.0[i] - q;
            entropy -= log_prob.0[i];
            excess += log_prob.0[i] + self.target_entropy * actions as f32;
        }
        for ((critic, trace), gradient) in critics.iter().zip(&mut *critic_traces).zip(gradients) {
            trace.gradient()[0] = gradient;
            critic.online.backward(kernels, trace, Wanted::Input);
        }
        for j in 0..actions {
            let by_action = [0, 1].map(|at| critic_traces[at].gradient()[observations + j].0);
            // The critics' inputs still hold the action.
            let action = critic_traces[0].input()[observations + j].0;
            let log_std = actor_trace.output()[actions + j].0;
            let (mut mean, mut log) = (Tile::ZERO, Tile::ZERO);
            for i in 0..count {
                let (a, epsilon) = (action[i], noise[j].0[i]);
                let by_q = by_action[0][i] + by_action[1][i];
                mean.0[i] = alpha * 2.0 * a / batch + by_q * (1.0 - a * a);
                let clamped = log_std[i].clamp(LOG_STD[0], LOG_STD[1]);
                if clamped == log_std[i] {
                    log.0[i] = mean.0[i] * libm::expf(clamped) * epsilon - alpha / batch;
                }
            }
            let gradient = actor_trace.gradient();
            (gradient[j], gradient[actions + j]) = (mean, log);
        }
        let lower = |i: usize| if second[i] < first[i] { second[i] } else { first[i] };
        let q: [f32; TILE] = core::array::from_fn(lower);
        loss += pull(scene, actor_trace, share.anchored, &q[..count], actions, squash);
        let wanted = Wanted::Parameters(&mut share.gradients[ACTOR]);
        actor.backward(kernels, actor_trace, wanted);
        share.scalars[0] -= excess / batch;
        share.set_loss(ACTOR_LOSS, loss);
        share.set_loss(TEMPERATURE, share.loss(TEMPERATURE) + alpha * count as f32);
        share.set_loss(ENTROPY, entropy);
    }
}

/// The deterministic action of a mean, and its slope.
fn squash(mean: f32) -> (f32, f32) {
    let action = libm::tanhf(mean);
    (action, 1.0 - action * action)
}

/// Writes `a = tanh(μ + σ ε)`, one row a number of the action, and returns log π(a|s).
fn sample(actor: &Trace<'_>, noise: &[Tile], action: &mut [Tile], samples: usize) -> Tile {
    let mut log_prob = Tile::ZERO;
    let (means, log_stds) = actor.output().split_at(action.len());
    for (((action, mean), log_std), noise) in action.iter_mut().zip(means).zip(log_stds).zip(noise)
    {
        *action = Tile::ZERO;
        for i in 0..samples {
            let (log_std, epsilon) = (log_std.0[i].clamp(LOG_STD[0], LOG_STD[1]), noise.0[i]);
            let u = mean.0[i] + libm::expf(log_std) * epsilon;
            action.0[i] = libm::tanhf(u);
            log_prob.0[i] -= 0.5 * epsilon * epsilon + log_std + LOG_SQRT_2PI;
            log_prob.0[i] -= log_one_minus_tanh_squared(u);
        }
    }
    log_prob
}
