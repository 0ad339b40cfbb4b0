//! An agent: the networks and scalars of an algorithm with all that learning them takes, in the
//! caller's memory.

mod algorithm;
mod change;
mod cursor;
mod deployed;
#[cfg(feature = "alloc")]
mod diagnose;
mod kind;
mod learner;
mod losses;
mod network;
mod normaliser;
mod scalars;
mod scene;
mod shape;
mod share;
mod stage;
mod statistics;
mod step;
mod update;
mod work;

pub use algorithm::{Algorithm, MAX_LOSSES, MAX_NETWORKS, MAX_TRACES, Part};
pub use deployed::{DeployedLayer, deployed};
pub use kind::AlgorithmKind;
pub use learner::Learner;
pub use losses::Losses;
pub use network::Network;
pub use normaliser::{Normaliser, OBSERVATION_CLIP, RewardScale};
pub use scene::Scene;
pub use shape::{ActionSpace, AgentShape, Role, Sparsity};
pub use share::Share;
pub use stage::{MAX_STAGES, Stage, Stages};
pub use statistics::Statistics;
pub use work::Work;

use super::budget::Budget;
use super::error::LearnError;
use super::explore::Explorer;
use super::memory::Rollout;
use super::net::{Gradients, Mlp, NetworkShape, Target, TopologyScratch};
use super::optim::{Adam, AdamConfig};
use super::training::{MAX_THREADS, Training};
use crate::arena::{Arena, Block};
use crate::guard::{GradientGuard, GradientRules};
use crate::kernels::Team;
use crate::kernels::train::TrainKernels;
use crate::random::Xoshiro256PlusPlus;
use cursor::Cursor;
use heapless::Vec;
use lacewing_formats::policy::ObservationNormaliser;
use rand_core::SeedableRng;
use scalars::Scalars;

/// The network that acts, in [`Algorithm::NETWORKS`].
const POLICY: usize = 0;

/// One for each thread.
type Threads<T> = Vec<T, { MAX_THREADS as usize }>;

/// What settles all that is random in an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeds {
    /// Of topology, weights, minibatches and the noise of learning.
    pub learning: u64,
    /// Of random actions and noise on actions.
    pub exploration: u64,
}

/// An agent of algorithm `A` in the caller's memory.
#[derive(Debug)]
pub struct Agent<'m, A> {
    pub(super) shape: AgentShape,
    pub(super) algorithm: A,
    pub(super) training: Training,
    kernels: TrainKernels,
    pub(super) networks: Vec<Network<'m>, MAX_NETWORKS>,
    pub(super) scalars: Scalars<'m>,
    pub(super) updates: u64,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) explorer: Explorer<'m>,
    /// There is at least one.
    shares: Threads<Share<'m>>,
    team: Team,
    /// One for each of two networks where they step in different threads, else one for all.
    scratches: Vec<TopologyScratch<'m>, 2>,
    batch: &'m mut [u32],
    /// Samples of the present minibatch.
    samples: usize,
    rollout: Option<Rollout<'m>>,
    pub(super) statistics: Statistics<'m>,
    /// Since this was last asked for, without what traces have counted.
    work: Work,
    /// Of the policy, for one observation.
    outputs: &'m mut [f32],
    /// The policy that it is pulled towards, if it is.
    pub(super) anchor: Option<Target<'m>>,
    /// The present update, between its slices.
    cursor: Option<Cursor>,
    guard: Option<GradientGuard<MAX_NETWORKS>>,
}

impl<'m, A: Algorithm> Agent<'m, A> {
    /// Blocks of memory that an agent of this shape takes, its minibatch included and its replay
    /// not.
    pub fn blocks(shape: &AgentShape, algorithm: &A, training: &Training) -> usize {
        Self::budget(shape, algorithm, training).learner() / Block::BYTES
    }

