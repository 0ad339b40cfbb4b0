//! The optimiser's step of an update.

use super::algorithm::{Algorithm, MAX_NETWORKS};
use super::{Agent, POLICY};
use crate::learn::error::LearnError;
use crate::learn::net::Gradients;
use core::ops::Range;
use heapless::Vec;

impl<'m, A: Algorithm> Agent<'m, A> {
    /// Whether gradients are added up before the first network steps, since their common length is to be
    /// known.
    pub(super) fn adds_up(&self, clip: Option<f32>) -> bool {
        clip.is_some() || self.guard.is_some()
    }

    /// Adds up in the first share what has to be known before the first network steps: gradients of the
    /// scalars, and those of all networks where their common length is.
    ///
    /// # Errors
    /// [`LearnError::Rejected`] if the guard refuses to step along them.
    pub(super) fn add_up(
        &mut self,
        networks: Range<usize>,
        scalars: bool,
        clip: Option<f32>,
    ) -> Result<(), LearnError> {
        let (used, adds_up) = (self.used(), self.adds_up(clip));
        // Where nothing steps, a gradient is none, or says nothing of those that will be stepped along.
        let (adapt, updates) = (self.training.adapt, self.updates);
        let steps = networks.clone().any(|at| adapt.learns(at == POLICY, updates).is_some());
        let Some((sum, others)) = self.shares[..used].split_first_mut() else { return Ok(()) };
        if scalars {
            for other in others.iter() {
                sum.scalars.iter_mut().zip(&*other.scalars).for_each(|(sum, other)| *sum += other);
            }
        }
        if !adds_up {
            return Ok(());
        }
        for at in networks.clone() {
            others.iter().for_each(|other| sum.gradients[at].add(&other.gradients[at]));
        }
        let part = networks.start;
        let sums = &mut sum.gradients[networks];
        let of_networks = sums.iter().map(Gradients::squared_norm).sum::<f32>();
        let of_scalars = sum.scalars.iter().map(|g| g * g).sum::<f32>();
        let norm = libm::sqrtf(of_networks + if scalars { of_scalars } else { 0.0 });
        if let Some(guard) = &mut self.guard
            && steps
            && !guard.allows(part, norm)
        {
            return Err(LearnError::Rejected);
        }
        if let Some(longest) = clip
            && norm > longest
        {
            let factor = longest / norm;
            sums.iter_mut().for_each(|sum| sum.scale(factor));
            sum.scalars.iter_mut().for_each(|gradient| *gradient *= factor);
        }
        Ok(())
    }

    /// A step of some networks, each in its own thread, along the sum of all shares' gradients, which is
    /// left in the first, or is there already.
    pub(super) fn step(&mut self, networks: Range<usize>, is_there: bool, tau: Option<f32>) {
        let used = self.used();
        let Some((sum, others)) = self.shares[..used].split_first_mut() else { return };
        let each = networks.len().div_ceil(self.scratches.len());
        let stepping = self.networks[networks.clone()].iter_mut();
        let sums = sum.gradients[networks.clone()].iter_mut();
        let mut steps: Vec<_, MAX_NETWORKS> = networks.zip(stepping.zip(sums)).collect();
        let (adapt, updates) = (self.training.adapt, self.updates);
        let (chunks, rule) = (steps.chunks_mut(each), self.training.method.target);
        let mut parts: Vec<_, MAX_NETWORKS> = chunks.zip(&mut self.scratches).collect();
        self.team.for_each(&mut parts, |(steps, scratch)| {
            for (at, (network, sum)) in steps.iter_mut() {
                if !is_there {
                    others.iter().for_each(|other| sum.add(&other.gradients[*at]));
                }
                if let Some(learns) = adapt.learns(*at == POLICY, updates) {
                    network.step(&self.kernels, sum, learns, (tau, rule), scratch);
                }
            }
        });
    }
}
