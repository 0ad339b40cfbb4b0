//! `lacewing-edge finetune` beside a robot that does not wait.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::Resume;
use lacewing_tests::edge;
use lacewing_tests::edge::complaint;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{succeed, train};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

const HABITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/habits.py");

/// A policy that can learn on, trained when a test first asks for it.
fn policy(env: &str, algorithm: &str) -> PathBuf {
    static FOLDER: Mutex<Option<tempfile::TempDir>> = Mutex::new(None);
    // One trains at a time, and who comes later finds it done.
    let mut folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = folder.get_or_insert_with(|| tempfile::tempdir().unwrap());
    let run = folder.path().join(format!("{env}-{algorithm}"));
    if run.join("policy.lace").exists() {
        return run.join("policy.lace");
    }
    let options = ["--sparsity=0.9", "--seed=2", "--steps=2100", "--hidden=64,64"];
    let algorithm = format!("--algorithm={algorithm}");
    let options = [&[env, &algorithm][..], &options[..]].concat();
    succeed(&mut train(&options, &run));
    run.join("policy.lace")
}

fn live(policy: &Path, environment: &str, out: &Path, more: &[&str]) -> Output {
    let command = format!("exec '{}' env serve {environment}", lacewing().display());
    finetune(policy, &command, out, more).output().expect("the program starts")
}

