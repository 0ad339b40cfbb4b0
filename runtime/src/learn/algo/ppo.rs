//! PPO with sparse networks (Schulman et al. 2017, eq. 7 and 9, alg. 1), for continuous and discrete
//! actions.

use super::gaussian::LOG_SQRT_2PI;
use super::{all_hold, is_natural, is_positive, is_share};
use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::{
    ActionSpace, AgentShape, Algorithm, AlgorithmKind, Part, Role, Scene, Share, Stage, Stages,
};
use crate::learn::error::LearnError;
use crate::learn::explore::{Explorer, argmax};
use crate::learn::memory::{Numbers, Replay, Rollout};
use crate::learn::net::{Head, Trace, Wanted};
use crate::learn::optim::AdamConfig;
use core::ops::Range;
use serde::{Deserialize, Serialize};

/// PPO's settings. Actions are in units of [−1, 1], beyond which the environment clips them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PpoConfig {
    /// Adam's α for actor, critic and standard deviations.
    pub learning_rate: f32,
    /// L2 regularisation of actor and critic, added to the gradient.
    pub weight_decay: f32,
    /// Environment steps of an iteration.
    pub steps: u32,
    /// Samples of an update.
    pub batch: u32,
    /// How often an iteration's steps are learned from.
    pub epochs: u32,
    /// Discount γ.
    pub gamma: f32,
    /// λ of the advantages.
    pub lambda: f32,
    /// ε by which the ratio of probabilities may leave 1 with effect.
    pub clip: f32,
    /// By how much values may change with effect; 0: as much as they like.
    pub value_clip: f32,
    /// Weight of the value's loss.
    pub value_coefficient: f32,
    /// Weight of the entropy.
    pub entropy_coefficient: f32,
    /// L2 norm down to which gradients are scaled; 0: they are not.
    pub gradient_clip: f32,
    /// Whether the advantages of a minibatch get mean 0 and deviation 1.
    pub normalise_advantages: bool,
}

impl Default for PpoConfig {
    /// Graesser et al. 2022, App. B (the paper's own values for MuJoCo).
    fn default() -> Self {
        Self {
            learning_rate: 3e-4,
            weight_decay: 0.0,
            steps: 2048,
            batch: 64,
            epochs: 10,
            gamma: 0.99,
            lambda: 0.95,
            clip: 0.2,
            value_clip: 0.0,
            value_coefficient: 0.5,
            entropy_coefficient: 0.0,
            gradient_clip: 0.5,
            normalise_advantages: true,
        }
    }
}

const ACTOR: usize = 0;
const CRITIC: usize = 1;

const POLICY_LOSS: usize = 0;
const VALUE_LOSS: usize = 1;
const ENTROPY: usize = 2;
const KL: usize = 3;
const CLIPPED: usize = 4;

