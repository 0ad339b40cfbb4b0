//! `lacewing train --engine burn`: the masked dense engine from the command line.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::runs::{SHORT, progress, succeed, train};

#[test]
fn burn_trains_a_policy_as_sparse_as_the_sparse_engine_does() {
    let folder = tempfile::tempdir().unwrap();
    // Late enough for two rewires.
    let arguments = [&SHORT[..10], &["--steps=1100", "--seed=5"]].concat();
    let links = ["burn", "sparse"].map(|engine| {
        let run = folder.path().join(engine);
        succeed(train(&arguments, &run).args(["--engine", engine]));
        assert_eq!(progress(&run).len(), 1 + 3, "a head and an evaluation every 500 steps");
        let bytes = AlignedBytes::read(run.join("policy.lace")).unwrap();
        let policy = PolicyView::parse(&bytes).unwrap();
        assert_eq!(policy.provenance().steps, 1100);
        let links: Vec<_> = policy.layers().map(|layer| layer.links()).collect();
        links
    });
    assert_eq!(links[0], links[1]);
}
