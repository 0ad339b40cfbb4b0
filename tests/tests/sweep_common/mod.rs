//! Sweeps as the suites plan them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing_tests::program::lacewing;
use serde_json::Value;

/// Runs that learn within a second or two.
pub const SHORT: &str = "[base]
env = 'Pendulum-v1'
sparsity = 0.8
hidden = [32, 32]
steps = 1600
evaluate-every = 400
evaluate-episodes = 1
checkpoint-every = 200
td3.start-steps = 400
td3.batch = 32
topology.every = 300
";

/// `lacewing sweep` with arguments, in a folder.
pub fn sweep(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(lacewing());
    command.arg("sweep").args(arguments).current_dir(folder);
    command.env_remove("HQ_TASK_ID").env_remove("SLURM_ARRAY_TASK_ID");
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Plans a grid in the folder `out` of `folder`.
pub fn try_plan(folder: &Path, grid: &str, out: &str) -> Output {
    fs::write(folder.join("grid.toml"), grid).unwrap();
    sweep(&["plan", "grid.toml", "--no-estimate", "-o", out], folder).output().unwrap()
}

/// The points that a grid has.
pub fn plan(folder: &Path, grid: &str, out: &str) -> Vec<Value> {
    let output = try_plan(folder, grid, out);
    assert!(output.status.success(), "{}", stderr(&output));
    let points = fs::read(folder.join(out).join("points.json")).unwrap();
    serde_json::from_slice(&points).unwrap()
}

pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_string()
}
