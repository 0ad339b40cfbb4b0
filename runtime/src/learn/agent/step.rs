//! The optimiser's step of an update.

use super::algorithm::{Algorithm, MAX_NETWORKS};
use super::{Agent, POLICY};
use crate::learn::net::Gradients;
use core::ops::Range;
use heapless::Vec;

impl<'m, A: Algorithm> Agent<'m, A> {
    /// Adds up in the first share what has to be known before the first network steps: gradients of the
    /// scalars, and those of all networks where their common length is to be clipped.
    pub(super) fn add_up(&mut self, networks: Range<usize>, scalars: bool, clip: Option<f32>) {
        let used = self.used();
        let Some((sum, others)) = self.shares[..used].split_first_mut() else { return };
        if scalars {
            for other in others.iter() {
                sum.scalars.iter_mut().zip(&*other.scalars).for_each(|(sum, other)| *sum += other);
            }
        }
        let Some(longest) = clip else { return };
        for at in networks.clone() {
            others.iter().for_each(|other| sum.gradients[at].add(&other.gradients[at]));
        }
        let sums = &mut sum.gradients[networks];
        let of_networks = sums.iter().map(Gradients::squared_norm).sum::<f32>();
        let of_scalars = sum.scalars.iter().map(|g| g * g).sum::<f32>();
        let norm = libm::sqrtf(of_networks + if scalars { of_scalars } else { 0.0 });
        if norm > longest {
            let factor = longest / norm;
            sums.iter_mut().for_each(|sum| sum.scale(factor));
            sum.scalars.iter_mut().for_each(|gradient| *gradient *= factor);
        }
    }

    /// A step of some networks, each in its own thread, along the sum of all shares' gradients, which is
    /// left in the first; with `clip` it is there already.
    pub(super) fn step(&mut self, networks: Range<usize>, clip: Option<f32>, tau: Option<f32>) {
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
                if clip.is_none() {
                    others.iter().for_each(|other| sum.add(&other.gradients[*at]));
                }
                if let Some(learns) = adapt.learns(*at == POLICY, updates) {
                    network.step(&self.kernels, sum, learns, (tau, rule), scratch);
                }
            }
        });
    }
}
