//! One update: a minibatch, and the stages that the algorithm makes of it.

use super::algorithm::{Algorithm, MAX_NETWORKS};
use super::losses::Losses;
use super::scene::scene;
use super::stage::Stage;
use super::{Agent, Threads, share};
use crate::learn::error::LearnError;
use crate::learn::memory::Replay;
use crate::learn::net::Gradients;
use crate::random::Xoshiro256PlusPlus;
use core::ops::Range;
use heapless::Vec;
use rand_core::{Rng, SeedableRng};

impl<'m, A: Algorithm> Agent<'m, A> {
    /// One update from a minibatch, then the topology if it is due. Where the algorithm learns from its
    /// present policy only, the last update of an iteration empties `data`.
    ///
    /// # Errors
    /// [`LearnError`] if there is nothing to learn from, the replay is another agent's, or a loss
    /// is not finite; the networks are then as they were before that loss.
    pub fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, LearnError> {
        self.check(data)?;
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
                    self.count_step(networks.clone());
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

    /// Refuses the replay of another agent.
    pub(super) fn check(&self, data: &Replay<'_>) -> Result<(), LearnError> {
        let own = (self.shape.observations(), self.shape.action_numbers());
        if (data.observations(), data.actions()) == own {
            Ok(())
        } else {
            Err(LearnError::OtherReplay)
        }
    }

    /// Derives what an iteration needs beside its steps, before its first minibatch; refuses other steps
    /// after it.
    pub(super) fn prepare(&mut self, data: &Replay<'_>) -> Result<(), LearnError> {
        let found = data.len();
        let Some(rollout) = &mut self.rollout else { return Ok(()) };
        let begins = rollout.begins();
        if begins && !rollout.begin(found) || rollout.steps() != found {
            return Err(LearnError::Iteration { found });
        }
        if let Some(rollout) = self.rollout.as_mut().filter(|_| begins) {
            let scene = scene!(self, data, self.batch.len() as f32, None);
            self.algorithm.prepare(&scene, &mut self.shares[0], rollout);
        }
        Ok(())
    }

    /// Draws the minibatch and its noise.
    pub(super) fn draw(&mut self, data: &Replay<'_>) -> Result<(), LearnError> {
        let fake_features = self.training.fake_features as usize;
        if fake_features > 0 {
            for share in &mut self.shares {
                share.rng = Xoshiro256PlusPlus::seed_from_u64(self.rng.next_u64());
            }
        }
        self.prepare(data)?;
        match &mut self.rollout {
            None => {
                data.sample(&mut self.rng, self.batch);
                self.samples = self.batch.len();
            }
            Some(rollout) => {
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
    pub(super) fn share_size(&self) -> usize {
        share::samples(self.batch.len() as u32, self.training.threads)
    }

    /// Finds the gradients of one part of the losses on every share of the minibatch, each in its own
    /// thread; returns the means of the losses.
    pub(super) fn find_gradients(
        &mut self,
        part: u8,
        data: &Replay<'_>,
    ) -> Result<Losses, LearnError> {
        let (algorithm, size) = (self.algorithm, self.share_size());
        let scene = scene!(self, data, self.samples as f32, self.rollout.as_ref());
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
