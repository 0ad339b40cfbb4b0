//! SAC's losses (Haarnoja et al. 2018, "Algorithms and Applications", alg. 1) on dense tensors.

use crate::actor_critic::{ACTOR_LOSS, ActorCritic, Scene, Slope};
use burn_tensor::Tensor;
use burn_tensor::backend::{AutodiffBackend, Backend};
use lacewing_runtime::learn::SacConfig;
use std::f64::consts::{LN_2, PI};

/// Places in [`Algorithm::LOSSES`](lacewing_runtime::learn::Algorithm::LOSSES), after the actor's.
const TEMPERATURE: usize = 2;
const ENTROPY: usize = 3;

/// Bounds of the logarithm of the standard deviation.
const LOG_STD: [f64; 2] = [-20.0, 2.0];

impl ActorCritic for SacConfig {
    /// The soft target (eq. 5 and 6) `y = r + γ (min Q′ᵢ(s′, a′) − α log π(a′|s′))`, a′ ~ π(·|s′).
    fn target<I: Backend>(&self, scene: &Scene<'_, I>) -> Tensor<I, 2> {
        let outputs = scene.actor.online.network.forward(scene.batch.next_observation.clone());
        let [noise, _] = noise(scene);
        let (next_action, log_prob) = sample(outputs, noise);
        let alpha = log_temperature(scene).exp().unsqueeze();
        scene.bellman(scene.next_value(next_action) - log_prob * alpha)
    }

    /// `mean (α log π(a|s) − min Qᵢ(s, a))`, a = tanh(μ + σ ε) (eq. 9), and beside it
    /// `−log α · mean (log π(a|s) + H̄)` for the temperature (eq. 18 with log α for its factor α, as
    /// everybody implements it).
    fn actor_slope<A: AutodiffBackend>(
        &self,
        scene: &Scene<'_, A::InnerBackend>,
    ) -> Slope<A::InnerBackend> {
        let log_alpha = log_temperature(scene);
        let alpha = log_alpha.clone().exp();
        let log_alpha = Tensor::<A, 1>::from_inner(log_alpha).require_grad();
        let actor = scene.actor.online.network.tracked::<A>();
        let [_, noise] = noise(scene);
        let target_entropy = self.target_entropy * noise.dims()[1] as f32;

        let observation: Tensor<A, 2> = Tensor::from_inner(scene.batch.observation.clone());
        let outputs = actor.forward(observation.clone());
        let (action, log_prob) = sample(outputs, Tensor::from_inner(noise));
        let judged = Tensor::cat(vec![observation, action], 1);
        let [first, second] = scene
            .critics
            .map(|critic| critic.online.network.constant::<A>().forward(judged.clone()));
        let weighted = log_prob.clone() * Tensor::from_inner(alpha.clone()).unsqueeze();
        let actor_loss = (weighted - first.min_pair(second)).mean();
        let log_prob = log_prob.mean().detach();
        let temperature_loss = (log_alpha.clone() * (log_prob.clone() + target_entropy)).neg();

        let mut gradients = (actor_loss.clone() + temperature_loss).backward();
        Slope {
            losses: vec![
                (ACTOR_LOSS, actor_loss.inner()),
                (TEMPERATURE, alpha),
                (ENTROPY, log_prob.inner().neg()),
            ],
            networks: vec![actor.gradients(&mut gradients)],
            scalars: log_alpha.grad_remove(&mut gradients),
        }
    }
}

/// log α, `[1]`.
fn log_temperature<I: Backend>(scene: &Scene<'_, I>) -> Tensor<I, 1> {
    scene.scalars.expect("a resume section of SAC holds log α").clone()
}

/// Noise for the action after the observed step, and for the one that the actor is judged by, each
/// `[n, actions]`.
fn noise<I: Backend>(scene: &Scene<'_, I>) -> [Tensor<I, 2>; 2] {
    let noise = &scene.batch.noise;
    let actions = noise.dims()[1] / 2;
    [0, actions].map(|start| noise.clone().narrow(1, start, actions))
}

/// `a = tanh(μ + σ ε)`, `[n, actions]`, and log π(a|s), `[n, 1]`, from the actor's outputs: means, then
/// logarithms of standard deviations.
fn sample<B: Backend>(outputs: Tensor<B, 2>, noise: Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let actions = noise.dims()[1];
    let mean = outputs.clone().narrow(1, 0, actions);
    let log_std = outputs.narrow(1, actions, actions).clamp(LOG_STD[0], LOG_STD[1]);
    let u = mean + log_std.clone().exp() * noise.clone();
    let log_normal = noise.square() * -0.5 - log_std - 0.5 * (2.0 * PI).ln();
    // log (1 − tanh² u), which is even, without cancellation.
    let size = u.clone().abs();
    let log_slope = ((size.clone() * -2.0).exp().log1p().neg() - size + LN_2) * 2.0;
    (u.tanh(), (log_normal - log_slope).sum_dim(1))
}
