//! Readers that go away, and full disks behind standard output.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

use lacewing_tests::program::lacewing;

/// `lacewing env list`.
fn list(stdout: Stdio, stderr: Stdio) -> Output {
    let mut command = Command::new(lacewing());
    command.args(["env", "list"]).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    command.spawn().and_then(|child| child.wait_with_output()).expect("the program starts")
}

/// The writing end of a pipe that nobody reads.
fn abandoned() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let output = list(abandoned(), Stdio::piped());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_result_that_cannot_be_written_is_told() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    let output = list(full.into(), Stdio::piped());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("standard output"), "{stderr}");
}

#[test]
fn complaints_that_nobody_hears_are_no_panic() {
    let output = Command::new(lacewing())
        .args(["eval", "missing.lace"])
        .stderr(abandoned())
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
}
