//! Sweeps: what a grid resolves to, what is refused, and that nothing that happens to a sweep's processes
//! changes its results.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{progress, succeed};
use serde_json::Value;

/// Longer than any run of this suite takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs that learn within a second or two.
const SHORT: &str = "[base]
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

fn sweep(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(lacewing());
    command.arg("sweep").args(arguments).current_dir(folder);
    command.env_remove("HQ_TASK_ID").env_remove("SLURM_ARRAY_TASK_ID");
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Plans a grid in the folder `out` of `folder`.
fn try_plan(folder: &Path, grid: &str, out: &str) -> Output {
    fs::write(folder.join("grid.toml"), grid).unwrap();
    sweep(&["plan", "grid.toml", "--no-estimate", "-o", out], folder).output().unwrap()
}

/// The points that a grid has.
fn plan(folder: &Path, grid: &str, out: &str) -> Vec<Value> {
    let output = try_plan(folder, grid, out);
    assert!(output.status.success(), "{}", stderr(&output));
    let points = fs::read(folder.join(out).join("points.json")).unwrap();
    serde_json::from_slice(&points).unwrap()
}

/// Why a grid is refused, in one line, and that nothing is left of it.
fn refused(grid: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = try_plan(folder.path(), grid, "out");
    let told = stderr(&output);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(!folder.path().join("out").exists(), "{grid}");
    told
}

/// Where the points stand, as `status --json` tells.
fn status(folder: &Path, out: &str) -> Vec<Value> {
    let output = succeed(&mut sweep(&["status", out, "--json"], folder));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn states(folder: &Path, out: &str) -> Vec<String> {
    status(folder, out).iter().map(|one| text(one, "state")).collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_string()
}

fn folders(root: &Path, points: &[Value]) -> Vec<PathBuf> {
    points.iter().map(|point| root.join(text(point, "folder"))).collect()
}

#[test]
fn a_grid_is_every_combination_once() {
    let folder = tempfile::tempdir().unwrap();
    let points = plan(
        folder.path(),
        "[base]
         env = 'CartPole-v1'
         hidden = [32, 32]
         dqn.batch = 64
         [axes]
         method = ['dense', 'static', 'rigl', 'prune']
         sparsity = [0.5, 0.9]
         topology.every = [500, 1000]
         seed = '1..=3'
         [[exclude]]
         method = 'prune'
         topology.every = 1000
         [[exclude]]
         method = ['rigl', 'prune']
         sparsity = 0.5
         seed = [2, 3]
         [[include]]
         method = 'rigl'
         sparsity = 0.9
         topology.every = 1000
         bias = false",
        "out",
    );
    // dense: 3 seeds; static: 2 sparsities x 3; rigl: 0.9 x 2 x 3 and 0.5 x 2 x 1; prune: 3 and 1;
    // without biases: 3.
    assert_eq!(points.len(), 3 + 6 + 8 + 4 + 3);
    let names: BTreeSet<_> = points.iter().map(|point| text(point, "name")).collect();
    assert_eq!(names.len(), points.len());
    assert_eq!(text(&points[0], "name"), "0000-dense_seed=1");
    for name in [
        "0008-static_sparsity=0.9_seed=3",
        "0009-rigl_sparsity=0.5_topology.every=500_seed=1",
        "0023-rigl_sparsity=0.9_bias=false_topology.every=1000_seed=3",
    ] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    for (at, point) in points.iter().enumerate() {
        assert_eq!(point["number"], at);
        assert_eq!(text(point, "folder"), format!("points/{}", text(point, "name")));
        let config = &point["config"];
        assert_eq!(
            (&config["algorithm"], &config["dqn"]["batch"], &config["hidden"]),
            (&"dqn".into(), &64.into(), &vec![32, 32].into())
        );
    }
    // Resolved by the way of `train`: what no one says is the method's.
    let rigl = &points[10]["config"];
    assert_eq!(
        (&rigl["init"], &rigl["topology"]["every"]),
        (&"sparsity-aware".into(), &1000.into())
    );
    assert_eq!(points[0]["config"]["sparsity"], Value::Null);
}

#[test]
fn linked_axes_set_several_keys_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let points = plan(
        folder.path(),
        "[base]
         method = 'set'
         sparsity = 0.9
         [axes]
         allocation = ['erk', 'balanced']
         td3.learning-rate = [1e-3, 1e-30]
         [linked]
         task = [
            { env = 'Pendulum-v1', steps = 5000 },
            { env = 'MountainCarContinuous-v0', steps = 9000, topology.amount.cosine = 0.3 },
         ]",
        "out",
    );
    assert_eq!(points.len(), 8);
    let of = |at: usize| &points[at]["config"];
    assert_eq!((&of(0)["env"], &of(0)["steps"]), (&"Pendulum-v1".into(), &5000.into()));
    let last = of(7);
    assert_eq!(
        (&last["steps"], &last["topology"]["amount"]["cosine"], &last["allocation"]["rule"]),
        (&9000.into(), &0.3.into(), &"balanced".into())
    );
    assert_eq!(
        text(&points[7], "name"),
        "0007-MountainCarContinuous-v0_allocation=closeness-0.2-rule-balanced_steps=9000_\
         td3.learning-rate=1e-30_topology.amount=cosine-0.3"
    );
}

#[test]
fn what_is_wrong_with_a_grid_is_told_and_nothing_is_written() {
    let base = "[base]\nenv = 'Pendulum-v1'\n";
    let set = format!("{base}[axes]\nmethod = ['set', 'rigl']\nsparsity = [0.9]\n");
    for (grid, words) in [
        (format!("{base}sparsty = 0.9\n"), &["did you mean `sparsity`?"][..]),
        (format!("{base}[axes]\ntd3.lerning-rate = [1e-3]"), &["did you mean `learning-rate`?"]),
        (format!("{base}[axes]\nmethod = ['set', 'riggle']"), &["point riggle", "`rigl`?"]),
        (format!("{base}[axis]\nseed = [1]"), &["did you mean `axes`?"]),
        (format!("{base}[axes]\nseed = 1"), &["seed = [1]", "under [base]"]),
        (format!("{base}[axes]\nseed = []"), &["seed has no values"]),
        (format!("{base}[axes]\nseed = '5..=1'"), &["seed = \"5..=1\" is no range"]),
        (format!("{base}[axes]\nseed = '1..=100001'"), &["at most 100000"]),
        (
            format!("{base}[axes]\nseed = '1..=1000'\nsteps = '10000..10900'"),
            &["more than 100000 combinations"],
        ),
        (
            format!("{base}[axes]\nsparsity = [0.9, 1.5]"),
            &["point sparsity=1.5", "below 1", "[[exclude]]"],
        ),
        (
            "[axes]\nenv = ['Pendulum-v1', 'Pendulm-v1']".into(),
            &["point Pendulm-v1", "did you mean `Pendulum-v1`?"],
        ),
        (
            format!("{base}[axes]\nalgorithm = ['td3', 'dqn']"),
            &["point dqn", "take td3, sac or ppo"],
        ),
        ("[axes]\nseed = [1]".into(), &["env is missing"]),
        (format!("{set}[[exclude]]\nmethd = 'set'"), &["did you mean `method`?"]),
        (format!("{set}[[exclude]]\nsparsity = 0.5"), &["sparsity = [0.5]", "leaves nothing out"]),
        (format!("{set}[[exclude]]\nsparsity = 0.9"), &["leaves out all"]),
        ("[base\n".into(), &["grid.toml: TOML parse error at line 1"]),
    ] {
        let told = refused(&grid);
        for word in words {
            assert!(told.contains(word), "no `{word}` in {told}");
        }
    }
}

#[test]
fn a_planned_sweep_grows_but_loses_no_point() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = |seeds: &str| format!("{SHORT}[axes]\nmethod = ['static', 'set']\nseed = {seeds}\n");
    let before = plan(root, &grid("[2, 3]"), "out");
    assert_eq!(plan(root, &grid("[2, 3]"), "out"), before, "planned again");
    let after = plan(root, &grid("[1, 2, 3]"), "out");
    assert_eq!(after[..4], before[..]);
    let names: Vec<_> = after[4..].iter().map(|point| text(point, "name")).collect();
    assert_eq!(names, ["0004-static_seed=1", "0005-set_seed=1"]);
    let output = try_plan(root, &grid("[1, 2]"), "out");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("0001-static_seed=3"), "{}", stderr(&output));
    let kept = fs::read(root.join("out/points.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&kept).unwrap(), after);
}

#[test]
fn one_failed_point_is_named_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = format!("{SHORT}[axes]\nseed = [1]\ntd3.learning-rate = [1e30, 1e-3]\n");
    let points = plan(root, &grid, "out");
    let output = sweep(&["run", "out", "--jobs=2"], root).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let log = format!("out/{}/log.txt", text(&points[0], "folder"));
    for words in ["learning diverged", &log, "1 of 2 points failed", "`lacewing sweep run out`"] {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
    assert!(fs::read_to_string(root.join(log)).unwrap().contains("learning diverged"));
    assert_eq!(states(root, "out"), ["failed", "done"]);
    let shown = stdout(&succeed(&mut sweep(&["status", "out"], root)));
    assert!(shown.contains("2 points: 1 done, 0 running, 1 failed"), "{shown}");
    assert!(shown.contains("failed: learning diverged"), "{shown}");

    for command in ["run", "status", "point"] {
        let output = sweep(&[command, "grid.toml"], root).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("`lacewing sweep plan GRID.toml"), "{}", stderr(&output));
    }

    // The one that is done costs nothing any more, and the other is tried again when asked for.
    let policy = folders(&root.join("out"), &points)[1].join("policy.lace");
    let written = fs::metadata(&policy).unwrap().modified().unwrap();
    let output = succeed(&mut sweep(&["point", "out", "1"], root));
    assert!(stdout(&output).contains("was done before"));
    assert_eq!(fs::metadata(&policy).unwrap().modified().unwrap(), written);
    let output = sweep(&["point", "out", "0"], root).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn a_point_is_an_ordinary_run_and_takes_its_number_from_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let points = plan(root, &format!("{SHORT}[axes]\nseed = '1..=3'\n"), "out");
    for (at, variable) in ["HQ_TASK_ID", "SLURM_ARRAY_TASK_ID"].into_iter().enumerate() {
        succeed(sweep(&["point", "out"], root).env(variable, at.to_string()));
        assert_eq!(states(root, "out")[at], "done");
    }
    for (number, code, words) in [
        ("", 2, "HQ_TASK_ID or SLURM_ARRAY_TASK_ID"),
        ("x", 2, "HQ_TASK_ID is `x`"),
        ("3", 1, "its points are 0 to 2"),
    ] {
        let mut command = sweep(&["point", "out"], root);
        if !number.is_empty() {
            command.env("HQ_TASK_ID", number);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    // `train` with the point's configuration is the same run.
    let run = root.join("run");
    let point = &folders(&root.join("out"), &points)[1];
    let mut train = Command::new(lacewing());
    train.arg("train").arg("--config").arg(point.join("config.toml")).arg("--out").arg(&run);
    succeed(&mut train);
    assert_eq!(progress(&run), progress(point));
    assert!(
        fs::read(run.join("policy.lace")).unwrap() == fs::read(point.join("policy.lace")).unwrap()
    );

    // A configuration that was tampered with is no longer the point's.
    let third = folders(&root.join("out"), &points)[2].join("config.toml");
    fs::create_dir_all(third.parent().unwrap()).unwrap();
    let other = fs::read_to_string(point.join("config.toml")).unwrap();
    fs::write(&third, other).unwrap();
    let output = sweep(&["point", "out", "2"], root).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not the configuration that points.json has"));
}

/// Waits until `what` holds.
fn wait_for(what: impl Fn() -> bool, child: &mut Child) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < PATIENCE, "it never came");
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        sleep(Duration::from_millis(2));
    }
}

