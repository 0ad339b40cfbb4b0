//! What a report says, in order, and its files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::draw::Plot;
use super::groups::Groups;
use super::intervals;
use super::measured::{self, SEEN, SHIFTS};
use super::page;
use super::plots;
use super::runs::{AT_THE_END, Found, OF_THE_LAST_TENTH};
use super::statistics::RESAMPLES;
use super::table::{Table, number};
use super::tables;
use super::{Latencies, ReportError};
use crate::lab::files;
use crate::lab::policy::PROGRAM;

const MARKDOWN: &str = "report.md";

/// Makes a plot that is a file of its own follow its reader's light or dark.
const ALONE: &str =
    "><style>svg{color:#1c1e21}@media(prefers-color-scheme:dark){svg{color:#dfe2e6}}</style>";

/// A section of the report.
pub(super) struct Section {
    pub title: &'static str,
    pub parts: Vec<Part>,
}

pub(super) enum Part {
    Text(String),
    Table(Table),
    Plots(Vec<Plot>),
}

/// Writes `report.html`, `report.md`, the figures as CSV and the plots into a folder, which it makes: first
/// the page, which needs none of the others. Of an earlier report there, plots and figures that this one
/// has not go; all other files stay.
///
/// # Errors
/// [`ReportError`] if a plot cannot be drawn or a file not be written.
pub fn write(
    out: &Path,
    groups: &Groups,
    found: &Found,
    latencies: &Latencies,
) -> Result<(), ReportError> {
    let sections = sections(groups, found, latencies)?;
    let title = format!("Lacewing: {}", groups.envs.join(", "));
    let markdown = markdown(&title, &sections);
    let mut files = vec![
        ("report.html".to_string(), page::page(&title, &sections).into_bytes()),
        (MARKDOWN.to_string(), markdown.clone().into_bytes()),
        ("scores.csv".to_string(), scores(groups)?),
    ];
    for name in figures_of(&markdown) {
        let csv = if name == SHIFTS { measured::shifts_csv } else { measured::real_inputs_csv };
        files.push((name.to_string(), csv(groups)?));
    }
    for part in sections.iter().flat_map(|section| &section.parts) {
        let Part::Plots(plots) = part else { continue };
        let svg = |plot: &Plot| plot.svg.replacen('>', ALONE, 1).into_bytes();
        files.extend(plots.iter().map(|plot| (format!("{}.svg", plot.name), svg(plot))));
    }
    files::create_folder(out)?;
    let earlier = fs::read_to_string(out.join(MARKDOWN)).unwrap_or_default();
    let mut stale: BTreeSet<_> = plots_of(&earlier).chain(figures_of(&earlier)).collect();
    for (name, bytes) in &files {
        files::write_atomic(&out.join(name), bytes)?;
        stale.remove(name.as_str());
    }
    // One that cannot be removed takes room and is in no page.
    stale.iter().for_each(|name| drop(fs::remove_file(out.join(name))));
    Ok(())
}

/// Further files of figures that a report's Markdown names.
fn figures_of(markdown: &str) -> impl Iterator<Item = &str> {
    [SEEN, SHIFTS].into_iter().filter(|name| markdown.contains(&all_digits(name)))
}

fn all_digits(name: &str) -> String {
    format!("All digits are in {name}.")
}

/// Files of the plots in a report's Markdown.
fn plots_of(markdown: &str) -> impl Iterator<Item = &str> {
    let images = markdown.lines().filter(|line| line.starts_with("!["));
    let names = images.filter_map(|line| line.rsplit_once("](")?.1.strip_suffix(')'));
    names.filter(|name| name.ends_with(".svg") && !name.contains(['/', '\\']))
}