impl Algorithm for PpoConfig {
    const KIND: AlgorithmKind = AlgorithmKind::Ppo;
    /// The clipped surrogate (eq. 7), negated; mean squared error of the value; entropy; KL divergence
    /// from the policy that took the steps, estimated by mean r − 1 − log r; share of ratios beyond
    /// 1 ± ε.
    const LOSSES: &'static [&'static str] =
        &["policy_loss", "value_loss", "entropy", "kl", "clipped"];
    /// The actor gives means, or logits of discrete actions.
    const NETWORKS: &'static [Part] = &[
        Part { role: Role::Policy, head: Head::Identity, target: false, loss: 0 },
        Part { role: Role::Critic, head: Head::Identity, target: false, loss: 0 },
    ];
    const TRACES: &'static [Role] = &[Role::Policy, Role::Critic];

    /// Logarithms of the standard deviations, 0 at first; none where actions are discrete.
    fn scalars(shape: &AgentShape) -> usize {
        match shape.actions {
            ActionSpace::Continuous(count) => count as usize,
            ActionSpace::Discrete(_) => 0,
        }
    }

    fn check(&self) -> Result<(), LearnError> {
        all_hold(&[
            ((1..=1 << 24).contains(&self.steps), "steps must be 1 to 16777216"),
            (
                (1..=self.steps.min(1 << 16)).contains(&self.batch),
                "batch must be 1 to 65536, and no more than steps",
            ),
            ((1..=1 << 16).contains(&self.epochs), "epochs must be 1 to 65536"),
            (is_share(self.gamma), "gamma must be 0 to 1"),
            (is_share(self.lambda), "lambda must be 0 to 1"),
            (is_positive(self.clip), "clip must be above 0"),
            (is_natural(self.value_clip), "value-clip must be at least 0"),
            (is_natural(self.value_coefficient), "value-coefficient must be at least 0"),
            (is_natural(self.entropy_coefficient), "entropy-coefficient must be at least 0"),
            (is_natural(self.gradient_clip), "gradient-clip must be at least 0"),
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

    fn iteration(&self) -> Option<(usize, u32)> {
        Some((self.steps as usize, self.epochs))
    }

    fn updates_due(&self, _: u64, data: &Replay<'_>) -> u32 {
        let full = data.len() == self.steps as usize;
        if full { self.epochs * self.steps.div_ceil(self.batch) } else { 0 }
    }

    fn stages(&self, _: u64) -> Stages {
        let clip = (self.gradient_clip > 0.0).then_some(self.gradient_clip);
        let step = Stage::Step { networks: 0..2, scalars: true, clip, tau: None };
        [Stage::Gradients(0), step, Stage::Change].into_iter().collect()
    }

    /// Values, advantages and log-probabilities of the iteration's steps.
    fn prepare(
        &self,
        scene: &Scene<'_, '_>,
        share: &mut Share<'_>,
        rollout: &mut Rollout<'_>,
        steps: Range<usize>,
    ) {
        let Scene { kernels, networks, scalars, data, .. } = scene;
        let (actor_trace, critic_trace) = share.traces.split_at_mut(1);
        let (actor_trace, critic_trace) = (&mut actor_trace[0], &mut critic_trace[0]);
        let mut samples = [0; TILE];
        (steps.start as u32..).zip(&mut samples).for_each(|(step, sample)| *sample = step);
        let (count, last) = (steps.len(), steps.end == data.len());
        let samples = &samples[..count];
        actor_trace.set_samples(count);
        critic_trace.set_samples(count);
        scene.load_observations(samples, critic_trace.input(), &mut share.rng, |step| {
            step.next_observation
        });
        networks[CRITIC].online.forward(kernels, critic_trace);
        rollout.advantage[steps.clone()].copy_from_slice(&critic_trace.output()[0].0[..count]);
        scene.load_observations(samples, critic_trace.input(), &mut share.rng, |step| {
            step.observation
        });
        networks[CRITIC].online.forward(kernels, critic_trace);
        rollout.value[steps.clone()].copy_from_slice(&critic_trace.output()[0].0[..count]);
        scene.load_observations(samples, actor_trace.input(), &mut share.rng, |step| {
            step.observation
        });
        networks[ACTOR].online.forward(kernels, actor_trace);
        for (i, step) in steps.enumerate() {
            let action = data.get(step).action;
            rollout.log_prob[step] = log_prob(actor_trace.output(), i, scalars, action);
        }
        if last {
            rollout.advantages(data, scene.reward_factor, self.gamma, self.lambda);
        }
    }

    /// The gradient of `L = −mean min(r Â, clip(r) Â) + c₁ mean (V − R)² − c₂ mean H` (eq. 9).
    fn gradients(&self, _: u8, scene: &Scene<'_, '_>, share: &mut Share<'_>, samples: &[u32]) {
        let Scene { kernels, networks, scalars, data, batch, rollout, .. } = scene;
        let Some(rollout) = rollout else { return };
        let (actor, critic) = (&networks[ACTOR].online, &networks[CRITIC].online);
        let mut losses = [POLICY_LOSS, VALUE_LOSS, ENTROPY, KL, CLIPPED].map(|at| share.loss(at));
        let (actor_trace, critic_trace) = share.traces.split_at_mut(1);
        let (actor_trace, critic_trace) = (&mut actor_trace[0], &mut critic_trace[0]);
        actor_trace.set_samples(samples.len());
        critic_trace.set_samples(samples.len());
        scene.load_observations(samples, actor_trace.input(), &mut share.rng, |step| {
            step.observation
        });
        critic_trace.input().copy_from_slice(actor_trace.input());
        actor.forward(kernels, actor_trace);
        critic.forward(kernels, critic_trace);
        let outputs = actor_trace.output().len();
        actor_trace.gradient()[..outputs].fill(Tile::ZERO);
        critic_trace.gradient()[0] = Tile::ZERO;
        for (i, &step) in samples.iter().enumerate() {
            let step = step as usize;
            let action = data.get(step).action;
            let log_ratio =
                log_prob(actor_trace.output(), i, scalars, action) - rollout.log_prob[step];
            let ratio = libm::expf(log_ratio);
            let advantage = rollout.normalised(step, self.normalise_advantages);
            let clipped = ratio.clamp(1.0 - self.clip, 1.0 + self.clip);
            let surrogate = (ratio * advantage).min(clipped * advantage);
            // Where the clipped ratio is the lesser there is no slope.
            let slope =
                if ratio * advantage <= clipped * advantage { ratio * advantage } else { 0.0 };
            let by =
                Slopes { log_prob: -slope / batch, entropy: -self.entropy_coefficient / batch };
            let entropy = match scalars.is_empty() {
                true => by.into_logits(actor_trace, i, action),
                false => by.into_means(actor_trace, i, scalars, action, share.scalars),
            };

            let (value, target) = (critic_trace.output()[0].0[i], rollout.value_target(step));
            let (loss, slope) = self.value_loss(value, rollout.value[step], target);
            critic_trace.gradient()[0].0[i] = self.value_coefficient * slope / batch;

            losses[POLICY_LOSS] -= surrogate;
            losses[VALUE_LOSS] += loss;
            losses[ENTROPY] += entropy;
            losses[KL] += ratio - 1.0 - log_ratio;
            losses[CLIPPED] += f32::from(u8::from(ratio != clipped));
        }
        let (actor_gradients, critic_gradients) = share.gradients.split_at_mut(CRITIC);
        let wanted = Wanted::Parameters(&mut actor_gradients[ACTOR]);
        actor.backward(kernels, actor_trace, wanted);
        let wanted = Wanted::Parameters(&mut critic_gradients[0]);
        critic.backward(kernels, critic_trace, wanted);
        losses.into_iter().enumerate().for_each(|(at, loss)| share.set_loss(at, loss));
    }

    /// The mean, or the likeliest action.
    fn greedy(&self, outputs: &[f32], action: &mut [f32]) {
        match outputs.len() == action.len() {
            true => action.copy_from_slice(outputs),
            false => action[0] = argmax(outputs) as f32,
        }
    }

    fn explore(
        &self,
        _: u64,
        outputs: &[f32],
        scalars: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) {
        if scalars.is_empty() {
            // Gumbel's trick: the greatest of the perturbed logits is a draw from their softmax.
            let draw = |logit: f32, unit: f32| logit - libm::logf(-libm::logf(unit.max(1e-30)));
            let mut best = (f32::NEG_INFINITY, 0);
            for (at, &logit) in outputs.iter().enumerate() {
                let perturbed = draw(logit, explorer.unit());
                if perturbed > best.0 {
                    best = (perturbed, at);
                }
            }
            action[0] = best.1 as f32;
            return;
        }
        for ((action, mean), &log_std) in action.iter_mut().zip(outputs).zip(scalars) {
            *action = mean + libm::expf(log_std) * explorer.normal();
        }
    }
}

impl PpoConfig {
    /// Loss and slope of a value; with clipping, the greater loss of the value and of one that is
    /// within `value_clip` of the old one.
    fn value_loss(&self, value: f32, old: f32, target: f32) -> (f32, f32) {
        let error = value - target;
        if self.value_clip > 0.0 {
            let near = value.clamp(old - self.value_clip, old + self.value_clip);
            let clipped = near - target;
            if clipped * clipped > error * error {
                let slope = if near == value { 2.0 * clipped } else { 0.0 };
                return (clipped * clipped, slope);
            }
        }
        (error * error, 2.0 * error)
    }
}

/// log π(a|s) of sample `i`: Gaussian where there are standard deviations, else of a softmax.
fn log_prob(outputs: &[Tile], i: usize, log_stds: &[f32], action: Numbers<'_>) -> f32 {
    if log_stds.is_empty() {
        let (most, sum) = softmax(outputs, i);
        return outputs[chosen(outputs, action)].0[i] - most - libm::logf(sum);
    }
    let numbers = outputs.iter().zip(log_stds).zip(action.iter());
    let log_probs = numbers.map(|((mean, &log_std), action)| {
        let z = (action - mean.0[i]) / libm::expf(log_std);
        -0.5 * z * z - log_std - LOG_SQRT_2PI
    });
    log_probs.sum()
}

/// The row of a discrete action; no replay of this agent's holds one without.
fn chosen(outputs: &[Tile], action: Numbers<'_>) -> usize {
    (action.at(0) as usize).min(outputs.len() - 1)
}

/// The greatest logit of sample `i`, and the sum of the exponentials of all after it is taken off.
fn softmax(logits: &[Tile], i: usize) -> (f32, f32) {
    let most = logits.iter().fold(f32::NEG_INFINITY, |most, logit| most.max(logit.0[i]));
    (most, logits.iter().map(|logit| libm::expf(logit.0[i] - most)).sum())
}

/// Slopes of the loss by log π(a|s) and by the entropy, on their way into the policy's outputs.
struct Slopes {
    log_prob: f32,
    entropy: f32,
}

impl Slopes {
    /// Into logits: `∂ log p_a / ∂ z_k = [k = a] − p_k`, `∂ H / ∂ z_k = −p_k (log p_k + H)`. Returns the
    /// entropy.
    fn into_logits(self, trace: &mut Trace<'_>, i: usize, action: Numbers<'_>) -> f32 {
        let (most, sum) = softmax(trace.output(), i);
        let log_p = |logit: &Tile| logit.0[i] - most - libm::logf(sum);
        let entropy: f32 =
            -trace.output().iter().map(|z| libm::expf(log_p(z)) * log_p(z)).sum::<f32>();
        let action = chosen(trace.output(), action);
        for k in 0..trace.output().len() {
            let log_p = log_p(&trace.output()[k]);
            let p = libm::expf(log_p);
            let of_action = if k == action { 1.0 } else { 0.0 };
            trace.gradient()[k].0[i] =
                self.log_prob * (of_action - p) - self.entropy * p * (log_p + entropy);
        }
        entropy
    }

    /// Into means and logarithms of standard deviations. Returns the entropy, which only depends on the
    /// latter.
    fn into_means(
        self,
        trace: &mut Trace<'_>,
        i: usize,
        log_stds: &[f32],
        action: Numbers<'_>,
        by_log_std: &mut [f32],
    ) -> f32 {
        let mut entropy = 0.0;
        for (k, (&log_std, action)) in log_stds.iter().zip(action.iter()).enumerate() {
            let std = libm::expf(log_std);
            let z = (action - trace.output()[k].0[i]) / std;
            trace.gradient()[k].0[i] = self.log_prob * z / std;
            by_log_std[k] += self.log_prob * (z * z - 1.0) + self.entropy;
            entropy += 0.5 + LOG_SQRT_2PI + log_std;
        }
        entropy
    }
}
