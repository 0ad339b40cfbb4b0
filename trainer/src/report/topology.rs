//! A policy's topology as a page: which links live, how they are spread over units, and which
//! observations it looks at.

use lacewing_formats::artifact::{LayerView, PolicyView};
use maud::html;

use super::draw::Plot;
use super::page::page;
use super::table::{Table, number, percent};
use super::write::{Part, Section};
use crate::env;

/// Links above zero and below, in colours that nobody confuses (Okabe & Ito).
const SIGNS: [(&str, &str); 2] = [("above zero", "#0072b2"), ("below zero", "#d55e00")];
/// Opacity of the weaker half of a layer's links, and of the stronger.
const STRENGTHS: [f32; 2] = [0.45, 1.0];
/// Width of a picture; its height follows.
const WIDTH: f32 = 560.0;
/// Height of the plot of observations, for each of them.
const BAR: usize = 14;
/// Width of a letter in it.
const LETTER: usize = 7;
/// Most letters of a name, which leave room for the bar.
const LETTERS: usize = 24;

/// A layer's links.
struct Links {
    rows: usize,
    cols: usize,
    /// Row, column and weight of each.
    all: Vec<(usize, usize, f32)>,
}

impl Links {
    fn of(layer: LayerView<'_>) -> Self {
        let links = layer.iter().map(|(row, col, weight)| (row, usize::from(col), weight));
        Self { rows: layer.rows(), cols: layer.cols(), all: links.collect() }
    }

    /// Links into each output.
    fn fan_in(&self) -> Vec<usize> {
        count(self.rows, self.all.iter().map(|&(row, ..)| row))
    }

    /// Links out of each input.
    fn fan_out(&self) -> Vec<usize> {
        count(self.cols, self.all.iter().map(|&(_, col, _)| col))
    }

    /// Magnitude that half of the links reach.
    fn median_magnitude(&self) -> f32 {
        let mut sizes: Vec<_> = self.all.iter().map(|(.., weight)| weight.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        sizes.get(sizes.len() / 2).copied().unwrap_or_default()
    }
}

fn count(places: usize, of: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut counts = vec![0; places];
    of.for_each(|place| counts[place] += 1);
    counts
}

/// Topology, fan-in, fan-out and the observations that a policy looks at, as a page that needs nothing
/// beside it.
pub fn topology_page(view: &PolicyView<'_>) -> String {
    let layers: Vec<_> = view.layers().map(Links::of).collect();
    let from = view.provenance();
    let names = [from.environment, from.algorithm, from.method].map(|name| match name {
        "" => "–",
        name => name,
    });
    let seen = "An output's fan-in is the number of links into it, an input's fan-out that of links out \
                of it: the smallest, the middle one and the largest. Units that no link goes \
                into, and inputs that no link comes from, cost nothing.";
    let picture = "A dot is a link: a column is an input, a row an output, blue above zero, orange below; \
                   pale links are the weaker half of their layer.";
    let looked_at = "Links out of each observation, and its share of the first layer's Σ|w|: what a policy \
                     does not look at has a short bar (Grooten et al. 2023, §5). Fake features, which are \
                     noise, are orange.";
    let pictures = (1..).zip(&layers).flat_map(|(number, layer)| {
        let plot = matrix(number, layer);
        [Part::Text(plot.title.clone()), Part::Plots(vec![plot])]
    });
    let mut sections = vec![
        Section {
            title: "Layers",
            parts: vec![Part::Text(seen.into()), Part::Table(of_layers(&layers))],
        },
        Section {
            title: "Links",
            parts: [Part::Text(picture.into())].into_iter().chain(pictures).collect(),
        },
    ];
    if let Some(first) = layers.first() {
        sections.insert(
            1,
            Section {
                title: "Observations",
                parts: vec![
                    Part::Text(looked_at.into()),
                    Part::Plots(vec![observations(first, &inputs(view, first.cols))]),
                ],
            },
        );
    }
    page(&format!("A policy of {}", names.join(", ")), &sections)
}

fn of_layers(layers: &[Links]) -> Table {
    let spread = |mut counts: Vec<usize>| {
        counts.sort_unstable();
        let ends = [counts.first(), counts.get(counts.len() / 2), counts.last()];
        ends.map(|of| of.map_or_else(String::new, usize::to_string)).join(" / ")
    };
    let without = |counts: &[usize]| counts.iter().filter(|&&count| count == 0).count().to_string();
    let row = |(at, layer): (usize, &Links)| {
        let (fan_in, fan_out) = (layer.fan_in(), layer.fan_out());
        let dense = (layer.rows * layer.cols) as f64;
        vec![
            at.to_string(),
            format!("{} → {}", layer.cols, layer.rows),
            layer.all.len().to_string(),
            percent(1.0 - layer.all.len() as f64 / dense),
            without(&fan_in),
            without(&fan_out),
            spread(fan_in),
            spread(fan_out),
            number(f64::from(layer.median_magnitude())),
        ]
    };
    Table {
        head: vec![
            "layer",
            "units",
            "links",
            "sparsity",
            "outputs without links",
            "inputs without links",
            "fan-in",
            "fan-out",
            "median |w|",
        ],
        rows: (1..).zip(layers).map(row).collect(),
    }
}

/// A layer's links as dots.
fn matrix(number: usize, layer: &Links) -> Plot {
    let median = layer.median_magnitude();
    // One path for each sign and strength: an element for each link would be ten times as long.
    let path = |positive: bool, strong: bool| -> String {
        let chosen = layer.all.iter().filter(|(.., weight)| {
            (*weight > 0.0) == positive && (weight.abs() >= median) == strong
        });
        chosen.map(|(row, col, _)| format!("M{col} {row}h1v1h-1z")).collect()
    };
    let title = format!("Layer {number}: {} inputs to {} outputs", layer.cols, layer.rows);
    let height = WIDTH * layer.rows as f32 / layer.cols as f32;
    // A layer of few inputs is not drawn as high as it is deep.
    let height = height.clamp(60.0, WIDTH);
    let box_ = format!("0 0 {} {}", layer.cols, layer.rows);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox=(box_)
            preserveAspectRatio="none" {
            title { (title) }
            @for ((_, colour), positive) in SIGNS.iter().zip([true, false]) {
                @for (opacity, strong) in STRENGTHS.iter().zip([false, true]) {
                    path fill=(colour) fill-opacity=(opacity) d=(path(positive, strong)) {}
                }
            }
            rect width="100%" height="100%" fill="none" stroke="currentColor"
                vector-effect="non-scaling-stroke" {}
        }
    };
    Plot { name: format!("layer-{number}"), title, svg: svg.into_string() }
}

