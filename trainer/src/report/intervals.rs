//! Groups side by side: an estimate each with its interval.

use plotters::prelude::*;

use super::draw::{INK, Plot, WIDTH, divided, in_ink, margins, plain};
use super::groups::{Comparison, Groups};
use super::{Estimate, ReportError};

/// Of title and axis.
const FRAME: u32 = 90;
/// Of a group: its label, and its interval under it.
const ROW: u32 = 38;

/// Interquartile mean, optimality gap and probability of improvement.
pub fn of_comparisons(groups: &Groups, all: &[Comparison]) -> Result<Vec<Plot>, ReportError> {
    let families: Vec<_> = groups.all.iter().map(|group| group.family.as_str()).collect();
    let mut colours: Vec<_> = divided(&families, groups.baseline()).into_iter().flatten().collect();
    colours.sort_by_key(|&(group, _)| group);
    let labels: Vec<_> = groups.all.iter().map(|group| groups.pooled_label(group)).collect();
    let of = |name: &str, title: &str, mark, estimate: fn(&Comparison) -> Option<Estimate>| {
        // A group has the same colour in all plots.
        let rows = labels.iter().zip(&colours).zip(all);
        let rows = rows.filter_map(|((label, &(_, colour)), of)| {
            Some((label.as_str(), colour, estimate(of)?))
        });
        let rows = rows.filter(|(.., of)| !of.value.is_nan());
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            return Ok(None);
        }
        match draw(title, mark, &rows) {
            Ok(svg) => Ok(Some(Plot { name: name.into(), title: title.into(), svg })),
            Err(error) => Err(ReportError::Plot { name: name.into(), problem: error.to_string() }),
        }
    };
    let base = &groups.all[groups.baseline()].label;
    let better = format!("probability of improvement on {base}");
    let plots = [
        of("iqm", "interquartile mean of returns", None, |of| Some(of.iqm))?,
        of("optimality-gap", "optimality gap (less is better)", None, |of| Some(of.gap))?,
        of("improvement", &better, Some(0.5), |of| of.better)?,
    ];
    Ok(plots.into_iter().flatten().collect())
}

/// Rows from the top; where there is a mark, all of it is shown too.
fn draw(
    title: &str,
    mark: Option<f64>,
    rows: &[(&str, RGBColor, Estimate)],
) -> Result<String, Box<dyn std::error::Error>> {
    let ends = rows.iter().flat_map(|(.., of)| {
        let (low, high) = of.interval.unwrap_or((of.value, of.value));
        [low, of.value, high]
    });
    let (left, right) = margins(ends.chain(mark), 0.0);
    let count = u32::try_from(rows.len())?;
    let mut svg = String::new();
    {
        let area =
            SVGBackend::with_string(&mut svg, (WIDTH, FRAME + ROW * count)).into_drawing_area();
        let text = ("sans-serif", 14).into_font().color(&INK);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 16).into_font().color(&INK))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(30)
            .build_cartesian_2d(left..right, 0.0..f64::from(count))?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(6)
            .x_label_formatter(&|value| plain(*value))
            .label_style(text.clone())
            .axis_style(INK.mix(0.6))
            .bold_line_style(INK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .draw()?;
        if let Some(mark) = mark {
            let line = vec![(mark, 0.0), (mark, f64::from(count))];
            chart.draw_series([PathElement::new(line, INK.mix(0.6))])?;
        }
        let from_top = (0..count).rev().map(f64::from);
        for (y, (label, colour, of)) in from_top.zip(rows) {
            let (middle, top) = (y + 0.25, y + 0.9);
            let bar = of.interval.map(|(low, high)| {
                let ends = vec![(low, middle), (high, middle)];
                PathElement::new(ends, colour.mix(0.35).stroke_width(9))
            });
            chart.draw_series(bar)?;
            let value = EmptyElement::at((of.value, middle))
                + PathElement::new([(0, -7), (0, 7)], colour.stroke_width(3));
            chart.draw_series([value])?;
            chart.draw_series([Text::new((*label).to_string(), (left, top), text.clone())])?;
        }
        area.present()?;
    }
    Ok(in_ink(&svg))
}