fn sections(
    groups: &Groups,
    found: &Found,
    latencies: &Latencies,
) -> Result<Vec<Section>, ReportError> {
    let (mut sparsity, mut parameters, mut learning) = (Vec::new(), Vec::new(), Vec::new());
    for env in 0..groups.envs.len() {
        let [of_sparsity, of_parameters, of_learning] = plots::of_environment(groups, env)?;
        sparsity.extend(of_sparsity);
        parameters.extend(of_parameters);
        learning.extend(of_learning);
    }
    let (mut robustness, mut looked_at) = (Vec::new(), Vec::new());
    for env in 0..groups.envs.len() {
        robustness.extend(plots::robustness(groups, env)?);
        looked_at.extend(plots::real_inputs(groups, env)?);
    }
    let compared = groups.compare();
    let mut side_by_side = intervals::of_comparisons(groups, &compared)?;
    side_by_side.extend(plots::profiles(groups)?);
    let over_all = plots::over_environments(groups, &compared)?;
    sparsity.splice(0..0, over_all);
    let dots = "A dot is a run, a dash a group's interquartile mean with its 95 % interval by stratified \
                bootstrap; lines join groups that differ in nothing but how sparse they are. Groups at the \
                same place are drawn a little beside each other.";
    let mut sections = vec![
        Section { title: "What was run", parts: what_was_run(groups, found) },
        Section { title: "Groups", parts: of_groups(groups, latencies) },
        of_plots(
            "Return against sparsity",
            &format!(
                "{dots} small-dense is at the sparsity it is to be compared with.{}",
                over(groups)
            ),
            sparsity,
        ),
        of_plots("Return against parameters", dots, parameters),
        of_plots(
            "Learning curves",
            "Thin lines are runs, bold ones means with their 95 % intervals by bootstrap over seeds, at the \
             steps that all runs of the group have.",
            learning,
        ),
        Section {
            title: "Comparison",
            parts: how_compared(groups)
                .into_iter()
                .chain([
                    Part::Table(tables::comparisons(groups, &compared)),
                    Part::Plots(side_by_side),
                ])
                .collect(),
        },
    ];
    if !looked_at.is_empty() {
        let text = "Share of the policy's links to observations that go to real features; the others go to \
                    fake ones, which are noise (Grooten et al. 2023). The table has means over the runs.";
        let table = measured::real_inputs(groups);
        sections.push(of_measured("What policies look at", text, looked_at, table, SEEN));
    }
    if !robustness.is_empty() {
        let text = "Returns of the finished policies where the world is another, measured by `lacewing \
                    robustness`. A dot is a run, lines are means with their 95 % intervals by bootstrap over \
                    seeds, at the values that all runs measured have. The share is that of the same runs' \
                    mean return in the world as it is, where that was measured and is above zero.";
        let table = measured::shifts(groups);
        sections.push(of_measured("Robustness", text, robustness, table, SHIFTS));
    }
    sections.push(Section { title: "Every run", parts: vec![Part::Table(tables::runs(groups))] });
    Ok(sections)
}

fn what_was_run(groups: &Groups, found: &Found) -> Vec<Part> {
    let list = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names.join(", ")
    };
    let of = |what: &dyn Fn(&super::Run) -> String| list(found.runs.iter().map(what).collect());
    let mut seeds: Vec<_> = found.runs.iter().map(|run| run.config.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
    let mut parts = vec![
        Part::Text(format!(
            "Finished runs: {}, groups: {}. Environments: {}. Algorithms: {}. Methods: {}. Seeds: {}. Steps: \
             {}.",
            found.runs.len(),
            groups.all.len(),
            groups.envs.join(", "),
            of(&|run| run.config.algorithm.name().into()),
            of(&|run| run.config.method_name()),
            seeds.join(", "),
            of(&|run| run.config.steps.to_string()),
        )),
        Part::Text(format!(
            "The return of a run is the mean of the last 10 % of its evaluations, one at least. Runs of a \
             group differ in the seed only. Intervals are the middle 95 % of {RESAMPLES} resamples of the \
             runs (stratified bootstrap, Agarwal et al. 2021); where there is one run an environment, there is none. Reported by {PROGRAM}."
        )),
    ];
    if !found.left_out.is_empty() {
        let told = found.told().into_iter();
        let named: Vec<_> = told.map(|(runs, state)| format!("{runs} ({state})")).collect();
        parts.push(Part::Text(format!("Left out: {}.", named.join(", "))));
    }
    parts
}

fn of_groups(groups: &Groups, latencies: &Latencies) -> Vec<Part> {
    let step = match &latencies.processor {
        Some(processor) => format!(
            "“step here” is the median time of a control step of the first policy on {processor}, \
             packed, caches warm."
        ),
        None => "Control steps were not timed.".to_string(),
    };
    let text = format!(
        "Means over the runs, as of their ends, of wall clock the median; dormant units and signal-to-noise ratios (SNR) of gradients \
         over the last 10 % of evaluations. FLOPs are those of the passes really made in training. Sparsity and links are those of the policy \
         that is deployed: SAC learns with a second head, which its log counts, so its links are read off \
         policy.lace. {step} \
         What the logs of older versions do not have is –."
    );
    let mut parts = vec![Part::Text(text), Part::Table(tables::groups(groups, latencies))];
    parts.extend(
        latencies.problems.iter().map(|problem| Part::Text(format!("Not timed: {problem}"))),
    );
    parts
}

