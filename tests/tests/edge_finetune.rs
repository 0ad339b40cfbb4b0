//! `lacewing-edge finetune`, driving an environment in another process as on a device.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing_formats::artifact::{AlignedBytes, LayerView, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Activation, Head};
use lacewing_runtime::learn::{Method, Resume};
use lacewing_tests::edge::complaint;
use lacewing_tests::policy_file::Owned;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};
use lacewing_tests::{actor, edge};

fn finetune(policy: &Path, environment: &str, out: &Path, more: &[&str]) -> Output {
    let command = format!("exec '{}' env serve {environment}", lacewing().display());
    Command::new(edge::program())
        .arg("finetune")
        .arg(policy)
        .args(["--env-command", &command, "--out"])
        .arg(out)
        .args(more)
        .output()
        .expect("the program starts")
}

/// The mean after `label` in the program's report.
fn mean(report: &str, label: &str) -> f64 {
    let (_, rest) = report.split_once(label).unwrap_or_else(|| panic!("no {label} in {report}"));
    rest.split(' ').find_map(|word| word.parse().ok()).expect("a number")
}

/// The steps after which the program measured its highest mean: several where the report's one
/// decimal does not tell them apart.
fn best_steps(report: &str) -> Vec<u64> {
    let evaluations = report.lines().filter_map(|line| {
        let (step, score) = line.strip_prefix("step ")?.split_once(": evaluated ")?;
        let (mean, _) = score.split_once(' ')?;
        Some((step.parse().ok()?, mean.parse().ok()?))
    });
    let evaluations: Vec<(u64, f64)> = evaluations.collect();
    assert!(evaluations.len() > 10, "{report}");
    let highest = evaluations.iter().map(|one| one.1).fold(f64::NEG_INFINITY, f64::max);
    evaluations.iter().filter(|one| one.1 == highest).map(|one| one.0).collect()
}

/// Environment steps that a policy file says to come from.
fn steps(policy: &Path) -> u64 {
    let bytes = AlignedBytes::read(policy).unwrap();
    PolicyView::parse(&bytes).unwrap().provenance().steps
}

/// Row pointers and columns of a policy file's layers.
fn links(policy: &Path) -> Vec<(Vec<u32>, Vec<u16>)> {
    let bytes = AlignedBytes::read(policy).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let of_layer = |layer: LayerView<'_>| {
        let mut columns = vec![0; layer.links()];
        layer.decode_columns(&mut columns);
        (layer.row_ptr().to_vec(), columns)
    };
    view.layers().map(of_layer).collect()
}

/// The method that a policy file's resume section goes on with.
fn method(policy: &[u8]) -> Method {
    let view = PolicyView::parse(policy).unwrap();
    Resume::parse(view.resume().expect("it can learn on")).unwrap().training().method
}

#[test]
fn learning_goes_on_in_another_process_and_keeps_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&mut train(&["Pendulum-v1", "--sparsity=0.9", "--seed=2", "--steps=8000"], &run));
    let (best, out) = (run.join("best.lace"), folder.path().join("tuned.lace"));
    let topology = "--topology=as-trained";
    let options = [topology, "--steps=6000", "--replay=8000", "--evaluate-every=400"];
    let output = finetune(&best, "Pendulum-v1 --shift gear=0.3", &out, &options);
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(report.starts_with("memory: "), "{report}");
    let (frozen, tuned) = (mean(&report, "frozen policy: "), mean(&report, "after: "));
    assert!(tuned > frozen + 50.0, "{report}");
    // Not the last policy.
    let learned = steps(&out) - steps(&best);
    assert!(best_steps(&report).contains(&learned), "the file is of step {learned}: {report}");

    // SET went on.
    assert!(links(&out) != links(&best));

    // The tuned policy acts, and can itself learn on.
    succeed(Command::new(lacewing()).arg("eval").arg(&out).arg("--shift=gear=0.3"));
    let bytes = AlignedBytes::read(&out).unwrap();
    assert!(!method(&bytes).is_static());
    let again = folder.path().join("again.lace");
    // On a device links stay where they are unless asked otherwise.
    let options = ["--steps=200", "--warm-up=100", "--episodes=1", "--replay=200"];
    let more = ["--replay-values=f16", "--replay-half-life=50"];
    let output = finetune(&out, "Pendulum-v1", &again, &[&options[..], &more].concat());
    assert!(output.status.success(), "{output:?}");
    // Three observations, one action and a reward in f32.
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("replay of 200 transitions, 12 bytes each"), "{report}");
    assert!(method(&AlignedBytes::read(&again).unwrap()).is_static());
}

