//! `lacewing report` on made runs: its figures are those of their CSVs, its page needs nothing beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing::lab::config::{Layer, Preset, RunConfig};
use lacewing_formats::codec::Encoding;
use lacewing_tests::policy_file::{Owned, Shape};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use serde_json::Value;

const HEAD: &str = "step,episodes,updates,eval_mean,eval_std,train_return,critic_loss,actor_loss,\
                    actor_sparsity,wall_seconds,flops_done,policy_links,policy_dormant\n";
/// Of a made run.
const EVALUATIONS: usize = 20;

/// What returns of a made run begin below its level.
const GAIN: f64 = 1000.0;

/// Writes a finished run with these settings whose returns end about `level`.
fn made(folder: &Path, settings: &[&str], level: f64) {
    let layers = settings.iter().map(|text| Layer::setting(text).unwrap()).collect();
    let config = RunConfig::from_layers(None, None, layers).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.toml"), config.to_toml().unwrap()).unwrap();
    finish(folder, &config, level);
}

fn finish(folder: &Path, config: &RunConfig, level: f64) {
    let sparsity = match config.method {
        Preset::Dense => 0.0,
        _ => config.sparsity.unwrap_or(0.9),
    };
    let links = (69_500.0 * (1.0 - sparsity)).round();
    let row = |at: usize| {
        let share = at as f64 / EVALUATIONS as f64;
        let mean = level - GAIN * (1.0 - share) + 10.0 * (at as f64 * 1.7).sin();
        // The last but one evaluation could not look at the units.
        let dormant = if at + 1 == EVALUATIONS { String::new() } else { share.to_string() };
        let (step, flops) = (1000 * at, 1_500_000 * at);
        format!("{step},{at},{step},{mean},1,,,,{sparsity},{at}.5,{flops},{links},{dormant}\n")
    };
    let rows: String = (1..=EVALUATIONS).map(row).collect();
    fs::write(folder.join("progress.csv"), format!("{HEAD}{rows}")).unwrap();
    fs::write(folder.join("summary.json"), "{}").unwrap();
}

/// `lacewing report` in a folder.
fn report(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(lacewing());
    command.arg("report").args(arguments).current_dir(folder);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a report that must fail says.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = report(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stderr(&output)
}

/// The column of a CSV; cells of ours have no commas.
fn column(csv: &str, name: &str) -> Vec<String> {
    let at = csv.lines().next().unwrap().split(',').position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("no {name} in {csv}"));
    csv.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().to_string()).collect()
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Labels of the groups, by folder.
fn labels(out: &Path) -> BTreeMap<String, String> {
    let scores = read(out, "scores.csv");
    column(&scores, "folder").into_iter().zip(column(&scores, "group")).collect()
}

/// Two groups of three seeds.
fn two_groups(root: &Path) -> Vec<String> {
    let mut folders = Vec::new();
    for (method, level) in [("dense", 200.0), ("set", 150.0)] {
        for seed in 1..=3_u32 {
            let folder = format!("{method}-{seed}");
            let settings = [format!("method={method}"), format!("seed={seed}")];
            let settings = ["env=Pendulum-v1", &settings[0], &settings[1]];
            made(&root.join(&folder), &settings, level + 30.0 * f64::from(seed));
            folders.push(folder);
        }
    }
    folders
}

fn write_report(root: &Path, folders: &[String], further: &[&str]) -> Output {
    let mut arguments: Vec<_> = folders.iter().map(String::as_str).collect();
    arguments.extend(["-o", "out"]);
    arguments.extend(further);
    succeed(&mut report(root, &arguments))
}

