//! DS-TD3 (Sokar et al. 2022, alg. 1; TD3: Fujimoto et al. 2018, alg. 1) on masked dense tensors.

use crate::agent::Agent;
use crate::network::Linear;
use crate::online::Online;
use crate::replay::Batch;
use crate::state::State;
use crate::target::Target;
use crate::transfer::{download, matrix};
use crate::{BurnError, Gradients, OwnedLayer};
use burn_tensor::backend::{AutodiffBackend, Backend};
use burn_tensor::{ElementConversion, Tensor};
use lacewing_runtime::learn::{
    AlgorithmKind, Head, LearnError, Losses, Method, Replay, ResumeHeader, Td3Config, deployed,
    policy_hash,
};
use lacewing_runtime::random::Xoshiro256PlusPlus;

/// A TD3 agent on the autodiff backend `A`.
#[derive(Debug)]
pub(crate) struct Td3<A: AutodiffBackend> {
    config: Td3Config,
    /// Updates and random numbers are as they are now, the rest as it was loaded.
    header: ResumeHeader,
    device: A::Device,
    actor: Online<A::InnerBackend>,
    critics: [Online<A::InnerBackend>; 2],
    target_actor: Target<A::InnerBackend>,
    target_critics: [Target<A::InnerBackend>; 2],
}

/// A loss and its gradient by the layers of some networks, on the device.
type Slope<I, const N: usize> = (Tensor<I, 1>, [Vec<Linear<I>>; N]);

impl<A: AutodiffBackend> Td3<A> {
    /// Copies an agent to the device.
    pub fn load(state: &State, config: Td3Config, device: A::Device) -> Self {
        let steps = &state.header.adam_steps;
        let critic =
            |at: usize| Online::load(&state.critics[at], Head::Identity, steps[1 + at], &device);
        let target_critic = |layers: &Vec<_>| Target::load(layers, Head::Identity, &device);
        Self {
            actor: Online::load(&state.actor, Head::Tanh, steps[0], &device),
            critics: [critic(0), critic(1)],
            target_actor: Target::load(&state.target_actor, Head::Tanh, &device),
            target_critics: state.target_critics.each_ref().map(target_critic),
            config,
            header: state.header.clone(),
            device,
        }
    }

    fn draw(
        &self,
        replay: &Replay<'_>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Batch<A::InnerBackend>, LearnError> {
        let samples = self.config.batch as usize;
        Batch::draw(replay, &self.header.shape, samples, rng, &self.device)
    }

    /// Critic loss (see [`Gradients::critic_loss`]) and its gradient by both critics, with the
    /// clipped double-Q target `y = r + γ min Q′ᵢ(s′, π′(s′) + ε)`.
    fn critic_slope(&self, batch: &Batch<A::InnerBackend>) -> Slope<A::InnerBackend, 2> {
        let clip = self.config.noise_clip;
        let noise = (batch.noise.clone() * self.config.policy_noise).clamp(-clip, clip);
        let next_action = self.target_actor.network.forward(batch.next_observation.clone());
        let next_action = (next_action + noise).clamp(-1.0, 1.0);
        let next = Tensor::cat(vec![batch.next_observation.clone(), next_action], 1);
        let [first, second] = &self.target_critics;
        let value = first.network.forward(next.clone()).min_pair(second.network.forward(next));
        let target = batch.reward.clone() + batch.not_done.clone() * value * self.config.gamma;

        let taken = Tensor::cat(vec![batch.observation.clone(), batch.action.clone()], 1);
        let (taken, target) = (Tensor::from_inner(taken), Tensor::from_inner(target));
        let critics = self.critics.each_ref().map(|critic| critic.network.tracked::<A>());
        let [first, second] = critics
            .each_ref()
            .map(|critic| (critic.forward(taken.clone()) - target.clone()).square().mean());
        let loss = first + second;
        let mut gradients = loss.backward();
        (loss.inner(), critics.map(|critic| critic.gradients(&mut gradients)))
    }

    /// Actor loss (see [`Gradients::actor_loss`]) and its gradient by the actor.
    fn actor_slope(&self, batch: &Batch<A::InnerBackend>) -> Slope<A::InnerBackend, 1> {
        let actor = self.actor.network.tracked::<A>();
        let critic = self.critics[0].network.constant::<A>();
        let observation: Tensor<A, 2> = Tensor::from_inner(batch.observation.clone());
        let action = actor.forward(observation.clone());
        let loss = critic.forward(Tensor::cat(vec![observation, action], 1)).mean().neg();
        let mut gradients = loss.backward();
        (loss.inner(), [actor.gradients(&mut gradients)])
    }

