//! An agent: the networks and scalars of an algorithm with all that learning them takes, in the
//! caller's memory.

mod algorithm;
mod change;
mod deployed;
mod kind;
mod learner;
mod losses;
mod network;
mod scalars;
mod shape;
mod share;
mod stage;

pub use algorithm::{Algorithm, MAX_LOSSES, MAX_NETWORKS, MAX_TRACES, Part, Scene};
pub use deployed::{DeployedLayer, deployed};
pub use kind::AlgorithmKind;
pub use learner::Learner;
pub use losses::Losses;
pub use network::Network;
pub use shape::{ActionSpace, AgentShape, Role, Sparsity};
pub use share::Share;
pub use stage::{MAX_STAGES, Stage, Stages};

use super::error::LearnError;
use super::explore::Explorer;
use super::memory::{Replay, Rollout};
use super::net::{Changed, Gradients, Mlp, NetworkShape, TopologyScratch};
use super::optim::{Adam, AdamConfig};
use super::training::{MAX_THREADS, Training};
use crate::arena::{Arena, Block};
use crate::kernels::Team;
use crate::kernels::train::TrainKernels;
use crate::random::Xoshiro256PlusPlus;
use core::ops::Range;
use heapless::Vec;
use rand_core::SeedableRng;
use scalars::Scalars;

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
    /// What changes of topology did since this was last asked for.
    changed: Changed,
    /// Of the policy, for one observation.
    outputs: &'m mut [f32],
}

impl<'m, A: Algorithm> Agent<'m, A> {
    /// Blocks of memory that an agent of this shape takes, its minibatch included and its replay
    /// not.
    pub fn blocks(shape: &AgentShape, algorithm: &A, training: &Training) -> usize {
        let (batch, threads) = (algorithm.batch(), training.threads);
        let networks = A::NETWORKS.iter().map(|part| {
            let shape = shape.network(part.role);
            Network::blocks(shape, part.target)
        });
        networks.sum::<usize>()
            + Scalars::blocks(A::scalars(shape))
            + share::count(batch, threads)
                * Share::blocks::<A>(
                    shape,
                    share::samples(batch, threads),
                    training.method.wants_gradients(),
                )
            + Self::scratches(batch, threads) * TopologyScratch::blocks(Self::largest(shape))
            + Block::for_slice::<u32>(batch as usize)
            + algorithm.iteration().map_or(0, |(steps, _)| Rollout::blocks(steps))
            + Block::for_slice::<f32>(shape.policy.outputs())
            + Block::for_slice::<f32>(shape.action_numbers())
    }

    fn scratches(batch: u32, threads: u32) -> usize {
        share::count(batch, threads).min(2)
    }

    /// Links, or inputs, of the largest layer.
    fn largest(shape: &AgentShape) -> usize {
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
        if !shape.is_possible(A::KIND) {
            return Err(LearnError::Shape);
        }
        let arena = &mut Arena::new(memory);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seeds.learning);
        let adam = algorithm.optimiser();
        let networks = A::NETWORKS.iter().map(|part| {
            let (shape, start) = (shape.network(part.role), (training.start(), adam));
            Network::random(arena, shape, (part.head, part.target), start, &mut rng)
        });
        let networks = networks.collect::<Result<_, _>>()?;
        let (batch, threads) = (algorithm.batch(), training.threads);
        let samples = share::samples(batch, threads);
        // Decay would draw a scalar to a value that nothing recommends.
        let undecayed = Adam::new(AdamConfig { weight_decay: 0.0, ..adam });
        let scalars = Scalars::new(arena, A::scalars(&shape), undecayed)?;
        algorithm.start_scalars(scalars.values);
        Ok(Self {
            kernels: TrainKernels::best(),
            networks,
            scalars,
            updates: 0,
            rng,
            shares: (0..share::count(batch, threads))
                .map(|_| {
                    let with_record = training.method.wants_gradients();
                    Share::new::<A>(arena, &shape, samples, with_record)
                })
                .collect::<Result<_, _>>()?,
            team: Team::new(share::count(batch, threads))?,
            scratches: (0..Self::scratches(batch, threads))
                .map(|_| TopologyScratch::new(arena, Self::largest(&shape)))
                .collect::<Result<_, _>>()?,
            batch: arena.take(batch as usize)?,
            samples: 0,
            changed: Changed::default(),
            rollout: (algorithm.iteration())
                .map(|(steps, _)| Rollout::new(arena, steps))
                .transpose()?,
            outputs: arena.take(shape.policy.outputs())?,
            explorer: Explorer::new(arena.take(shape.action_numbers())?, seeds.exploration),
            shape,
            algorithm,
            training,
        })
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

    /// Gradients of every network as the last update found them.
    pub fn gradients(&self) -> &[Gradients<'m>] {
        &self.shares[0].gradients
    }

