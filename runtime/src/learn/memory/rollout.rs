//! What on-policy learning derives from the steps of one iteration before it learns from them.

use super::Replay;
use crate::arena::{Arena, Block, OutOfMemory};
use rand_core::Rng;

/// Advantages and the like of the steps of one iteration, and the order in which minibatches go
/// through them.
#[derive(Debug)]
pub struct Rollout<'m> {
    /// V(s) of the critic that saw the steps.
    pub value: &'m mut [f32],
    /// log π(a|s) of the policy that took them.
    pub log_prob: &'m mut [f32],
    /// Â; before [`Rollout::advantages`] V(s′).
    pub advantage: &'m mut [f32],
    order: &'m mut [u32],
    /// Steps of the present iteration.
    steps: usize,
    /// Steps of the order that are done.
    done: usize,
    epoch: u32,
    /// Of the advantages of the present minibatch.
    mean: f32,
    deviation: f32,
}

impl<'m> Rollout<'m> {
    pub(in crate::learn) fn new(arena: &mut Arena<'m>, steps: usize) -> Result<Self, OutOfMemory> {
        Ok(Self {
            value: arena.take(steps)?,
            log_prob: arena.take(steps)?,
            advantage: arena.take(steps)?,
            order: arena.take(steps)?,
            steps: 0,
            done: 0,
            epoch: 0,
            mean: 0.0,
            deviation: 1.0,
        })
    }

    pub(in crate::learn) fn blocks(steps: usize) -> usize {
        4 * Block::for_slice::<f32>(steps)
    }

    /// Whether the next minibatch is the first of an iteration.
    pub(in crate::learn) fn begins(&self) -> bool {
        self.epoch == 0 && self.done == 0
    }

    /// Takes note of an iteration's steps; `false` if they are more than there is room for.
    pub(in crate::learn) fn begin(&mut self, steps: usize) -> bool {
        self.steps = steps;
        steps <= self.order.len()
    }

    /// Steps of the present iteration.
    pub(in crate::learn) fn steps(&self) -> usize {
        self.steps
    }

    /// Turns values into advantages by generalised advantage estimation (Schulman et al. 2016,
    /// eq. 16): `Âₜ = δₜ + γ λ Âₜ₊₁`, `δₜ = rₜ + γ V(s′ₜ) − V(sₜ)`, where after a terminal state no
    /// value follows and across an episode's end no advantage does. Rewards are multiplied by `factor`.
    pub fn advantages(&mut self, data: &Replay<'_>, factor: f32, gamma: f32, lambda: f32) {
        let mut following = 0.0;
        for at in (0..data.len()).rev() {
            let step = data.get(at);
            let next = if step.terminated { 0.0 } else { self.advantage[at] };
            let delta = factor * step.reward + gamma * next - self.value[at];
            let ends = step.terminated || step.truncated;
            following = delta + if ends { 0.0 } else { gamma * lambda * following };
            self.advantage[at] = following;
        }
    }

    /// What the critic should have said of a step: Â + V(s).
    pub fn value_target(&self, step: usize) -> f32 {
        self.advantage[step] + self.value[step]
    }

    /// The advantage of a step, if wanted with the mean of its minibatch taken off and over its
    /// deviation.
    pub fn normalised(&self, step: usize, normalise: bool) -> f32 {
        match normalise {
            true => (self.advantage[step] - self.mean) / (self.deviation + 1e-8),
            false => self.advantage[step],
        }
    }

    /// Fills the front of `batch` with the next minibatch, in an order that each epoch draws anew, and
    /// returns how many there are.
    pub(in crate::learn) fn minibatch(&mut self, rng: &mut impl Rng, batch: &mut [u32]) -> usize {
        let steps = self.steps;
        if self.done == 0 {
            // Fisher and Yates.
            (0..).zip(&mut self.order[..steps]).for_each(|(at, step)| *step = at);
            for last in (1..steps).rev() {
                let any = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
                self.order.swap(last, any as usize);
            }
        }
        let count = batch.len().min(steps - self.done);
        batch[..count].copy_from_slice(&self.order[self.done..][..count]);
        self.done += count;
        if self.done == steps {
            (self.done, self.epoch) = (0, self.epoch + 1);
        }
        self.normalise_over(&batch[..count]);
        count
    }

    /// From now on advantages are normalised by the mean and deviation of these steps'.
    pub(in crate::learn) fn normalise_over(&mut self, steps: &[u32]) {
        let (count, of) = (steps.len() as f32, |step: &u32| self.advantage[*step as usize]);
        self.mean = steps.iter().map(of).sum::<f32>() / count;
        let squares = steps.iter().map(|step| (of(step) - self.mean) * (of(step) - self.mean));
        self.deviation = libm::sqrtf(squares.sum::<f32>() / count);
    }

    /// The next minibatch is that of a new iteration.
    pub(in crate::learn) fn abandon(&mut self) {
        (self.done, self.epoch) = (0, 0);
    }

    /// Whether all epochs are done; the next minibatch is then that of a new iteration.
    pub(in crate::learn) fn finished(&mut self, epochs: u32) -> bool {
        let finished = self.epoch == epochs;
        if finished {
            self.epoch = 0;
        }
        finished
    }
}
