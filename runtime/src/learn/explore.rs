//! Random actions and noise on chosen ones.

use crate::random::Xoshiro256PlusPlus;
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// The index of the greatest number, the first of equals; of none 0.
pub fn argmax(numbers: &[f32]) -> usize {
    first_greatest(numbers.len(), |at| numbers[at])
}

/// The index below `count` whose value is the greatest, the first of equals.
pub(in crate::learn) fn first_greatest(count: usize, value: impl Fn(usize) -> f32) -> usize {
    (1..count).fold(0, |best, at| if value(at) > value(best) { at } else { best })
}

/// The random numbers of exploration, apart from those of learning: how an agent explores does not
/// change what it would learn from the same data.
#[derive(Debug)]
pub struct Explorer<'m> {
    pub(in crate::learn) rng: Xoshiro256PlusPlus,
    /// Noise of the last step, one number an action.
    noise: &'m mut [f32],
}

impl<'m> Explorer<'m> {
    /// An explorer whose randomness follows from `seed`; `noise` has one place an action.
    pub fn new(noise: &'m mut [f32], seed: u64) -> Self {
        Self::resume(noise, Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// An explorer that goes on from the state of another, at an episode's end.
    pub fn resume(noise: &'m mut [f32], rng: Xoshiro256PlusPlus) -> Self {
        Self { rng, noise }
    }

    /// State of the random numbers.
    pub fn rng(&self) -> &Xoshiro256PlusPlus {
        &self.rng
    }

    /// Forgets the noise of the last step.
    pub fn begin_episode(&mut self) {
        self.noise.fill(0.0);
    }

    /// Uniform in [−1, 1).
    pub fn uniform(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Uniform among `0..count`.
    pub fn index(&mut self, count: u32) -> u32 {
        ((u64::from(self.rng.next_u32()) * u64::from(count)) >> 32) as u32
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.rng)
    }

    /// Adds noise of standard deviation `sigma` to `action`, which stays in [−1, 1].
    ///
    /// `correlation` is that of the noise from one step to the next: 0 is Gaussian noise, above it the
    /// Ornstein–Uhlenbeck process (Lillicrap et al. 2016, section 7) in discrete time.
    ///
    /// # Panics
    /// If `action` is longer than the noise.
    pub fn perturb(&mut self, action: &mut [f32], sigma: f32, correlation: f32) {
        // Keeps the noise's standard deviation at 1 whatever its correlation.
        let fresh = libm::sqrtf(1.0 - correlation * correlation);
        for (at, action) in action.iter_mut().enumerate() {
            let drawn: f32 = StandardNormal.sample(&mut self.rng);
            self.noise[at] = correlation * self.noise[at] + fresh * drawn;
            *action = (*action + sigma * self.noise[at]).clamp(-1.0, 1.0);
        }
    }
}
