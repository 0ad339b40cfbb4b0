//! Fine-tuning keeps the best policy on disk while it goes on.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::learn::{Growth, Resume};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};

/// Longer than the first evaluation takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn a_killed_fine_tuning_leaves_the_best_policy_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let [run, tuned] = ["run", "tuned.lace"].map(|name| folder.path().join(name));
    succeed(&mut train(&SHORT, &run));
    let mut finetune = Command::new(lacewing());
    finetune.arg("finetune").arg(&run).args(["--shift=gear=0.5", "--steps=1000000000"]);
    let quiet = finetune
        .args(["--topology=rigl", "--out"])
        .arg(&tuned)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = quiet.spawn().expect("the program starts");
    let started = Instant::now();
    while !tuned.exists() {
        assert!(started.elapsed() < PATIENCE, "no policy");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap(); // SIGKILL: nothing can be tidied up
    child.wait().unwrap();

    let [before, after] =
        [run.join("policy.lace"), tuned].map(|path| AlignedBytes::read(&path).unwrap());
    let [before, after] = [&before, &after].map(|bytes| PolicyView::parse(bytes).unwrap());
    let resume = after.resume().expect("it can be fine-tuned again");
    assert_eq!(Resume::parse(resume).unwrap().training().method.grow, Growth::Gradient);
    assert_eq!(after.provenance().environment, before.provenance().environment);
    // It was evaluated under the shift only, which says nothing about that environment.
    assert_eq!(after.provenance().evaluation, None);
}

/// The mean after `label` in a report.
fn mean(report: &str, label: &str) -> f64 {
    let (_, rest) = report.split_once(label).expect(report);
    rest.split_whitespace().find_map(|word| word.parse().ok()).expect("a number")
}

#[test]
fn a_sparser_policy_learns_what_a_teacher_does() {
    let folder = tempfile::tempdir().unwrap();
    let [teacher, student, out] = ["teacher", "student", "out"].map(|it| folder.path().join(it));
    let options = ["Pendulum-v1", "--sparsity=0.9", "--seed=2", "--steps=8000"];
    succeed(&mut train(&options, &teacher));
    let options = ["Pendulum-v1", "--sparsity=0.95", "--seed=2", "--steps=1100", "--hidden=64,64"];
    succeed(&mut train(&options, &student));
    let imitate = |more: &[&str]| {
        let mut command = Command::new(lacewing());
        command.arg("finetune").arg(&student).args(["--shift=", "--steps=4000", "--out"]).arg(&out);
        command.args(["--force", "--evaluate-every=2000"]).args(more);
        command.output().unwrap()
    };
    let best = teacher.join("best.lace");
    let told = imitate(&["--teacher", best.to_str().unwrap()]);
    let told = format!("{}{}", text(&told.stdout), text(&told.stderr));
    let [frozen, tuned] = ["frozen policy: return", "tuned policy:"].map(|it| mean(&told, it));
    assert!(tuned > frozen + 500.0 && mean(&told, "teacher: return") > -400.0, "{told}");
    let refused = text(&imitate(&["--adapt=imitate"]).stderr);
    assert!(refused.contains("takes a --teacher"), "{refused}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
