//! Every method of `lacewing train`, in one thread and in two.

use std::fs;
use std::path::Path;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::runs::{SHORT, succeed, train};

/// Columns of all links of a run's last policy, which must be dense or not and say its method.
fn columns(run: &Path, method: &str) -> Vec<u16> {
    let bytes = AlignedBytes::read(run.join("policy.lace")).unwrap();
    let policy = PolicyView::parse(&bytes).unwrap();
    assert_eq!(policy.provenance().method, method);
    let links: usize = policy.layers().map(|layer| layer.links()).sum();
    let all: usize = policy.layers().map(|layer| layer.rows() * layer.cols()).sum();
    assert_eq!(links == all, method == "dense", "{method} has {links} of {all} links");
    policy.layers().flat_map(|layer| layer.iter()).map(|(_, column, _)| column).collect()
}

#[test]
fn only_set_moves_links_and_only_dense_has_all() {
    let folder = tempfile::tempdir().unwrap();
    for (method, moves) in [("dense", false), ("static", false), ("set", true)] {
        for threads in ["1", "2"] {
            // Before the first rewire, and after it.
            let [early, late] = ["--steps=600", "--steps=800"].map(|steps| {
                let run = folder.path().join(format!("{method}-{threads}{steps}"));
                let sparse = |argument: &&str| method != "dense" || !argument.contains("sparsity");
                let mut arguments: Vec<_> = SHORT[..10].iter().copied().filter(sparse).collect();
                arguments.extend(["--method", method, "--threads", threads, steps]);
                succeed(&mut train(&arguments, &run));
                let config = fs::read_to_string(run.join("config.toml")).unwrap();
                assert!(config.contains(&format!("\nthreads = {threads}\n")), "{config}");
                columns(&run, method)
            });
            assert_eq!(early != late, moves, "{method}, {threads} threads");
        }
    }
}
