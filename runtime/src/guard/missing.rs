//! The return that is missing over a window, and over more.

use super::cusum::Cusum;

/// Windows that returns are summed up over.
const WINDOWS: [u32; 3] = [1, 4, 16];

/// Three sums of what is missing ([`Cusum`]), over a window, four and sixteen: what noise hides in one shows in more.
///
/// Where windows' means deviate by s, the mean of k windows deviates by s/√k, and the reference, which is known from
/// n windows, by s/√n. So the margin over k windows is √((1/k + 1/n) / (1 + 1/n)) times that over one, but never less
/// than the loss that is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missing([Cusum; WINDOWS.len()]);

impl Missing {
    /// Less than `reference`, known from `measured` windows of `window` steps: by more than `loss`, and in one window by
    /// more than `noise`.
    pub fn new(reference: f64, (loss, noise): (f64, f64), window: u32, measured: u32) -> Self {
        let own = 1.0 / f64::from(measured);
        Self(WINDOWS.map(|windows| {
            let share = libm::sqrt((1.0 / f64::from(windows) + own) / (1.0 + own));
            Cusum::new(reference, loss.max(noise * share), window.saturating_mul(windows))
        }))
    }

    /// Takes the same reward for some steps into account.
    pub fn add(&mut self, reward: f64, steps: u64) {
        for cusum in &mut self.0 {
            cusum.add(reward, steps);
        }
    }

    /// Forgets what is missing.
    pub fn reset(&mut self) {
        self.0.iter_mut().for_each(Cusum::reset);
    }

    /// The share of a limit that is used up, of the sum that has used up most.
    pub fn used(&self) -> f64 {
        self.most().used()
    }

    /// Mean reward since nothing was missing, of the same sum.
    pub fn mean(&self) -> f64 {
        self.most().mean()
    }

    fn most(&self) -> &Cusum {
        let [first, others @ ..] = &self.0;
        others.iter().fold(first, |most, it| if it.used() > most.used() { it } else { most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps until the alarm where every reward is the same, if the frozen policy has 10 a step.
    fn alarm(margins: (f64, f64), reward: f64) -> Option<u64> {
        let mut missing = Missing::new(10.0, margins, 100, 5);
        (1..100_000).find(|_| {
            missing.add(reward, 1);
            missing.used() > 1.0
        })
    }

    #[test]
    fn what_noise_hides_in_a_window_shows_in_more() {
        // Margins of 8, 4.90 and 3.74.
        let noisy = (1.0, 8.0);
        assert_eq!(alarm(noisy, 1.9), Some(98));
        assert_eq!(alarm(noisy, 5.05), Some(392));
        assert_eq!(alarm(noisy, 7.6), Some(5657));
        assert_eq!(alarm(noisy, 8.2), None);
    }

    #[test]
    fn without_noise_the_first_window_tells() {
        for reward in [8.99, 5.0, -10.0] {
            let mut cusum = Cusum::new(10.0, 1.0, 100);
            assert_eq!(alarm((1.0, 0.0), reward), (1..).find(|_| cusum.add(reward, 1)));
        }
        assert_eq!(alarm((1.0, 0.0), 9.51), None);
    }
}
