//! Learning, not just running: a 90 % sparse policy must solve Pendulum, and fine-tuning must win
//! back what a change of the dynamics took.

use std::process::Command;

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{succeed, train};

fn eval(policy: &std::path::Path, shift: &str) -> f64 {
    let mut command = Command::new(lacewing());
    command.arg("eval").arg(policy).args([
        "--episodes=20",
        "--seed=99",
        "--json",
        "--shift",
        shift,
    ]);
    let output = succeed(&mut command);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["mean"].as_f64().unwrap()
}

#[test]
fn sparse_pendulum_is_solved_and_relearned_under_weaker_torque() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&mut train(&["Pendulum-v1", "--sparsity=0.9", "--seed=1", "--steps=11000"], &run));
    let best = run.join("best.lace");
    // Random actions earn about -1200; 20 starts of the best known policies about -150.
    let trained = eval(&best, "");
    assert!(trained >= -200.0, "return {trained}");

    let inspect = succeed(Command::new(lacewing()).arg("inspect").arg(&best).arg("--json"));
    let facts: serde_json::Value = serde_json::from_slice(&inspect.stdout).unwrap();
    assert!(
        facts["cost"]["links"].as_u64().unwrap() * 10
            <= facts["cost"]["dense_links"].as_u64().unwrap()
    );

    let tuned_path = folder.path().join("tuned.lace");
    let mut finetune = Command::new(lacewing());
    finetune.arg("finetune").arg(&best).args(["--shift=gear=0.3", "--steps=6000", "--out"]);
    succeed(finetune.arg(&tuned_path));
    let frozen = eval(&best, "gear=0.3");
    let tuned = eval(&tuned_path, "gear=0.3");
    assert!(frozen < trained - 200.0, "the change takes nothing: {trained} to {frozen}");
    assert!(tuned > frozen + 50.0, "fine-tuning from {frozen} reached only {tuned}");
}
