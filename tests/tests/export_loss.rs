//! What `lacewing export` says a policy loses by its encoding is what it loses.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_tests::actor;
use lacewing_tests::policy_file::Owned;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A Pendulum policy with limits ±2 and a few probes.
fn policy() -> Owned {
    let mut policy = actor::random(&[3, 64, 64, 1], 0.8, 1);
    (policy.low, policy.high) = (vec![-2.0], vec![2.0]);
    for index in 0..5 {
        let observation = actor::observation(&policy, index);
        let action = actor::reference(&policy, &observation).iter().map(|&a| a as f32).collect();
        policy.probes.push((observation, action));
    }
    policy
}

fn export(from: &Path, to: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(lacewing());
    command.arg("export").arg(from).args(options).arg("--out").arg(to);
    command
}

/// What a command that must fail says.
fn fail(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The weights of a file, in place of those of `policy`.
fn with_weights_of(policy: &Owned, file: &Path) -> Owned {
    let bytes = AlignedBytes::read(file).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let mut stored = policy.clone();
    for (layer, stored) in view.layers().zip(&mut stored.layers) {
        stored.weights = layer.iter().map(|(_, _, weight)| weight).collect();
    }
    stored
}

#[test]
fn action_errors_are_those_of_the_definition() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.lace"), folder.path().join("to.lace"));
    let policy = policy();
    std::fs::write(&from, &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    let mut largest = Vec::new();
    for values in ["f32", "f16", "bf16", "int8"] {
        let options = ["--values", values, "--index", "auto", "--json", "--force"];
        let shown = succeed(&mut export(&from, &to, &options)).stdout;
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        let found = &shown["loss"]["action_error"];
        let stored = with_weights_of(&policy, &to);
        let errors = policy.probes.iter().map(|(observation, _)| {
            let before = actor::reference(&policy, observation)[0];
            // Half the range is 2.
            (actor::reference(&stored, observation)[0] - before).abs() / 2.0
        });
        let errors: Vec<f64> = errors.collect();
        let max = errors.iter().copied().fold(0.0, f64::max);
        let rms = (errors.iter().map(|error| error * error).sum::<f64>() / 5.0).sqrt();
        assert_eq!(found["observations"], 5);
        assert!(
            (found["max"].as_f64().unwrap() - max).abs() < 1e-6,
            "{values}: {found}, not {max}"
        );
        assert!(
            (found["rms"].as_f64().unwrap() - rms).abs() < 1e-6,
            "{values}: {found}, not {rms}"
        );
        assert_eq!(shown["bytes"], std::fs::metadata(&to).unwrap().len());
        largest.push(max);
    }
    assert_eq!(largest[0], 0.0);
    assert!(largest[1] > 1e-6 && largest[1] < largest[2] && largest[3] < 0.1, "{largest:?}");
}

#[test]
fn returns_are_those_that_eval_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.lace"), folder.path().join("to.lace"));
    std::fs::write(&from, &*policy().write(Encoding::PLAIN).unwrap()).unwrap();
    let options = ["--values", "int8", "--episodes", "2", "--seed", "7", "--json"];
    let shown = succeed(&mut export(&from, &to, &options)).stdout;
    let loss = &serde_json::from_slice::<Value>(&shown).unwrap()["loss"];
    // Two episodes of 200 steps in the environment that the file names.
    assert_eq!(
        (&loss["env"], &loss["action_error"]["observations"]),
        (&"Pendulum-v1".into(), &400.into())
    );
    for (name, file) in [("before", &from), ("after", &to)] {
        let mut eval = Command::new(lacewing());
        eval.arg("eval").arg(file).args(["--episodes", "2", "--seed", "7", "--json"]);
        let found: Value = serde_json::from_slice(&succeed(&mut eval).stdout).unwrap();
        assert_eq!(loss["returns"][name]["mean"], found["mean"], "{name}");
        assert_eq!(loss["returns"][name]["std"], found["std"], "{name}");
    }
    assert_ne!(loss["returns"]["before"], loss["returns"]["after"]);

    let shown =
        succeed(&mut export(&from, &to, &["--env", "Pendulum-v1", "--episodes", "1", "--force"]));
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("200 recorded observations: max 0.000 %, RMS 0.000 %"), "{shown}");
    assert!(shown.contains("Pendulum-v1: return "), "{shown}");

    let refused = fail(&mut export(&from, &to, &["--env", "MountainCarContinuous-v0", "--force"]));
    assert!(refused.contains("--env"), "{refused}");
    let refused =
        fail(&mut export(&from, &to.with_extension("onnx"), &["--episodes", "1", "--force"]));
    assert!(refused.contains("--episodes"), "{refused}");
}