fn quietly(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_and_interrupted_sweeps_end_as_unbroken_ones() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = format!("{SHORT}[axes]\nseed = '1..=4'\n").replace("1600", "3000");
    let points = plan(root, &grid, "unbroken");
    plan(root, &grid, "broken");
    succeed(&mut sweep(&["run", "unbroken", "--jobs=2"], root));
    let broken = folders(&root.join("broken"), &points);
    let saved = |at: usize| broken[at].join("checkpoint/manifest.json").exists();

    // A point, while another process is refused it.
    let mut point = quietly(&mut sweep(&["point", "broken", "2"], root));
    wait_for(|| saved(2), &mut point);
    let output = sweep(&["point", "broken", "2"], root).output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    assert!(stderr(&output).contains("another process"), "{}", stderr(&output));
    assert_eq!(states(root, "broken"), ["waiting", "waiting", "running", "waiting"]);
    point.kill().unwrap(); // SIGKILL
    point.wait().unwrap();
    assert_eq!(states(root, "broken")[2], "stopped");

    // All of it, whose points then end by themselves; the next one waits for them.
    let mut run = quietly(&mut sweep(&["run", "broken", "--jobs=2"], root));
    wait_for(|| saved(0) && saved(1), &mut run);
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(states(root, "broken").iter().any(|state| state != "done"));

    // Ctrl-C leaves nothing running.
    #[cfg(unix)]
    {
        let mut run =
            sweep(&["run", "broken", "--jobs=2"], root).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(|| states(root, "broken").contains(&"running".to_string()), &mut run);
        succeed(Command::new("kill").args(["-INT", &run.id().to_string()]));
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        let told = stderr(&output);
        assert!(told.contains("continue with `lacewing sweep run broken`"), "{told}");
        assert!(!states(root, "broken").contains(&"running".to_string()));
    }

    let output = succeed(&mut sweep(&["run", "broken", "--jobs=2"], root));
    assert!(stdout(&output).contains("all 4 points are done"));
    let unbroken = folders(&root.join("unbroken"), &points);
    for (broken, unbroken) in broken.iter().zip(&unbroken) {
        assert_eq!(progress(broken), progress(unbroken));
        for file in ["policy.lace", "best.lace"] {
            let [one, other] = [broken, unbroken].map(|run| fs::read(run.join(file)).unwrap());
            assert!(one == other, "{file} differs");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    plan(root, &format!("{SHORT}[axes]\nseed = [1]\n"), "out");
    // A limit on file size stands for the disk, as in `resume.rs`.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" sweep run out"]).arg(lacewing());
    let output = limited.current_dir(root).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the disk is full"), "{told}");
    succeed(&mut sweep(&["run", "out"], root));
    assert_eq!(states(root, "out"), ["done"]);
}

#[test]
fn a_plan_estimates_time_and_disk() {
    let folder = tempfile::tempdir().unwrap();
    let grid = format!("{SHORT}[axes]\nseed = [1, 2]\n");
    fs::write(folder.path().join("quick.toml"), grid).unwrap();
    let output = succeed(&mut sweep(&["plan", "quick.toml"], folder.path()));
    let told = stdout(&output);
    assert!(told.starts_with("2 points: 3200 steps\n"), "{told}");
    for words in
        ["of one core (1 kinds of run timed)", " GB in the end", "`lacewing sweep run runs/quick`"]
    {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
    assert!(folder.path().join("runs/quick/points.json").exists());

    // What cannot be timed is told, and is no reason to lose the plan.
    let diverging = format!("{SHORT}td3.learning-rate = 1e30\n");
    fs::write(folder.path().join("bad.toml"), diverging).unwrap();
    let told = stdout(&succeed(&mut sweep(&["plan", "bad.toml"], folder.path())));
    assert!(told.contains("not counted: 1 points") && told.contains("diverged"), "{told}");
}

/// What would be handed to an engine, with `DIR` for the folder and `lacewing` for the program.
fn submission(folder: &Path, arguments: &[&str]) -> String {
    let output = succeed(sweep(&["submit", "out", "--dry-run"], folder).args(arguments));
    let root = fs::canonicalize(folder).unwrap();
    let told = stdout(&output).replace(root.to_str().unwrap(), "DIR");
    told.replace(fs::canonicalize(lacewing()).unwrap().to_str().unwrap(), "lacewing")
}

#[test]
fn engines_get_the_points_that_are_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let points = plan(root, &format!("{SHORT}[axes]\nseed = '0..2200'\n"), "out");
    for done in [0, 3, 4, 5, 1001] {
        let run = &folders(&root.join("out"), &points)[done];
        fs::create_dir_all(run).unwrap();
        let summary = r#"{"steps":1600,"final_return":1,"best_return":1,"actor_sparsity":0.8,"wall_seconds":1}"#;
        fs::write(run.join("summary.json"), summary).unwrap();
    }
    assert_eq!(
        submission(root, &["--engine=hq", "--", "--time-limit=6h"]),
        "hq submit --name=out --array=1-2,6-1000,1002-2199 --cpus=1 --stream=DIR/out/log \
         --time-limit=6h -- lacewing sweep point DIR/out\n"
    );
    // Arrays of Slurm's go to 1000.
    assert_eq!(
        submission(root, &["--engine=slurm", "--jobs=20", "--", "--time=6:00:00", "--comment=a b"]),
        "DIR/out/submit.sbatch:\n\
         #!/bin/sh\n\
         #SBATCH --job-name=\"out\"\n\
         #SBATCH --cpus-per-task=1\n\
         #SBATCH --requeue\n\
         #SBATCH --open-mode=append\n\
         #SBATCH --output=\"DIR/out/log/%A_%a.txt\"\n\
         exec lacewing sweep point DIR/out $((SLURM_ARRAY_TASK_ID + $1))\n\n\
         sbatch --array=1-2,6-999%20 --time=6:00:00 '--comment=a b' DIR/out/submit.sbatch 0\n\
         sbatch --array=0,2-999%20 --time=6:00:00 '--comment=a b' DIR/out/submit.sbatch 1000\n\
         sbatch --array=0-199%20 --time=6:00:00 '--comment=a b' DIR/out/submit.sbatch 2000\n"
    );
    assert!(!root.join("out/log").exists(), "--dry-run writes nothing");
    let nowhere = |engine| {
        let mut submit = sweep(&["submit", "out", engine], root);
        stderr(&submit.env("PATH", root).output().unwrap())
    };
    assert!(nowhere("--engine=hq").contains("hyperqueue/releases"));
    assert!(nowhere("--engine=slurm").contains("login node"));
}

/// Slurm itself, as far as a shell can play it: what `submit` starts trains the points.
#[cfg(unix)]
#[test]
fn what_slurm_is_given_trains_the_points() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    plan(root, &format!("{SHORT}[axes]\nseed = '1..=2'\n"), "a sweep");
    let sbatch = root.join("sbatch");
    let script = "#!/bin/sh\nset -e\ntest \"$1\" = --array=0-1\nshift\n\
                  for id in 0 1; do SLURM_ARRAY_TASK_ID=$id sh \"$@\"; done\n";
    fs::write(&sbatch, script).unwrap();
    fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut submit = sweep(&["submit", "a sweep", "--engine=slurm"], root);
    succeed(submit.env("PATH", format!("{}:{path}", root.display())));
    assert_eq!(states(root, "a sweep"), ["done", "done"]);
    let output = succeed(&mut sweep(&["submit", "a sweep", "--engine=slurm"], root));
    assert!(stdout(&output).contains("nothing to submit"));
}

/// The grids that come with the repository.
#[test]
fn the_grids_of_the_repository_are_legal() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in [("quick", 4), ("classic-control", 250)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../sweeps/{name}.toml"));
        assert_eq!(plan(folder.path(), &fs::read_to_string(path).unwrap(), name).len(), count);
    }
}
