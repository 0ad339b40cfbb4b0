//! Training runs as the suites start them.

use std::path::Path;
use std::process::{Command, Output};

use crate::program::lacewing;

/// A run that learns within seconds: small networks, early start.
pub const SHORT: [&str; 12] = [
    "Pendulum-v1",
    "--sparsity=0.8",
    "--hidden=64,64",
    "--set=td3.start-steps=400",
    "--set=td3.batch=32",
    "--set=topology.every=300",
    "--set=evaluate-every=500",
    "--set=evaluate-episodes=2",
    "--set=checkpoint-every=400",
    "--set=td3.replay=1500",
    "--steps=2600",
    "--seed=5",
];

/// `lacewing train` with arguments, in a folder.
pub fn train(arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(lacewing());
    command.arg("train").args(arguments).arg("--out").arg(out);
    command
}

/// Runs a command to its end.
///
/// # Panics
/// If it fails.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    output
}

/// The columns of `progress.csv` that do not depend on the clock.
///
/// # Panics
/// If there is none, or a row has not as many cells as the header.
pub fn progress(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("progress.csv")).expect("a run has a progress.csv");
    let names: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let without_clock = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        let kept = names.iter().zip(cells);
        let kept = kept.filter(|(name, _)| !["wall_seconds", "updates_per_second"].contains(name));
        kept.map(|(_, cell)| cell).collect::<Vec<_>>().join(",")
    };
    text.lines().map(without_clock).collect()
}
