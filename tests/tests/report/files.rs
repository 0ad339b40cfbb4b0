//! What a report reads and leaves out, and the files that it writes.

use std::fs;
use std::process::Command;

use lacewing::lab::config::RunConfig;
use lacewing_formats::codec::Encoding;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use serde_json::Value;

use super::{
    HEAD, column, finish, made, read, refused, report, small_policy, stderr, two_groups,
    write_report,
};

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
    let grid = "[base]\nenv = 'Pendulum-v1'\n[axes]\nseed = '1..=3'\n";
    fs::write(root.join("grid.toml"), grid).unwrap();
    let mut plan = Command::new(lacewing());
    plan.args(["sweep", "plan", "grid.toml", "--no-estimate", "-o", "sweep"]).current_dir(root);
    succeed(&mut plan);
    let points: Vec<Value> =
        serde_json::from_str(&read(root, "sweep/points.json")).expect("points are JSON");
    let folder = |point: &Value| point["folder"].as_str().expect("a point has one").to_string();
    let folders: Vec<_> = points.iter().map(folder).collect();
    let told = refused(root, &["sweep"]);
    assert!(told.contains("none of the 3 runs is finished"), "{told}");
    let config: RunConfig = serde_json::from_value(points[0]["config"].clone()).unwrap();
    let done = root.join("sweep").join(&folders[0]);
    fs::create_dir_all(&done).unwrap();
    fs::write(done.join("config.toml"), config.to_toml().unwrap()).unwrap();
    finish(&done, &config, 100.0);

    // A run that is named beside its sweep counts once.
    let again = format!("sweep/{}", folders[0]);
    let output = succeed(&mut report(root, &["sweep", &again, "--no-latency"]));
    let waiting = format!("2 runs, the first sweep/{}", folders[1]);
    let told = stderr(&output);
    assert!(told.contains(&format!("left out, waiting: {waiting}")), "{told}");
    let out = root.join("sweep/report");
    assert!(read(&out, "report.md").contains(&format!("Left out: {waiting} (waiting).")));
    assert_eq!(column(&read(&out, "scores.csv"), "folder"), [again]);

    let told = refused(root, &["nowhere"]);
    assert!(told.contains("neither a run's folder"), "{told}");
}

#[test]
fn nothing_is_overwritten_unasked_and_policies_are_timed() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let folders = two_groups(root);
    let policy = small_policy().write(Encoding::PLAIN).unwrap();
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
    assert!(told.contains(&format!("left out, {diverged}: dense-2")), "{told}");
    assert!(told.contains(&format!("left out, {copy}: copy")), "{told}");
    let counted = column(&read(&root.join("out"), "scores.csv"), "folder");
    assert_eq!(counted, [&folders[..1], &folders[2..]].concat());

    let told = refused(root, &["dense-2", "-o", "other"]);
    assert!(told.contains("none of the 1 runs counts") && told.contains("diverged"), "{told}");
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
