//! TD3 with sparse networks (Fujimoto et al. 2018, alg. 1; Sokar et al. 2022, alg. 1).

use super::adam::{Adam, AdamConfig};
use super::config::{AgentShape, Method, Td3Config};
use super::layer::TopologyScratch;
use super::memory::{Arena, Block, OutOfMemory};
use super::mlp::{Head, Mlp, Target, Trace, Wanted};
use super::replay::Replay;
use crate::kernels::train::{TILE, Tile, TrainKernels};
use crate::random::Xoshiro256PlusPlus;
use lacewing_formats::topology::TopologyError;
use rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use thiserror::Error;

/// Why an agent cannot be made or cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LearnError {
    /// See [`OutOfMemory`].
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// See [`TopologyError`].
    #[error("a layer has no such topology: {0}")]
    Topology(#[from] TopologyError),
    /// More layers than [`super::MAX_LAYERS`].
    #[error("a network has 1 to {} layers", super::MAX_LAYERS)]
    Layers,
    /// A setting has no meaning.
    #[error("{0} is out of range: see the defaults of Td3Config")]
    Config(&'static str),
    /// Replay and agent have observations or actions of different lengths.
    #[error("the replay's observations and actions are not this agent's")]
    OtherReplay,
    /// The replay is empty.
    #[error("there is nothing to learn from yet: store a transition first")]
    NoData,
    /// A loss is NaN or infinite.
    #[error(
        "learning diverged (a loss is not finite): go back to the last save, with a lower learning rate"
    )]
    Diverged,
}

/// Losses of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// Mean squared TD error, summed over both critics.
    pub critic: f32,
    /// −mean Q₁(s, π(s)), where the actor was updated.
    pub actor: Option<f32>,
}

