//! What the frozen policy returns, against which all that follows is judged.

use heapless::Vec;

/// Most windows over which a baseline is measured.
pub const MAX_WINDOWS: usize = 16;
/// Rewards of which the usual range is known, and the share of them on either side that is left out: rewards
/// gone wrong.
const FIRST: usize = 128;
const LEFT_OUT: usize = FIRST / 20;
/// Ranges beyond the usual rewards that one counts for at most.
const BOUND: f64 = 4.0;
/// A reward that is further off than this many ranges is an error of measurement.
const PLAUSIBLE: f64 = 1000.0;

/// Rewards of a policy by windows: the median of their means, and how far those are off it. A single reward
/// counts no further off than some ranges of the usual ones, so that a twentieth of all rewards gone wrong
/// does not move them far.
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
    /// Until the usual range is known: rewards, with the steps without any that followed each.
    first: Vec<(f64, u64), FIRST>,
    /// Of usual rewards, the least and the greatest.
    usual: Option<(f64, f64)>,
}

impl Baseline {
    /// Of nothing yet, over `windows` windows of `window` steps.
    ///
    /// # Panics
    /// If there are more than [`MAX_WINDOWS`] windows.
    pub fn new(window: u32, windows: u32) -> Self {
        assert!(windows as usize <= MAX_WINDOWS);
        let (means, first, usual) = (Vec::new(), Vec::new(), None);
        let (total, steps, acted, saturated) = (0.0, 0, 0, 0.0);
        Self { window, windows, means, total, steps, acted, saturated, first, usual }
    }

    /// A step was taken, with this share of its actions at limits.
    pub fn step(&mut self, reward: f64, saturated: f64) {
        self.acted += 1;
        self.saturated += saturated;
        if self.usual.is_some() {
            self.add(self.bounded(reward), 1);
            return;
        }
        // There is room: else the range would be known.
        let _ = self.first.push((reward, 0));
        let all = u64::from(self.window) * u64::from(self.windows);
        if self.first.is_full() || self.first.len() as u64 == all {
            let rewards = self.first.iter().map(|(reward, _)| *reward);
            let mut sorted: Vec<f64, FIRST> = rewards.collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let left_out = LEFT_OUT.min((sorted.len() - 1) / 2);
            self.usual = Some((sorted[left_out], sorted[sorted.len() - 1 - left_out]));
            for (reward, rest) in core::mem::take(&mut self.first) {
                self.add(self.bounded(reward), 1);
                self.add(0.0, rest);
            }
        }
    }

    /// The episode ended by itself: in the `rest` steps that it would have had there is no reward.
    pub fn ended(&mut self, rest: u64) {
        match (self.usual, self.first.last_mut()) {
            (None, Some((_, steps))) => *steps += rest,
            _ => self.add(0.0, rest),
        }
    }

    fn add(&mut self, reward: f64, steps: u64) {
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

    /// Standard deviation of windows' means around the median; 0 of fewer than two.
    pub fn noise(&self) -> f64 {
        let (mean, others) = (self.mean(), self.means.len().saturating_sub(1).max(1));
        let squares = self.means.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>();
        libm::sqrt(squares / others as f64)
    }

    /// Share of actions at their limits.
    pub fn saturation(&self) -> f64 {
        if self.acted > 0 { self.saturated / self.acted as f64 } else { 0.0 }
    }

    /// The reward, no further beyond the usual ones than by four of their ranges, so that one reward gone
    /// wrong neither condemns nor acquits.
    pub fn bounded(&self, reward: f64) -> f64 {
        match self.range(BOUND) {
            Some((low, high)) => reward.clamp(low, high),
            None => reward,
        }
    }

    /// Whether a reward can be learned from.
    pub fn is_plausible(&self, reward: f64) -> bool {
        let within = |(low, high)| (low..=high).contains(&reward);
        reward.is_finite() && self.range(PLAUSIBLE).is_none_or(within)
    }

    /// Usual rewards, and so many of their ranges around them; where all are the same, their size is the
    /// range.
    fn range(&self, times: f64) -> Option<(f64, f64)> {
        let (low, high) = self.usual?;
        let range = times * (high - low).max(low.abs().max(high.abs()));
        Some((low - range, high + range))
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
    fn it_is_the_windows_median_with_their_deviation_from_it() {
        let mut baseline = Baseline::new(2, 5);
        for mean in [4.0, 5.0, 3.0, 6.0, 7.0] {
            assert!(!baseline.is_measured());
            baseline.step(mean - 1.0, 0.0);
            baseline.step(mean + 1.0, 0.5);
        }
        assert!(baseline.is_measured());
        assert_eq!(baseline.mean(), 5.0);
        // (1 + 0 + 4 + 1 + 4) / 4.
        assert_eq!(baseline.noise(), 2.5_f64.sqrt());
        assert_eq!(baseline.saturation(), 0.25);
    }

    #[test]
    fn the_rest_of_an_episode_may_span_windows() {
        let mut baseline = Baseline::new(4, 3);
        baseline.step(8.0, 0.0);
        baseline.ended(9);
        (0..10).for_each(|_| baseline.step(2.0, 0.0));
        assert!(!baseline.is_measured());
        (0..2).for_each(|_| baseline.step(2.0, 0.0));
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
            (-4.5, -4.5, true),
            (-1000.0, -11.0, true),
            (1000.0, 15.0, true),
            (-1e4, -11.0, false),
            (1e9, 15.0, false),
        ] {
            assert_eq!(baseline.bounded(reward), bounded);
            assert_eq!(baseline.is_plausible(reward), plausible);
        }
        assert!(!baseline.is_plausible(f64::NAN));
    }

    #[test]
    fn one_in_fifty_rewards_gone_wrong_moves_little() {
        let mut baseline = Baseline::new(500, 5);
        (0..2500_u32).for_each(|step| {
            let sign = if step % 100 < 50 { 1e9 } else { -1e6 };
            baseline.step(if step % 50 == 7 { sign } else { f64::from(step % 3) }, 0.0);
        });
        assert!((baseline.mean() - 1.0).abs() < 0.1, "{}", baseline.mean());
        assert!(baseline.noise() < 0.1, "{}", baseline.noise());
    }
}
