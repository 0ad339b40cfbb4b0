//! The same seed gives the same run, bit for bit; another seed another.

use lacewing_runtime::learn::Training;
use lacewing_tests::methods::{bytes, cases};
use lacewing_tests::runs::{SHORT, progress, succeed, train};
use std::sync::atomic::{AtomicBool, Ordering};

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

#[test]
fn who_does_a_share_of_an_update_makes_no_difference() {
    let case = cases().into_iter().find(|case| case.name.ends_with(") rigl")).unwrap();
    let training = Training { threads: 2, ..case.training };
    let trained = || {
        let case = lacewing_tests::methods::Case { training, ..case.clone() };
        case.with(|mut agent| {
            case.train(&mut agent, 2000, |_, _| ());
            bytes(&agent)
        })
    };
    let alone = trained();
    // Beside threads that never wait, helpers come too late, are away in the middle of their share, and
    // rest.
    let done = AtomicBool::new(false);
    let beside = std::thread::scope(|scope| {
        for _ in 0..2 * std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let beside = trained();
        done.store(true, Ordering::Relaxed);
        beside
    });
    assert!(alone == beside);
}
