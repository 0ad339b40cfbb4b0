//! A report's figures are those of the logs.

use std::fs;

use lacewing_formats::codec::Encoding;

use super::{EVALUATIONS, column, labels, made, read, row, small_policy, two_groups, write_report};

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
    let policy = small_policy();
    let links: usize = policy.layers.iter().map(|layer| layer.columns.len()).sum();
    let policy = policy.write(Encoding::PLAIN).unwrap();
    fs::write(root.join("seed=1/policy.lace"), &*policy).unwrap();
    write_report(root, &["seed=1".into(), "seed=2".into()], &["--no-latency"]);
    let scores = read(&root.join("out"), "scores.csv");
    // The second has no policy to count, and what its log has is another network's.
    assert_eq!(column(&scores, "policy_links"), [links.to_string(), String::new()]);
}
