//! TD3's losses (Fujimoto et al. 2018, alg. 1) on dense tensors.

use crate::actor_critic::{ACTOR_LOSS, ActorCritic, Scene, Slope};
use burn_tensor::Tensor;
use burn_tensor::backend::{AutodiffBackend, Backend};
use lacewing_runtime::learn::Td3Config;

impl ActorCritic for Td3Config {
    /// Clipped double-Q: `y = r + γ min Q′ᵢ(s′, π′(s′) + ε)`.
    fn target<I: Backend>(&self, scene: &Scene<'_, I>) -> Tensor<I, 2> {
        let (batch, clip) = (scene.batch, self.noise_clip);
        let noise = (batch.noise.clone() * self.policy_noise).clamp(-clip, clip);
        let next_action = scene.actor.target().forward(batch.next_observation.clone());
        let next_value = scene.next_value((next_action + noise).clamp(-1.0, 1.0));
        scene.bellman(next_value)
    }

    /// `−mean Q₁(s, π(s))`.
    fn actor_slope<A: AutodiffBackend>(
        &self,
        scene: &Scene<'_, A::InnerBackend>,
    ) -> Slope<A::InnerBackend> {
        let actor = scene.actor.online.network.tracked::<A>();
        let critic = scene.critics[0].online.network.constant::<A>();
        let observation: Tensor<A, 2> = Tensor::from_inner(scene.batch.observation.clone());
        let action = actor.forward(observation.clone());
        let loss = critic.forward(Tensor::cat(vec![observation, action], 1)).mean().neg();
        let mut gradients = loss.backward();
        Slope {
            losses: vec![(ACTOR_LOSS, loss.inner())],
            networks: vec![actor.gradients(&mut gradients)],
            scalars: None,
        }
    }
}
