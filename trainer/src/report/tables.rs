//! The tables of a report.

use std::time::Duration;

use super::groups::{Estimate, estimate};
use super::runs::Run;
use super::statistics::{Aggregate, mean, median};
use super::table::{ABSENT, Table, number, or_absent, percent, short};
use super::{Comparison, Groups, Latencies};
use crate::lab::progress::duration;

/// Groups in each environment, returns as they are.
pub fn groups(groups: &Groups, latencies: &Latencies) -> Table {
    let head = vec![
        "environment",
        "group",
        "runs",
        "return, mean ± sd",
        "IQM [95 %]",
        "worst (÷ mean)",
        "sparsity",
        "policy links",
        "critic links",
        "FLOPs done",
        "wall clock, median",
        "dormant, policy",
        "dormant, critic",
        "SNR, policy",
        "SNR, critic",
        "step here",
    ];
    let mut rows = Vec::new();
    for (env, name) in groups.envs.iter().enumerate() {
        for (at, group) in groups.all.iter().enumerate() {
            let runs = &group.runs[env];
            if runs.is_empty() {
                continue;
            }
            let mut row = vec![name.clone(), group.label.clone()];
            row.extend(of_cell(runs));
            let latency = latencies.of(at, env).map(|ns| ns as f64 / 1000.0);
            row.push(or_absent(latency, |us| format!("{us:.2} µs")));
            rows.push(row);
        }
    }
    Table { head, rows }
}

/// Figures of runs that differ in the seed only, from their number on.
fn of_cell(runs: &[Run]) -> Vec<String> {
    let scores: Vec<_> = runs.iter().map(Run::score).collect();
    let middle = mean(&scores);
    let worst = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let iqm = estimate([std::slice::from_ref(&scores)], |[scores]| Aggregate::Iqm.of(scores));
    let figure = |name: &str| average(runs, |run| run.figure(name));
    vec![
        runs.len().to_string(),
        format!("{} ± {}", number(middle), or_absent(deviation(&scores), number)),
        with_interval(iqm),
        // Of a mean loss no share can be bad.
        match worst / middle {
            ratio if middle > 0.0 => format!("{} ({ratio:.2})", number(worst)),
            _ => number(worst),
        },
        or_absent(average(runs, Run::sparsity), percent),
        or_absent(figure("policy_links"), short),
        or_absent(figure("critic_links"), short),
        or_absent(figure("flops_done"), short),
        // A run that was interrupted, or alone on its machine, says nothing of the others.
        or_absent(Some(median(figures(runs, |run| run.figure("wall_seconds")))), wall_clock),
        or_absent(figure("policy_dormant"), percent),
        or_absent(figure("critic_dormant"), percent),
        or_absent(figure("policy_snr"), number),
        or_absent(figure("critic_snr"), number),
    ]
}

/// Of the runs that have it.
fn figures(runs: &[Run], figure: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
    runs.iter().filter_map(figure).collect()
}

/// None of no figures.
fn average(runs: &[Run], figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    Some(mean(&figures(runs, figure))).filter(|mean| !mean.is_nan())
}

/// Sample standard deviation; none of a single run.
fn deviation(scores: &[f64]) -> Option<f64> {
    let middle = mean(scores);
    let squares: f64 = scores.iter().map(|score| (score - middle).powi(2)).sum();
    (scores.len() > 1).then(|| (squares / (scores.len() - 1) as f64).sqrt())
}

fn wall_clock(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// With its interval where it has one; absent where it is of nothing.
pub fn with_interval(estimate: Estimate) -> String {
    if estimate.value.is_nan() {
        return ABSENT.to_string();
    }
    let value = number(estimate.value);
    match estimate.interval {
        Some((low, high)) => format!("{value} [{}, {}]", number(low), number(high)),
        None => value,
    }
}

/// Groups over all their environments.
pub fn comparisons(groups: &Groups, comparisons: &[Comparison]) -> Table {
    let head = vec![
        "group",
        "environments",
        "runs",
        "IQM [95 %]",
        "mean [95 %]",
        "median [95 %]",
        "optimality gap [95 %]",
        "probability of improvement [95 %]",
    ];
    let row = |(group, of): (&super::Group, &Comparison)| {
        let tasks = group.runs.iter().filter(|runs| !runs.is_empty());
        let there = groups.envs.iter().zip(&group.runs).filter(|(_, runs)| !runs.is_empty());
        let names: Vec<_> = there.map(|(name, _)| name.as_str()).collect();
        vec![
            group.label.clone(),
            match names.len() {
                all if all == groups.envs.len() => all.to_string(),
                some => format!("{some} ({})", names.join(", ")),
            },
            tasks.map(Vec::len).sum::<usize>().to_string(),
            with_interval(of.iqm),
            with_interval(of.mean),
            with_interval(of.median),
            with_interval(of.gap),
            of.better.map_or_else(|| ABSENT.to_string(), with_interval),
        ]
    };
    Table { head, rows: groups.all.iter().zip(comparisons).map(row).collect() }
}

/// Every run.
pub fn runs(groups: &Groups) -> Table {
    let head = vec![
        "environment",
        "group",
        "seed",
        "return",
        "steps",
        "sparsity",
        "policy links",
        "FLOPs done",
        "wall clock",
        "folder",
    ];
    let row = |(env, label, run): (&str, &str, &Run)| {
        vec![
            env.to_string(),
            label.to_string(),
            run.config.seed.to_string(),
            number(run.score()),
            run.evaluations.last().map_or(0, |&(step, _)| step).to_string(),
            or_absent(run.sparsity(), percent),
            or_absent(run.figure("policy_links"), short),
            or_absent(run.figure("flops_done"), short),
            or_absent(run.figure("wall_seconds"), wall_clock),
            run.folder.display().to_string(),
        ]
    };
    Table { head, rows: groups.runs().map(row).collect() }
}
