//! The plots of a report, as SVG that reads on light and on dark ground.

use std::collections::BTreeSet;

use plotters::prelude::*;

use super::groups::{Group, Groups, estimate};
use super::runs::{REAL_INPUTS, Run};
use super::statistics::{Aggregate, Scores, mean, share_above};
use super::table::short;
use super::{Estimate, ReportError};

/// Okabe and Ito's colours, which nobody confuses, but for those that vanish on white or on black.
pub(super) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(127, 127, 127),
];

/// Stands for the colour of text, whatever that is where the plot is shown.
pub(super) const INK: RGBColor = RGBColor(1, 2, 3);
const INK_IN_SVG: &str = "#010203";

/// Small enough that its words can be read on a phone.
pub(super) const WIDTH: u32 = 560;
const HEIGHT: u32 = 360;
const LEGEND_LINE: u32 = 20;
/// Letters for which a line of the legend has room.
const LETTERS: usize = 58;

/// Thresholds of a performance profile.
const THRESHOLDS: u32 = 100;

/// A plot, for the page and as a file.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Of its file, without `.svg`.
    pub name: String,
    /// What it shows.
    pub title: String,
    pub svg: String,
}

/// What is drawn of a group.
#[derive(Default)]
struct Series {
    name: String,
    /// One for each run.
    dots: Vec<(f64, f64)>,
    /// One for each run.
    thin: Vec<Vec<(f64, f64)>>,
    line: Vec<(f64, f64)>,
    /// Lower and upper ends along x.
    band: Vec<(f64, f64, f64)>,
}

/// An axis: its name, how its numbers are shown, and the least that it spans, lest a difference of
/// nothing looks like one.
struct Axis<'n> {
    name: &'n str,
    show: fn(f64) -> String,
    least: f64,
}

const RETURN: Axis<'_> = Axis { name: "return", show: plain, least: 0.0 };
const STEPS: Axis<'_> = Axis { name: "environment steps", show: short, least: 0.0 };
const SPARSITY: Axis<'_> = Axis { name: "links of the policy pruned, %", show: plain, least: 5.0 };
const LINKS: Axis<'_> = Axis {
    name: "links of the policy (logarithmic)",
    show: |log| short(10_f64.powf(log)),
    least: 0.3,
};

pub(super) fn plain(value: f64) -> String {
    // Rounded, since steps of an axis add up to 0.30000000000000004.
    ((value * 1e6).round() / 1e6).to_string()
}

/// Returns against sparsity, against links, and over training, for each environment.
pub fn of_environment(groups: &Groups, env: usize) -> Result<[Option<Plot>; 3], ReportError> {
    let name = &groups.envs[env];
    let against = |file: &str, title: &str, x: &Axis<'_>, place: &dyn Fn(&Run) -> Option<f64>| {
        let series = against(groups, env, place);
        plot(format!("{file}-{}", slug(name)), format!("{name}: {title}"), [x, &RETURN], &series)
    };
    let sparsity = |run: &Run| run.sparsity().map(|share| 100.0 * share);
    let links = |run: &Run| run.figure("policy_links").map(f64::log10);
    let curves = curves(groups, env, |run| run.evaluations.clone());
    let title = format!("{name}: learning curves");
    Ok([
        against("sparsity", "return against sparsity", &SPARSITY, &sparsity)?,
        against("parameters", "return against parameters", &LINKS, &links)?,
        plot(format!("learning-{}", slug(name)), title, [&STEPS, &RETURN], &curves)?,
    ])
}

/// A dot for each run; for each family a line through its groups' interquartile means.
fn against(groups: &Groups, env: usize, x: &dyn Fn(&Run) -> Option<f64>) -> Vec<Series> {
    let mut families: Vec<Series> = Vec::new();
    for group in &groups.all {
        let runs = &group.runs[env];
        // Runs whose logs do not have it count neither as dots nor in the line.
        let dots = runs.iter().filter_map(|run| Some((x(run)?, run.score())));
        let (places, scores): (Vec<_>, Vec<_>) = dots.clone().unzip();
        if places.is_empty() {
            continue;
        }
        let known = families.iter().position(|series| series.name == group.family);
        let at = known.unwrap_or_else(|| {
            families.push(Series { name: group.family.clone(), ..Series::default() });
            families.len() - 1
        });
        families[at].dots.extend(dots);
        families[at].line.push((mean(&places), Aggregate::Iqm.of(&[scores])));
    }
    for series in &mut families {
        series.line.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    families
}

/// For each group a thin line a run; the mean with its 95 % interval at the steps that all its runs have.
fn curves(groups: &Groups, env: usize, of: impl Fn(&Run) -> Vec<(u64, f64)>) -> Vec<Series> {
    let curve = |group: &Group| {
        let points = |run: &Run| {
            of(run).into_iter().map(|(step, figure)| (step as f64, figure)).collect::<Vec<_>>()
        };
        let thin: Vec<_> = group.runs[env].iter().map(points).collect();
        let (line, band) = middle(&thin);
        Series { name: group.label.clone(), thin, line, band, ..Series::default() }
    };
    groups.all.iter().map(curve).collect()
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
        let Estimate { value, interval: (low, high) } =
            estimate([&[figures]], |[figures]| mean(&figures[0]));
        ((here[0].0, value), (here[0].0, low, high))
    };
    shared.map(at).unzip()
}

