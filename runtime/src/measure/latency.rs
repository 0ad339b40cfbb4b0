//! The stopwatch: several ways to make one control step, timed in turns.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::hint::black_box;
use std::time::Instant;

/// One control step: reads an observation, writes an action.
pub type Step<'a> = Box<dyn FnMut(&[f32], &mut [f32]) + 'a>;

/// A name for the report, and the step to time.
pub type Contender<'a> = (&'a str, Step<'a>);

/// How to time.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Timed steps of each contender.
    pub steps: u64,
    /// Timed steps of each contender right after other data has passed through the caches.
    pub cold_steps: u64,
    /// Whether to time int8 layouts too.
    pub int8: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 100_000, cold_steps: 300, int8: false }
    }
}

/// Percentiles of one contender's steps, in nanoseconds, the clock's own reading time included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Who.
    pub name: String,
    /// Steps timed.
    pub steps: u64,
    /// Half of the steps took no longer.
    pub p50_ns: u64,
    /// 90 % took no longer.
    pub p90_ns: u64,
    /// 99 % took no longer.
    pub p99_ns: u64,
    /// 99.9 % took no longer.
    pub p999_ns: u64,
    /// The slowest step.
    pub max_ns: u64,
}

/// Contenders take turns after so many steps: short enough that a slow spell of the machine hits
/// all of them, long enough that each runs from its own caches.
const TURN: u64 = 500;

/// Untimed steps at the start of each turn, to refill the caches and let the clock speed settle.
const WARM_UP: u64 = 100;

/// What passes through the caches before a cold step: more than any L2, more than most L3 slices.
const FLUSH_BYTES: usize = 8 << 20;

/// Times each contender over `settings.steps` steps, in turns, cycling through `observations`.
///
/// # Panics
/// If there is no observation.
pub fn warm(
    contenders: &mut [Contender<'_>],
    observations: &[Vec<f32>],
    action: &mut [f32],
    settings: Settings,
) -> Vec<Latency> {
    run(contenders, observations, action, settings.steps, TURN, |step, observations, action| {
        for observation in observations.iter().cycle().take(WARM_UP as usize) {
            step(observation, action);
        }
    })
}

/// The same with 8 MiB of other data streamed through the caches before each step: what a control
/// loop sees that does other work between steps.
///
/// # Panics
/// If there is no observation.
pub fn cold(
    contenders: &mut [Contender<'_>],
    observations: &[Vec<f32>],
    action: &mut [f32],
    settings: Settings,
) -> Vec<Latency> {
    let mut other = vec![0_u64; FLUSH_BYTES / size_of::<u64>()];
    run(contenders, observations, action, settings.cold_steps, 1, |_, _, _| {
        black_box(&mut other).iter_mut().for_each(|word| *word = word.wrapping_add(1));
        black_box(&other);
    })
}

/// What the clock itself takes: the median time between two readings, in nanoseconds.
pub fn clock_ns() -> u64 {
    let mut histogram = histogram();
    for _ in 0..10_000 {
        histogram.saturating_record(Instant::now().elapsed().as_nanos() as u64);
    }
    histogram.value_at_quantile(0.5)
}

fn histogram() -> Histogram<u64> {
    // Up to a minute, to a tenth of a percent.
    Histogram::new_with_max(60_000_000_000, 3).expect("constant bounds that hdrhistogram allows")
}

fn run(
    contenders: &mut [Contender<'_>],
    observations: &[Vec<f32>],
    action: &mut [f32],
    steps: u64,
    turn: u64,
    mut before_turn: impl FnMut(&mut Step<'_>, &[Vec<f32>], &mut [f32]),
) -> Vec<Latency> {
    assert!(!observations.is_empty(), "no observation to act on");
    let mut histograms: Vec<_> = contenders.iter().map(|_| histogram()).collect();
    let mut done = 0;
    while done < steps {
        let count = turn.min(steps - done);
        for ((_, step), histogram) in contenders.iter_mut().zip(&mut histograms) {
            before_turn(step, observations, action);
            let from = done as usize % observations.len();
            for observation in observations.iter().cycle().skip(from).take(count as usize) {
                let start = Instant::now();
                step(black_box(observation), black_box(action));
                histogram.saturating_record(start.elapsed().as_nanos() as u64);
            }
        }
        done += count;
    }
    let latency = |((name, _), histogram): (&Contender<'_>, &Histogram<u64>)| Latency {
        name: (*name).to_owned(),
        steps: histogram.len(),
        p50_ns: histogram.value_at_quantile(0.5),
        p90_ns: histogram.value_at_quantile(0.9),
        p99_ns: histogram.value_at_quantile(0.99),
        p999_ns: histogram.value_at_quantile(0.999),
        max_ns: histogram.max(),
    };
    contenders.iter().zip(&histograms).map(latency).collect()
}
