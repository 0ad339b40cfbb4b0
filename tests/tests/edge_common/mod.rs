//! What the suites of the device's command line share.

use std::fs;
use std::path::PathBuf;

use lacewing_formats::codec::Encoding;
use lacewing_runtime::learn::{ActionSpace, Settings, Td3Config};
use lacewing_tests::fresh;

/// Drivers of a pendulum.
pub const HABITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/habits.py");

/// A folder with a policy to tune.
pub fn bench() -> (tempfile::TempDir, PathBuf) {
    let settings: Settings = Td3Config { batch: 32, ..Td3Config::default() }.into();
    let mut policy = fresh::policy(settings, 3, ActionSpace::Continuous(1), &[16, 16], 1);
    (policy.low, policy.high) = (vec![-2.0], vec![2.0]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    fs::write(&path, &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    (folder, path)
}
