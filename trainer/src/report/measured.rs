//! What plots show of robustness and of fake features, as tables and with all digits.

use super::groups::{Estimate, Group, Groups, estimate};
use super::runs::{REAL_INPUTS, Run};
use super::statistics::mean;
use super::table::{Table, or_absent, percent};
use super::tables::with_interval;
use crate::env::Shift;
use crate::lab::robustness::Measured;

/// File of [`shifts`].
pub const SHIFTS: &str = "shifts.csv";
/// File of [`real_inputs`].
pub const SEEN: &str = "real-inputs.csv";

/// Shares of the way at which the table has what policies look at.
const WAY: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// A group's returns under one value of a shift.
struct Shifted<'g> {
    env: &'g str,
    group: &'g Group,
    shift: &'g str,
    value: f64,
    runs: usize,
    all: usize,
    returns: Estimate,
    /// Share of the same runs' returns where nothing was shifted; none of returns below zero.
    share: Option<f64>,
}

fn shifted(groups: &Groups) -> Vec<Shifted<'_>> {
    let mut all = Vec::new();
    for (at, env) in groups.envs.iter().enumerate() {
        for group in &groups.all {
            let runs = &group.runs[at];
            let rows = runs.iter().flat_map(|run| &run.robustness);
            let mut places: Vec<_> = rows.map(|row| (row.shift.as_str(), row.value)).collect();
            places.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
            places.dedup();
            let of = |(shift, value)| {
                let here =
                    |run: &Run| of_shift(run, |row| row.shift == shift && row.value == value);
                let returns: Vec<_> = runs.iter().filter_map(here).collect();
                let pairs =
                    runs.iter().filter_map(|run| Some((here(run)?, of_shift(run, is_none)?)));
                let (ours, usual): (Vec<_>, Vec<_>) = pairs.unzip();
                let share = mean(&ours) / mean(&usual);
                Shifted {
                    env,
                    group,
                    shift,
                    value,
                    runs: returns.len(),
                    all: runs.len(),
                    returns: estimate([&[returns]], |[returns]| mean(&returns[0])),
                    share: (mean(&usual) > 0.0).then_some(share),
                }
            };
            all.extend(places.into_iter().map(of));
        }
    }
    all
}

fn of_shift(run: &Run, is: impl Fn(&Measured) -> bool) -> Option<f64> {
    run.robustness.iter().find(|row| is(row)).map(|row| row.mean)
}

/// Whether a shift with this value changes nothing.
fn is_none(row: &Measured) -> bool {
    let shift = format!("{}={}", row.shift, row.value).parse::<Shift>();
    shift.is_ok_and(|shift| shift == Shift::default())
}

/// Returns under each value of each shift that was measured.
pub fn shifts(groups: &Groups) -> Table {
    let head = vec![
        "environment",
        "group",
        "shift",
        "runs",
        "return, mean [95 %]",
        "share of the unshifted",
    ];
    let row = |of: Shifted<'_>| {
        vec![
            of.env.to_string(),
            of.group.label.clone(),
            format!("{}={}", of.shift, of.value),
            of_all(of.runs, of.all),
            with_interval(of.returns),
            or_absent(of.share, percent),
        ]
    };
    Table { head, rows: shifted(groups).into_iter().map(row).collect() }
}

/// The same with all digits.
pub fn shifts_csv(groups: &Groups) -> Result<Vec<u8>, csv::Error> {
    let head =
        ["env", "group", "shift", "value", "runs", "mean", "low", "high", "share_of_unshifted"];
    let text = |figure: Option<f64>| figure.map_or_else(String::new, |figure| figure.to_string());
    let row = |of: Shifted<'_>| {
        vec![
            of.env.to_string(),
            of.group.label.clone(),
            of.shift.to_string(),
            of.value.to_string(),
            of.runs.to_string(),
            of.returns.value.to_string(),
            text(of.returns.interval.map(|ends| ends.0)),
            text(of.returns.interval.map(|ends| ends.1)),
            text(of.share),
        ]
    };
    written(&head, shifted(groups).into_iter().map(row))
}

/// The share of the policy's links to observations that go to real features, over training.
pub fn real_inputs(groups: &Groups) -> Table {
    let head = vec![
        "environment",
        "group",
        "runs",
        "first evaluation",
        "at 25 % of the steps",
        "at 50 %",
        "at 75 %",
        "at the end",
    ];
    let mut rows = Vec::new();
    for (at, env) in groups.envs.iter().enumerate() {
        for group in &groups.all {
            let runs = group.runs[at].iter().map(|run| run.over_time(REAL_INPUTS));
            let runs: Vec<_> = runs.filter(|shares| !shares.is_empty()).collect();
            if runs.is_empty() {
                continue;
            }
            let at_share = |way: f64| {
                let here = runs.iter().map(|shares| last_by(shares, way));
                percent(mean(&here.collect::<Vec<_>>()))
            };
            let mut row = vec![env.clone(), group.label.clone()];
            row.push(of_all(runs.len(), group.runs[at].len()));
            row.extend(WAY.map(at_share));
            rows.push(row);
        }
    }
    Table { head, rows }
}

/// The last figure by then, or the first.
fn last_by(figures: &[(u64, f64)], way: f64) -> f64 {
    let last = figures[figures.len() - 1].0 as f64;
    let by_then = figures.iter().rev().find(|&&(step, _)| step as f64 <= way * last);
    by_then.unwrap_or(&figures[0]).1
}

/// Every evaluation of every run.
pub fn real_inputs_csv(groups: &Groups) -> Result<Vec<u8>, csv::Error> {
    let of_run = |(env, label, run): (&str, &str, &Run)| {
        let about = [env.to_string(), label.to_string(), run.config.seed.to_string()];
        let rows = run.over_time(REAL_INPUTS).into_iter().map(move |(step, share)| {
            [&about[..], &[step.to_string(), share.to_string()]].concat()
        });
        rows.collect::<Vec<_>>()
    };
    written(&["env", "group", "seed", "step", "real_inputs"], groups.runs().flat_map(of_run))
}

fn written(
    head: &[&str],
    mut rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    rows.try_for_each(|row| writer.write_record(row))?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// So many, or how many of all.
fn of_all(some: usize, all: usize) -> String {
    if some == all { all.to_string() } else { format!("{some} of {all}") }
}
