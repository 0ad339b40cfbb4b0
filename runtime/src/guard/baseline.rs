//! What the frozen policy returns, against which all that follows is judged.

use heapless::Vec;

/// Most windows over which a baseline is measured.
pub const MAX_WINDOWS: usize = 16;
/// The standard deviation of a normal distribution in median absolute deviations.
const DEVIATION: f64 = 1.4826;
/// A reward that is further off than this many ranges of the frozen policy's is an error of measurement.
const PLAUSIBLE: f64 = 100.0;

/// Rewards of a policy by windows. Centre and noise are a median and a median absolute deviation of the
/// windows' means, so that one window with a reward gone wrong moves neither.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    window: u32,
    windows: u32,
    means: Vec<f64, MAX_WINDOWS>,
    /// Of the present window.
    total: f64,
    steps: u64,
    /// Steps and actions at limits of all windows.
    acted: u64,
    saturated: f64,
    low: f64,
    high: f64,
}

impl Baseline {
    /// Of nothing yet, over `windows` windows of `window` steps.
    ///
    /// # Panics
    /// If there are more than [`MAX_WINDOWS`] windows.
    pub fn new(window: u32, windows: u32) -> Self {
        assert!(windows as usize <= MAX_WINDOWS);
        let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
        let means = Vec::new();
        let (total, steps, acted, saturated) = (0.0, 0, 0, 0.0);
        Self { window, windows, means, total, steps, acted, saturated, low, high }
    }

    /// A step was taken, with this share of its actions at limits.
    pub fn step(&mut self, reward: f64, saturated: f64) {
        (self.low, self.high) = (self.low.min(reward), self.high.max(reward));
        self.acted += 1;
        self.saturated += saturated;
        self.add(reward, 1);
    }

    /// Takes the same reward for some steps into account.
    pub fn add(&mut self, reward: f64, steps: u64) {
        let mut left = steps;
        while left > 0 && !self.is_measured() {
            let some = left.min(u64::from(self.window) - self.steps);
            self.total += some as f64 * reward;
            (self.steps, left) = (self.steps + some, left - some);
            if self.steps == u64::from(self.window) {
                // There is room: it is not measured yet.
                let _ = self.means.push(self.total / f64::from(self.window));
                (self.total, self.steps) = (0.0, 0);
            }
        }
    }

    /// Whether all windows are over.
    pub fn is_measured(&self) -> bool {
        self.means.len() >= self.windows as usize
    }

    /// Mean reward of a step.
    pub fn mean(&self) -> f64 {
        median(&mut self.means.clone())
    }

    /// Standard deviation of windows' means.
    pub fn noise(&self) -> f64 {
        let mean = self.mean();
        let mut off: Vec<f64, MAX_WINDOWS> =
            self.means.iter().map(|it| (it - mean).abs()).collect();
        DEVIATION * median(&mut off)
    }

    /// Share of actions at their limits.
    pub fn saturation(&self) -> f64 {
        if self.acted > 0 { self.saturated / self.acted as f64 } else { 0.0 }
    }

    /// The reward, no further beyond what the frozen policy had than by its whole range, so that one
    /// reward gone wrong neither condemns nor acquits.
    pub fn bounded(&self, reward: f64) -> f64 {
        let range = self.range();
        reward.clamp(self.low - range, self.high + range)
    }

    /// Whether a reward can be learned from.
    pub fn is_plausible(&self, reward: f64) -> bool {
        let range = PLAUSIBLE * self.range();
        (self.low - range..=self.high + range).contains(&reward)
    }

    fn range(&self) -> f64 {
        (self.high - self.low).max(self.mean().abs())
    }
}

/// Zero of none.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers {
        [] => 0.0,
        _ if numbers.len() % 2 == 1 => numbers[half],
        _ => (numbers[half - 1] + numbers[half]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_windows_median_with_its_deviation() {
        let mut baseline = Baseline::new(2, 5);
        for mean in [4.0, 5.0, 3.0, 6.0, 1e9] {
            assert!(!baseline.is_measured());
            baseline.step(mean - 1.0, 0.0);
            baseline.step(mean + 1.0, 0.5);
        }
        assert!(baseline.is_measured());
        assert_eq!(baseline.mean(), 5.0);
        assert_eq!(baseline.noise(), DEVIATION);
        assert_eq!(baseline.saturation(), 0.25);
    }

    #[test]
    fn the_rest_of_an_episode_may_span_windows() {
        let mut baseline = Baseline::new(4, 3);
        baseline.step(8.0, 0.0);
        baseline.add(0.0, 9);
        baseline.step(2.0, 0.0);
        assert!(!baseline.is_measured());
        baseline.add(2.0, 100);
        assert!(baseline.is_measured());
        // Windows 8 0 0 0, 0 0 0 0 and 0 0 2 2.
        assert_eq!(baseline.mean(), 1.0);
    }

    #[test]
    fn a_reward_gone_wrong_is_bounded_and_not_learned_from() {
        let mut baseline = Baseline::new(2, 3);
        [1.0, 3.0, 1.0, 3.0, 1.0, 3.0].iter().for_each(|&reward| baseline.step(reward, 0.0));
        for (reward, bounded, plausible) in [
            (2.0, 2.0, true),
            (-0.5, -0.5, true),
            (-100.0, -1.0, true),
            (100.0, 5.0, true),
            (-1e4, -1.0, false),
            (1e9, 5.0, false),
        ] {
            assert_eq!(baseline.bounded(reward), bounded);
            assert_eq!(baseline.is_plausible(reward), plausible);
        }
        assert!(!baseline.is_plausible(f64::NAN));
        // Where every reward was the same, their size is the range.
        let mut even = Baseline::new(2, 3);
        (0..6).for_each(|_| even.step(1.0, 0.0));
        assert_eq!((even.bounded(0.0), even.bounded(-5.0)), (0.0, 0.0));
    }
}