/// A TD3 agent in the caller's memory.
#[derive(Debug)]
pub struct Td3<'m> {
    pub(super) shape: AgentShape,
    pub(super) config: Td3Config,
    kernels: TrainKernels,
    pub(super) actor: Mlp<'m>,
    pub(super) critics: [Mlp<'m>; 2],
    pub(super) target_actor: Target<'m>,
    pub(super) target_critics: [Target<'m>; 2],
    pub(super) actor_adam: Adam,
    pub(super) critic_adams: [Adam; 2],
    pub(super) updates: u64,
    pub(super) rng: Xoshiro256PlusPlus,
    actor_trace: Trace<'m>,
    critic_trace: Trace<'m>,
    topology_scratch: TopologyScratch<'m>,
    batch: &'m mut [u32],
}

impl<'m> Td3<'m> {
    /// Blocks of memory that an agent of this shape takes, its minibatch included and its replay
    /// not.
    pub fn blocks(shape: &AgentShape, config: &Td3Config) -> usize {
        Mlp::blocks(&shape.actor)
            + 2 * Mlp::blocks(&shape.critic)
            + Target::blocks(&shape.actor)
            + 2 * Target::blocks(&shape.critic)
            + Trace::blocks(&shape.actor)
            + Trace::blocks(&shape.critic)
            + TopologyScratch::blocks(Self::largest(shape))
            + Block::for_slice::<u32>(config.batch_size as usize)
    }

    fn largest(shape: &AgentShape) -> usize {
        let links = shape.actor.links.iter().chain(&shape.critic.links);
        links.copied().max().unwrap_or(0) as usize
    }

    /// A fresh agent; `seed` settles all that is random in it.
    ///
    /// # Errors
    /// [`LearnError`] if memory is short, or shape or settings have no meaning.
    pub fn new(
        shape: AgentShape,
        config: Td3Config,
        memory: &'m mut [Block],
        seed: u64,
    ) -> Result<Self, LearnError> {
        check(&config)?;
        let arena = &mut Arena::new(memory);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let actor = Mlp::random(arena, &shape.actor, Head::Tanh, config.init, &mut rng)?;
        let mut critic =
            || Mlp::random(arena, &shape.critic, Head::Identity, config.init, &mut rng);
        let critics = [critic()?, critic()?];
        let target_actor = Target::copy(arena, &actor)?;
        let target_critics = [Target::copy(arena, &critics[0])?, Target::copy(arena, &critics[1])?];
        let adam = Adam::new(AdamConfig {
            learning_rate: config.learning_rate,
            weight_decay: config.weight_decay,
        });
        Ok(Self {
            kernels: TrainKernels::best(),
            actor,
            critics,
            target_actor,
            target_critics,
            actor_adam: adam,
            critic_adams: [adam; 2],
            updates: 0,
            rng,
            actor_trace: Trace::new(arena, &shape.actor)?,
            critic_trace: Trace::new(arena, &shape.critic)?,
            topology_scratch: TopologyScratch::new(arena, Self::largest(&shape))?,
            batch: arena.take(config.batch_size as usize)?,
            shape,
            config,
        })
    }

    /// The networks' shape.
    pub fn shape(&self) -> &AgentShape {
        &self.shape
    }

    /// The settings.
    pub fn config(&self) -> &Td3Config {
        &self.config
    }

    /// Updates made so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The policy.
    pub fn actor(&self) -> &Mlp<'m> {
        &self.actor
    }

    /// The twin critics.
    pub fn critics(&self) -> &[Mlp<'m>; 2] {
        &self.critics
    }

    /// The policy's action for one observation, in [−1, 1].
    ///
    /// # Panics
    /// If `observation` or `action` has another length than the agent's.
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) {
        assert_eq!(observation.len(), self.shape.observations());
        assert_eq!(action.len(), self.shape.actions());
        for (tile, &value) in self.actor_trace.input().iter_mut().zip(observation) {
            tile.0[0] = value;
        }
        self.actor_trace.set_samples(1);
        self.actor.forward(&self.kernels, &mut self.actor_trace);
        for (action, tile) in action.iter_mut().zip(self.actor_trace.output()) {
            *action = tile.0[0];
        }
    }

    /// One update from a random minibatch: critics always, actor and targets every
    /// `policy_delay`-th time, then the topology if it is due.
    ///
    /// # Errors
    /// [`LearnError`] if there is nothing to learn from, the replay is another agent's, or a loss
    /// is not finite.
    pub fn update(&mut self, replay: &Replay<'_>) -> Result<Losses, LearnError> {
        if (replay.observations(), replay.actions())
            != (self.shape.observations(), self.shape.actions())
        {
            return Err(LearnError::OtherReplay);
        }
        if replay.is_empty() {
            return Err(LearnError::NoData);
        }
        replay.sample(&mut self.rng, self.batch);
        self.updates += 1;
        let critic = self.critic_gradients(replay);
        for (critic, adam) in self.critics.iter_mut().zip(&mut self.critic_adams) {
            adam.step(&self.kernels, &mut critic.layers);
        }
        let mut losses = Losses { critic, actor: None };
        if self.updates.is_multiple_of(u64::from(self.config.policy_delay)) {
            losses.actor = Some(self.actor_gradients(replay));
            self.actor_adam.step(&self.kernels, &mut self.actor.layers);
            self.follow();
        }
        if !losses.critic.is_finite() || losses.actor.is_some_and(|loss| !loss.is_finite()) {
            return Err(LearnError::Diverged);
        }
        if let Method::Set(rewire) = self.config.method
            && self.updates.is_multiple_of(u64::from(rewire.interval))
        {
            let [first, second] = &mut self.critics;
            for network in [&mut self.actor, first, second] {
                let scratch = &mut self.topology_scratch;
                network.rewire(rewire.fraction, rewire.drop, &mut self.rng, scratch);
            }
        }
        Ok(losses)
    }

    /// Leaves the gradient of `Σᵢ mean (Qᵢ(s, a) − y)²` in the critics, with the clipped double-Q
    /// target `y = r + γ min Q′ᵢ(s′, π′(s′) + ε)` of TD3; returns the loss.
    fn critic_gradients(&mut self, replay: &Replay<'_>) -> f32 {
        let (observations, count) = (self.shape.observations(), self.batch.len());
        for critic in &mut self.critics {
            critic.clear_gradients();
            critic.prepare_backward();
        }
        let mut loss = 0.0;
        for samples in self.batch.chunks(TILE) {
            self.actor_trace.set_samples(samples.len());
            self.critic_trace.set_samples(samples.len());
            load(replay, samples, self.actor_trace.input(), |step, feature| {
                step.next_observation[feature]
            });
            self.target_actor.forward(&self.kernels, &mut self.actor_trace);
            let (next_observation, next_action) =
                self.critic_trace.input().split_at_mut(observations);
            next_observation.copy_from_slice(self.actor_trace.input());
            for (smoothed, action) in next_action.iter_mut().zip(self.actor_trace.output()) {
                for (smoothed, action) in smoothed.0.iter_mut().zip(action.0).take(samples.len()) {
                    let noise: f32 = StandardNormal.sample(&mut self.rng);
                    let clip = self.config.noise_clip;
                    let noise = (self.config.policy_noise * noise).clamp(-clip, clip);
                    *smoothed = (action + noise).clamp(-1.0, 1.0);
                }
            }
            let mut targets = [f32::INFINITY; TILE];
            for critic in &self.target_critics {
                critic.forward(&self.kernels, &mut self.critic_trace);
                for (target, q) in targets.iter_mut().zip(self.critic_trace.output()[0].0) {
                    *target = if q < *target || q.is_nan() { q } else { *target };
                }
            }
            for (target, &index) in targets.iter_mut().zip(samples) {
                let step = replay.get(index as usize);
                let next = if step.terminated { 0.0 } else { self.config.gamma * *target };
                *target = step.reward + next;
            }

            load(replay, samples, self.critic_trace.input(), |step, feature| {
                if feature < observations {
                    step.observation[feature]
                } else {
                    step.action[feature - observations]
                }
            });
            for critic in &mut self.critics {
                critic.forward(&self.kernels, &mut self.critic_trace);
                let q = self.critic_trace.output()[0].0;
                let mut gradient = Tile::ZERO;
                for (i, target) in targets.iter().enumerate().take(samples.len()) {
                    let error = q[i] - target;
                    loss += error * error;
                    gradient.0[i] = 2.0 * error / count as f32;
                }
                self.critic_trace.gradient()[0] = gradient;
                critic.backward(&self.kernels, &mut self.critic_trace, Wanted::Parameters);
            }
        }
        loss / count as f32
    }

    /// Leaves the gradient of `−mean Q₁(s, π(s))` in the actor; returns the loss.
    fn actor_gradients(&mut self, replay: &Replay<'_>) -> f32 {
        let (observations, count) = (self.shape.observations(), self.batch.len());
        let actions = self.shape.actions();
        self.actor.clear_gradients();
        self.actor.prepare_backward();
        let [critic, _] = &mut self.critics;
        critic.prepare_backward();
        let mut loss = 0.0;
        for samples in self.batch.chunks(TILE) {
            self.actor_trace.set_samples(samples.len());
            self.critic_trace.set_samples(samples.len());
            load(replay, samples, self.actor_trace.input(), |step, feature| {
                step.observation[feature]
            });
            self.actor.forward(&self.kernels, &mut self.actor_trace);
            let (observation, action) = self.critic_trace.input().split_at_mut(observations);
            observation.copy_from_slice(self.actor_trace.input());
            action.copy_from_slice(self.actor_trace.output());
            critic.forward(&self.kernels, &mut self.critic_trace);
            let mut gradient = Tile::ZERO;
            for (gradient, q) in
                gradient.0.iter_mut().zip(self.critic_trace.output()[0].0).take(samples.len())
            {
                loss -= q;
                *gradient = -1.0 / count as f32;
            }
            self.critic_trace.gradient()[0] = gradient;
            critic.backward(&self.kernels, &mut self.critic_trace, Wanted::Input);
            let by_action = &self.critic_trace.gradient()[observations..][..actions];
            self.actor_trace.gradient()[..actions].copy_from_slice(by_action);
            self.actor.backward(&self.kernels, &mut self.actor_trace, Wanted::Parameters);
        }
        loss / count as f32
    }

    /// One Polyak step of all targets.
    fn follow(&mut self) {
        let (tau, scratch) = (self.config.tau, &mut self.topology_scratch);
        self.target_actor.follow(&self.actor, tau, scratch);
        for (target, online) in self.target_critics.iter_mut().zip(&self.critics) {
            target.follow(online, tau, scratch);
        }
    }
}

