//! A policy that came without critics learns on with fresh ones.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::Resume;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{succeed, train};
use std::path::Path;
use std::process::Command;

fn run(arguments: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(lacewing());
    command.args(arguments).args(paths);
    command
}

/// What a policy answers to its probes' observations.
fn actions(path: &Path) -> Vec<Vec<f32>> {
    let bytes = AlignedBytes::read(path).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let policy = Policy::new(view.clone()).unwrap();
    let mut scratch = vec![0.0; policy.scratch_len()];
    let act = |observation| {
        let mut action = vec![0.0; policy.actions()];
        policy.act(observation, &mut action, &mut scratch).unwrap();
        action
    };
    view.probes().map(|probe| probe.observation).map(act).collect()
}

/// The complaint of a command that fails.
fn complaint(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_acts_as_before_and_learns_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (env, algorithm) in [("Pendulum-v1", "td3"), ("CartPole-v1", "dqn")] {
        let trained = path(&format!("{algorithm}-run"));
        let algorithm_option = format!("--algorithm={algorithm}");
        let options = [env, &algorithm_option, "--sparsity=0.8", "--seed=1", "--steps=4000"];
        succeed(&mut train(
            &[&options[..], &["--set", "normalise-observations=true"]].concat(),
            &trained,
        ));
        let (bare, adopted) =
            (path(&format!("{algorithm}-bare")), path(&format!("{algorithm}-adopted")));
        let export = ["export", "--values=f16", "--no-resume-section", "--out"];
        succeed(&mut run(&export, &[&bare, &trained]));
        succeed(&mut run(&["adopt", "--critic-hidden=64, 64", "--out"], &[&adopted, &bare]));
        assert_eq!(actions(&adopted), actions(&bare), "{algorithm}");
        let bytes = AlignedBytes::read(&adopted).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        let resume = Resume::parse(view.resume().unwrap()).unwrap();
        assert_eq!(resume.updates(), 0);
        assert!(resume.training().normalise_observations);
        let complaint = complaint(run(&["adopt", "--out"], &[&path("again"), &adopted]));
        assert!(complaint.contains("can learn on as it is"), "{complaint}");

        let tuned = path(&format!("{algorithm}-tuned"));
        let mut tune =
            run(&["finetune", "--steps=2500", "--episodes=3", "--shift", ""], &[&adopted]);
        tune.arg("--out").arg(&tuned);
        if algorithm == "td3" {
            tune.arg("--critics-first=1000");
        }
        let said = succeed(&mut tune);
        let said = String::from_utf8_lossy(&said.stderr);
        assert!(!said.contains("left out"), "{said}");
        assert!(actions(&tuned).len() == actions(&bare).len());
    }
}

#[test]
fn what_an_earlier_version_can_learn_on_from_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (old, adopted) = (path("it's old.lace"), path("it's new.lace"));
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
    std::fs::copy(goldens.join("v1_pendulum.lace"), &old).unwrap();
    let complaint = complaint(run(&["finetune", "--shift=gear=0.5"], &[&old]));
    let words = ["it's old.lace: the resume section is of layout", "lacewing adopt", "--out NEW`"];
    assert!(words.iter().all(|words| complaint.contains(words)), "{complaint}");
    let seen = succeed(&mut run(&["inspect"], &[&old])).stdout;
    assert!(String::from_utf8_lossy(&seen).contains("cannot go on learning: the resume section"));
    succeed(&mut run(&["inspect", "--json"], &[&old]));
    let told = succeed(&mut run(&["adopt", "--out"], &[&adopted, &old])).stdout;
    assert!(String::from_utf8_lossy(&told).contains(r"it'\''s new.lace' --critics-first"));
    let bytes = AlignedBytes::read(&adopted).unwrap();
    assert!(Resume::of(&PolicyView::parse(&bytes).unwrap()).unwrap().is_some());
    let [before, after] = [&old, &adopted]
        .map(|file| succeed(&mut run(&["eval", "--json", "--episodes=1"], &[file])).stdout);
    assert!(before.starts_with(br#"{"env":"Pendulum-v1""#) && before == after);
}

#[test]
fn what_is_no_actor_of_an_algorithm_here_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let trained = path("run");
    let options = ["Pendulum-v1", "--algorithm=ppo", "--sparsity=0.8", "--seed=1", "--steps=2048"];
    succeed(&mut train(&options, &trained));
    let bare = path("bare");
    succeed(&mut run(&["export", "--no-resume-section", "--out"], &[&bare, &trained]));
    let complaint = complaint(run(&["adopt", "--out"], &[&path("adopted"), &bare]));
    assert!(complaint.contains("no actor of an algorithm here"), "{complaint}");
    assert!(!path("adopted").exists());
}
