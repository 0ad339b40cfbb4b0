//! A fault to be found, by which a target shows that it would find one.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

/// The seeds, where a fault is planted (`run.sh -p`).
static SEEDS: LazyLock<Option<HashSet<Vec<u8>>>> = LazyLock::new(|| {
    let folder = env::var_os("LACEWING_FUZZ_PLANTED")?;
    let files = fs::read_dir(Path::new(&folder)).expect("a folder of seeds");
    let seeds = files.map(|file| fs::read(file.expect("a seed").path()).expect("a file"));
    Some(seeds.collect())
});

/// To be called with what was not refused and kept its promises. A planted fault is that it is no seed: so
/// it lies behind all that a target looks at, and only mutation leads there.
pub fn kept(input: &[u8]) {
    // With nothing libFuzzer begins by itself.
    let found = SEEDS.as_ref().is_some_and(|seeds| !input.is_empty() && !seeds.contains(input));
    assert!(!found, "the planted fault");
}
