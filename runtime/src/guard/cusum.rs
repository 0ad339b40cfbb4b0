//! The return that is missing since things went well.

/// A one-sided cumulative sum (Page 1954, *Continuous inspection schemes*, Biometrika 41, §3) of how far
/// rewards are below a reference: `s ← max(0, s + reference − slack − reward)`.
///
/// With a slack of half a margin and a limit of slack × window it is above its limit
/// - at the latest at the end of any window whose mean is more than the margin below the reference:
///   such a window alone adds more than the limit, whatever came before;
/// - the sooner the worse it is: after window ÷ (2 f − 1) steps that miss f margins each.
///
/// So it takes the place of a sliding window, in four numbers. Where means of windows deviate by s, it
/// alarms without need once in about 2 s²/m² · exp(m² / 2 s²) windows of a margin m (its Brownian
/// approximation, Siegmund 1985, *Sequential Analysis*, §II.6): 370 for m = 4 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cusum {
    reference: f64,
    slack: f64,
    limit: f64,
    sum: f64,
    /// Rewards since the sum was zero, and their number.
    total: f64,
    steps: u64,
}

impl Cusum {
    /// Over the limit where a window's mean is more than `margin` below `reference`.
    pub fn new(reference: f64, margin: f64, window: u32) -> Self {
        let slack = margin / 2.0;
        let limit = slack * f64::from(window);
        Self { reference, slack, limit, sum: 0.0, total: 0.0, steps: 0 }
    }

    /// Takes the same reward for some steps into account; whether too much is missing.
    pub fn add(&mut self, reward: f64, steps: u64) -> bool {
        let count = steps as f64;
        self.sum += count * (self.reference - self.slack - reward);
        self.total += count * reward;
        self.steps += steps;
        if self.sum <= 0.0 {
            self.reset();
        }
        self.sum > self.limit
    }

    /// Forgets what is missing.
    pub fn reset(&mut self) {
        (self.sum, self.total, self.steps) = (0.0, 0.0, 0);
    }

    /// The share of the limit that is used up; above 1 where [`Cusum::add`] said so.
    pub fn used(&self) -> f64 {
        match self.sum > 0.0 {
            true => self.sum / self.limit,
            false => 0.0,
        }
    }

    /// Mean reward since nothing was missing.
    pub fn mean(&self) -> f64 {
        if self.steps > 0 { self.total / self.steps as f64 } else { self.reference }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps until the alarm where every reward is the same.
    fn alarm(reward: f64) -> Option<u32> {
        let mut cusum = Cusum::new(10.0, 1.0, 100);
        (1..10_000).find(|_| cusum.add(reward, 1))
    }

    #[test]
    fn it_alarms_within_a_window_and_the_sooner_the_worse() {
        assert_eq!(alarm(10.0), None);
        assert_eq!(alarm(9.5), None);
        assert_eq!(alarm(9.0 - 1e-6), Some(100));
        assert_eq!(alarm(8.0), Some(34));
        assert_eq!(alarm(0.0), Some(6));
    }

    #[test]
    fn what_was_gained_does_not_pay_for_what_is_lost() {
        let mut cusum = Cusum::new(10.0, 1.0, 100);
        assert!(!cusum.add(1000.0, 1000));
        assert_eq!((1..).find(|_| cusum.add(8.0, 1)), Some(34));
        assert!(cusum.used() > 1.0 && cusum.mean() == 8.0);
        cusum.reset();
        assert_eq!((cusum.used(), cusum.mean()), (0.0, 10.0));
    }

    #[test]
    fn many_steps_at_once_are_as_many_one_by_one() {
        let (mut one, mut many) = (Cusum::new(1.0, 0.5, 64), Cusum::new(1.0, 0.5, 64));
        assert!((0..20).all(|_| !one.add(0.5, 1)));
        many.add(0.5, 20);
        assert_eq!(one, many);
    }
}