    /// The policy's outputs for one observation.
    fn run_policy(&mut self, observation: &[f32]) -> Result<(), LearnError> {
        assert_eq!(observation.len(), self.shape.observations());
        let trace = &mut self.shares[0].traces[0];
        for (tile, &value) in trace.input().iter_mut().zip(observation) {
            tile.0[0] = value;
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
        self.run_policy(observation)?;
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

    /// One update from a minibatch, then the topology if it is due. Where the algorithm learns from its
    /// present policy only, the last update of an iteration empties `data`.
    ///
    /// # Errors
    /// [`LearnError`] if there is nothing to learn from, the replay is another agent's, or a loss
    /// is not finite; the networks are then as they were before that loss.
    pub fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, LearnError> {
        let shape = &self.shape;
        if (data.observations(), data.actions()) != (shape.observations(), shape.action_numbers()) {
            return Err(LearnError::OtherReplay);
        }
        if data.is_empty() {
            return Err(LearnError::NoData);
        }
        self.draw(data)?;
        self.updates += 1;
        let mut losses = Losses::default();
        for stage in self.algorithm.stages(self.updates) {
            match stage {
                Stage::Gradients(part) => losses.add(self.find_gradients(part, data)?),
                Stage::Step { networks, scalars, clip, tau } => {
                    let networks = usize::from(networks.start)..usize::from(networks.end);
                    self.step(networks, scalars, clip, tau);
                }
                Stage::Change => self.change(data)?,
            }
        }
        if let (Some((_, epochs)), Some(rollout)) = (self.algorithm.iteration(), &mut self.rollout)
            && rollout.finished(epochs)
        {
            data.clear();
        }
        Ok(losses)
    }

    /// Draws the minibatch and its noise.
    fn draw(&mut self, data: &Replay<'_>) -> Result<(), LearnError> {
        match &mut self.rollout {
            None => {
                data.sample(&mut self.rng, self.batch);
                self.samples = self.batch.len();
            }
            Some(rollout) => {
                let found = data.len();
                let begins = rollout.begins();
                if begins && !rollout.begin(found) || rollout.steps() != found {
                    return Err(LearnError::Iteration { found });
                }
                if begins {
                    let scene = Scene {
                        kernels: self.kernels,
                        networks: &self.networks,
                        scalars: self.scalars.values,
                        data,
                        batch: self.batch.len() as f32,
                        rollout: None,
                    };
                    self.algorithm.prepare(&scene, &mut self.shares[0], rollout);
                }
                self.samples = rollout.minibatch(&mut self.rng, self.batch);
            }
        }
        let rows = A::noise(&self.shape);
        if rows > 0 {
            let size = self.share_size();
            let samples = self.batch[..self.samples].chunks(size);
            for (share, samples) in self.shares.iter_mut().zip(samples) {
                share.draw_noise(samples.len(), rows, &mut self.rng);
            }
        }
        Ok(())
    }

    /// Samples of each share but the last.
    fn share_size(&self) -> usize {
        share::samples(self.batch.len() as u32, self.training.threads)
    }

    /// Finds the gradients of one part of the losses on every share of the minibatch, each in its own
    /// thread; returns the means of the losses.
    fn find_gradients(&mut self, part: u8, data: &Replay<'_>) -> Result<Losses, LearnError> {
        let (algorithm, size) = (self.algorithm, self.share_size());
        let scene = Scene {
            kernels: self.kernels,
            networks: &self.networks,
            scalars: self.scalars.values,
            data,
            batch: self.samples as f32,
            rollout: self.rollout.as_ref(),
        };
        let batch = self.batch[..self.samples].chunks(size);
        let mut parts: Threads<_> = self.shares.iter_mut().zip(batch).collect();
        self.team.for_each(&mut parts, |(share, samples)| {
            share.losses = Default::default();
            algorithm.gradients(part, &scene, share, samples);
        });
        let losses = Losses::mean(parts.iter().map(|(share, _)| &share.losses), scene.batch);
        if losses.are_finite() { Ok(losses) } else { Err(LearnError::Diverged) }
    }

    /// A step of some networks, each in its own thread, along the sum of all shares' gradients, which is
    /// left in the first.
    fn step(&mut self, networks: Range<usize>, scalars: bool, clip: Option<f32>, tau: Option<f32>) {
        let used = self.samples.div_ceil(self.share_size());
        let Some((sum, others)) = self.shares[..used].split_first_mut() else { return };
        let each = networks.len().div_ceil(self.scratches.len());
        let stepping = self.networks[networks.clone()].iter_mut();
        let sums = sum.gradients[networks.clone()].iter_mut();
        let mut steps: Vec<_, MAX_NETWORKS> = networks.zip(stepping.zip(sums)).collect();
        let add = |at: usize, sum: &mut Gradients<'m>| {
            others.iter().for_each(|other| sum.add(&other.gradients[at]));
        };
        if scalars {
            for other in others.iter() {
                sum.scalars.iter_mut().zip(&*other.scalars).for_each(|(sum, other)| *sum += other);
            }
        }
        if let Some(longest) = clip {
            // The length is known only after all are added up.
            steps.iter_mut().for_each(|(at, (_, sum))| add(*at, sum));
            let of_networks = steps.iter().map(|(_, (_, sum))| sum.squared_norm()).sum::<f32>();
            let of_scalars = sum.scalars.iter().map(|g| g * g).sum::<f32>();
            let norm = libm::sqrtf(of_networks + if scalars { of_scalars } else { 0.0 });
            if norm > longest {
                let factor = longest / norm;
                steps.iter_mut().for_each(|(_, (_, sum))| sum.scale(factor));
                sum.scalars.iter_mut().for_each(|gradient| *gradient *= factor);
            }
        }
        let (chunks, rule) = (steps.chunks_mut(each), self.training.method.target);
        let mut parts: Vec<_, MAX_NETWORKS> = chunks.zip(&mut self.scratches).collect();
        self.team.for_each(&mut parts, |(steps, scratch)| {
            for (at, (network, sum)) in steps.iter_mut() {
                if clip.is_none() {
                    add(*at, sum);
                }
                network.step(&self.kernels, sum, (tau, rule), scratch);
            }
        });
        if scalars {
            self.scalars.step(&self.kernels, sum.scalars);
        }
    }
}
