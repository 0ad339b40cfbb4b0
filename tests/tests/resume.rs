//! Runs that are killed, stopped, damaged or out of disk go on from their last checkpoint as if
//! nothing had happened.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, progress, succeed, train};

/// Longer than any run of these suites takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn resume(run: &Path) -> Command {
    let mut command = Command::new(lacewing());
    command.args(["train", "--resume"]).arg(run);
    command
}

/// The step of the run's last checkpoint; 0 before the first.
fn checkpoint_step(run: &Path) -> u64 {
    let Ok(text) = fs::read_to_string(run.join("checkpoint/manifest.json")) else { return 0 };
    let Some(body) = text.lines().next() else { return 0 };
    let manifest: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    manifest["state"]["step"].as_u64().unwrap_or(0)
}

/// Waits for a checkpoint at or after `step` of a run that is under way.
fn await_checkpoint(child: &mut Child, run: &Path, step: u64) {
    let started = Instant::now();
    while checkpoint_step(run) < step {
        assert!(started.elapsed() < PATIENCE, "no checkpoint");
        assert!(child.try_wait().unwrap().is_none(), "the run ended too early");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(unix)]
fn claims_a_return(policy: &Path) -> bool {
    let bytes = AlignedBytes::read(policy).unwrap();
    PolicyView::parse(&bytes).unwrap().provenance().evaluation.is_some()
}

#[cfg(unix)]
fn send(signal: &str, child: &Child) {
    succeed(Command::new("kill").args([signal, &child.id().to_string()]));
}

/// The same command after a shell has prepared the process.
fn after(preparation: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("{preparation}; exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell
}

/// Trains until there is a checkpoint at or after `step`, then kills the process at once.
fn train_and_kill(run: &Path, step: u64) {
    kill(train(&SHORT, run), run, step);
}

/// The same of any command that trains.
fn kill(mut command: Command, run: &Path, step: u64) {
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    await_checkpoint(&mut child, run, step);
    child.kill().unwrap(); // SIGKILL: nothing can be tidied up
    child.wait().unwrap();
    assert!(!run.join("summary.json").exists(), "the run ended before it could be killed");
}

/// The killed and resumed run must be the uninterrupted one.
fn assert_equal(run: &Path, reference: &Path) {
    assert_eq!(progress(run), progress(reference));
    for file in ["policy.lace", "best.lace"] {
        let same = fs::read(run.join(file)).unwrap() == fs::read(reference.join(file)).unwrap();
        assert!(same, "{file} differs from the uninterrupted run's");
    }
}

#[test]
fn a_killed_run_ends_as_the_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, killed] = ["reference", "killed"].map(|name| folder.path().join(name));
    succeed(&mut train(&SHORT, &reference));
    // The replay of 1500 transitions wraps at step 1500: checkpoints before and after.
    train_and_kill(&killed, 800);
    succeed(&mut resume(&killed));
    assert_equal(&killed, &reference);

    let wrapped = folder.path().join("wrapped");
    train_and_kill(&wrapped, 1800);
    succeed(&mut resume(&wrapped));
    assert_equal(&wrapped, &reference);

    // A damaged checkpoint is told and the one before it is used.
    let damaged = folder.path().join("damaged");
    train_and_kill(&damaged, 1800);
    let step = checkpoint_step(&damaged);
    let learner = damaged.join(format!("checkpoint/learner-{step:012}.bin"));
    let mut bytes = fs::read(&learner).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&learner, bytes).unwrap();
    let output = succeed(&mut resume(&damaged));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("checkpoint is damaged"), "{stderr}");
    assert_equal(&damaged, &reference);

    // A log that is gone starts afresh.
    let unlogged = folder.path().join("unlogged");
    train_and_kill(&unlogged, 1800);
    fs::remove_file(unlogged.join("progress.csv")).unwrap();
    succeed(&mut resume(&unlogged));
    let rows = progress(&unlogged);
    assert_eq!(rows[0], progress(&reference)[0], "its header");
    assert!(rows.iter().all(|row| !row.contains('\0')), "{rows:?}");

    // A finished run is left alone.
    let output = resume(&reference).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is finished"));
}

