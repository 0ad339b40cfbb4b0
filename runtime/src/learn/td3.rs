//! TD3 with sparse networks (Fujimoto et al. 2018, alg. 1; Sokar et al. 2022, alg. 1).

use super::Gradients;
use super::adam::{Adam, AdamConfig};
use super::config::{AgentShape, MAX_THREADS, Method, Td3Config};
use super::layer::TopologyScratch;
use super::memory::{Arena, Block, OutOfMemory};
use super::mlp::{Head, Mlp, Target};
use super::replay::Replay;
use super::share::{self, Networks, Share};
use crate::kernels::train::TrainKernels;
use crate::kernels::{NoThreads, Team};
use crate::random::Xoshiro256PlusPlus;
use heapless::Vec;
use lacewing_formats::topology::TopologyError;
use rand_core::SeedableRng;
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
    /// See [`NoThreads`].
    #[error(transparent)]
    Threads(#[from] NoThreads),
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
    /// There is at least one.
    shares: Vec<Share<'m>, { MAX_THREADS as usize }>,
    team: Team,
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
            + share::count(config) * Share::blocks(shape, config)
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
            shares: (0..share::count(&config))
                .map(|_| Share::new(arena, &shape, &config))
                .collect::<Result<_, _>>()?,
            team: Team::new(share::count(&config))?,
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

    /// Gradients of the actor as the last update found them.
    pub fn actor_gradients(&self) -> &Gradients<'m> {
        &self.shares[0].actor
    }

    /// Gradients of both critics as the last update found them.
    pub fn critic_gradients(&self) -> &[Gradients<'m>; 2] {
        &self.shares[0].critics
    }

    /// The policy's action for one observation, in [−1, 1].
    ///
    /// # Panics
    /// If `observation` or `action` has another length than the agent's.
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) {
        assert_eq!(observation.len(), self.shape.observations());
        assert_eq!(action.len(), self.shape.actions());
        let trace = &mut self.shares[0].actor_trace;
        for (tile, &value) in trace.input().iter_mut().zip(observation) {
            tile.0[0] = value;
        }
        trace.set_samples(1);
        self.actor.forward(&self.kernels, trace);
        for (action, tile) in action.iter_mut().zip(trace.output()) {
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
        let critic = self.find_critic_gradients(replay);
        let critics = self.critics.iter_mut().zip(&self.shares[0].critics);
        for ((critic, gradients), adam) in critics.zip(&mut self.critic_adams) {
            adam.step(&self.kernels, critic, gradients);
        }
        let mut losses = Losses { critic, actor: None };
        if self.updates.is_multiple_of(u64::from(self.config.policy_delay)) {
            losses.actor = Some(self.find_actor_gradients(replay));
            self.actor_adam.step(&self.kernels, &mut self.actor, &self.shares[0].actor);
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

    /// Leaves the critics' gradients in the first share; returns their loss.
    fn find_critic_gradients(&mut self, replay: &Replay<'_>) -> f32 {
        self.critics.iter_mut().for_each(Mlp::prepare_backward);
        let size = share::samples(&self.config);
        for (share, samples) in self.shares.iter_mut().zip(self.batch.chunks(size)) {
            share.draw_noise(samples.len(), &mut self.rng);
        }
        self.each_share(replay, Share::critic_gradients);
        self.add_up(|to, from| {
            for (to, from) in to.critics.iter_mut().zip(&from.critics) {
                to.add(from);
            }
        })
    }

    /// Leaves the actor's gradient in the first share; returns its loss.
    fn find_actor_gradients(&mut self, replay: &Replay<'_>) -> f32 {
        self.actor.prepare_backward();
        self.critics[0].prepare_backward();
        self.each_share(replay, Share::actor_gradients);
        self.add_up(|to, from| to.actor.add(&from.actor))
    }

    fn each_share(
        &mut self,
        replay: &Replay<'_>,
        work: impl Fn(&mut Share<'m>, &Networks<'_, 'm>, &[u32]) + Sync,
    ) {
        let networks = Networks {
            kernels: self.kernels,
            config: &self.config,
            actor: &self.actor,
            critics: &self.critics,
            target_actor: &self.target_actor,
            target_critics: &self.target_critics,
            replay,
        };
        let size = share::samples(&self.config);
        share::for_each(&mut self.team, &mut self.shares, self.batch, size, |share, samples| {
            work(share, &networks, samples);
        });
    }

    /// Adds up all shares' gradients in the first; returns the mean of their losses.
    fn add_up(&mut self, add: impl Fn(&mut Share<'m>, &Share<'m>)) -> f32 {
        let mut loss = 0.0;
        if let Some((first, others)) = self.shares.split_first_mut() {
            loss = first.loss;
            for other in others {
                add(first, other);
                loss += other.loss;
            }
        }
        loss / self.config.batch_size as f32
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

pub(super) fn check(config: &Td3Config) -> Result<(), LearnError> {
    let positive = |value: f32| value.is_finite() && value > 0.0;
    let natural = |value: f32| value.is_finite() && value >= 0.0;
    let unit = |value: f32| (0.0..=1.0).contains(&value);
    let checks = [
        ((1..=1 << 16).contains(&config.batch_size), "batch_size"),
        ((1..=MAX_THREADS).contains(&config.threads), "threads"),
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