#[test]
fn figures_are_those_of_the_logs() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    let scores = read(&out, "scores.csv");
    assert_eq!(column(&scores, "folder"), folders);

    let mut of_groups = [Vec::new(), Vec::new()];
    let cells = |name| column(&scores, name);
    let [score, flops, links, wall, dormant, snr] =
        ["score", "flops_done", "policy_links", "wall_seconds", "policy_dormant", "policy_snr"]
            .map(cells);
    for (at, folder) in folders.iter().enumerate() {
        let log = read(&root.join(folder), "progress.csv");
        let returns = column(&log, "eval_mean");
        let last: Vec<f64> = returns.iter().rev().take(2).map(|x| x.parse().unwrap()).collect();
        let mean = (last[0] + last[1]) / 2.0;
        assert!((score[at].parse::<f64>().unwrap() - mean).abs() < 1e-12 * mean, "{folder}");
        of_groups[at / 3].push(mean);
        for (ours, name) in [(&flops, "flops_done"), (&links, "policy_links")] {
            assert_eq!(ours[at], *column(&log, name).last().unwrap(), "{folder}: {name}");
        }
        assert_eq!(wall[at], *column(&log, "wall_seconds").last().unwrap());
        // Of the last tenth, one evaluation has none.
        assert_eq!(dormant[at], column(&log, "policy_dormant")[EVALUATIONS - 1], "{folder}");
        assert_eq!(snr[at], "", "the logs have no such column");
    }

    let [dense, set] = of_groups;
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let deviation = |scores: &[f64]| {
        let middle = mean(scores);
        (scores.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / 2.0).sqrt()
    };
    let pairs = || set.iter().flat_map(|set| dense.iter().map(move |dense| set > dense));
    let better = pairs().filter(|better| *better).count() as f64 / pairs().count() as f64;
    assert!(better > 0.0 && better < 1.0, "the case says nothing: {better}");
    let full = mean(&dense);
    let gap = mean(&set.iter().map(|score| full - score.min(full)).collect::<Vec<_>>());
    let worst = |scores: &[f64]| {
        let worst = scores.iter().copied().fold(f64::MAX, f64::min);
        format!("| {worst:.1} ({:.2}) |", worst / mean(scores))
    };
    let (markdown, page) = (read(&out, "report.md"), read(&out, "report.html"));
    assert!(markdown.contains(&format!("missing to {full:.1}, the mean of dense")), "{markdown}");
    for (row, figures) in [
        ("| Pendulum-v1 | dense |", vec![summary(&dense, mean, deviation), worst(&dense)]),
        ("| Pendulum-v1 | set |", vec![summary(&set, mean, deviation), worst(&set)]),
        ("| dense | 1 | 3 |", vec![format!("| {:.1} [", full)]),
        ("| set | 1 | 3 |", vec![format!("| {gap:.2} ["), format!("| {better:.3} [")]),
    ] {
        let line = markdown.lines().find(|line| line.starts_with(row));
        let line = line.unwrap_or_else(|| panic!("no row {row} in {markdown}"));
        for figure in figures {
            assert!(line.contains(&figure), "no {figure} in {line}");
        }
        for cell in line.trim_matches(['|', ' ']).split(" | ") {
            assert!(page.contains(&format!("<td>{cell}</td>")), "no cell {cell} on the page");
        }
    }
}

fn summary(
    scores: &[f64],
    mean: impl Fn(&[f64]) -> f64,
    deviation: impl Fn(&[f64]) -> f64,
) -> String {
    format!("| {:.1} ± {:.2} |", mean(scores), deviation(scores))
}

/// The worst of returns below zero is no share of their mean, which would be above one.
#[test]
fn the_worst_loss_is_no_share_of_the_mean() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders =
        [("better", "seed=1", -100.0), ("worse", "seed=2", -300.0)].map(|(folder, seed, level)| {
            made(&root.join(folder), &["env=Pendulum-v1", seed], level);
            folder.to_string()
        });
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    let scores = column(&read(&out, "scores.csv"), "score");
    let worst = scores.iter().map(|score| score.parse().unwrap()).fold(f64::MAX, f64::min);
    assert!(worst < -250.0, "{worst}");
    let markdown = read(&out, "report.md");
    assert!(markdown.contains(&format!("| {worst:.1} |")), "no {worst:.1} alone in {markdown}");
}

#[test]
fn the_page_needs_nothing_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    // A name that is no HTML.
    fs::rename(root.join(&folders[0]), root.join("<b>&")).unwrap();
    let folders = [&["<b>&".to_string()], &folders[1..]].concat();
    write_report(root, &folders, &["--no-latency"]);
    let page = read(&root.join("out"), "report.html");
    let bare = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!bare.contains(outside), "{outside} on the page");
    }
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"), "names are escaped");
    for needed in ["prefers-color-scheme: dark", "name=\"viewport\"", "overflow-x: auto"] {
        assert!(page.contains(needed), "no {needed}");
    }
    let plots = [
        "sparsity-Pendulum-v1",
        "parameters-Pendulum-v1",
        "learning-Pendulum-v1",
        "iqm",
        "optimality-gap",
        "improvement",
        "profiles",
    ];
    assert_eq!(page.matches("<svg").count(), plots.len());
    assert_eq!(page.matches("</svg>").count(), plots.len());
    for plot in plots {
        let svg = read(&root.join("out"), &format!("{plot}.svg"));
        assert!(svg.contains("currentColor") && svg.contains("prefers-color-scheme"), "{plot}");
        assert!(read(&root.join("out"), "report.md").contains(&format!("]({plot}.svg)")));
    }
    // A dot for each run, on both plots that have them.
    for plot in &plots[..2] {
        let svg = read(&root.join("out"), &format!("{plot}.svg"));
        assert_eq!(svg.matches("<circle").count(), folders.len(), "{plot}");
    }
}