/// Names of the files of a run's checkpoint, without their steps.
fn parts(run: &Path) -> Vec<String> {
    let parts = fs::read_dir(run.join("checkpoint")).unwrap();
    let names = parts.map(|part| part.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.map(|name| name.split('-').next().unwrap().to_string()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_finished_run_with_its_replay_goes_on_as_if_it_had_never_ended() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, extended] = ["reference", "extended"].map(|name| folder.path().join(name));
    let to =
        |steps| SHORT.map(|argument| if argument == "--steps=2600" { steps } else { argument });
    succeed(train(&to("--steps=3300"), &reference).arg("--keep-replay"));
    // Constant SET has no schedule that would depend on the steps. The last episode is cut at the end,
    // which is an evaluation that the longer run has not.
    succeed(train(&to("--steps=2600"), &extended).arg("--keep-replay"));
    assert_eq!(parts(&extended), ["learner", "manifest.json", "previous.json", "replay"]);
    kill(after_resume(&extended, "3300"), &extended, 2800);
    succeed(&mut resume(&extended));
    assert_equal(&extended, &reference);
    assert_eq!(
        fs::read_to_string(extended.join("config.toml")).unwrap(),
        fs::read_to_string(reference.join("config.toml")).unwrap()
    );
}

fn after_resume(run: &Path, steps: &str) -> Command {
    let mut command = resume(run);
    command.args(["--steps", steps]);
    command
}

#[test]
fn a_finished_run_without_its_replay_fills_a_new_one_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [
        ("set", &[][..]),
        ("prune", &["--method=prune"]),
        ("rigl", &["--method=rigl"]),
        ("ppo", &["--algorithm=ppo", "--set=ppo.steps=256"]),
    ] {
        let run = folder.path().join(name);
        // Settings of TD3 are for TD3.
        let arguments = SHORT.iter().filter(|text| name != "ppo" || !text.contains("td3"));
        let arguments: Vec<_> = arguments.chain(more).copied().collect();
        succeed(&mut train(&arguments, &run));
        assert_eq!(parts(&run), ["learner", "manifest.json"], "{name}");
        let (first, before) = (checkpoint_step(&run), progress(&run));
        assert_eq!(first, 2600);
        let output = succeed(&mut after_resume(&run, "3300"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("steps 2600 -> 3300"), "{stderr}");
        assert_eq!(stderr.contains("the next 400 steps fill it"), name != "ppo", "{stderr}");
        let after = progress(&run);
        assert_eq!(after[..before.len()], before, "what was logged stays");
        assert!(after.last().unwrap().starts_with("3300,"), "{after:?}");
        assert_eq!(checkpoint_step(&run), 3300);
        // What was found to be the best before is only replaced by something better.
        let summary = fs::read_to_string(run.join("summary.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
        let bytes = AlignedBytes::read(run.join("best.lace")).unwrap();
        let best = PolicyView::parse(&bytes).unwrap().provenance().evaluation.unwrap();
        assert_eq!(summary["best_return"].as_f64(), Some(best.mean), "{name}");
    }
}

#[test]
fn a_replay_that_forgets_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, killed] = ["reference", "killed"].map(|name| folder.path().join(name));
    let buffer = ["every=200", "distance=0.05", "least=600"];
    let buffer = buffer.map(|setting| format!("--set=dynamic-buffer.{setting}"));
    let arguments: Vec<_> = SHORT.into_iter().chain(buffer.iter().map(String::as_str)).collect();
    succeed(&mut train(&arguments, &reference));
    kill(train(&arguments, &killed), &killed, 1800);
    let manifest = fs::read_to_string(killed.join("checkpoint/manifest.json")).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_str(manifest.lines().next().unwrap()).unwrap();
    let kept = manifest["state"]["kept"].as_u64().unwrap();
    assert!((600..1500).contains(&kept), "{kept} transitions are kept");
    succeed(&mut resume(&killed));
    assert_equal(&killed, &reference);
}

#[test]
fn a_changed_configuration_is_told_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train_and_kill(&run, 800);
    let path = run.join("config.toml");
    let original = fs::read_to_string(&path).unwrap();
    let change = |old: &str, new: &str| {
        assert!(original.contains(old), "{old}");
        fs::write(&path, original.replace(old, new)).unwrap();
    };
    let since = checkpoint_step(&run);

    // What would be another run, another environment's shapes included, touches nothing.
    let manifest = fs::read(run.join("checkpoint/manifest.json")).unwrap();
    for (old, new, told) in [
        ("seed = 5", "seed = 6", "seed 5 -> 6"),
        ("batch = 32", "batch = 64", "td3.batch 32 -> 64"),
        ("Pendulum-v1", "MountainCarContinuous-v0", "env \"Pendulum-v1\" -> "),
        ("steps = 2600", "steps = 600", "steps must be at least"),
    ] {
        change(old, new);
        let output = resume(&run).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        let changed = format!("config.toml changed since step {since}: ");
        assert!(stderr.contains(&changed) && stderr.contains(told), "{stderr}");
        assert!(fs::read(run.join("checkpoint/manifest.json")).unwrap() == manifest);
    }

    // Only how long the run goes on; the next checkpoint knows it.
    change("steps = 2600", "# once more\nsteps = 3_000");
    kill(resume(&run), &run, 1800);
    let output = succeed(&mut resume(&run));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("config.toml changed"), "{stderr}");
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    assert!(summary.contains("\"steps\": 3000"), "{summary}");

    let told = folder.path().join("told");
    train_and_kill(&told, 800);
    let text = fs::read_to_string(told.join("config.toml")).unwrap();
    let text = text.replace("steps = 2600", "steps = 3000").replace("threads = 1", "threads = 2");
    fs::write(told.join("config.toml"), text).unwrap();
    let output = succeed(&mut resume(&told));
    let stderr = String::from_utf8_lossy(&output.stderr);
    for words in ["steps 2600 -> 3000", "threads 1 -> 2", "shares of the steps"] {
        assert!(stderr.contains(words), "no `{words}` in {stderr}");
    }
}

