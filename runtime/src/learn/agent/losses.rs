//! What an update tells about itself.

use super::algorithm::MAX_LOSSES;

/// Figures of one update, in the order of [`Algorithm::LOSSES`](super::Algorithm::LOSSES);
/// those that this update did not find are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses([Option<f32>; MAX_LOSSES]);

impl Losses {
    /// The figure at `index`.
    pub fn get(&self, index: usize) -> Option<f32> {
        self.0.get(index).copied().flatten()
    }

    /// All figures.
    pub fn iter(&self) -> impl Iterator<Item = Option<f32>> {
        self.0.into_iter()
    }

    /// From their values.
    pub fn new(figures: impl IntoIterator<Item = Option<f32>>) -> Self {
        let mut losses = Self::default();
        losses.0.iter_mut().zip(figures).for_each(|(place, figure)| *place = figure);
        losses
    }

    /// Takes over the figures that `other` has.
    pub(super) fn add(&mut self, other: Self) {
        for (figure, other) in self.0.iter_mut().zip(other.0) {
            *figure = other.or(*figure);
        }
    }

    /// Means over `batch` samples of sums over parts of them.
    pub(super) fn mean<'s>(
        sums: impl Iterator<Item = &'s [Option<f32>; MAX_LOSSES]> + Clone,
        batch: f32,
    ) -> Self {
        Self(core::array::from_fn(|at| {
            let parts = sums.clone().filter_map(|sums| sums[at]);
            parts.reduce(|sum, part| sum + part).map(|sum| sum / batch)
        }))
    }

    pub(super) fn are_finite(&self) -> bool {
        self.0.iter().flatten().all(|figure| figure.is_finite())
    }
}