#[test]
fn groups_are_runs_that_differ_in_the_seed_only() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let runs: [(&str, &[&str]); 7] = [
        ("a", &["env=Pendulum-v1", "method=set", "seed=1"]),
        ("b", &["env=Pendulum-v1", "method=set", "seed=2", "keep-replay=true"]),
        ("c", &["env=Pendulum-v1", "method=set", "seed=1", "td3.batch=64"]),
        ("d", &["env=Pendulum-v1", "method=set", "seed=1", "sparsity=0.8"]),
        ("e", &["env=Pendulum-v1", "method=dense", "seed=1"]),
        ("f", &["env=MountainCarContinuous-v0", "method=set", "seed=1"]),
        ("g", &["env=MountainCarContinuous-v0", "method=dense", "seed=1"]),
    ];
    for (folder, settings) in runs {
        made(&root.join(folder), settings, -150.0);
    }
    let folders: Vec<_> = runs.iter().map(|(folder, _)| folder.to_string()).collect();
    write_report(root, &folders, &["--no-latency"]);
    let labels = labels(&root.join("out"));
    for (folder, label) in [
        ("a", "set sparsity=0.9 td3.batch=128"),
        ("b", "set sparsity=0.9 td3.batch=128"),
        ("c", "set sparsity=0.9 td3.batch=64"),
        ("d", "set sparsity=0.8 td3.batch=128"),
        ("e", "dense td3.batch=128"),
        // The same settings elsewhere are the same group.
        ("f", "set sparsity=0.9 td3.batch=128"),
        ("g", "dense td3.batch=128"),
    ] {
        assert_eq!(labels[folder], label, "{folder}");
    }
    // In several environments, returns are counted in those of dense runs, negative ones too.
    let markdown = read(&root.join("out"), "report.md");
    // A run each says nothing of its spread.
    let dense = "| dense td3.batch=128 | 2 | 2 | 1.00 | 1.00 | 1.00 | 0.000 | – |";
    assert!(markdown.contains(dense), "no {dense} in {markdown}");
    assert!(markdown.contains("normalised as (r − s) ÷ (m − s)"), "{markdown}");
}

/// A row of a report's Markdown, cell by cell.
fn row(markdown: &str, start: &str) -> Vec<String> {
    let line = markdown.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no row {start} in {markdown}"));
    line.trim_matches(['|', ' ']).split(" | ").map(String::from).collect()
}

/// Runs of another algorithm are compared with the dense ones' returns, not each with the best of its own.
#[test]
fn an_environment_has_one_reference() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    let mut add = |settings: [&str; 3], level: f64| {
        for seed in ["seed=1", "seed=2"] {
            let folder = format!("run-{}", folders.len());
            let settings: Vec<_> = settings.into_iter().chain([seed]).collect();
            made(&root.join(&folder), &settings, level + 5.0 * folders.len() as f64);
            folders.push(folder);
        }
    };
    add(["env=Pendulum-v1", "algorithm=td3", "method=dense"], 500.0);
    add(["env=Pendulum-v1", "algorithm=sac", "method=set"], -250.0);
    // Here is no dense one; and there the dense one learned nothing.
    add(["env=MountainCarContinuous-v0", "algorithm=sac", "method=set"], 0.0);
    add(["env=MountainCarContinuous-v0", "algorithm=td3", "method=set"], 100.0);
    add(["env=HalfCheetah-v5", "algorithm=td3", "method=dense"], -950.0);
    add(["env=HalfCheetah-v5", "algorithm=sac", "method=set"], 100.0);
    let flat = |folder: &str| {
        let path = root.join(folder).join("progress.csv");
        let rows = fs::read_to_string(&path).unwrap();
        let cut: String = rows.lines().take(2).map(|line| format!("{line}\n")).collect();
        fs::write(path, cut).unwrap();
    };
    flat(&folders[8]);
    flat(&folders[9]);
    write_report(root, &folders, &["--no-latency"]);
    let markdown = read(&root.join("out"), "report.md");
    let sac = row(&markdown, "| sac set | 3 | 6 |");
    // Worse in one environment, better in the other: HalfCheetah's returns are compared as they are.
    assert!(sac[7].starts_with("0.500 ["), "{sac:?}");
    let iqm: f64 = sac[3].split(' ').next().unwrap().parse().unwrap();
    assert!((0.5..0.8).contains(&iqm), "the best SAC run counts as full: {sac:?}");
    assert!(markdown.contains("Pendulum-v1: td3 dense, m = "), "{markdown}");
    assert!(markdown.contains("MountainCarContinuous-v0: td3 set, m = "), "{markdown}");
    let told = "References: ";
    let references = markdown.lines().find(|line| line.starts_with(told)).unwrap();
    let cheetah = references.split("; ").find(|text| text.contains("HalfCheetah-v5: td3 dense"));
    assert!(cheetah.unwrap().contains("too little above the start"), "{references}");
}