/// The share of links to real features over training, where some are fake.
pub fn real_inputs(groups: &Groups, env: usize) -> Result<Option<Plot>, ReportError> {
    let name = &groups.envs[env];
    let title = format!("{name}: what the policy looks at");
    let axis = Axis { name: "links to real features, %", show: plain, least: 5.0 };
    let curves = curves(groups, env, |run| {
        let shares = run.over_time(REAL_INPUTS).into_iter();
        shares.map(|(step, share)| (step, 100.0 * share)).collect()
    });
    plot(format!("real-inputs-{}", slug(name)), title, [&STEPS, &axis], &curves)
}

/// Returns under increasing values of each shift that was measured.
pub fn robustness(groups: &Groups, env: usize) -> Result<Vec<Plot>, ReportError> {
    let name = &groups.envs[env];
    let runs = || groups.all.iter().flat_map(|group| &group.runs[env]);
    let shifts: BTreeSet<_> =
        runs().flat_map(|run| &run.robustness).map(|row| row.shift.as_str()).collect();
    let of_shift = |shift: &str| {
        let of_group = |group: &Group| {
            let points = |run: &Run| {
                let rows = run.robustness.iter().filter(|row| row.shift == shift);
                rows.map(|row| (row.value, row.mean)).collect::<Vec<_>>()
            };
            let runs: Vec<_> = group.runs[env].iter().map(points).collect();
            let (line, band) = middle(&runs);
            let dots = runs.into_iter().flatten().collect();
            Series { name: group.label.clone(), dots, line, band, ..Series::default() }
        };
        let series: Vec<_> = groups.all.iter().map(of_group).collect();
        let x = Axis { name: shift, show: plain, least: 0.0 };
        let title = format!("{name}: return under {shift}");
        plot(format!("{}-{}", slug(shift), slug(name)), title, [&x, &RETURN], &series)
    };
    shifts.into_iter().filter_map(|shift| of_shift(shift).transpose()).collect()
}

/// For each group the share of runs above a score, over the scores there are.
pub fn profiles(groups: &Groups) -> Result<Option<Plot>, ReportError> {
    let scores = groups.scores();
    let all = || scores.iter().flatten().flatten().copied();
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let threshold = |at| low + (high - low) * f64::from(at) / f64::from(THRESHOLDS);
    let profile = |(group, scores): (&Group, &Scores)| {
        let mut series = Series { name: group.label.clone(), ..Series::default() };
        if scores.iter().all(Vec::is_empty) {
            return series;
        }
        for at in 0..=THRESHOLDS {
            let x = threshold(at);
            let Estimate { value, interval: (low, high) } =
                estimate([scores], |[scores]| share_above(scores, x));
            series.line.push((x, value));
            series.band.push((x, low, high));
        }
        series
    };
    let name = if groups.are_normalised() { "normalised return τ" } else { "return τ" };
    let axes = [
        &Axis { name, show: plain, least: 0.0 },
        &Axis { name: "share of runs above τ", show: plain, least: 0.0 },
    ];
    let series: Vec<_> = groups.all.iter().zip(&scores).map(profile).collect();
    plot("profiles".into(), "performance profiles".into(), axes, &series)
}

