//! Statistics of runs, beside rliable's on the same scores (tests/report/rliable_fixture.py).

use lacewing::report::statistics::{
    Aggregate, Scores, interval, probability_of_improvement, share_above,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Both draw so many resamples, each its own: the ends of intervals differ by their noise.
const RESAMPLES: usize = 50_000;
const NOISE: f64 = 0.006;

#[derive(Deserialize)]
struct Fixture {
    thresholds: Vec<f64>,
    cases: BTreeMap<String, Case>,
    /// Estimate, then the interval's ends.
    b_better_than_a: [f64; 3],
}

#[derive(Deserialize)]
struct Case {
    scores: Scores,
    aggregates: BTreeMap<String, [f64; 3]>,
    profile: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../report/rliable.json")).expect("it was written by rliable")
}

fn near(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance, "{ours} where rliable has {theirs}");
}

#[test]
fn estimates_are_rliables() {
    let fixture = fixture();
    assert_eq!(fixture.cases.len(), 3);
    for case in fixture.cases.values() {
        for (name, aggregate) in aggregates() {
            near(aggregate.of(&case.scores), case.aggregates[name][0], 1e-9);
        }
        for (&threshold, &share) in fixture.thresholds.iter().zip(&case.profile) {
            near(share_above(&case.scores, threshold), share, 1e-9);
        }
    }
    let [a, b] = ["a", "b"].map(|name| &fixture.cases[name].scores);
    near(probability_of_improvement(b, a), fixture.b_better_than_a[0], 1e-9);
}

#[test]
fn intervals_are_rliables_but_for_the_noise_of_drawing() {
    let fixture = fixture();
    for case in fixture.cases.values() {
        for (name, aggregate) in aggregates() {
            let (low, high) =
                interval([&case.scores], 3, RESAMPLES, |[scores]| aggregate.of(scores));
            let [_, their_low, their_high] = case.aggregates[name];
            near(low, their_low, NOISE);
            near(high, their_high, NOISE);
        }
    }
    let [a, b] = ["a", "b"].map(|name| &*fixture.cases[name].scores);
    let (low, high) = interval([b, a], 3, RESAMPLES, |[b, a]| probability_of_improvement(b, a));
    near(low, fixture.b_better_than_a[1], NOISE);
    near(high, fixture.b_better_than_a[2], NOISE);
}

fn aggregates() -> [(&'static str, Aggregate); 4] {
    [
        ("iqm", Aggregate::Iqm),
        ("mean", Aggregate::Mean),
        ("median", Aggregate::Median),
        ("optimality_gap", Aggregate::OptimalityGap(1.0)),
    ]
}

#[test]
fn one_run_is_its_own_interval() {
    let scores = vec![vec![2.5]];
    assert_eq!(interval([&scores], 0, 100, |[scores]| Aggregate::Iqm.of(scores)), (2.5, 2.5));
    assert!(Aggregate::Mean.of(&[]).is_nan());
}
