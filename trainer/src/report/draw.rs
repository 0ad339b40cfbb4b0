//! Draws series of points as SVG that reads on light and on dark ground.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::ReportError;
use super::table::short;

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
/// Of the width, between series with intervals at the same place.
const ASIDE: f64 = 0.012;

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
pub(super) struct Series {
    /// In the legend.
    pub name: String,
    /// Series of a family stay together where there are too many for one plot.
    pub family: String,
    /// What the others are compared with: it is in every plot.
    pub baseline: bool,
    /// Runs by themselves.
    pub dots: Vec<(f64, f64)>,
    /// Runs by themselves, over time.
    pub thin: Vec<Vec<(f64, f64)>>,
    pub line: Vec<(f64, f64)>,
    /// Lower and upper ends along x, of the whole line.
    pub band: Vec<(f64, f64, f64)>,
    /// Lower and upper ends at single places.
    pub bars: Vec<(f64, f64, f64)>,
}

impl Series {
    fn is_shown(&self) -> bool {
        !self.line.is_empty() || !self.dots.is_empty() || !self.thin.is_empty()
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let lines = self.thin.iter().flatten().chain(&self.line).chain(&self.dots);
        let ends = self.band.iter().chain(&self.bars);
        let ends = ends.flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        lines.copied().chain(ends)
    }
}

/// An axis: its name, how its numbers are shown, where, and the least that it spans, lest a difference of
/// nothing looks like one.
pub(super) struct Axis<'n> {
    pub name: &'n str,
    pub show: fn(f64) -> String,
    pub ticks: fn(Range<f64>) -> Vec<f64>,
    pub least: f64,
}

impl<'n> Axis<'n> {
    /// Of numbers as they are.
    pub const fn linear(name: &'n str, least: f64) -> Self {
        Self { name, show: plain, ticks: even, least }
    }

    fn over(&self, range: Range<f64>) -> Ticked {
        Ticked { ticks: (self.ticks)(range.clone()), range: range.into() }
    }
}

/// A range with its own ticks; the library's type for that cannot be labelled.
struct Ticked {
    range: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

pub(super) const RETURN: Axis<'_> = Axis::linear("return", 0.0);
pub(super) const STEPS: Axis<'_> =
    Axis { name: "environment steps", show: short, ticks: even, least: 0.0 };
/// Of [`sparsity_place`]: a tenth of the links takes the same way anywhere.
pub(super) const SPARSITY: Axis<'_> = Axis {
    name: "links of the policy pruned, % (those left: logarithmic)",
    show: |place| plain((1e4 * (1.0 - 10_f64.powf(-place))).round() / 100.0),
    ticks: |range| {
        let shares = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];
        shares.map(sparsity_place).into_iter().filter(|place| range.contains(place)).collect()
    },
    least: 0.7,
};
pub(super) const LINKS: Axis<'_> = Axis {
    name: "links of the policy (logarithmic)",
    show: |log| short(10_f64.powf(log)),
    ticks: |range| {
        let decades = range.start.floor() as i32..=range.end.ceil() as i32;
        let marks =
            decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|x: f64| x.log10() + f64::from(decade)));
        marks.filter(|place| range.contains(place)).collect()
    },
    least: 0.7,
};

fn even(range: Range<f64>) -> Vec<f64> {
    RangedCoordf64::from(range).key_points(6)
}

/// Where a share of pruned links is on the axis of sparsity; endless where none is left.
pub(super) fn sparsity_place(pruned: f64) -> f64 {
    // The sum makes 0 of what would be shown as -0.
    0.0 - (1.0 - pruned).log10()
}

pub(super) fn plain(value: f64) -> String {
    // Rounded, since steps of an axis add up to 0.30000000000000004.
    ((value * 1e6).round() / 1e6).to_string()
}

/// Which of some series go into the same plot, and their colours, which no plot has twice: where there are
/// more series than colours, families are kept together as well as they fit. The baseline is grey then, and
/// comes in its own plot only.
pub(super) fn divided(families: &[&str], baseline: usize) -> Vec<Vec<(usize, RGBColor)>> {
    if families.len() <= COLOURS.len() {
        return vec![(0..families.len()).zip(COLOURS).collect()];
    }
    let (grey, colours) = COLOURS.split_last().expect("there are colours");
    let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
    for (first, family) in families.iter().enumerate() {
        if families[..first].contains(family) {
            continue;
        }
        let all: Vec<_> = (first..families.len()).filter(|&at| families[at] == *family).collect();
        for some in all.chunks(colours.len()) {
            if parts[parts.len() - 1].len() + some.len() > colours.len() {
                parts.push(Vec::new());
            }
            parts.last_mut().expect("there is one").extend(some);
        }
    }
    let coloured = |part: Vec<usize>| {
        let colour =
            |(at, colour): (usize, &RGBColor)| (at, if at == baseline { *grey } else { *colour });
        part.into_iter().zip(colours).map(colour).collect()
    };
    parts.into_iter().map(coloured).collect()
}

