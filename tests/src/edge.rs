//! The `lacewing-edge` program.

use crate::program::build;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Its path, built when a test first asks for it.
///
/// # Panics
/// If it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("lacewing-edge", &[]))
}

/// Runs `act` on `input` to the end.
///
/// # Panics
/// If it does not start.
pub fn act(options: &[&str], policy: &Path, input: &str) -> Output {
    let mut child = Command::new(program())
        .arg("act")
        .args(options)
        .arg(policy)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may give up before it has read all.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    child.wait_with_output().expect("it ends")
}

/// What a failed command says: one line, beside those of the environment that it ran.
///
/// # Panics
/// If it did not fail, or says more or less.
pub fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    let own: Vec<_> = text.lines().filter(|line| !line.starts_with("error: ")).collect();
    assert!(matches!(own[..], [line] if line.starts_with("lacewing-edge: ")), "{text}");
    own.concat()
}