    /// One Polyak step of all targets.
    fn follow(&mut self) {
        let (tau, device) = (self.config.tau, &self.device);
        self.target_actor.follow(&self.actor, tau, device);
        for (target, online) in self.target_critics.iter_mut().zip(&self.critics) {
            target.follow(online, tau, device);
        }
    }
}

/// The one number in a tensor; waits until it is computed.
fn number<B: Backend>(tensor: Tensor<B, 1>) -> f32 {
    tensor.into_scalar().elem()
}

impl<A: AutodiffBackend> Agent for Td3<A> {
    fn act(&self, observation: &[f32], action: &mut [f32]) -> Result<(), BurnError> {
        let shape = &self.header.shape;
        let lengths = [
            ("the observation", shape.observations(), observation.len()),
            ("the action", shape.action_numbers(), action.len()),
        ];
        for (what, expected, found) in lengths {
            if found != expected {
                return Err(BurnError::Length { what, expected, found });
            }
        }
        let observation = matrix(observation.to_vec(), [1, observation.len()], &self.device);
        action.copy_from_slice(&download(self.actor.network.forward(observation)));
        let finite = action.iter().all(|number| number.is_finite());
        if finite { Ok(()) } else { Err(LearnError::Diverged.into()) }
    }

    fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, BurnError> {
        let mut rng = self.header.rng.clone();
        let batch = self.draw(replay, &mut rng)?;
        self.header.rng = rng;
        self.header.updates += 1;
        let updates = self.header.updates;
        let (critic_loss, slopes) = self.critic_slope(&batch);
        for (critic, slope) in self.critics.iter_mut().zip(slopes) {
            critic.step(&self.config, slope);
        }
        let mut actor_loss = None;
        if updates.is_multiple_of(u64::from(self.config.policy_delay)) {
            let (loss, [slope]) = self.actor_slope(&batch);
            self.actor.step(&self.config, slope);
            self.follow();
            actor_loss = Some(loss);
        }
        // Reading a loss waits for the device, so it comes after all that is to be computed.
        let losses = Losses::new([Some(number(critic_loss)), actor_loss.map(number)]);
        if losses.iter().flatten().any(|loss| !loss.is_finite()) {
            return Err(LearnError::Diverged.into());
        }
        if let Method::Set(rewire) = self.header.training.method
            && updates.is_multiple_of(u64::from(rewire.interval))
        {
            let [first, second] = &mut self.critics;
            for network in [&mut self.actor, first, second] {
                network.rewire(rewire, &mut self.header.rng, &self.device);
            }
        }
        Ok(losses)
    }

    fn gradients(&self, replay: &Replay<'_>) -> Result<Gradients, BurnError> {
        let batch = self.draw(replay, &mut self.header.rng.clone())?;
        let (critic_loss, critics) = self.critic_slope(&batch);
        let (actor_loss, [actor]) = self.actor_slope(&batch);
        let [first, second] = critics;
        Ok(Gradients {
            critic_loss: number(critic_loss),
            critics: [self.critics[0].of_links(&first), self.critics[1].of_links(&second)],
            actor_loss: number(actor_loss),
            actor: self.actor.of_links(&actor),
        })
    }

    fn layers(&self) -> Vec<OwnedLayer> {
        self.actor.layers()
    }

    fn state(&self) -> State {
        let [first, second] = &self.critics;
        let steps = [self.actor.steps, first.steps, second.steps];
        let actor = self.actor.state();
        let layers = actor.layers.iter().map(OwnedLayer::view);
        let policy = deployed(layers, AlgorithmKind::Td3, self.header.shape.actions);
        State {
            header: ResumeHeader {
                adam_steps: steps.into_iter().collect(),
                policy_hash: policy_hash(policy.map(|deployed| {
                    let (topology, bias) = (deployed.layer.topology, deployed.layer.bias);
                    (topology.row_ptr(), topology.col_idx(), bias)
                })),
                ..self.header.clone()
            },
            actor,
            critics: self.critics.each_ref().map(Online::state),
            target_actor: self.target_actor.layers(),
            target_critics: self.target_critics.each_ref().map(Target::layers),
        }
    }
}
