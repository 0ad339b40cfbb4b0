//! `lacewing robustness`: what it writes is what `lacewing eval` says, once, and of the present policy.

use std::fs;
use std::path::Path;
use std::process::Command;

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};
use serde_json::Value;

fn robustness(root: &Path, vary: &[&str]) -> Command {
    let mut command = Command::new(lacewing());
    command.args(["robustness", "run", "--episodes=3"]).current_dir(root);
    command.args(vary.iter().map(|vary| format!("--vary={vary}")));
    command
}

fn rows(root: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root.join("run/robustness.csv")).unwrap();
    let cells = |line: &str| line.split(',').map(String::from).collect();
    text.lines().skip(1).map(cells).collect()
}

#[test]
fn fewer_episodes_replace_more_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(&mut train(&SHORT, &root.join("run")));
    succeed(&mut robustness(root, &["gear=0.5,0.7"]));
    let measured = rows(root);
    let fewer = |vary: &str| {
        let mut command = Command::new(lacewing());
        command.args(["robustness", "run", "--episodes=2", vary]).current_dir(root);
        command
    };
    let output = fewer("--vary=gear=1,0.7").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("gear=0.7 was measured over 3 episodes, and 2") && told.contains("--force")
    );
    assert_eq!(rows(root), measured, "{told}");
    succeed(&mut fewer("--vary=gear=1"));
    assert_eq!(rows(root)[..2], measured);
    succeed(fewer("--vary=gear=0.7").arg("--force"));
    let episodes =
        rows(root).iter().map(|row| format!("{} {}", row[1], row[2])).collect::<Vec<_>>();
    assert_eq!(episodes, ["0.5 3", "1.0 2", "0.7 2"]);
}

#[test]
fn runs_without_a_policy_stop_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // Of two seeds: a copy would not count.
    for (run, seed) in [("bare", "--seed=8"), ("run", "--seed=9")] {
        let mut options = SHORT;
        options[SHORT.len() - 1] = seed;
        succeed(&mut train(&options, &root.join(run)));
    }
    fs::remove_file(root.join("bare/policy.lace")).unwrap();
    let mut command = Command::new(lacewing());
    command.args(["robustness", "bare", "run", "--episodes=2", "--vary=gear=0.5"]);
    let output = command.current_dir(root).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in [
        "not measured: bare has no policy.lace, though its run is finished",
        "`lacewing train --config bare/config.toml",
        "1 of 2 runs",
    ] {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
    assert_eq!(rows(root).len(), 1);
}

#[test]
fn returns_under_a_shift_are_those_of_eval_and_are_measured_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(&mut train(&SHORT, &root.join("run")));
    succeed(&mut robustness(root, &["sensor-noise=0,0.5"]));
    let measured = rows(root);
    assert_eq!(measured.len(), 2);
    for (row, shift) in measured.iter().zip(["", "sensor-noise=0.5"]) {
        let mut eval = Command::new(lacewing());
        eval.args(["eval", "run", "--episodes=3", "--json", "--shift", shift]).current_dir(root);
        let told: Value = serde_json::from_slice(&succeed(&mut eval).stdout).unwrap();
        assert_eq!(row[5].parse::<f64>().unwrap(), told["mean"].as_f64().unwrap());
        assert_eq!(row[6].parse::<f64>().unwrap(), told["std"].as_f64().unwrap());
    }
    // The same again plays nothing; another shift is added.
    let told = succeed(&mut robustness(root, &["sensor-noise=0,0.5"])).stdout;
    assert!(!String::from_utf8_lossy(&told).contains("return"));
    succeed(&mut robustness(root, &["gear=0.5"]));
    assert_eq!(rows(root)[..2], measured);
    assert_eq!(rows(root)[2][0], "gear");

    // What another policy did says nothing of this one.
    let mut export = Command::new(lacewing());
    export.args(["export", "run", "--values=f16", "--out=run/policy.lace", "--force"]);
    succeed(export.current_dir(root));
    succeed(&mut robustness(root, &["gear=0.5"]));
    assert_eq!(rows(root).len(), 1);
    for (vary, words) in [
        ("gear", "write for example sensor-noise=0,0.1,0.2"),
        ("gear=0", "factor from 0.001 to 1000"),
        ("gaer=1", "unknown shift `gaer`"),
        ("friction=0.5", "friction"),
    ] {
        let output = robustness(root, &[vary]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(words), "{vary}: {told}");
    }
    assert_eq!(rows(root).len(), 1);
}
