//! Statistics of few runs (Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the
//! Statistical Precipice"), as their library rliable computes them.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Returns of several runs for each of several tasks; no task is without a run.
pub type Scores = Vec<Vec<f64>>;

/// What several runs on several tasks come to as one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Interquartile mean: that of the middle half of all runs.
    Iqm,
    /// Mean of the tasks' means.
    Mean,
    /// Median of the tasks' means.
    Median,
    /// What is missing to this score on the mean, scores above it not counting for more.
    OptimalityGap(f64),
}

impl Aggregate {
    /// Of these scores; NaN where there are none.
    pub fn of(self, scores: &[Vec<f64>]) -> f64 {
        let means = || scores.iter().map(|task| mean(task)).collect::<Vec<_>>();
        match self {
            Self::Iqm => {
                let all = sorted(scores.iter().flatten().copied().collect());
                let cut = all.len() / 4;
                mean(&all[cut..all.len() - cut])
            }
            Self::Mean => mean(&means()),
            Self::Median => median(means()),
            Self::OptimalityGap(full) => {
                let all: Vec<_> = scores.iter().flatten().map(|score| score.min(full)).collect();
                full - mean(&all)
            }
        }
    }
}

/// Chance that a run of `x` is better than one of `y` on the same task, ties being half a win, averaged
/// over the tasks.
pub fn probability_of_improvement(x: &[Vec<f64>], y: &[Vec<f64>]) -> f64 {
    let of_task = |(x, y): (&Vec<f64>, &Vec<f64>)| {
        let wins = x.iter().flat_map(|x| {
            y.iter().map(move |y| if x > y { 1.0 } else { f64::from(u8::from(x == y)) / 2.0 })
        });
        wins.sum::<f64>() / (x.len() * y.len()) as f64
    };
    mean(&x.iter().zip(y).map(of_task).collect::<Vec<_>>())
}

/// Performance profile: the share of all runs with a score above `threshold`.
pub fn share_above(scores: &[Vec<f64>], threshold: f64) -> f64 {
    let all = scores.iter().flatten();
    let above: Vec<_> = all.map(|&score| f64::from(u8::from(score > threshold))).collect();
    mean(&above)
}

/// Resamples drawn for an interval.
pub const RESAMPLES: usize = 2000;

/// The middle 95 % of what a statistic comes to where the runs of each task are drawn anew with
/// replacement (stratified bootstrap, percentile intervals).
pub fn interval<const N: usize>(
    scores: [&[Vec<f64>]; N],
    seed: u64,
    resamples: usize,
    statistic: impl Fn([&[Vec<f64>]; N]) -> f64,
) -> (f64, f64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut drawn: [Scores; N] = scores.map(<[_]>::to_vec);
    let values = (0..resamples).map(|_| {
        for (drawn, scores) in drawn.iter_mut().zip(scores) {
            for (drawn, task) in drawn.iter_mut().zip(scores) {
                drawn.fill_with(|| {
                    task[((u64::from(rng.next_u32()) * task.len() as u64) >> 32) as usize]
                });
            }
        }
        statistic(drawn.each_ref().map(Vec::as_slice))
    });
    let values = sorted(values.collect());
    (quantile(&values, 0.025), quantile(&values, 0.975))
}

/// NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// NaN of nothing.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(&sorted(values), 0.5)
}

/// In ascending order, NaN last.
fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Of values in ascending order, between two of them by a straight line; NaN of nothing.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}