/// None where there is nothing to draw.
fn plot(
    name: String,
    title: String,
    axes: [&Axis<'_>; 2],
    series: &[Series],
) -> Result<Option<Plot>, ReportError> {
    let series: Vec<_> = series.iter().filter(|series| !series.line.is_empty()).collect();
    if series.is_empty() {
        return Ok(None);
    }
    match draw(&title, axes, &series) {
        Ok(svg) => Ok(Some(Plot { name, title, svg })),
        Err(error) => Err(ReportError::Plot { name, problem: error.to_string() }),
    }
}

fn draw(
    title: &str,
    [x, y]: [&Axis<'_>; 2],
    series: &[&Series],
) -> Result<String, Box<dyn std::error::Error>> {
    let points = || {
        series.iter().flat_map(|series| {
            let lines = series.thin.iter().flatten().chain(&series.line).chain(&series.dots);
            let ends = series.band.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]);
            lines.copied().chain(ends)
        })
    };
    let (left, right) = margins(points().map(|(x, _)| x), x.least);
    let (bottom, top) = margins(points().map(|(_, y)| y), y.least);
    let mut svg = String::new();
    {
        let names: Vec<_> = series.iter().map(|series| wrapped(&series.name)).collect();
        let lines: usize = names.iter().map(Vec::len).sum();
        let height = HEIGHT + LEGEND_LINE * u32::try_from(lines)?;
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let (upper, legend) = area.split_vertically(HEIGHT);
        let text = ("sans-serif", 14).into_font().color(&INK);
        let mut chart = ChartBuilder::on(&upper)
            .caption(title, ("sans-serif", 16).into_font().color(&INK))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(left..right, bottom..top)?;
        chart
            .configure_mesh()
            .x_desc(x.name)
            .y_desc(y.name)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|value| (x.show)(*value))
            .y_label_formatter(&|value| (y.show)(*value))
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .axis_style(INK.mix(0.6))
            .bold_line_style(INK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .draw()?;
        let coloured = || series.iter().zip(COLOURS.iter().cycle());
        // From what covers the most to what matters the most.
        for (series, colour) in coloured() {
            let lower = series.band.iter().map(|&(x, low, _)| (x, low));
            let upper = series.band.iter().rev().map(|&(x, _, high)| (x, high));
            let band: Vec<_> = lower.chain(upper).collect();
            chart.draw_series([Polygon::new(band, colour.mix(0.15).filled())])?;
        }
        for (series, colour) in coloured() {
            for line in &series.thin {
                let style = colour.mix(0.45).stroke_width(1);
                chart.draw_series(LineSeries::new(line.iter().copied(), style))?;
            }
            let dots = series.dots.iter();
            chart.draw_series(dots.map(|&dot| Circle::new(dot, 4, colour.mix(0.7).filled())))?;
        }
        let mut middle = 8;
        for (at, (series, colour)) in coloured().enumerate() {
            let style = colour.stroke_width(2);
            // A group alone in its family has a line too.
            let here = series.line.iter().filter(|_| !series.dots.is_empty());
            let tick =
                |&place| EmptyElement::at(place) + PathElement::new([(-9, 0), (9, 0)], style);
            chart.draw_series(here.map(tick))?;
            let line = series.line.iter().copied();
            // Where colours come again, lines are dashed.
            let samples = if at < COLOURS.len() {
                chart.draw_series(LineSeries::new(line, style))?;
                vec![(72, 100)]
            } else {
                chart.draw_series(DashedLineSeries::new(line, 7, 4, style))?;
                vec![(72, 83), (89, 100)]
            };
            for (from, to) in samples {
                legend.draw(&PathElement::new([(from, middle), (to, middle)], style))?;
            }
            for name in &names[at] {
                legend.draw(&Text::new(name.clone(), (110, middle - 8), text.clone()))?;
                middle += i32::try_from(LEGEND_LINE)?;
            }
        }
        area.present()?;
    }
    Ok(in_ink(&svg))
}

/// In the colour that text has where it is shown.
pub(super) fn in_ink(svg: &str) -> String {
    svg.replace(INK_IN_SVG, "currentColor")
}

/// A name in as many lines as it takes.
fn wrapped(name: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in name.split(' ') {
        let line = lines.last_mut().filter(|line| line.len() + word.len() < LETTERS);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.to_string()),
        }
    }
    lines
}

/// A little more than the values take, which is at least so much.
pub(super) fn margins(values: impl Iterator<Item = f64>, least: f64) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let lacking = (least - (high - low)).max(0.0) / 2.0;
    let more = match 0.04 * (high - low) + lacking {
        // A single value is in the middle.
        0.0 => 0.04 * low.abs().max(1.0),
        more => more,
    };
    (low - more, high + more)
}

/// Fit for a file's name.
fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