/// The points of a plot's strokes, each with its colour.
fn strokes(svg: &str) -> Vec<(&str, Vec<(f64, f64)>)> {
    let attribute = |tag: &'_ str, name: &str| {
        let start = tag.find(name)? + name.len();
        Some((start, start + tag[start..].find('"')?))
    };
    let stroke = |tag| {
        let (colour, points) = (attribute(tag, "stroke=\"")?, attribute(tag, "points=\"")?);
        let points = tag[points.0..points.1].split_whitespace().map(|point| {
            let (x, y) = point.split_once(',').expect("a point is x,y");
            (x.parse().unwrap(), y.parse().unwrap())
        });
        Some((&tag[colour.0..colour.1], points.collect()))
    };
    svg.split("<polyline").skip(1).filter_map(stroke).collect()
}

/// Vertical strokes: intervals at single places.
fn bars(svg: &str) -> Vec<f64> {
    let vertical = |(colour, points): (&str, Vec<(f64, f64)>)| match *points {
        // Axes have ticks in the colour of text.
        [(x, top), (other, bottom)] if colour != "currentColor" => {
            (x == other && top != bottom).then_some(x)
        }
        _ => None,
    };
    strokes(svg).into_iter().filter_map(vertical).collect()
}

/// Three seeds with these settings.
fn three_seeds(root: &Path, folders: &mut Vec<String>, settings: &[&str], level: f64) {
    for seed in 1..=3_u32 {
        let folder = format!("run-{}", folders.len());
        let seeded = format!("seed={seed}");
        let settings = [settings, &[seeded.as_str()]].concat();
        made(&root.join(&folder), &settings, level + 7.0 * f64::from(seed));
        folders.push(folder);
    }
}

#[test]
fn sparsity_is_drawn_by_the_links_that_are_left_with_intervals() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    for env in ["env=Pendulum-v1", "env=MountainCarContinuous-v0"] {
        for (level, settings) in [
            (300.0, ["method=dense"].as_slice()),
            (250.0, &["method=set", "sparsity=0.9"]),
            (200.0, &["method=set", "sparsity=0.99"]),
        ] {
            three_seeds(root, &mut folders, &[&[env], settings].concat(), level);
        }
    }
    three_seeds(root, &mut folders, &["env=Pendulum-v1", "method=static", "sparsity=0.9"], 100.0);
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    let svg = read(&out, "sparsity-MountainCarContinuous-v0.svg");
    let [dense, ninety, ninety_nine] = *bars(&svg) else { panic!("{:?}", bars(&svg)) };
    let (first, second) = (ninety - dense, ninety_nine - ninety);
    // But for the little that methods are drawn aside.
    assert!(first > 100.0 && (first / second - 1.0).abs() < 0.1, "{first} then {second}");
    for label in ["0", "90", "99"] {
        assert!(svg.contains(&format!("\n{label}\n")), "no {label} at the axis: {svg}");
    }
    assert_eq!(bars(&read(&out, "parameters-Pendulum-v1.svg")).len(), 4);

    // Over both environments: all but what was run in one only, of which the others are not told by a mean.
    let over = read(&out, "iqm-sparsity.svg");
    assert!(over.contains("over 2 environments") && !over.contains("static"), "{over}");
    assert_eq!(bars(&over).len(), 3);
    assert!(read(&out, "iqm.svg").contains("static sparsity=0.9 (1 of 2 environments)"));
    let markdown = read(&out, "report.md");
    assert!(markdown.contains("| static sparsity=0.9 | 1 (Pendulum-v1) | 3 |"), "{markdown}");
}

