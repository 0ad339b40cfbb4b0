//! A thread's share of a minibatch: TD3's gradients, tile by tile.

use super::config::{AgentShape, Td3Config};
use super::gradients::Gradients;
use super::learner::Learner;
use super::memory::{Arena, Block, OutOfMemory};
use super::mlp::{Trace, Wanted};
use super::replay::{Replay, Transition};
use crate::kernels::train::{QUARTER, TILE, Tile, TrainKernels};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// What all threads read.
pub(super) struct Networks<'a, 'm> {
    pub kernels: TrainKernels,
    pub config: &'a Td3Config,
    pub actor: &'a Learner<'m>,
    pub critics: &'a [Learner<'m>; 2],
    pub replay: &'a Replay<'a>,
}

/// What one thread writes.
#[derive(Debug)]
pub(super) struct Share<'m> {
    pub actor_trace: Trace<'m>,
    critic_trace: Trace<'m>,
    /// Standard normal, `[actions]` for each tile of the share.
    noise: &'m mut [Tile],
    pub actor: Gradients<'m>,
    pub critics: [Gradients<'m>; 2],
    /// Of the last gradient, not yet divided by the size of the minibatch.
    pub loss: f32,
}

/// Samples in a thread's share, the last of which may be smaller: whole quarters of a tile.
pub(super) fn samples(config: &Td3Config) -> usize {
    let (batch, threads) = (config.batch_size as usize, config.threads as usize);
    // Settings without a meaning have a size too: `Td3::new` refuses them.
    batch.max(1).div_ceil(threads.max(1)).next_multiple_of(QUARTER)
}

/// How many shares a minibatch has.
pub(super) fn count(config: &Td3Config) -> usize {
    (config.batch_size as usize).div_ceil(samples(config))
}

impl<'m> Share<'m> {
    /// Memory for one share of an agent of this shape.
    pub fn new(
        arena: &mut Arena<'m>,
        shape: &AgentShape,
        config: &Td3Config,
    ) -> Result<Self, OutOfMemory> {
        Ok(Self {
            actor_trace: Trace::new(arena, &shape.actor)?,
            critic_trace: Trace::new(arena, &shape.critic)?,
            noise: arena.take(samples(config).div_ceil(TILE) * shape.actions())?,
            actor: Gradients::new(arena, &shape.actor)?,
            critics: [Gradients::new(arena, &shape.critic)?, Gradients::new(arena, &shape.critic)?],
            loss: 0.0,
        })
    }

    /// Blocks that [`Share::new`] takes.
    pub fn blocks(shape: &AgentShape, config: &Td3Config) -> usize {
        Trace::blocks(&shape.actor)
            + Trace::blocks(&shape.critic)
            + Block::for_slice::<Tile>(samples(config).div_ceil(TILE) * shape.actions())
            + Gradients::blocks(&shape.actor)
            + 2 * Gradients::blocks(&shape.critic)
    }

    /// Draws the noise of the target policy for so many samples; apart from the threads, so that
    /// its order does not depend on them.
    pub fn draw_noise(&mut self, samples: usize, rng: &mut impl Rng) {
        let actions = self.actor_trace.output().len();
        for sample in 0..samples {
            for noise in &mut self.noise[sample / TILE * actions..][..actions] {
                noise.0[sample % TILE] = StandardNormal.sample(rng);
            }
        }
    }

