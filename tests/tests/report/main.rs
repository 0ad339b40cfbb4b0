//! `lacewing report` on made runs: its figures are those of their CSVs, its page needs nothing beside it.

mod figures;
mod files;
mod plots;
mod records;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing::lab::config::{Layer, Preset, RunConfig};
use lacewing_tests::policy_file::{Owned, Shape};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;

const HEAD: &str = "step,episodes,updates,eval_mean,eval_std,train_return,critic_loss,actor_loss,\
                    actor_sparsity,wall_seconds,flops_done,policy_links,policy_dormant\n";

/// Of a made run.
const EVALUATIONS: usize = 20;

/// What returns of a made run begin below its level.
const GAIN: f64 = 1000.0;

/// A policy for Pendulum, of some links.
fn small_policy() -> Owned {
    Owned::random(&Shape {
        widths: vec![3, 16, 1],
        density: 0.5,
        normaliser: false,
        probes: 0,
        resume: None,
        seed: 1,
    })
}

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

/// A row of a report's Markdown, cell by cell.
fn row(markdown: &str, start: &str) -> Vec<String> {
    let line = markdown.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no row {start} in {markdown}"));
    line.trim_matches(['|', ' ']).split(" | ").map(String::from).collect()
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