#[test]
fn a_full_disk_is_told_and_the_last_checkpoint_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, full] = ["reference", "full"].map(|name| folder.path().join(name));
    succeed(&mut train(&SHORT, &reference));
    // A limit on file size stands for the disk: the learner's file of the first checkpoint passes
    // it. Ignoring the signal makes the write fail, as it does on a full disk.
    let limited = after("trap '' XFSZ; ulimit -f 16", &train(&SHORT, &full)).output();
    let output = limited.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let error = stderr.lines().last().unwrap();
    assert!(error.starts_with("error: the disk is full"), "{stderr}");
    assert!(error.contains("--resume"), "{stderr}");
    // With room again the run goes on, here from its start, and ends as the reference.
    succeed(&mut resume(&full));
    assert_equal(&full, &reference);
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_a_checkpoint_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut child = train(&SHORT, &run).stderr(Stdio::piped()).spawn().unwrap();
    await_checkpoint(&mut child, &run, 400);
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("continue with `lacewing train --resume"), "{stderr}");
    assert!(checkpoint_step(&run) >= 400 && !run.join("summary.json").exists());
    // Evaluations come every 500 steps, episodes end every 200: most checkpoints have none.
    assert_eq!(
        claims_a_return(&run.join("policy.lace")),
        checkpoint_step(&run).is_multiple_of(500)
    );
    succeed(&mut resume(&run));
    assert!(run.join("summary.json").exists());
    assert!(claims_a_return(&run.join("policy.lace")) && claims_a_return(&run.join("best.lace")));
}

#[cfg(unix)]
#[test]
fn a_run_started_by_nohup_outlives_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut child = after("trap '' HUP", &train(&SHORT, &run))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_checkpoint(&mut child, &run, 400);
    send("-HUP", &child);
    assert!(child.wait().unwrap().success());
    assert!(run.join("summary.json").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_after_quickstarts_training_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(lacewing())
        .args(["quickstart", "--steps=1100", "--tune-steps=1000000000", "--out"])
        .arg(folder.path().join("run"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let tuning = lines.map(Result::unwrap).find(|line| line.starts_with("4. "));
    tuning.expect("quickstart reaches its fine-tuning");
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
