//! Running statistics of what an agent sees: observations, and the size of returns.

use crate::arena::{Arena, Block, OutOfMemory};

/// Bound of a normalised observation.
pub const OBSERVATION_CLIP: f32 = 10.0;
/// What is added to a variance before its root is taken.
const EPSILON: f64 = 1e-8;

/// Mean and variance of every observation so far (Welford 1962), and what normalises by them:
/// `clamp((x − mean) / deviation, −10, 10)`.
#[derive(Debug)]
pub struct Normaliser<'m> {
    pub(in crate::learn) count: u64,
    pub(in crate::learn) means: &'m mut [f64],
    /// Sums of squares off the mean.
    pub(in crate::learn) squares: &'m mut [f64],
    mean: &'m mut [f32],
    deviation: &'m mut [f32],
}

impl<'m> Normaliser<'m> {
    pub(super) fn new(arena: &mut Arena<'m>, observations: usize) -> Result<Self, OutOfMemory> {
        let mut normaliser = Self {
            count: 0,
            means: arena.take(observations)?,
            squares: arena.take(observations)?,
            mean: arena.take(observations)?,
            deviation: arena.take(observations)?,
        };
        normaliser.refresh();
        Ok(normaliser)
    }

    pub(super) fn blocks(observations: usize) -> usize {
        2 * Block::for_slice::<f64>(observations) + 2 * Block::for_slice::<f32>(observations)
    }

    /// Takes one more observation into account.
    pub(super) fn observe(&mut self, observation: &[f32]) {
        self.count += 1;
        let count = self.count as f64;
        for ((mean, squares), &x) in self.means.iter_mut().zip(&mut *self.squares).zip(observation)
        {
            let off = f64::from(x) - *mean;
            *mean += off / count;
            *squares += off * (f64::from(x) - *mean);
        }
        self.refresh();
    }

    /// Goes on as if `count` observations of this mean and deviation had been seen.
    pub(in crate::learn) fn adopt(&mut self, mean: &[f32], deviation: &[f32], count: u64) {
        self.count = count;
        let sums = self.means.iter_mut().zip(&mut *self.squares);
        for ((to_mean, squares), (&mean, &deviation)) in sums.zip(mean.iter().zip(deviation)) {
            let variance = f64::from(deviation) * f64::from(deviation) - EPSILON;
            (*to_mean, *squares) = (f64::from(mean), variance.max(0.0) * count as f64);
        }
        self.refresh();
    }

    /// Brings what normalises up to date with the sums.
    pub(in crate::learn) fn refresh(&mut self) {
        let sums = self.means.iter().zip(&*self.squares);
        let out = self.mean.iter_mut().zip(&mut *self.deviation);
        for ((&mean, &squares), (to_mean, to_deviation)) in sums.zip(out) {
            // Of one observation nothing is known but where it is.
            let variance = if self.count > 1 { squares / self.count as f64 } else { 1.0 };
            *to_mean = mean as f32;
            *to_deviation = libm::sqrt(variance + EPSILON) as f32;
        }
    }

    /// Mean of each feature.
    pub fn mean(&self) -> &[f32] {
        self.mean
    }

    /// Standard deviation of each feature.
    pub fn deviation(&self) -> &[f32] {
        self.deviation
    }

    /// Normalises the value of one feature.
    pub(in crate::learn) fn apply(&self, feature: usize, x: f32) -> f32 {
        let off = (x - self.mean[feature]) / self.deviation[feature];
        off.clamp(-OBSERVATION_CLIP, OBSERVATION_CLIP)
    }
}

/// The deviation of the discounted return so far, by which rewards are divided (Engstrom et al. 2020,
/// §3; without their clipping).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RewardScale {
    pub(in crate::learn) count: u64,
    pub(in crate::learn) mean: f64,
    /// Sum of squares off the mean.
    pub(in crate::learn) squares: f64,
    /// Of the present episode.
    pub(in crate::learn) discounted: f64,
}

impl RewardScale {
    /// Takes one more reward into account.
    pub(super) fn observe(&mut self, reward: f32, gamma: f32, ends: bool) {
        self.discounted = f64::from(gamma) * self.discounted + f64::from(reward);
        self.count += 1;
        let off = self.discounted - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (self.discounted - self.mean);
        if ends {
            self.discounted = 0.0;
        }
    }

    /// What rewards are multiplied by.
    pub(super) fn factor(&self) -> f32 {
        if self.count < 2 {
            return 1.0;
        }
        (1.0 / libm::sqrt(self.squares / self.count as f64 + EPSILON)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_moments_are_those_of_all_observations() {
        let mut memory = [Block::ZERO; 8];
        assert_eq!(Normaliser::blocks(2), 4);
        let mut normaliser = Normaliser::new(&mut Arena::new(&mut memory), 2).unwrap();
        for x in [1.0, 2.0, 3.0, 6.0] {
            normaliser.observe(&[x, 1000.0 - x]);
        }
        // Mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5.
        let deviation = 3.5_f32.sqrt();
        assert_eq!(normaliser.mean(), [3.0, 997.0]);
        assert!(normaliser.deviation().iter().all(|of| (of - deviation).abs() < 1e-6));
        assert!((normaliser.apply(0, 5.0) - 2.0 / deviation).abs() < 1e-6);
        assert_eq!(normaliser.apply(1, 5.0), -OBSERVATION_CLIP);
    }

    #[test]
    fn rewards_are_divided_by_the_deviation_of_the_return() {
        let mut scale = RewardScale::default();
        assert_eq!(scale.factor(), 1.0);
        // Discounted returns 1, 1.5, 1.75, then a new episode: 4.
        for (reward, ends) in [(1.0, false), (1.0, false), (1.0, true), (4.0, false)] {
            scale.observe(reward, 0.5, ends);
        }
        let returns = [1.0, 1.5, 1.75, 4.0_f64];
        let mean = returns.iter().sum::<f64>() / 4.0;
        let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 4.0;
        assert!((f64::from(scale.factor()) - 1.0 / variance.sqrt()).abs() < 1e-6);
    }
}