/// As many plots as it takes, of the same axes; none where there is nothing to draw.
pub(super) fn plots(
    name: &str,
    title: &str,
    [x, y]: [&Axis<'_>; 2],
    series: &[Series],
) -> Result<Vec<Plot>, ReportError> {
    let points = || series.iter().flat_map(Series::points);
    let (left, right) = margins(points().map(|(x, _)| x), x.least);
    // As far as series are drawn aside.
    let more = if series.iter().any(|series| !series.bars.is_empty()) { 3.0 * ASIDE } else { 0.0 };
    let more = more * (right - left);
    let ranges = [(left - more, right + more), margins(points().map(|(_, y)| y), y.least)];
    let families: Vec<_> = series.iter().map(|series| series.family.as_str()).collect();
    let baseline = series.iter().position(|series| series.baseline);
    let mut parts = divided(&families, baseline.unwrap_or(0));
    parts.retain(|part| part.iter().any(|&(at, _)| series[at].is_shown()));
    let count = parts.len();
    let draw = |(number, mut part): (usize, Vec<(usize, RGBColor)>)| {
        if let Some(at) = baseline.filter(|base| part.iter().all(|(at, _)| at != base)) {
            part.insert(0, (at, COLOURS[COLOURS.len() - 1]));
        }
        let shown = part.into_iter().map(|(at, colour)| (&series[at], colour));
        let shown: Vec<_> = shown.filter(|(series, _)| series.is_shown()).collect();
        let (name, title) = match count {
            1 => (name.to_string(), title.to_string()),
            _ => (format!("{name}-{number}"), format!("{title} ({number} of {count})")),
        };
        match draw(&title, [x, y], &ranges, &shown) {
            Ok(svg) => Ok(Plot { name, title, svg }),
            Err(error) => Err(ReportError::Plot { name, problem: error.to_string() }),
        }
    };
    (1..).zip(parts).map(draw).collect()
}

fn draw(
    title: &str,
    [x, y]: [&Axis<'_>; 2],
    &[(left, right), (bottom, top)]: &[(f64, f64); 2],
    series: &[(&Series, RGBColor)],
) -> Result<String, Box<dyn std::error::Error>> {
    let count = series.len();
    let mut svg = String::new();
    {
        let names: Vec<_> = series.iter().map(|(series, _)| wrapped(&series.name)).collect();
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
            .build_cartesian_2d(x.over(left..right), y.over(bottom..top))?;
        chart
            .configure_mesh()
            .x_desc(x.name)
            .y_desc(y.name)
            .x_label_formatter(&|value| (x.show)(*value))
            .y_label_formatter(&|value| (y.show)(*value))
            .label_style(text.clone())
            .axis_desc_style(text.clone())
            .axis_style(INK.mix(0.6))
            .bold_line_style(INK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .draw()?;
        // A little aside, lest intervals at the same place hide each other.
        let aside = |at: usize, series: &Series| match series.bars.is_empty() {
            true => 0.0,
            false => (at as f64 - (count - 1) as f64 / 2.0) * ASIDE * (right - left),
        };
        // From what covers the most to what matters the most.
        for (series, colour) in series {
            let lower = series.band.iter().map(|&(x, low, _)| (x, low));
            let upper = series.band.iter().rev().map(|&(x, _, high)| (x, high));
            let band: Vec<_> = lower.chain(upper).collect();
            chart.draw_series([Polygon::new(band, colour.mix(0.15).filled())])?;
        }
        for (at, (series, colour)) in series.iter().enumerate() {
            for line in &series.thin {
                let style = colour.mix(0.45).stroke_width(1);
                chart.draw_series(LineSeries::new(line.iter().copied(), style))?;
            }
            let place = |&(x, y): &(f64, f64)| (x + aside(at, series), y);
            let dots = series.dots.iter().map(place);
            chart.draw_series(dots.map(|dot| Circle::new(dot, 4, colour.mix(0.7).filled())))?;
        }
        let mut middle = 8;
        for (at, (series, colour)) in series.iter().enumerate() {
            let style = colour.stroke_width(2);
            let place = |&(x, y): &(f64, f64)| (x + aside(at, series), y);
            // A group alone in its family has a line too.
            let placed = !series.dots.is_empty() || !series.bars.is_empty();
            let here = series.line.iter().filter(|_| placed);
            let tick =
                |point| EmptyElement::at(place(point)) + PathElement::new([(-9, 0), (9, 0)], style);
            chart.draw_series(here.map(tick))?;
            let bar = |&(x, low, high): &(f64, f64, f64)| {
                PathElement::new([place(&(x, low)), place(&(x, high))], style)
            };
            chart.draw_series(series.bars.iter().map(bar))?;
            chart.draw_series(LineSeries::new(series.line.iter().map(place), style))?;
            legend.draw(&PathElement::new([(72, middle), (100, middle)], style))?;
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
pub(super) fn slug(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}
