//! The plots of a report: what is drawn against what.

use std::collections::BTreeSet;

use super::draw::{
    Axis, LINKS, Plot, RETURN, SPARSITY, STEPS, Series, plots, slug, sparsity_place,
};
use super::groups::{Group, Groups, estimate};
use super::runs::{REAL_INPUTS, Run};
use super::statistics::{Aggregate, Scores, mean, share_above};
use super::{Comparison, Estimate, ReportError};

/// Thresholds of a performance profile.
const THRESHOLDS: u32 = 100;

/// Returns against sparsity, against links, and over training, for each environment.
pub fn of_environment(groups: &Groups, env: usize) -> Result<[Vec<Plot>; 3], ReportError> {
    let name = &groups.envs[env];
    let against = |file: &str, title: &str, x: &Axis<'_>, place: &dyn Fn(&Run) -> Option<f64>| {
        let of_group = |group: usize| {
            // Runs whose logs do not have it count neither as dots nor in the line.
            let runs = groups.all[group].runs[env].iter();
            let dots: Vec<_> = runs.filter_map(|run| Some((place(run)?, run.score()))).collect();
            let (places, scores): (Vec<_>, Vec<_>) = dots.iter().copied().unzip();
            let iqm = || estimate([&[scores]], |[scores]| Aggregate::Iqm.of(scores));
            (!dots.is_empty()).then(|| (mean(&places), iqm(), dots))
        };
        let file = format!("{file}-{}", slug(name));
        plots(&file, &format!("{name}: {title}"), [x, &RETURN], &families(groups, of_group))
    };
    let links = |run: &Run| run.figure("policy_links").map(f64::log10);
    let curves = curves(groups, env, |run| run.evaluations.clone());
    let (file, title) = (format!("learning-{}", slug(name)), format!("{name}: learning curves"));
    Ok([
        against("sparsity", "return against sparsity", &SPARSITY, &at_sparsity)?,
        against("parameters", "return against parameters", &LINKS, &links)?,
        plots(&file, &title, [&STEPS, &RETURN], &curves)?,
    ])
}

fn at_sparsity(run: &Run) -> Option<f64> {
    run.sparsity().map(sparsity_place).filter(|place| place.is_finite())
}

/// Interquartile means over all environments that are pooled, of the groups that have runs in each of
/// them, against sparsity; none where there is one environment.
pub fn over_environments(
    groups: &Groups,
    compared: &[Comparison],
) -> Result<Vec<Plot>, ReportError> {
    if !groups.are_normalised() {
        return Ok(Vec::new());
    }
    let pooled = groups.pooled();
    let of_group = |group: usize| {
        let runs = &groups.all[group].runs;
        let places: Vec<_> =
            pooled.iter().flat_map(|&env| &runs[env]).filter_map(at_sparsity).collect();
        let comparable = pooled.iter().all(|&env| !runs[env].is_empty()) && !places.is_empty();
        comparable.then(|| (mean(&places), compared[group].iqm, Vec::new()))
    };
    let title = format!("interquartile mean over {} environments against sparsity", pooled.len());
    let axes = [&SPARSITY, &Axis::linear("normalised return", 0.0)];
    plots("iqm-sparsity", &title, axes, &families(groups, of_group))
}

/// Place, interquartile mean and dots of a group.
type Placed = (f64, Estimate, Vec<(f64, f64)>);

