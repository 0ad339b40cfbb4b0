//! Sweeps under way: nothing that happens to their processes changes their results, and engines are given
//! what is not done.

mod sweep_common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{progress, succeed};
use serde_json::Value;
use sweep_common::{SHORT, plan, stderr, stdout, sweep, text};

/// Longer than any run of this suite takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the points stand, as `status --json` tells.
fn status(folder: &Path, out: &str) -> Vec<Value> {
    let output = succeed(&mut sweep(&["status", out, "--json"], folder));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn states(folder: &Path, out: &str) -> Vec<String> {
    status(folder, out).iter().map(|one| text(one, "state")).collect()
}

fn folders(root: &Path, points: &[Value]) -> Vec<PathBuf> {
    points.iter().map(|point| root.join(text(point, "folder"))).collect()
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
fn a_return_is_the_same_number_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = SHORT.replace("evaluate-every = 400", "evaluate-every = 100");
    let points = plan(root, &grid, "out");
    let printed = stdout(&succeed(&mut sweep(&["point", "out", "0"], root)));
    let run = &folders(&root.join("out"), &points)[0];
    // Of 16 evaluations the last tenth is two.
    let log = fs::read_to_string(run.join("progress.csv")).unwrap();
    let mean = |line: &str| line.split(',').nth(3).unwrap().parse::<f64>().unwrap();
    let returns: Vec<_> = log.lines().skip(1).map(mean).collect();
    assert_eq!(returns.len(), 16);
    let last = f64::midpoint(returns[14], returns[15]);
    assert!(printed.ends_with(&format!(": return {last:.1}\n")), "{printed}");
    let summary = run.join("summary.json");
    let written: Value = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
    assert_eq!(written["final_return"], last);

    let mut report = Command::new(lacewing());
    succeed(report.args(["report", "out", "--no-latency"]).current_dir(root));
    let scores = fs::read_to_string(root.join("out/report/scores.csv")).unwrap();
    let score = scores.lines().next().unwrap().split(',').position(|name| name == "score");
    let score = scores.lines().nth(1).unwrap().split(',').nth(score.unwrap()).unwrap();
    assert_eq!(score.parse::<f64>().unwrap(), last);

    // Summaries of earlier versions have another mean.
    let earlier = fs::read_to_string(&summary).unwrap().replace(&last.to_string(), "-1.5");
    fs::write(&summary, earlier).unwrap();
    assert_eq!(status(root, "out")[0]["last_return"], last);

    // What cannot be read is no summary: the run ends once more, with the same result.
    fs::write(&summary, "").unwrap();
    assert_eq!(states(root, "out"), ["stopped"]);
    succeed(&mut sweep(&["run", "out"], root));
    assert_eq!(states(root, "out"), ["done"]);
    assert_eq!(status(root, "out")[0]["last_return"], last);
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
    // An empty variable is as good as none.
    let both = [("HQ_TASK_ID", ""), ("SLURM_ARRAY_TASK_ID", "1")];
    let output = succeed(sweep(&["point", "out"], root).envs(both));
    assert!(stdout(&output).contains("was done before"), "{}", stdout(&output));
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
    let grid = format!("{SHORT}[axes]\nseed = '1..=4'\n").replace("1600", "8000");
    let points = plan(root, &grid, "unbroken");
    plan(root, &grid, "broken");
    succeed(&mut sweep(&["run", "unbroken", "--jobs=2"], root));
    let broken = folders(&root.join("broken"), &points);
    let saved = |at: usize| broken[at].join("checkpoint/manifest.json").exists();

    // A point, while another process is refused it.
    let mut point = quietly(&mut sweep(&["point", "broken", "2"], root));
    wait_for(|| saved(2), &mut point);
    // It would be done before the other one is tired of waiting.
    #[cfg(unix)]
    succeed(Command::new("kill").args(["-STOP", &point.id().to_string()]));
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
        // Those of the killed one are no sign that this one can be interrupted.
        while states(root, "broken").contains(&"running".to_string()) {
            sleep(Duration::from_millis(2));
        }
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
    for name in ["100%", "a \"sweep\""] {
        fs::create_dir(root.join(name)).unwrap();
        fs::copy(root.join("out/points.json"), root.join(name).join("points.json")).unwrap();
        let output = sweep(&["submit", name, "--engine=slurm"], root).output().unwrap();
        assert!(stderr(&output).contains("rename the folder"), "{}", stderr(&output));
        assert!(!root.join(name).join("submit.sbatch").exists());
    }
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
