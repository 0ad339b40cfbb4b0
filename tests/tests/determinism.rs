//! The same seed gives the same run, bit for bit; another seed another.

use lacewing_tests::runs::{SHORT, progress, succeed, train};

#[test]
fn equal_seeds_give_equal_policies() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["first", "second", "other"].map(|name| folder.path().join(name));
    for run in &runs {
        let mut command = train(&SHORT[..11], run);
        let seed = if run.ends_with("other") { "6" } else { "5" };
        succeed(command.args(["--seed", seed]));
    }
    let [first, second, other] = runs;
    for file in ["policy.lace", "best.lace", "config.toml"] {
        let read = |run: &std::path::Path| std::fs::read(run.join(file)).unwrap();
        assert!(read(&first) == read(&second), "{file} differs between equal seeds");
        assert!(read(&first) != read(&other), "{file} does not depend on the seed");
    }
    assert_eq!(progress(&first), progress(&second));
}
