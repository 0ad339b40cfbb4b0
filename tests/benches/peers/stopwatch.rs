//! Medians of contenders in turns.

use lacewing_runtime::measure::{self, Contender, Settings, clock_ns};
use std::hint::black_box;
use std::time::Instant;

/// Turns of each contender.
const TURNS: usize = 60;

/// Nanoseconds a step of each contender: warm, and each after 8 MiB of other data.
///
/// Warm steps follow one another through all observations, untimed and then timed as one, so that the
/// clock takes no part; the median is that of the turns' means. A cold step is timed alone, less what
/// the clock takes.
pub fn medians(
    contenders: &mut [Contender<'_>],
    observations: &[Vec<f32>],
    action: &mut [f32],
    cold_steps: u64,
) -> Vec<(f64, f64)> {
    let mut times = vec![Vec::with_capacity(TURNS); contenders.len()];
    for _ in 0..TURNS {
        for ((_, step), times) in contenders.iter_mut().zip(&mut times) {
            let mut pass = || {
                for observation in observations {
                    step(black_box(observation), black_box(action));
                }
            };
            pass();
            let start = Instant::now();
            pass();
            times.push(start.elapsed().as_nanos() as f64 / observations.len() as f64);
        }
    }
    let settings = Settings { steps: 0, cold_steps, int8: false };
    let cold = measure::cold(contenders, observations, action, settings);
    let clock = clock_ns();
    let cold = cold.iter().map(|row| row.p50_ns.saturating_sub(clock) as f64);
    times.iter_mut().map(|times| median(times)).zip(cold).collect()
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
