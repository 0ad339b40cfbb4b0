//! Latency against sparsity, with the sparsity below which a layer runs dense.

use super::ffi::Outcome;
use super::network::{self, SPARSITIES};
use super::report::{self, Measured, PACKED};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::kernels::act::{Kernel, Links};
use plotters::prelude::*;
use std::path::Path;

/// The layer whose crossover is marked: where both networks spend their time.
const HIDDEN: [usize; 2] = [256, 256];

/// Pixels from one line's name to the next.
const NAME_HEIGHT: i32 = 16;

/// Colours of lines, in the order of runtimes (Okabe and Ito's, which nobody confuses, and greys).
const COLOURS: [RGBColor; 15] = [
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(240, 130, 60),
    RGBColor(224, 160, 190),
    RGBColor(110, 110, 110),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(120, 94, 240),
    RGBColor(160, 160, 60),
    RGBColor(120, 120, 0),
    RGBColor(140, 86, 75),
    RGBColor(60, 60, 180),
];

/// The least sparsity, in percent, from which the best kernel runs the hidden layer sparse.
fn crossover() -> Outcome<Option<u32>> {
    let kernel = Kernel::best();
    for percent in 0..100 {
        let file = network::policy(&HIDDEN, percent, Structure::Unstructured);
        let file = file.write(Encoding::PLAIN)?;
        let view = PolicyView::parse(&file)?;
        let layer = view.layers().next().ok_or("a policy has layers")?;
        let dense = (layer.rows() * layer.cols()) as f32;
        if kernel.plans(&Links::new(&layer, None), true).any(|plan| kernel.cost(&plan) < dense) {
            return Ok(Some(percent));
        }
    }
    Ok(None)
}

/// Draws one network's warm times, each line with its name at its end.
pub fn draw(measured: &Measured, network: &str, path: &Path) -> Outcome<()> {
    let line = |runtime: &str| -> Vec<(f64, f64)> {
        let at = |&percent: &u32| {
            let (warm, _) = measured.get(network, runtime, percent)?;
            Some((f64::from(percent), warm / 1000.0))
        };
        SPARSITIES.iter().filter_map(at).collect()
    };
    // Of kernels other than the best, how they run sparse is enough.
    let best = report::ours("", Kernel::best().name);
    let shown = |runtime: &&str| {
        !runtime.starts_with("lacewing") || runtime.starts_with(&best) || runtime.ends_with(PACKED)
    };
    let lines: Vec<_> =
        measured.runtimes(network).filter(shown).map(|runtime| (runtime, line(runtime))).collect();
    let times = || lines.iter().flat_map(|(_, line)| line).map(|&(_, time)| time);
    let (low, high) = (times().fold(f64::MAX, f64::min) * 0.8, times().fold(0.0, f64::max) * 1.25);
    if low > high {
        return Ok(()); // Nothing of this network was measured.
    }

    let area = SVGBackend::new(path, (960, 600)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{network}, batch 1, one core, caches warm"), ("sans-serif", 18))
        .margin(12)
        .margin_right(230)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..100.0, (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("links pruned, %")
        .y_desc("µs a step (median)")
        .x_label_formatter(&|percent| format!("{percent:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let mut names = Vec::new();
    for ((runtime, line), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let width = if runtime.starts_with("lacewing") { 3 } else { 1 };
        let style = ShapeStyle { color: (*colour).into(), filled: true, stroke_width: width };
        chart.draw_series(LineSeries::new(line.iter().copied(), style).point_size(3))?;
        let end = line.last().copied().unwrap_or_default();
        names.push((chart.backend_coord(&end).1, *runtime, *colour));
    }
    if let Some(percent) = crossover()? {
        let x = f64::from(percent);
        let ends = [(x, low), (x, high)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 4, BLACK.stroke_width(1)))?;
        let (x, y) = chart.backend_coord(&(x, high));
        let text = format!("dense | 256 × 256 layers sparse from {percent} % on");
        area.draw(&Text::new(text, (x - 38, y + 6), ("sans-serif", 12)))?;
    }
    names.sort_by_key(|&(y, ..)| y);
    let (right, bottom) = chart.backend_coord(&(100.0, low));
    let mut free = bottom - NAME_HEIGHT * names.len() as i32;
    let mut above = i32::MIN;
    for (y, runtime, colour) in names {
        // Not on the name above, and with room for all below.
        above = y.min(free).max(above + NAME_HEIGHT);
        free += NAME_HEIGHT;
        let style = ("sans-serif", 13).into_font().color(&colour);
        area.draw(&Text::new(runtime, (right + 8, above - NAME_HEIGHT / 2), style))?;
    }
    area.present()?;
    Ok(())
}