    /// Leaves this share of the gradient of `Σᵢ mean (Qᵢ(s, a) − y)²` in `critics`, with the clipped
    /// double-Q target `y = r + γ min Q′ᵢ(s′, π′(s′) + ε)` of TD3.
    pub fn critic_gradients(&mut self, networks: &Networks<'_, '_>, samples: &[u32]) {
        let Networks { kernels, config, replay, .. } = networks;
        let (observations, actions) = (replay.observations(), replay.actions());
        self.critics.iter_mut().for_each(Gradients::clear);
        self.loss = 0.0;
        for (samples, noise) in samples.chunks(TILE).zip(self.noise.chunks(actions)) {
            self.actor_trace.set_samples(samples.len());
            self.critic_trace.set_samples(samples.len());
            load(replay, samples, self.actor_trace.input(), |step| step.next_observation);
            networks.actor.target.forward(kernels, &mut self.actor_trace);
            let (next_observation, next_action) =
                self.critic_trace.input().split_at_mut(observations);
            next_observation.copy_from_slice(self.actor_trace.input());
            for ((smoothed, action), noise) in
                next_action.iter_mut().zip(self.actor_trace.output()).zip(noise)
            {
                for ((smoothed, action), noise) in
                    smoothed.0.iter_mut().zip(action.0).zip(noise.0).take(samples.len())
                {
                    let clip = config.noise_clip;
                    let noise = (config.policy_noise * noise).clamp(-clip, clip);
                    *smoothed = (action + noise).clamp(-1.0, 1.0);
                }
            }
            let mut targets = [f32::INFINITY; TILE];
            for critic in networks.critics {
                critic.target.forward(kernels, &mut self.critic_trace);
                for (target, q) in targets.iter_mut().zip(self.critic_trace.output()[0].0) {
                    *target = if q < *target || q.is_nan() { q } else { *target };
                }
            }
            for (target, &index) in targets.iter_mut().zip(samples) {
                let step = replay.get(index as usize);
                let next = if step.terminated { 0.0 } else { config.gamma * *target };
                *target = step.reward + next;
            }

            let (observation, action) = self.critic_trace.input().split_at_mut(observations);
            load(replay, samples, observation, |step| step.observation);
            load(replay, samples, action, |step| step.action);
            for (critic, gradients) in networks.critics.iter().zip(&mut self.critics) {
                let critic = &critic.online;
                critic.forward(kernels, &mut self.critic_trace);
                let q = self.critic_trace.output()[0].0;
                let mut gradient = Tile::ZERO;
                for (i, target) in targets.iter().enumerate().take(samples.len()) {
                    let error = q[i] - target;
                    self.loss += error * error;
                    gradient.0[i] = 2.0 * error / config.batch_size as f32;
                }
                self.critic_trace.gradient()[0] = gradient;
                critic.backward(kernels, &mut self.critic_trace, Wanted::Parameters(gradients));
            }
        }
    }

    /// Leaves this share of the gradient of `−mean Q₁(s, π(s))` in `actor`.
    pub fn actor_gradients(&mut self, networks: &Networks<'_, '_>, samples: &[u32]) {
        let Networks { kernels, config, replay, actor, critics } = networks;
        let (actor, critic) = (&actor.online, &critics[0].online);
        let (observations, actions) = (replay.observations(), replay.actions());
        self.actor.clear();
        self.loss = 0.0;
        for samples in samples.chunks(TILE) {
            self.actor_trace.set_samples(samples.len());
            self.critic_trace.set_samples(samples.len());
            load(replay, samples, self.actor_trace.input(), |step| step.observation);
            actor.forward(kernels, &mut self.actor_trace);
            let (observation, action) = self.critic_trace.input().split_at_mut(observations);
            observation.copy_from_slice(self.actor_trace.input());
            action.copy_from_slice(self.actor_trace.output());
            critic.forward(kernels, &mut self.critic_trace);
            let mut gradient = Tile::ZERO;
            for (gradient, q) in
                gradient.0.iter_mut().zip(self.critic_trace.output()[0].0).take(samples.len())
            {
                self.loss -= q;
                *gradient = -1.0 / config.batch_size as f32;
            }
            self.critic_trace.gradient()[0] = gradient;
            critic.backward(kernels, &mut self.critic_trace, Wanted::Input);
            let by_action = &self.critic_trace.gradient()[observations..][..actions];
            self.actor_trace.gradient()[..actions].copy_from_slice(by_action);
            let wanted = Wanted::Parameters(&mut self.actor);
            actor.backward(kernels, &mut self.actor_trace, wanted);
        }
    }
}

/// Transposes a part of samples of the replay into tiles; places without a sample become zero.
fn load<'r>(
    replay: &'r Replay<'_>,
    samples: &[u32],
    into: &mut [Tile],
    part: impl Fn(&Transition<'r>) -> &'r [f32],
) {
    if samples.len() < TILE {
        into.fill(Tile::ZERO);
    }
    for (place, &index) in samples.iter().enumerate() {
        for (tile, &feature) in into.iter_mut().zip(part(&replay.get(index as usize))) {
            tile.0[place] = feature;
        }
    }
}