fn finetune(policy: &Path, driver: &str, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(edge::program());
    command.arg("finetune").arg(policy).args(["--env-command", driver, "--warm-up=100"]);
    command.args(["--replay=2000", "--out"]).arg(out).args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Steps of a policy's training, with those of its fine-tuning.
fn steps(path: &Path) -> u64 {
    let bytes = AlignedBytes::read(path).unwrap();
    PolicyView::parse(&bytes).unwrap().provenance().steps
}

fn report(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Updates that the report has: made, and without time.
fn updates(report: &str) -> (u64, u64) {
    let line = report.lines().find_map(|line| line.strip_prefix("learned: ")).expect(report);
    let mut numbers = line.split(' ').filter_map(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Whether a file has as many updates more than another; those that were rejected, or that a roll-back
/// dropped, are counted too.
fn has_learned(out: &Path, policy: &Path, made: u64) -> bool {
    (made..made + 20).contains(&(updates_of(out) - updates_of(policy)))
}

/// Updates that went into the policy file, which acts and can learn on.
fn updates_of(path: &Path) -> u64 {
    let bytes = AlignedBytes::read(path).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let policy = Policy::new(view.clone()).unwrap();
    let (mut action, mut scratch) = (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
    policy.check_probes(&mut action, &mut scratch).unwrap();
    Resume::parse(view.resume().unwrap()).unwrap().updates()
}

#[test]
fn it_learns_while_the_robot_is_on_its_way() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    for when in ["slack", "thread"] {
        let out = folder.path().join(when);
        let options = ["--learning", when, "--steps=1000"];
        let report = report(&live(&policy, "Pendulum-v1 --period 0.003", &out, &options));
        let (made, forgone) = updates(&report);
        // One a step after the warm-up; some may still be due at the end.
        assert!((300..=900).contains(&made) && made + forgone <= 900, "{report}");
        assert!(has_learned(&out, &policy, made), "{report}");
        assert!(report.contains("from observation to command: median"), "{report}");
    }
}

#[test]
fn a_driver_may_log_repeat_itself_and_damage_a_line() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    let requests = folder.path().join("requests");
    for (habit, told, lost) in [
        ("jsonlog", r#"`{"level": "info""#, 0),
        ("early", r#"`{"obs": ["#, 0),
        ("twice", r#"`{"obs": ["#, 0),
        ("cut", "an answer of the environment is dropped", 1),
        ("garbled", "an answer of the environment is dropped", 1),
    ] {
        let driver =
            format!("exec python3 '{HABITS}' {habit} '{}' '[-2.0,2.0]' 300", requests.display());
        for when in ["slack", "thread"] {
            let out = folder.path().join(format!("{habit}-{when}"));
            let options = ["--learning", when, "--steps=600"];
            let output = finetune(&policy, &driver, &out, &options).output().unwrap();
            assert!(text(&output.stderr).contains(told), "{habit}: {output:?}");
            let report = report(&output);
            assert_eq!(report.contains("left out: 1 answers"), lost == 1, "{habit}: {report}");
            // One for each step, and what begins an episode of 50.
            let asked = std::fs::read_to_string(&requests).unwrap();
            let actions = asked.lines().filter(|line| line.contains("action")).count();
            assert_eq!(actions, 600, "{habit}: {report}");
        }
    }
}

#[test]
fn it_learns_no_more_than_is_due() {
    let policy = policy("CartPole-v1", "dqn");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let report = report(&live(&policy, "CartPole-v1", &out, &["--learning=slack", "--steps=3000"]));
    let (made, forgone) = updates(&report);
    assert!(made > 0 && made + forgone <= 2900, "{report}");
    assert!(has_learned(&out, &policy, made), "{report}");
}

#[test]
fn it_learns_more_from_a_step_if_asked() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = ["--learning=slack", "--steps=600", "--updates-per-step=3"];
    let report = report(&live(&policy, "Pendulum-v1 --period 0.01", &out, &options));
    let (made, forgone) = updates(&report);
    assert!(made > 700 && made + forgone <= 1500, "{report}");
    assert!(has_learned(&out, &policy, made), "{report}");
}

#[test]
fn options_of_another_kind_of_learning_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let td3 = policy("Pendulum-v1", "td3");
    for (policy, options, why) in [
        (&td3, &["--guard-window=50"][..], "--guard-window is for --learning slack or thread"),
        (&td3, &["--learning=slack", "--cores=0,0"], "--cores is for --learning thread"),
        (
            &policy("Pendulum-v1", "ppo"),
            &["--steps=5000", "--updates-per-step=2"],
            "--updates-per-step is for algorithms that learn from a replay",
        ),
    ] {
        let complaint = complaint(&live(policy, "Pendulum-v1", &out, options));
        assert!(complaint.contains(why), "{complaint}");
        assert!(!out.exists());
    }
}

#[test]
fn an_iteration_is_learned_from_as_a_whole() {
    let policy = policy("Pendulum-v1", "ppo");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = ["--learning=thread", "--steps=5000", "--guard-window=400"];
    let report = report(&live(&policy, "Pendulum-v1 --period 0.001", &out, &options));
    let (made, _) = updates(&report);
    // 2048 steps make 320 updates.
    assert!((320..=640).contains(&made), "{report}");
}

#[test]
fn cores_that_are_not_there_are_refused() {
    let policy = policy("Pendulum-v1", "sac");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = ["--learning=thread", "--steps=500", "--cores=0,4711"];
    let complaint = complaint(&live(&policy, "Pendulum-v1", &out, &options));
    assert!(complaint.contains("core 4711"), "{complaint}");
}

#[test]
fn what_was_learned_outlives_the_driver() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    for when in ["--learning=slack", "--learning=thread"] {
        let out = folder.path().join(when);
        // An answer is a line, so this one is gone after some 900 steps.
        let server = lacewing().display();
        let driver = format!("'{server}' env serve Pendulum-v1 --period 0.003 | sed -u 900q");
        let options = [when, "--steps=100000", "--guard-window=60"];
        let ended = finetune(&policy, &driver, &out, &options).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(text(&ended.stderr).contains("holds the best policy so far"), "{ended:?}");
        let more = steps(&out) - steps(&policy);
        assert!((880..=900).contains(&more), "{more}: {ended:?}");
        let told = text(&ended.stdout);
        assert!(updates(&told).0 > 300 && updates_of(&out) > updates_of(&policy), "{told}");
    }
}

/// Sends a signal once it has told of `lines` thousand steps.
#[cfg(unix)]
fn stop_after(mut command: Command, signal: &str, lines: usize) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    told.filter(|line| line.contains(": reward ")).nth(lines - 1).expect("it acts");
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_the_best_policy_saved() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    let driver = format!("exec '{}' env serve Pendulum-v1 --period 0.001", lacewing().display());
    for (when, signal) in [("--learning=slack", "-TERM"), ("--learning=thread", "-INT")] {
        let out = folder.path().join(when);
        let options = [when, "--steps=1000000"];
        let ended = stop_after(finetune(&policy, &driver, &out, &options), signal, 2);
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        let told = text(&ended.stderr);
        assert!(told.contains("a signal ended it after step "), "{told}");
        assert!(told.contains("holds the best policy so far"), "{told}");
        assert!(steps(&out) >= steps(&policy) + 2000, "{ended:?}");
        updates_of(&out);
    }
}

#[cfg(unix)]
#[test]
fn it_goes_on_from_its_saves_whatever_ended_it() {
    let policy = policy("Pendulum-v1", "td3");
    let folder = tempfile::tempdir().unwrap();
    let driver = format!("exec '{}' env serve Pendulum-v1 --period 0.001", lacewing().display());
    for (when, signal) in [("--learning=slack", "-TERM"), ("--learning=thread", "-KILL")] {
        let [out, state, log] =
            ["out", "state", "log"].map(|name| folder.path().join(format!("{name}{when}")));
        let session = |steps: &str| {
            let options = [when, steps, "--save-every=500", "--guard-window=200", "--seed=3"];
            let mut command = finetune(&policy, &driver, &out, &options);
            command.arg("--state").arg(&state).arg("--log").arg(&log);
            command
        };
        let ended = stop_after(session("--steps=1000000"), signal, 2);
        let told = text(&ended.stderr);
        assert_eq!(told.contains("the same command goes on from there"), signal == "-TERM");
        let again = session("--steps=4000").output().unwrap();
        let told = report(&again);
        let from = told.split("going on from step ").nth(1).expect(&told);
        let from: u64 = from.split(',').next().unwrap().parse().unwrap();
        assert!((1500..4000).contains(&from), "{told}");
        assert_eq!(steps(&out), steps(&policy) + 4000, "{told}");
        // What was learned before is in it, also where the judge has not yet spoken.
        assert!(updates_of(&out) >= updates_of(&policy) + from - 1000, "{told}");
        let records = Command::new(edge::program()).args(["log", "--json"]).arg(&log).output();
        let records = report(&records.unwrap());
        for event in ["start", "return", "losses", "latency", "verdict", "save"] {
            assert!(records.contains(&format!("\"{event}\":")), "{event}: {records}");
        }
    }
    // A session in episodes is another one.
    let state = folder.path().join("state--learning=slack");
    let mut episodes = finetune(&policy, &driver, &folder.path().join("other"), &["--seed=3"]);
    let told = complaint(&episodes.arg("--state").arg(&state).output().unwrap());
    assert!(told.contains("another --learning"), "{told}");
}