/// The arrays of a policy file without probes, to be changed.
fn with_links(view: &PolicyView<'_>) -> Owned {
    let widths = std::iter::once(view.header().observations());
    let widths = widths.chain(view.layers().map(|layer| layer.rows())).collect::<Vec<_>>();
    let mut policy = actor::random(&widths, 0.0, 1);
    for (own, layer) in policy.layers.iter_mut().zip(view.layers()) {
        own.row_ptr = layer.row_ptr();
        own.columns = vec![0; layer.links()];
        layer.decode_columns(&mut own.columns);
        own.weights = layer.iter().map(|(.., weight)| weight).collect();
        own.bias = layer.bias.to_vec();
        own.activation = layer.activation;
    }
    policy.resume = view.resume().map(<[u8]>::to_vec);
    policy
}

#[test]
fn what_cannot_work_is_told_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&mut train(&SHORT, &run));
    let (policy, out) = (run.join("policy.lace"), folder.path().join("tuned.lace"));
    let bare = folder.path().join("bare.lace");
    fs::write(&bare, &*actor::random(&[3, 8, 1], 0.5, 1).write(Encoding::PLAIN).unwrap()).unwrap();
    let (elu, clamped) = (folder.path().join("elu.lace"), folder.path().join("clamped.lace"));
    let file = AlignedBytes::read(&policy).unwrap();
    let spoil = |head: Head, activation: Activation, out: &Path| {
        let mut other = with_links(&PolicyView::parse(&file).unwrap());
        (other.head, other.layers[0].activation) = (head, activation);
        fs::write(out, &*other.write(Encoding::PLAIN).unwrap()).unwrap();
    };
    spoil(Head::Scaled, Activation::Elu(1.0), &elu);
    spoil(Head::Clamped, Activation::Relu, &clamped);
    let cases: [(&Path, &str, &[&str], &str); 10] = [
        (&elu, "Pendulum-v1", &[], "layer 0 (counted from 0) of the policy has elu"),
        (&clamped, "Pendulum-v1", &[], "the learner has no clamped actions"),
        (&policy, "Pendulum-v1", &["--memory=1000"], "--memory"),
        (&policy, "Pendulum-v1", &["--replay=99999999999999999"], "--replay"),
        (&policy, "Pendulum-v1", &["--replay-values=u8"], "take f16"),
        (&policy, "Pendulum-v1", &["--noise=-1"], "--noise"),
        (&policy, "Pendulum-v1", &["--noise=NaN"], "--noise"),
        (&policy, "MountainCarContinuous-v0", &[], "2 observations"),
        (&policy, "Nowhere-v0", &[], "ended without an answer"),
        (&bare, "Pendulum-v1", &[], "resume section"),
    ];
    for (policy, environment, options, says) in cases {
        let complaint = complaint(&finetune(policy, environment, &out, options));
        assert!(complaint.contains(says), "{environment} {options:?}: {complaint}");
        assert!(!out.exists(), "{environment} {options:?} wrote a file");
    }
    let nothing_kept = finetune(&policy, "Pendulum-v1", &out, &["--replay=0"]);
    assert_eq!(nothing_kept.status.code(), Some(2), "{nothing_kept:?}");
    assert!(!out.exists());
    fs::write(&out, "precious").unwrap();
    let complaint = complaint(&finetune(&policy, "Pendulum-v1", &out, &[]));
    assert!(complaint.contains("--force"), "{complaint}");
    assert_eq!(fs::read(&out).unwrap(), b"precious");
}