#[test]
fn many_groups_are_told_apart_in_several_plots() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    three_seeds(root, &mut folders, &["env=Pendulum-v1", "method=dense"], 200.0);
    let mut labels = vec!["dense".to_string()];
    for method in ["set", "static", "rigl"] {
        for sparsity in [0.5, 0.8, 0.9, 0.95] {
            let settings = [format!("method={method}"), format!("sparsity={sparsity}")];
            let settings = ["env=Pendulum-v1", &settings[0], &settings[1]];
            three_seeds(root, &mut folders, &settings, 100.0 * sparsity);
            labels.push(format!("{method} sparsity={sparsity}"));
        }
    }
    write_report(root, &folders, &["--no-latency"]);
    let out = root.join("out");
    for plot in ["learning-Pendulum-v1", "profiles"] {
        let svgs: Vec<_> = (1..=3).map(|at| read(&out, &format!("{plot}-{at}.svg"))).collect();
        for label in &labels {
            let parts = svgs.iter().filter(|svg| svg.contains(&format!("\n{label}\n"))).count();
            assert_eq!(parts, if label == "dense" { 3 } else { 1 }, "{plot}: {label}");
        }
        for svg in &svgs {
            // Samples of the legend begin at its left.
            let samples = strokes(svg).into_iter().filter(|(_, points)| points[0].0 == 72.0);
            let colours: Vec<_> = samples.map(|(colour, _)| colour).collect();
            let distinct: BTreeSet<_> = colours.iter().collect();
            assert!(colours.len() > 3 && distinct.len() == colours.len(), "{plot}: {colours:?}");
        }
    }
    // Four methods are few enough for one plot.
    assert!(out.join("sparsity-Pendulum-v1.svg").is_file());
}

/// What differs in the critics at the same sparsity is no step along the axis.
#[test]
fn lines_join_what_differs_in_sparsity_alone() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut folders = Vec::new();
    for critics in ["critic-sparsity=0.5", "critic-sparsity=0.8"] {
        for sparsity in ["sparsity=0.9", "sparsity=0.95"] {
            let settings = ["env=Pendulum-v1", "method=set", critics, sparsity];
            three_seeds(root, &mut folders, &settings, 100.0);
        }
    }
    write_report(root, &folders, &["--no-latency"]);
    let svg = read(&root.join("out"), "sparsity-Pendulum-v1.svg");
    for family in ["set critic-sparsity=0.5", "set critic-sparsity=0.8"] {
        assert!(svg.contains(&format!("\n{family}\n")), "no {family}: {svg}");
    }
}

#[test]
fn a_run_at_other_steps_does_not_take_its_group_off_the_learning_curves() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let log = root.join(&folders[4]).join("progress.csv");
    let shifted = fs::read_to_string(&log).unwrap().replace("000,", "500,");
    fs::write(&log, shifted).unwrap();
    write_report(root, &folders, &["--no-latency"]);
    let svg = read(&root.join("out"), "learning-Pendulum-v1.svg");
    assert!(svg.contains("set (no mean: its runs share no step)"), "{svg}");
    let long = strokes(&svg).into_iter().filter(|(_, points)| points.len() == EVALUATIONS);
    // Six runs and the mean of the other group.
    assert_eq!(long.count(), folders.len() + 1);
}

#[test]
fn damage_is_told_with_its_line() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    made(&root.join("run"), &["env=Pendulum-v1"], 100.0);
    let path = root.join("run/progress.csv");
    let good = fs::read_to_string(&path).unwrap();
    let third = good.lines().nth(2).unwrap();
    let cut = &third[..third.len() / 2];
    for (bad, words) in [
        (good.replace(third, cut), ["progress.csv, line 3", "restore the file"]),
        (good.replace(",0.9,3.5,", ",0.9,3.x5,"), ["line 4", "`3.x5` in column wall_seconds"]),
        (good.replace("\n4000,", "\nfour,"), ["line 5", "`four` in column step"]),
        (good.replace("eval_mean", "mean"), ["line 1", "no column eval_mean"]),
        (HEAD.to_string(), ["line 1", "no evaluation"]),
    ] {
        assert_ne!(bad, good);
        fs::write(&path, bad).unwrap();
        let told = refused(root, &["run", "-o", "out"]);
        for words in words {
            assert!(told.contains(words), "no `{words}` in {told}");
        }
        assert!(!root.join("out").exists());
    }
    // What older versions did not write is no damage.
    let old = "step,eval_mean\n1000,-5.5\n";
    fs::write(&path, old).unwrap();
    write_report(root, &["run".into()], &["--no-latency"]);
    let scores = read(&root.join("out"), "scores.csv");
    assert_eq!(column(&scores, "score"), ["-5.5"]);
    assert_eq!(column(&scores, "actor_sparsity"), [""]);
}