fn of_plots(title: &'static str, text: &str, plots: Vec<Plot>) -> Section {
    let parts = match plots.is_empty() {
        true => vec![Part::Text("The logs of these runs do not have the figures for it.".into())],
        false => vec![Part::Text(text.into()), Part::Plots(plots)],
    };
    Section { title, parts }
}

/// Plots with their table, and the file that has its digits.
fn of_measured(
    title: &'static str,
    text: &str,
    plots: Vec<Plot>,
    table: Table,
    file: &str,
) -> Section {
    let mut section = of_plots(title, &format!("{text} {}", all_digits(file)), plots);
    section.parts.push(Part::Table(table));
    section
}

/// Which groups are in the plot over environments.
fn over(groups: &Groups) -> &'static str {
    match groups.are_normalised() {
        true => " Over environments there are the groups that have runs in each of them.",
        false => "",
    }
}

fn how_compared(groups: &Groups) -> Vec<Part> {
    let base = &groups.all[groups.baseline()].label;
    let scores = match groups.are_normalised() {
        true => {
            "Returns r are normalised as (r − s) ÷ (m − s): 1 is as good as the environment's reference, \
             whose mean return is m, and 0 as good as at the first evaluation, s, the mean over all runs \
             there. An environment has one reference for all algorithms: its first dense group, or the best \
             one where there is no dense one."
        }
        false => "Returns are as they are.",
    };
    let full = match groups.are_normalised() {
        true => number(groups.full()),
        false => format!("{}, the mean of {}", number(groups.full()), groups.reference(0).label),
    };
    let mut parts = vec![Part::Text(format!(
        "{scores} The optimality gap is what is missing to {full} on the mean, scores above not counting \
         for more. The probability of improvement is the chance that a run is better than one of {base} in the \
         same environment, by their returns as they are."
    ))];
    if groups.are_normalised() {
        let reference = |(env, name): (usize, &String)| {
            let of = groups.reference(env);
            let [m, s] = [of.score, of.start].map(number);
            let left_out = match of.learned {
                true => "",
                false => {
                    ", which is too little above the start to count in: left out of all but the probability \
                     of improvement"
                }
            };
            format!("{name}: {}, m = {m}, s = {s}{left_out}", of.label)
        };
        let references: Vec<_> = groups.envs.iter().enumerate().map(reference).collect();
        parts.push(Part::Text(format!(
            "References: {}. A group is pooled over the environments in which it has runs: groups that the \
             table has in different ones are not to be compared by their means.",
            references.join("; ")
        )));
    }
    parts
}

fn markdown(title: &str, sections: &[Section]) -> String {
    let mut text = format!("# {title}\n");
    for section in sections {
        text += &format!("\n## {}\n", section.title);
        for part in &section.parts {
            text += "\n";
            match part {
                Part::Text(words) => text += &format!("{words}\n"),
                Part::Table(table) => text += &table.markdown(),
                Part::Plots(plots) => {
                    for Plot { name, title, .. } in plots {
                        text += &format!("![{title}]({name}.svg)\n");
                    }
                }
            }
        }
    }
    text
}

/// Figures of every run, a row for each, with all their digits.
fn scores(groups: &Groups) -> Result<Vec<u8>, ReportError> {
    let figures = || AT_THE_END.into_iter().chain(OF_THE_LAST_TENTH);
    let mut rows = csv::Writer::from_writer(Vec::new());
    let head = ["env", "group", "seed", "score", "evaluations", "steps"];
    let head: Vec<_> = head.into_iter().chain(figures()).chain(["folder"]).collect();
    let written = rows.write_record(head);
    let written = groups.runs().try_fold(written?, |(), (env, label, run)| {
        let steps = run.evaluations.last().map_or(0, |&(step, _)| step);
        let mut row = vec![
            env.to_string(),
            label.to_string(),
            run.config.seed.to_string(),
            run.score().to_string(),
            run.evaluations.len().to_string(),
            steps.to_string(),
        ];
        row.extend(
            figures().map(|name| run.figure(name).map_or_else(String::new, |x| x.to_string())),
        );
        row.push(run.folder.display().to_string());
        rows.write_record(row)
    });
    written?;
    Ok(rows.into_inner().map_err(|error| csv::Error::from(error.into_error()))?)
}
