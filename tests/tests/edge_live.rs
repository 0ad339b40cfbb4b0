//! `lacewing-edge finetune` beside a robot that does not wait.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::Resume;
use lacewing_tests::edge;
use lacewing_tests::edge::complaint;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{succeed, train};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A policy that can learn on, trained when a test first asks for it.
fn policy(env: &str, algorithm: &str) -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let run = folder.path().join(format!("{env}-{algorithm}"));
    let options = ["--sparsity=0.9", "--seed=2", "--steps=2100", "--hidden=64,64"];
    let algorithm = format!("--algorithm={algorithm}");
    let options = [&[env, &algorithm][..], &options[..]].concat();
    succeed(&mut train(&options, &run));
    run.join("policy.lace")
}

fn live(policy: &Path, environment: &str, out: &Path, more: &[&str]) -> Output {
    let command = format!("exec '{}' env serve {environment}", lacewing().display());
    Command::new(edge::program())
        .arg("finetune")
        .arg(policy)
        .args(["--env-command", &command, "--warm-up=100", "--replay=2000", "--out"])
        .arg(out)
        .args(more)
        .output()
        .expect("the program starts")
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
