//! Parameters that belong to no network: a temperature, logarithms of standard deviations.

use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::train::TrainKernels;
use crate::learn::optim::Adam;

/// Scalars that learn, with Adam's moments.
#[derive(Debug)]
pub struct Scalars<'m> {
    pub(in crate::learn) values: &'m mut [f32],
    pub(in crate::learn) m: &'m mut [f32],
    pub(in crate::learn) v: &'m mut [f32],
    pub(in crate::learn) adam: Adam,
}

impl<'m> Scalars<'m> {
    pub(super) fn new(
        arena: &mut Arena<'m>,
        count: usize,
        adam: Adam,
    ) -> Result<Self, OutOfMemory> {
        Ok(Self { values: arena.take(count)?, m: arena.take(count)?, v: arena.take(count)?, adam })
    }

    pub(super) fn blocks(count: usize) -> usize {
        3 * Block::for_slice::<f32>(count)
    }

    /// One step of Adam along `gradient`.
    pub(super) fn step(&mut self, kernels: &TrainKernels, gradient: &[f32]) {
        let step = self.adam.next();
        kernels.adam(&step, self.values, gradient, self.m, self.v);
    }
}
