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
    assert_eq!(links == all, method.ends_with("dense"), "{method} has {links} of {all} links");
    policy.layers().flat_map(|layer| layer.iter()).map(|(_, column, _)| column).collect()
}

/// Whether links move in runs of this method.
fn moves(method: &str, threads: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let changes = !(method == "static" || method.ends_with("dense"));
    // Of the same agent before its first change, and after it.
    let [early, late] = ["0.0", "1.0"].map(|stop| {
        let run = folder.path().join(stop);
        let mut arguments: Vec<_> = SHORT
            .into_iter()
            .filter(|argument| changes || !argument.contains("topology"))
            .filter(|argument| method != "dense" || !argument.contains("sparsity"))
            .filter(|argument| !argument.contains("steps=2600"))
            .collect();
        let stop = format!("--set=topology.stop={stop}");
        arguments.extend(["--method", method, "--threads", threads, "--steps=800", &stop]);
        if method == "prune" {
            arguments.push("--set=topology.start=0.0");
        }
        succeed(&mut train(&arguments, &run));
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        assert!(config.contains(&format!("\nthreads = {threads}\n")), "{config}");
        if method == "prune" && stop.ends_with("0.0") {
            // Dense at first: its goal, at update 0, is none that is ever made.
            return Vec::new();
        }
        columns(&run, method)
    });
    early != late
}

#[test]
fn links_move_by_the_methods_that_move_them() {
    let methods = [
        ("dense", false),
        ("small-dense", false),
        ("static", false),
        ("set", true),
        ("rigl", true),
        ("prune", true),
        ("ds-td3", true),
        ("ds-sac", true),
        ("anf", true),
        ("rlx2", true),
    ];
    for (method, moved) in methods {
        for threads in ["1", "2"] {
            assert_eq!(moves(method, threads), moved, "{method}, {threads} threads");
        }
    }
}