#[test]
fn unfinished_runs_of_a_sweep_are_named_and_left_out() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let grid = "[base]\nenv = 'Pendulum-v1'\n[axes]\nseed = '1..=2'\n";
    fs::write(root.join("grid.toml"), grid).unwrap();
    let mut plan = Command::new(lacewing());
    plan.args(["sweep", "plan", "grid.toml", "--no-estimate", "-o", "sweep"]).current_dir(root);
    succeed(&mut plan);
    let points: Vec<Value> =
        serde_json::from_str(&read(root, "sweep/points.json")).expect("points are JSON");
    let folder = |point: &Value| point["folder"].as_str().expect("a point has one").to_string();
    let folders: Vec<_> = points.iter().map(folder).collect();
    let told = refused(root, &["sweep"]);
    assert!(told.contains("none of the 2 runs is finished"), "{told}");
    let config: RunConfig = serde_json::from_value(points[0]["config"].clone()).unwrap();
    let done = root.join("sweep").join(&folders[0]);
    fs::create_dir_all(&done).unwrap();
    fs::write(done.join("config.toml"), config.to_toml().unwrap()).unwrap();
    finish(&done, &config, 100.0);

    // A run that is named beside its sweep counts once.
    let again = format!("sweep/{}", folders[0]);
    let output = succeed(&mut report(root, &["sweep", &again, "--no-latency"]));
    let left_out = format!("sweep/{} is waiting", folders[1]);
    assert!(stderr(&output).contains(&left_out), "{}", stderr(&output));
    let out = root.join("sweep/report");
    assert!(read(&out, "report.md").contains(&format!("sweep/{} (waiting)", folders[1])));
    assert_eq!(column(&read(&out, "scores.csv"), "folder"), [again]);

    let told = refused(root, &["nowhere"]);
    assert!(told.contains("neither a run's folder"), "{told}");
}

#[test]
fn nothing_is_overwritten_unasked_and_policies_are_timed() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let shape = Shape {
        widths: vec![3, 16, 1],
        density: 0.5,
        normaliser: false,
        probes: 0,
        resume: None,
        seed: 1,
    };
    let policy = Owned::random(&shape).write(Encoding::PLAIN).unwrap();
    // Of a group's runs the first was not kept.
    fs::write(root.join(&folders[4]).join("policy.lace"), &*policy).unwrap();
    write_report(root, &folders, &[]);
    let markdown = read(&root.join("out"), "report.md");
    let row = |start: &str| markdown.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(row("| Pendulum-v1 | set |").ends_with(" µs |"), "{markdown}");
    assert!(row("| Pendulum-v1 | dense |").ends_with("| – |"), "{markdown}");
    // One line for all groups without a policy, however many.
    let untimed: Vec<_> = markdown.lines().filter(|line| line.starts_with("Not timed")).collect();
    let [untimed] = untimed[..] else { panic!("{untimed:?}") };
    assert!(untimed.contains("1 of 2 groups") && untimed.contains("dense-1"), "{untimed}");
    assert!(!untimed.contains("--resume"), "a finished run cannot go on: {untimed}");

    let told = refused(root, &[&folders[0], "-o", "out", "--no-latency"]);
    assert!(told.contains("out already exists") && told.contains("--force"), "{told}");
    assert_eq!(read(&root.join("out"), "report.md"), markdown);
    let plots = || {
        let files = fs::read_dir(root.join("out")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".svg")).collect();
        names.sort();
        names
    };
    // As if that report had been of an environment more.
    fs::copy(root.join("out/profiles.svg"), root.join("out/learning-Hopper-v5.svg")).unwrap();
    // Beside the report's own plots others' pictures may lie, even such as its Markdown could name.
    fs::write(root.join("out/mine.svg"), "<svg/>").unwrap();
    fs::write(root.join("mine.svg"), "<svg/>").unwrap();
    let earlier = format!("{markdown}\n![more](learning-Hopper-v5.svg)\n![up](../mine.svg)\n");
    fs::write(root.join("out/report.md"), earlier).unwrap();
    write_report(root, &folders[..1], &["--no-latency", "--force"]);
    let after = read(&root.join("out"), "report.md");
    assert_ne!(after, markdown);
    let named = |markdown: &str, name: &String| markdown.contains(&format!("({name})"));
    assert!(plots().iter().all(|name| named(&after, name) || name == "mine.svg"), "{:?}", plots());
    assert!(root.join("out/mine.svg").is_file() && root.join("mine.svg").is_file());
}