/// Transposes samples of the replay into tiles; places without a sample become zero.
fn load(
    replay: &Replay<'_>,
    samples: &[u32],
    into: &mut [Tile],
    feature_of: impl Fn(&super::Transition<'_>, usize) -> f32,
) {
    if samples.len() < TILE {
        into.fill(Tile::ZERO);
    }
    for (place, &index) in samples.iter().enumerate() {
        let step = replay.get(index as usize);
        for (feature, tile) in into.iter_mut().enumerate() {
            tile.0[place] = feature_of(&step, feature);
        }
    }
}

pub(super) fn check(config: &Td3Config) -> Result<(), LearnError> {
    let positive = |value: f32| value.is_finite() && value > 0.0;
    let natural = |value: f32| value.is_finite() && value >= 0.0;
    let unit = |value: f32| (0.0..=1.0).contains(&value);
    let checks = [
        ((1..=1 << 16).contains(&config.batch_size), "batch_size"),
        (unit(config.gamma), "gamma"),
        (unit(config.tau), "tau"),
        (natural(config.policy_noise), "policy_noise"),
        (natural(config.noise_clip), "noise_clip"),
        (config.policy_delay > 0, "policy_delay"),
        (positive(config.learning_rate), "learning_rate"),
        (natural(config.weight_decay), "weight_decay"),
        match config.method {
            Method::Static => (true, ""),
            Method::Set(rewire) => (
                rewire.interval > 0 && (0.0..=1.0).contains(&rewire.fraction),
                "the rewire interval or fraction",
            ),
        },
    ];
    match checks.iter().find(|(good, _)| !good) {
        Some((_, name)) => Err(LearnError::Config(name)),
        None => Ok(()),
    }
}
