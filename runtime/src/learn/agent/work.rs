//! What learning has done, counted.

use super::Agent;
use super::algorithm::Algorithm;
use crate::cost::{Flops, step_flops};
use crate::learn::net::Changed;
use core::ops::Range;

/// What learning has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// By changes of topology, in all networks.
    pub changed: Changed,
    /// By updates, and by acting with exploration.
    pub flops: Flops,
}

impl<A: Algorithm> Agent<'_, A> {
    /// What was done since this was last asked for.
    pub fn take_work(&mut self) -> Work {
        for trace in self.shares.iter_mut().flat_map(|share| &mut share.traces) {
            self.work.flops.done += core::mem::take(&mut trace.flops);
        }
        core::mem::take(&mut self.work)
    }

    /// Adds what a step of these networks costs by the convention.
    pub(super) fn count_step(&mut self, networks: Range<usize>) {
        let method = &self.training.method;
        for at in networks {
            let interval = method
                .wants_gradients()
                .then(|| method.schedule.every as f64 / f64::from(self.algorithm.step_every(at)));
            let (mut live, mut dense) = (0, 0);
            for layer in self.networks[at].online.layers() {
                live += layer.topology.links() as u64;
                dense += layer.topology.rows() as u64 * layer.topology.cols() as u64;
            }
            let flops = self.samples as f64 * step_flops(live, dense, interval);
            // Whole numbers, so that their sum does not depend on when it is asked for.
            self.work.flops.convention += libm::round(flops) as u64;
        }
    }
}
