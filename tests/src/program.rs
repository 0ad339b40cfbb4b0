//! The workspace's programs, built when a test first asks for one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of `lacewing`.
///
/// # Panics
/// If it does not build.
pub fn lacewing() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // Built as the suites are, lest they build it back and forth.
        let features = [
            ("onnx", cfg!(feature = "onnx")),
            ("burn", cfg!(feature = "burn")),
            ("cuda", cfg!(feature = "cuda")),
        ];
        let wanted = features.iter().filter(|(_, wanted)| *wanted);
        let wanted = wanted.map(|(name, _)| format!("--features=lacewing/{name}"));
        build("lacewing", &wanted.collect::<Vec<_>>())
    })
}

/// Builds a program of the workspace, with some cargo features, with the cargo and the profile of the running test. Cargo
/// chooses features as for the tests of the whole workspace: for one package it would choose others, and build all
/// that is shared once more.
///
/// # Panics
/// If it does not build.
pub fn build(program: &str, features: &[String]) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let release = folder.ends_with("release").then_some("--release");
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--exclude=lacewing-burn", "--bin", program])
        .args(features)
        .args(release)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "{program} does not build");
    folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}