/// For each family a line through its groups' interquartile means, with the intervals of these.
fn families(groups: &Groups, of: impl Fn(usize) -> Option<Placed>) -> Vec<Series> {
    let mut families: Vec<Series> = Vec::new();
    for (at, group) in groups.all.iter().enumerate() {
        let known = families.iter().position(|series| series.name == group.family);
        let family = known.unwrap_or_else(|| {
            let name = group.family.clone();
            families.push(Series { family: name.clone(), name, ..Series::default() });
            families.len() - 1
        });
        let series = &mut families[family];
        series.baseline |= at == groups.baseline();
        if let Some((place, iqm, dots)) = of(at) {
            series.dots.extend(dots);
            series.line.push((place, iqm.value));
            series.bars.extend(iqm.interval.map(|(low, high)| (place, low, high)));
        }
    }
    for series in &mut families {
        series.line.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    families
}

/// A group's series, of so many of its runs.
fn of_group(groups: &Groups, at: usize, env: usize, measured: usize) -> Series {
    let Group { label, family, runs, .. } = &groups.all[at];
    let name = match runs[env].len() {
        all if measured < all => format!("{label} ({measured} of {all} runs)"),
        _ => label.clone(),
    };
    let baseline = at == groups.baseline();
    Series { name, family: family.clone(), baseline, ..Series::default() }
}

/// For each group a thin line a run; the mean with its 95 % interval at the steps that all its runs have.
fn curves(groups: &Groups, env: usize, of: impl Fn(&Run) -> Vec<(u64, f64)>) -> Vec<Series> {
    let curve = |at: usize| {
        let points = |run: &Run| {
            of(run).into_iter().map(|(step, figure)| (step as f64, figure)).collect::<Vec<_>>()
        };
        let thin: Vec<_> = groups.all[at].runs[env].iter().map(points).collect();
        let thin: Vec<_> = thin.into_iter().filter(|points| !points.is_empty()).collect();
        let (line, band) = middle(&thin);
        let mut series = Series { line, band, ..of_group(groups, at, env, thin.len()) };
        if series.line.is_empty() {
            series.name += " (no mean: its runs share no step)";
        }
        Series { thin, ..series }
    };
    (0..groups.all.len()).map(curve).collect()
}

/// Points along x, and lower and upper ends.
type Middle = (Vec<(f64, f64)>, Vec<(f64, f64, f64)>);

/// The mean of runs' points with its 95 % interval by bootstrap, at the places that all of them have.
fn middle(runs: &[Vec<(f64, f64)>]) -> Middle {
    let mut points: Vec<_> = runs.iter().flatten().copied().collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shared = points.chunk_by(|a, b| a.0 == b.0).filter(|here| here.len() == runs.len());
    let at = |here: &[(f64, f64)]| {
        let figures: Vec<_> = here.iter().map(|point| point.1).collect();
        (here[0].0, estimate([&[figures]], |[figures]| mean(&figures[0])))
    };
    along(shared.map(at))
}

fn along(estimates: impl Iterator<Item = (f64, Estimate)>) -> Middle {
    let (mut line, mut band) = (Vec::new(), Vec::new());
    for (x, Estimate { value, interval }) in estimates {
        line.push((x, value));
        band.extend(interval.map(|(low, high)| (x, low, high)));
    }
    (line, band)
}

/// The share of links to real features over training, where some are fake.
pub fn real_inputs(groups: &Groups, env: usize) -> Result<Vec<Plot>, ReportError> {
    let name = &groups.envs[env];
    let title = format!("{name}: what the policy looks at");
    let axis = Axis::linear("links to real features, %", 5.0);
    let curves = curves(groups, env, |run| {
        let shares = run.over_time(REAL_INPUTS).into_iter();
        shares.map(|(step, share)| (step, 100.0 * share)).collect()
    });
    plots(&format!("real-inputs-{}", slug(name)), &title, [&STEPS, &axis], &curves)
}

/// Returns under increasing values of each shift that was measured.
pub fn robustness(groups: &Groups, env: usize) -> Result<Vec<Plot>, ReportError> {
    let name = &groups.envs[env];
    let runs = || groups.all.iter().flat_map(|group| &group.runs[env]);
    let shifts: BTreeSet<_> =
        runs().flat_map(|run| &run.robustness).map(|row| row.shift.as_str()).collect();
    let of_shift = |shift: &str| {
        let series = |at: usize| {
            let points = |run: &Run| {
                let rows = run.robustness.iter().filter(|row| row.shift == shift);
                rows.map(|row| (row.value, row.mean)).collect::<Vec<_>>()
            };
            let measured = groups.all[at].runs[env].iter().map(points);
            let measured: Vec<_> = measured.filter(|points| !points.is_empty()).collect();
            let (line, band) = middle(&measured);
            let series = of_group(groups, at, env, measured.len());
            Series { dots: measured.into_iter().flatten().collect(), line, band, ..series }
        };
        let series: Vec<_> = (0..groups.all.len()).map(series).collect();
        let (file, title) =
            (format!("{}-{}", slug(shift), slug(name)), format!("{name}: return under {shift}"));
        plots(&file, &title, [&Axis::linear(shift, 0.0), &RETURN], &series)
    };
    let plots = shifts.into_iter().map(of_shift).collect::<Result<Vec<_>, _>>()?;
    Ok(plots.into_iter().flatten().collect())
}

/// For each group the share of runs above a score, over the scores there are.
pub fn profiles(groups: &Groups) -> Result<Vec<Plot>, ReportError> {
    let scores = groups.scores();
    let all = || scores.iter().flatten().flatten().copied();
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let threshold = |at| low + (high - low) * f64::from(at) / f64::from(THRESHOLDS);
    let profile = |(at, scores): (usize, &Scores)| {
        let group = &groups.all[at];
        let share = |x| (x, estimate([scores], |[scores]| share_above(scores, x)));
        let there = (0..=THRESHOLDS).filter(|_| scores.iter().any(|task| !task.is_empty()));
        let (line, band) = along(there.map(threshold).map(share));
        let (name, family) = (groups.pooled_label(group), group.family.clone());
        Series { name, family, baseline: at == groups.baseline(), line, band, ..Series::default() }
    };
    let name = if groups.are_normalised() { "normalised return τ" } else { "return τ" };
    let axes = [&Axis::linear(name, 0.0), &Axis::linear("share of runs above τ", 0.0)];
    let series: Vec<_> = scores.iter().enumerate().map(profile).collect();
    plots("profiles", "performance profiles", axes, &series)
}
