//! `lacewing train --engine burn`: the masked dense engine from the command line.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::runs::{SHORT, progress, succeed, train};

/// Links of every layer of the policies that both engines leave after 1100 steps.
fn links(arguments: &[&str]) -> [Vec<usize>; 2] {
    let folder = tempfile::tempdir().unwrap();
    ["burn", "sparse"].map(|engine| {
        let run = folder.path().join(engine);
        let end = ["--steps=1100", "--seed=5", "--engine", engine];
        succeed(&mut train(&[arguments, &end].concat(), &run));
        assert_eq!(progress(&run).len(), 1 + 3, "a head and an evaluation every 500 steps");
        let bytes = AlignedBytes::read(run.join("policy.lace")).unwrap();
        let policy = PolicyView::parse(&bytes).unwrap();
        assert_eq!(policy.provenance().steps, 1100);
        let normalised = arguments.contains(&"--set=normalise-observations=true");
        assert_eq!(policy.normaliser().is_some(), normalised);
        policy.layers().map(|layer| layer.links()).collect()
    })
}

#[test]
fn burn_trains_a_policy_as_sparse_as_the_sparse_engine_does() {
    // Long enough for two changes of topology.
    let [burn, sparse] = links(&SHORT[..10]);
    assert_eq!(burn, sparse);
}

#[test]
fn burn_trains_by_sac() {
    let sac = SHORT[..10].iter().map(|argument| argument.replace("td3.", "sac."));
    let sac: Vec<String> = sac.chain(["--algorithm=sac".into()]).collect();
    let [burn, sparse] = links(&sac.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(burn, sparse);
}

#[test]
fn burn_trains_on_whatever_is_made_of_a_minibatch() {
    let mut all = vec![
        "Pendulum-v1[noise-features=0.5]",
        "--set=critic-norm='layer'",
        "--set=normalise-observations=true",
        "--set=scale-rewards=true",
        "--set=n-step=3",
    ];
    all.extend(&SHORT[1..10]);
    let [burn, sparse] = links(&all);
    assert_eq!(burn, sparse);
}