/// What `lacewing robustness` leaves in a run.
fn robustness(folder: &Path, returns: &[(f64, f64)]) {
    let row = |(value, mean): &(f64, f64)| format!("sensor-noise,{value},5,1,7,{mean},1\n");
    let rows: String = returns.iter().map(row).collect();
    let head = "shift,value,episodes,seed,policy,mean,std\n";
    fs::write(folder.join("robustness.csv"), format!("{head}{rows}")).unwrap();
}

#[test]
fn robustness_and_real_inputs_are_shown_where_they_were_measured() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let folders = two_groups(root);
    write_report(root, &folders, &["--no-latency"]);
    for absent in ["Robustness", "What policies look at"] {
        assert!(!read(&root.join("out"), "report.html").contains(absent));
    }
    for (at, run) in folders.iter().enumerate() {
        robustness(&root.join(run), &[(0.0, 200.0 + at as f64), (0.5, 100.0 - at as f64)]);
        let progress = read(&root.join(run), "progress.csv");
        let line = |(row, line): (usize, &str)| match row {
            0 => format!("{line},real_inputs\n"),
            _ => format!("{line},{}\n", row as f64 / 100.0),
        };
        let widened: String = progress.lines().enumerate().map(line).collect();
        fs::write(root.join(run).join("progress.csv"), widened).unwrap();
    }
    write_report(root, &folders, &["--no-latency", "--force"]);
    let out = root.join("out");
    for section in ["Robustness", "What policies look at"] {
        assert!(read(&out, "report.html").contains(section), "no {section}");
    }
    let noise = read(&out, "sensor-noise-Pendulum-v1.svg");
    assert!(noise.contains("return under sensor-noise"), "{noise}");
    // A dot for each run at each value.
    assert_eq!(noise.matches("<circle").count(), 2 * folders.len());
    assert!(read(&out, "real-inputs-Pendulum-v1.svg").contains("links to real features, %"));
    let improvement = read(&out, "improvement.svg");
    assert!(improvement.contains("probability of improvement on dense"), "{improvement}");
    // Drawn in the second group's colour, though the first has no row.
    assert!(improvement.contains("#E69F00") && !improvement.contains("#0072B2"), "{improvement}");

    let markdown = read(&out, "report.md");
    let shifted = row(&markdown, "| Pendulum-v1 | dense | sensor-noise=0.5 |");
    // Of 200, 201 and 202, which were 100, 99 and 98.
    assert!(shifted[4].starts_with("99.00 [") && shifted[5] == "49.3 %", "{shifted:?}");
    let csv = read(&out, "shifts.csv");
    assert_eq!(column(&csv, "mean"), ["201", "99", "204", "96"]);
    assert_eq!(column(&csv, "runs"), ["3"; 4]);
    let seen = row(&markdown, "| Pendulum-v1 | dense | 3 | 1.0 % |");
    assert_eq!(seen[4..], ["5.0 %", "10.0 %", "15.0 %", "20.0 %"], "{seen:?}");
    assert_eq!(column(&read(&out, "real-inputs.csv"), "step").len(), EVALUATIONS * folders.len());

    // A run that was not measured takes no other off the plot.
    fs::remove_file(root.join(&folders[0]).join("robustness.csv")).unwrap();
    write_report(root, &folders, &["--no-latency", "--force"]);
    let noise = read(&out, "sensor-noise-Pendulum-v1.svg");
    assert!(noise.contains("dense (2 of 3 runs)"), "{noise}");
    let markdown = read(&out, "report.md");
    assert_eq!(row(&markdown, "| Pendulum-v1 | dense | sensor-noise=0.5 |")[3], "2 of 3");
    assert_eq!(noise.matches("<circle").count(), 2 * (folders.len() - 1));
    assert!(strokes(&noise).iter().filter(|(colour, _)| *colour == "#0072B2").count() > 1);

    fs::write(root.join(&folders[1]).join("robustness.csv"), "shift,value\nx,y\n").unwrap();
    let told = refused(root, &["dense-1", &folders[1], "-o", "other"]);
    assert!(told.contains("robustness.csv") && told.contains("delete the file"), "{told}");

    // Figures that a later report has not go with its plots.
    folders.iter().for_each(|run| drop(fs::remove_file(root.join(run).join("robustness.csv"))));
    write_report(root, &folders, &["--no-latency", "--force"]);
    assert!(!out.join("shifts.csv").exists() && out.join("real-inputs.csv").is_file());
}

