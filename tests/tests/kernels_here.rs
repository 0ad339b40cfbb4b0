//! Which kernels this processor has: suites over all of them hold to the oracle only those.

use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::kernels::train::TrainKernels;

/// Those of every processor.
const ALL: [&str; 4] = ["scalar", "neon", "avx2", "avx512"];

/// Prints names; read with `--nocapture`.
fn report(what: &str, all: &[&str], here: Vec<&str>) {
    assert!(here.contains(&"scalar") && here.iter().all(|name| all.contains(name)), "{here:?}");
    let missing: Vec<_> = all.iter().copied().filter(|name| !here.contains(name)).collect();
    println!("{what} kernels tested here: {here:?}; not here: {missing:?}");
}

#[test]
fn kernels_that_the_suites_reach_on_this_processor() {
    report("act", &ALL, Kernel::available().map(|kernel| kernel.name).collect());
    let int8 = Kernel::available().filter(|kernel| kernel.int8().is_some());
    report("int8", &["scalar", "avx512"], int8.map(|kernel| kernel.name).collect());
    report("train", &ALL, TrainKernels::available().map(|kernels| kernels.name).collect());
}
