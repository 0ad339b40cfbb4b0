//! Medians of contenders in turns.

use lacewing_runtime::measure::{Contender, OtherData, Step, clock_ns};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Warm turns of each contender.
const TURNS: usize = 60;

/// Helper threads wait awake for some ten ms after their contender's turn, and Linux takes as long to
/// give those of the next a core of their own.
const THREADS_SETTLE: Duration = Duration::from_millis(40);

/// Nanoseconds a step of each contender: warm, and each after 8 MiB of other data.
///
/// Warm steps follow one another through all observations, untimed and then timed as one, so that the
/// clock takes no part; the median is that of the turns' means. A cold step is timed alone, less what
/// the clock takes. Where contenders have several threads, each runs for a while before its turn, until
/// those of the one before sleep and its own have found a core each.
pub fn medians(
    contenders: &mut [Contender<'_>],
    observations: &[Vec<f32>],
    action: &mut [f32],
    cold_steps: usize,
    threads: usize,
) -> Vec<(f64, f64)> {
    let mut times = vec![(Vec::new(), Vec::new()); contenders.len()];
    for _ in 0..TURNS {
        for ((_, step), (warm, _)) in contenders.iter_mut().zip(&mut times) {
            settle(step, observations, action, threads);
            pass(step, observations, action);
            let start = Instant::now();
            pass(step, observations, action);
            warm.push(start.elapsed().as_nanos() as f64 / observations.len() as f64);
        }
    }
    let (mut other, clock) = (OtherData::default(), clock_ns() as f64);
    for observation in observations.iter().cycle().take(cold_steps) {
        for ((_, step), (_, cold)) in contenders.iter_mut().zip(&mut times) {
            settle(step, observations, action, threads);
            other.stream();
            let start = Instant::now();
            step(black_box(observation), black_box(action));
            cold.push((start.elapsed().as_nanos() as f64 - clock).max(0.0));
        }
    }
    times.iter_mut().map(|(warm, cold)| (median(warm), median(cold))).collect()
}

fn pass(step: &mut Step<'_>, observations: &[Vec<f32>], action: &mut [f32]) {
    for observation in observations {
        step(black_box(observation), black_box(action));
    }
}

fn settle(step: &mut Step<'_>, observations: &[Vec<f32>], action: &mut [f32], threads: usize) {
    let start = Instant::now();
    while threads > 1 && start.elapsed() < THREADS_SETTLE {
        pass(step, observations, action);
    }
}

/// The middle of some numbers, the mean of the two in the middle of an even count.
///
/// # Panics
/// If there is none.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    (numbers[middle] + numbers[(numbers.len() - 1) / 2]) / 2.0
}