#[test]
fn runs_that_diverged_and_copies_are_left_out_by_name() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let log = root.join(&folders[1]).join("progress.csv");
    let good = fs::read_to_string(&log).unwrap();
    let third = good.lines().nth(3).unwrap();
    let mut cells: Vec<_> = third.split(',').collect();
    cells[3] = "-inf";
    fs::write(&log, good.replace(third, &cells.join(","))).unwrap();
    fs::create_dir(root.join("copy")).unwrap();
    for file in ["config.toml", "progress.csv", "summary.json"] {
        fs::copy(root.join(&folders[0]).join(file), root.join("copy").join(file)).unwrap();
    }
    let all = [&folders[..], &["copy".to_string()]].concat();
    let output = write_report(root, &all, &["--no-latency"]);
    let markdown = read(&root.join("out"), "report.md");
    let [diverged, copy] =
        ["diverged (return -inf at step 3000)", "a copy of dense-1: the same settings and seed"];
    assert!(markdown.contains(&format!("dense-2 ({diverged}), copy ({copy})")), "{markdown}");
    let told = stderr(&output);
    assert!(told.contains(&format!("left out: dense-2 is {diverged}")), "{told}");
    assert!(told.contains(&format!("left out: copy is {copy}")), "{told}");
    let counted = column(&read(&root.join("out"), "scores.csv"), "folder");
    assert_eq!(counted, [&folders[..1], &folders[2..]].concat());

    let told = refused(root, &["dense-2", "-o", "other"]);
    assert!(told.contains("none of the 1 runs counts") && told.contains("diverged"), "{told}");
}

/// An interrupted run's wall clock does not stand for its group.
#[test]
fn wall_clock_is_the_median() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let log = root.join(&folders[0]).join("progress.csv");
    let slow = fs::read_to_string(&log).unwrap().replace(",20.5,", ",99999.5,");
    fs::write(&log, slow).unwrap();
    write_report(root, &folders, &["--no-latency"]);
    let markdown = read(&root.join("out"), "report.md");
    let head = row(&markdown, "| environment | group | runs | return");
    let at = head.iter().position(|name| name == "wall clock, median").unwrap();
    let [dense, set] = ["dense", "set"].map(|group| {
        let start = format!("| Pendulum-v1 | {group} | 3 |");
        row(&markdown, &start)[at].clone()
    });
    assert_eq!(dense, set);
}

/// SAC's log counts a head that no policy has.
#[test]
fn links_are_those_of_the_deployed_policy() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for seed in ["seed=1", "seed=2"] {
        let settings = ["env=Pendulum-v1", "algorithm=sac", "method=set", seed];
        made(&root.join(seed), &settings, 100.0);
    }
    let shape = Shape {
        widths: vec![3, 16, 1],
        density: 0.5,
        normaliser: false,
        probes: 0,
        resume: None,
        seed: 1,
    };
    let policy = Owned::random(&shape);
    let links: usize = policy.layers.iter().map(|layer| layer.columns.len()).sum();
    let policy = policy.write(Encoding::PLAIN).unwrap();
    fs::write(root.join("seed=1/policy.lace"), &*policy).unwrap();
    write_report(root, &["seed=1".into(), "seed=2".into()], &["--no-latency"]);
    let scores = read(&root.join("out"), "scores.csv");
    // The second has no policy to count, and what its log has is another network's.
    assert_eq!(column(&scores, "policy_links"), [links.to_string(), String::new()]);
}

/// A report that cannot be finished has its page, which needs nothing beside it.
#[test]
fn the_page_comes_first() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    // In the way of a plot.
    fs::create_dir_all(root.join("out/learning-Pendulum-v1.svg/full")).unwrap();
    let named: Vec<_> = folders.iter().map(String::as_str).collect();
    let told = refused(root, &[&named[..], &["-o", "out", "--no-latency", "--force"]].concat());
    assert!(told.contains("learning-Pendulum-v1.svg"), "{told}");
    assert!(read(&root.join("out"), "report.html").ends_with("</html>"));
}
