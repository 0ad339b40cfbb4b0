//! A policy file is in its place whole or not at all: full disk, kill, missing folder.
#![cfg(unix)]

use lacewing_formats::artifact::{
    AlignedBytes, PolicyView, SaveError, destination, write_atomically,
};
use lacewing_formats::codec::Encoding;
use lacewing_tests::policy_file::{Owned, Shape};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

/// Set for the child processes of these tests: the file that they write.
const TARGET: &str = "LACEWING_TEST_TARGET";

fn policy(seed: u64) -> AlignedBytes {
    let widths = vec![64, 256, 256, 8];
    let shape =
        Shape { widths, density: 0.5, normaliser: true, probes: 1, resume: Some(100_000), seed };
    Owned::random(&shape).write(Encoding::PLAIN).unwrap()
}

/// Another process that runs one of the ignored tests below on `target`, after shell `setup`.
fn child(test: &str, target: &Path, setup: &str) -> Command {
    let mut command = Command::new("sh");
    let run = format!("{setup} exec \"$0\" --exact {test} --ignored");
    command.args(["-c", &run]).arg(std::env::current_exe().unwrap()).env(TARGET, target);
    command.stdout(Stdio::null());
    command
}

fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_saved_file_is_the_bytes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    for seed in [1, 2] {
        write_atomically(&path, &policy(seed)).unwrap();
        assert_eq!(AlignedBytes::read(&path).unwrap(), policy(seed));
        assert_eq!(names(folder.path()), ["policy.lace"]);
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    write_atomically(&path, &policy(1)).unwrap();
    // A limit on the size of files, without the signal, is a disk that fills up during the write.
    let setup = "ulimit -f 64; trap '' XFSZ;";
    let status: ExitStatus = child("child_meets_a_full_disk", &path, setup).status().unwrap();
    assert!(status.success(), "the child's own assertions failed");
    assert_eq!(AlignedBytes::read(&path).unwrap(), policy(1));
    assert_eq!(names(folder.path()), ["policy.lace"]);
}

#[test]
#[ignore = "run by a_full_disk_leaves_the_old_file_and_no_rest in a process with a limit"]
fn child_meets_a_full_disk() {
    let path = PathBuf::from(std::env::var_os(TARGET).unwrap());
    let error = write_atomically(&path, &policy(2)).unwrap_err();
    assert!(matches!(error, SaveError::NoRoom { .. }), "{error}");
    assert!(error.to_string().contains("what was there is unchanged"));
}

#[test]
fn leftovers_of_power_cuts_go_and_those_of_others_at_work_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    let [old, new] = [0, 1].map(|number| folder.path().join(format!(".policy.lace.{number}.tmp")));
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
    fs::File::create(&old).unwrap().set_modified(two_hours_ago).unwrap();
    fs::write(&new, "half").unwrap();
    write_atomically(&path, &policy(1)).unwrap();
    assert!(!old.exists(), "nobody writes for two hours");
    // Now its name is taken by somebody who has just begun.
    fs::write(&old, "half").unwrap();
    write_atomically(&path, &policy(2)).unwrap();
    assert_eq!(AlignedBytes::read(&path).unwrap(), policy(2));
    assert_eq!([&old, &new].map(|path| fs::read(path).unwrap()), [b"half", b"half"]);
}

#[test]
fn a_killed_writer_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    let whole = [policy(1), policy(2)];
    write_atomically(&path, &whole[0]).unwrap();
    for _ in 0..8 {
        let mut writer = child("child_writes_for_ever", &path, "").spawn().unwrap();
        // It is at work once its temporary has been seen; then it dies wherever it is.
        while names(folder.path()).len() < 2 {
            assert!(writer.try_wait().unwrap().is_none(), "the writer ended by itself");
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let found = AlignedBytes::read(&path).unwrap();
        assert!(PolicyView::parse(&found).is_ok() && whole.contains(&found));
        for rest in names(folder.path()).iter().filter(|name| *name != "policy.lace") {
            fs::remove_file(folder.path().join(rest)).unwrap();
        }
    }
}

#[test]
#[ignore = "run by a_killed_writer_leaves_one_whole_file, which kills it"]
fn child_writes_for_ever() {
    let path = PathBuf::from(std::env::var_os(TARGET).unwrap());
    let parent = std::os::unix::process::parent_id();
    let versions = [policy(2), policy(1)];
    for version in versions.iter().cycle() {
        write_atomically(&path, version).unwrap();
        if std::os::unix::process::parent_id() != parent {
            return; // The test is gone.
        }
    }
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/folder.lace");
    let error = write_atomically(&path, b"policy").unwrap_err();
    assert!(matches!(error, SaveError::Io { .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn only_files_are_replaced_and_links_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link, dangling, pipe, socket] =
        ["file", "link", "dangling", "pipe", "socket"].map(|name| folder.path().join(name));
    fs::write(&file, "old").unwrap();
    // Relative, as `ln -s file link` makes it, and by way of another.
    symlink("file", folder.path().join("between")).unwrap();
    symlink("between", &link).unwrap();
    write_atomically(&link, b"new").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    symlink("nowhere", &dangling).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _listening = UnixListener::bind(&socket).unwrap();
    let null = Path::new("/dev/null");
    let before = names(folder.path()).len();
    for (path, kind) in [
        (&*dangling, "a link to nowhere, which is not there"),
        (&pipe, "a pipe"),
        (&socket, "a socket"),
        (folder.path(), "a folder"),
        (&folder.path().join(".."), "a folder"),
        (null, "a device"),
    ] {
        // First only asked: a device that were replaced would be gone for the whole machine.
        let error = destination(path).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains(kind), "{error}");
        assert!(error.contains("choose another name; nothing was written"), "{error}");
        if path != null {
            assert_eq!(write_atomically(path, b"new").unwrap_err().to_string(), error);
        }
    }
    assert_eq!(names(folder.path()).len(), before);
    assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());
}

#[test]
fn what_comes_through_a_pipe_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, &*policy(1)).unwrap()
    });
    assert_eq!(AlignedBytes::read(&pipe).unwrap(), policy(1));
    writer.join().unwrap();
}

#[test]
fn a_missing_file_and_one_too_large_are_told_apart_before_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.lace");
    assert!(AlignedBytes::read(&path).unwrap_err().to_string().contains("cannot read"));
    assert!(AlignedBytes::read(folder.path()).is_err());
    // Sparse: takes no room on the disk.
    fs::File::create(&path).unwrap().set_len((1 << 31) + 1).unwrap();
    assert!(AlignedBytes::read(&path).unwrap_err().to_string().contains("limit"));
}