/// An observation: its name, or its number, and whether it is fake.
struct Seen {
    name: String,
    fake: bool,
}

/// The observations of a policy, by the names of its contract where there are some.
fn inputs(view: &PolicyView<'_>, count: usize) -> Vec<Seen> {
    let wrap = env::parts(view.provenance().environment).map(|(_, wrap)| wrap);
    let real = wrap.ok().and_then(|wrap| wrap.real_features(count));
    let fake = |at: usize| real.as_ref().is_some_and(|real| !real[at]);
    let contract = view.contract();
    let frames = contract.map_or(1, |contract| contract.history());
    let sensors: Vec<_> = contract.iter().flat_map(|contract| contract.observations()).collect();
    let name = |at: usize| {
        let (frame, within) = (at / (count / frames), at % (count / frames));
        let named = sensors.get(within).map(|sensor| sensor.name).filter(|name| !name.is_empty());
        let name =
            named.map_or_else(|| at.to_string(), |name| name.chars().take(LETTERS).collect());
        match (named, frames - 1 - frame) {
            (Some(_), ago) if ago > 0 => format!("{name} −{ago}"),
            _ => name,
        }
    };
    (0..count).map(|at| Seen { name: name(at), fake: fake(at) }).collect()
}

/// A bar for each observation.
fn observations(first: &Links, seen: &[Seen]) -> Plot {
    let links = first.fan_out();
    let mut weights = vec![0.0_f32; first.cols];
    first.all.iter().for_each(|(_, col, weight)| weights[*col] += weight.abs());
    let sum = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let most = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let letters = seen.iter().map(|seen| seen.name.chars().count()).max().unwrap_or(0);
    let left = LETTER * letters.max(3) + 9;
    // What is behind the bar takes the rest.
    let longest = WIDTH - left as f32 - 160.0;
    let title = "Observations that the policy looks at".to_string();
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(BAR * first.cols)
            viewBox=(format!("0 0 {WIDTH} {}", BAR * first.cols)) font-size="11" fill="currentColor" {
            title { (title) }
            @for (at, ((weight, links), seen)) in weights.iter().zip(&links).zip(seen).enumerate() {
                text x=(left - 6) y=(BAR * at + 11) text-anchor="end" { (seen.name) }
                rect x=(left) y=(BAR * at + 2) width=(longest * weight / most) height=(BAR - 4)
                    fill=(SIGNS[usize::from(seen.fake)].1) {}
                text x=(left as f32 + 6.0 + longest * weight / most) y=(BAR * at + 11) {
                    (format!("{links} links, {}", percent(f64::from(weight / sum))))
                    @if seen.fake { ", fake" }
                }
            }
        }
    };
    Plot { name: "observations".into(), title, svg: svg.into_string() }
}