    /// What those blocks are for.
    pub fn budget(shape: &AgentShape, algorithm: &A, training: &Training) -> Budget {
        let (batch, threads) = (algorithm.batch(), training.threads);
        let mut budget = Budget::default();
        let memory = training.memory();
        for part in A::NETWORKS {
            Network::count(shape.network(part.role), part.target, memory, &mut budget);
        }
        let anchored = training.adapt.stay_near > 0.0;
        if anchored {
            budget.anchor += Block::BYTES * Target::blocks(&shape.policy, memory.is_fixed());
        }
        let samples = share::samples(batch, threads);
        for _ in 0..share::count(batch, threads) {
            Share::count::<A>(shape, samples, training, &mut budget);
        }
        budget.topology += Block::BYTES
            * Self::scratches(batch, threads)
            * TopologyScratch::blocks(Self::largest(shape, training));
        let iteration = algorithm.iteration().map_or(0, |(steps, _)| Rollout::blocks(steps));
        budget.batch += Block::BYTES * (Block::for_slice::<u32>(batch as usize) + iteration);
        let rest = Scalars::blocks(A::scalars(shape))
            + Statistics::blocks(shape.observations(), training)
            + Block::for_slice::<f32>(shape.policy.outputs())
            + Block::for_slice::<f32>(shape.action_numbers());
        budget.rest += Block::BYTES * rest;
        budget
    }

    fn scratches(batch: u32, threads: u32) -> usize {
        share::count(batch, threads).min(2)
    }

    /// Links, or inputs, of the largest layer that changes.
    fn largest(shape: &AgentShape, training: &Training) -> usize {
        // Nothing ever changes there.
        if training.memory().is_fixed() {
            return 0;
        }
        let layers = shape.networks().flat_map(NetworkShape::layers);
        layers.map(|(inputs, _, links)| links.max(inputs)).max().unwrap_or(0)
    }

