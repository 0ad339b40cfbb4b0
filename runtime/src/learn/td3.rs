//! TD3 with sparse networks (Fujimoto et al. 2018, alg. 1; Sokar et al. 2022, alg. 1).

use super::Gradients;
use super::adam::AdamConfig;
use super::config::{AgentShape, MAX_THREADS, Method, Td3Config};
use super::layer::TopologyScratch;
use super::learner::Learner;
use super::memory::{Arena, Block, OutOfMemory};
use super::mlp::{Head, Mlp};
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
    /// Networks that cannot be.
    #[error("no agent has networks of these shapes: see AgentShape")]
    Shape,
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

/// One for each thread.
type Threads<T> = Vec<T, { MAX_THREADS as usize }>;

/// A TD3 agent in the caller's memory.
#[derive(Debug)]
pub struct Td3<'m> {
    pub(super) shape: AgentShape,
    pub(super) config: Td3Config,
    kernels: TrainKernels,
    pub(super) actor: Learner<'m>,
    pub(super) critics: [Learner<'m>; 2],
    pub(super) updates: u64,
    pub(super) rng: Xoshiro256PlusPlus,
    /// There is at least one.
    shares: Threads<Share<'m>>,
    team: Team,
    /// One for each critic where they step in different threads, else one for all.
    scratches: Vec<TopologyScratch<'m>, 2>,
    batch: &'m mut [u32],
}

impl<'m> Td3<'m> {
    /// Blocks of memory that an agent of this shape takes, its minibatch included and its replay
    /// not.
    pub fn blocks(shape: &AgentShape, config: &Td3Config) -> usize {
        Learner::blocks(&shape.actor)
            + 2 * Learner::blocks(&shape.critic)
            + share::count(config) * Share::blocks(shape, config)
            + Self::scratches(config) * TopologyScratch::blocks(Self::largest(shape))
            + Block::for_slice::<u32>(config.batch_size as usize)
    }

    fn scratches(config: &Td3Config) -> usize {
        share::count(config).min(2)
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
        if !shape.is_possible() {
            return Err(LearnError::Shape);
        }
        let arena = &mut Arena::new(memory);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let adam =
            AdamConfig { learning_rate: config.learning_rate, weight_decay: config.weight_decay };
        let start = (config.init, adam);
        let actor = Learner::random(arena, &shape.actor, Head::Tanh, start, &mut rng)?;
        let mut critic = || Learner::random(arena, &shape.critic, Head::Identity, start, &mut rng);
        let critics = [critic()?, critic()?];
        Ok(Self {
            kernels: TrainKernels::best(),
            actor,
            critics,
            updates: 0,
            rng,
            shares: (0..share::count(&config))
                .map(|_| Share::new(arena, &shape, &config))
                .collect::<Result<_, _>>()?,
            team: Team::new(share::count(&config))?,
            scratches: (0..Self::scratches(&config))
                .map(|_| TopologyScratch::new(arena, Self::largest(&shape)))
                .collect::<Result<_, _>>()?,
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
        &self.actor.online
    }

    /// The twin critics.
    pub fn critics(&self) -> [&Mlp<'m>; 2] {
        self.critics.each_ref().map(|critic| &critic.online)
    }

    /// Actor and critics.
    pub(super) fn learners_mut(&mut self) -> impl Iterator<Item = &mut Learner<'m>> {
        core::iter::once(&mut self.actor).chain(&mut self.critics)
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
        self.actor.online.forward(&self.kernels, trace);
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
        self.draw_noise();
        self.updates += 1;
        let delayed = self.updates.is_multiple_of(u64::from(self.config.policy_delay));
        let tau = delayed.then_some(self.config.tau);
        let critic = self.each_share(replay, Share::critic_gradients);
        self.step_critics(tau);
        let mut losses = Losses { critic, actor: None };
        if delayed {
            losses.actor = Some(self.each_share(replay, Share::actor_gradients));
            self.step_actor(tau);
        }
        if !losses.critic.is_finite() || losses.actor.is_some_and(|loss| !loss.is_finite()) {
            return Err(LearnError::Diverged);
        }
        if let Method::Set(rewire) = self.config.method
            && self.updates.is_multiple_of(u64::from(rewire.interval))
        {
            let [first, second] = &mut self.critics;
            for network in [&mut self.actor, first, second] {
                let scratch = &mut self.scratches[0];
                network.online.rewire(rewire.fraction, rewire.drop, &mut self.rng, scratch);
            }
        }
        Ok(losses)
    }

    fn draw_noise(&mut self) {
        let size = share::samples(&self.config);
        for (share, samples) in self.shares.iter_mut().zip(self.batch.chunks(size)) {
            share.draw_noise(samples.len(), &mut self.rng);
        }
    }

    /// Runs `find` on every share of the minibatch, each in its own thread; returns the mean of the
    /// loss.
    fn each_share(
        &mut self,
        replay: &Replay<'_>,
        find: impl Fn(&mut Share<'m>, &Networks<'_, 'm>, &[u32]) + Sync,
    ) -> f32 {
        let networks = Networks {
            kernels: self.kernels,
            config: &self.config,
            actor: &self.actor,
            critics: &self.critics,
            replay,
        };
        let batch = self.batch.chunks(share::samples(&self.config));
        let mut parts: Threads<_> = self.shares.iter_mut().zip(batch).collect();
        self.team.for_each(&mut parts, |(share, samples)| find(share, &networks, samples));
        drop(parts);
        let loss: f32 = self.shares.iter().map(|share| share.loss).sum();
        loss / self.config.batch_size as f32
    }

    /// A step of both critics, each in its own thread.
    fn step_critics(&mut self, tau: Option<f32>) {
        let gradients = self.shares.iter_mut().map(|share| {
            let [first, second] = &mut share.critics;
            (first, second)
        });
        let (first, second): (Threads<_>, Threads<_>) = gradients.unzip();
        let mut steps: Vec<_, 2> = self.critics.iter_mut().zip([first, second]).collect();
        let steps = steps.chunks_mut(2 / self.scratches.len());
        let mut parts: Vec<_, 2> = steps.zip(&mut self.scratches).collect();
        self.team.for_each(&mut parts, |(steps, scratch)| {
            for (critic, gradients) in steps.iter_mut() {
                critic.step(&self.kernels, gradients, tau, scratch);
            }
        });
    }

    fn step_actor(&mut self, tau: Option<f32>) {
        let mut gradients: Threads<_> =
            self.shares.iter_mut().map(|share| &mut share.actor).collect();
        self.actor.step(&self.kernels, &mut gradients, tau, &mut self.scratches[0]);
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