    /// A fresh agent.
    ///
    /// # Errors
    /// [`LearnError`] if memory is short, or shape or settings have no meaning.
    pub fn new(
        shape: AgentShape,
        algorithm: A,
        training: Training,
        memory: &'m mut [Block],
        seeds: Seeds,
    ) -> Result<Self, LearnError> {
        algorithm.check()?;
        training.check()?;
        training.adapt.check(A::NETWORKS.len() > 1, A::HAS_PULL)?;
        if !shape.is_possible(A::KIND) || training.fake_features as usize > shape.observations() {
            return Err(LearnError::Shape);
        }
        let arena = &mut Arena::new(memory);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seeds.learning);
        let adam = algorithm.optimiser();
        let networks = A::NETWORKS.iter().map(|part| {
            let (shape, start) = (shape.network(part.role), (training.start(), adam));
            Network::random(arena, shape, (part.head, part.target), start, &mut rng)
        });
        let networks = networks.collect::<Result<Vec<_, _>, _>>()?;
        let (batch, threads) = (algorithm.batch(), training.threads);
        let samples = share::samples(batch, threads);
        // Decay would draw a scalar to a value that nothing recommends.
        let undecayed = Adam::new(AdamConfig { weight_decay: 0.0, ..adam });
        let scalars = Scalars::new(arena, A::scalars(&shape), undecayed)?;
        algorithm.start_scalars(scalars.values);
        let anchor = (training.adapt.stay_near > 0.0)
            .then(|| Target::copy(arena, &networks[POLICY].online, training.memory().is_fixed()))
            .transpose()?;
        Ok(Self {
            kernels: TrainKernels::best(),
            networks,
            scalars,
            updates: 0,
            rng,
            shares: (0..share::count(batch, threads))
                .map(|_| Share::new::<A>(arena, &shape, samples, &training))
                .collect::<Result<_, _>>()?,
            team: Team::new(share::count(batch, threads))?,
            scratches: (0..Self::scratches(batch, threads))
                .map(|_| TopologyScratch::new(arena, Self::largest(&shape, &training)))
                .collect::<Result<_, _>>()?,
            batch: arena.take(batch as usize)?,
            samples: 0,
            statistics: Statistics::new(arena, shape.observations(), &training)?,
            work: Work::default(),
            rollout: (algorithm.iteration())
                .map(|(steps, _)| Rollout::new(arena, steps))
                .transpose()?,
            outputs: arena.take(shape.policy.outputs())?,
            cursor: None,
            anchor,
            explorer: Explorer::new(arena.take(shape.action_numbers())?, seeds.exploration),
            guard: None,
            shape,
            algorithm,
            training,
        })
    }

    /// From now on no step is taken along gradients that these rules do not allow: the update ends with
    /// [`LearnError::Rejected`] there, and networks, scalars and moments are as they were before that
    /// step. It costs a pass over the gradients.
    pub fn guard_gradients(&mut self, rules: GradientRules) {
        self.guard = Some(GradientGuard::new(rules));
    }

    /// The networks' shape.
    pub fn shape(&self) -> &AgentShape {
        &self.shape
    }

    /// The algorithm's settings.
    pub fn algorithm(&self) -> &A {
        &self.algorithm
    }

    /// The settings that no algorithm owns.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Starts the random numbers of exploration afresh.
    pub fn seed_exploration(&mut self, seed: u64) {
        self.explorer.rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    }

    /// Updates made so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// How observations are normalised, if they are, as a policy file holds it.
    pub fn normaliser(&self) -> Option<ObservationNormaliser<'_>> {
        self.statistics.normaliser()
    }

    /// The network that acts.
    pub fn policy(&self) -> &Mlp<'m> {
        &self.networks[0].online
    }

    /// What of it a policy file holds.
    pub fn deployed(&self) -> impl ExactSizeIterator<Item = DeployedLayer<'_>> {
        deployed(self.policy().layers(), A::KIND, self.shape.actions)
    }

    /// Every network, in the order of [`Algorithm::NETWORKS`].
    pub fn networks(&self) -> &[Network<'m>] {
        &self.networks
    }

    /// Gradients of every network as the last update, or diagnosis, left them.
    pub fn gradients(&self) -> &[Gradients<'m>] {
        &self.shares[0].gradients
    }

    /// The policy's outputs for one observation.
    fn run_policy(&mut self, observation: &[f32]) -> Result<(), LearnError> {
        assert_eq!(observation.len(), self.shape.observations());
        let trace = &mut self.shares[0].traces[0];
        for (feature, (tile, &x)) in trace.input().iter_mut().zip(observation).enumerate() {
            let normaliser = self.statistics.normaliser.as_ref();
            tile.0[0] = normaliser.map_or(x, |by| by.apply(feature, x));
        }
        trace.set_samples(1);
        self.networks[0].online.forward(&self.kernels, trace);
        for (output, tile) in self.outputs.iter_mut().zip(trace.output()) {
            *output = tile.0[0];
        }
        let finite = self.outputs.iter().all(|output| output.is_finite());
        if finite { Ok(()) } else { Err(LearnError::Diverged) }
    }

    /// The action without exploration for one observation.
    ///
    /// # Errors
    /// [`LearnError::Diverged`] if an output of the policy is not finite.
    ///
    /// # Panics
    /// If `observation` or `action` has another length than the agent's.
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), LearnError> {
        assert_eq!(action.len(), self.shape.action_numbers());
        // Evaluations are no part of the work of learning.
        let flops = self.shares[0].traces[0].flops;
        self.run_policy(observation)?;
        self.shares[0].traces[0].flops = flops;
        self.algorithm.greedy(self.outputs, action);
        Ok(())
    }

    /// The action to learn from for one observation, after `step` steps.
    ///
    /// # Errors
    /// As [`Agent::act`].
    ///
    /// # Panics
    /// As [`Agent::act`].
    pub fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), LearnError> {
        assert_eq!(action.len(), self.shape.action_numbers());
        self.run_policy(observation)?;
        let scalars = &*self.scalars.values;
        self.algorithm.explore(step, self.outputs, scalars, &mut self.explorer, action);
        Ok(())
    }
}
