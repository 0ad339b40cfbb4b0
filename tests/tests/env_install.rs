//! Finding and fetching MuJoCo's library, each case in a process of its own with its own cache:
//! clear errors, whole installations, and no file dropped into the working directory.
#![cfg(unix)]

mod env_common;

use env_common::env;
use lacewing::env::{Shift, install_mujoco, make};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Names the task of [`child`].
const TASK: &str = "LACEWING_TEST_TASK";

/// Marks the line of [`child`]'s output that counts.
const OUTCOME: &str = "outcome: ";

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let outcome = match std::env::var(TASK).as_deref() {
        Ok("make") => make("HalfCheetah-v5", &Shift::default()).map(|_| "made".to_owned()),
        Ok("install") => install_mujoco().map(|path| path.display().to_string()),
        Ok("blow up") => make("HalfCheetah-v5", &Shift::default()).map(|mut env| {
            let mut obs = [0.0; 17];
            env.set_state(&[1e9; 18], &mut obs).unwrap();
            format!("{}", env.step(&[1.0; 6], &mut obs).unwrap().terminated)
        }),
        _ => return,
    };
    // A line of its own, after the test harness' "test child ...".
    println!("\n{OUTCOME}{}", outcome.unwrap_or_else(|error| format!("error: {error}")));
}

/// A folder that is a child's cache, working directory and PATH.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, task: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(TASK, task)
            .env("XDG_CACHE_HOME", self.path())
            .env_remove("LACEWING_MUJOCO")
            .current_dir(self.path())
            .stdout(Stdio::piped());
        command
    }

    /// Installs with nothing on the PATH but this folder.
    fn install_with_own_path(&self) -> String {
        outcome(self.command("install").env("PATH", self.path()).spawn().unwrap())
    }

    /// Puts a shell script called python3 onto that PATH.
    fn python(&self, script: &str) {
        let path = self.path().join("python3");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes an environment with this file as the library.
    fn make_with(&self, library: &Path) -> String {
        outcome(self.command("make").env("LACEWING_MUJOCO", library).spawn().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.path().join("lacewing/mujoco-3.17.0")
    }

    /// What the cache holds beside the lock.
    fn cached(&self) -> Vec<String> {
        let files = fs::read_dir(self.cache()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

fn outcome(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(OUTCOME));
    line.unwrap_or_else(|| panic!("{}: {text}", output.status)).to_owned()
}

/// The library this machine's tests use.
fn library() -> PathBuf {
    env("HalfCheetah-v5", "");
    match std::env::var_os("LACEWING_MUJOCO") {
        Some(path) => path.into(),
        None => install_mujoco().unwrap(),
    }
}

#[test]
fn without_the_library_the_error_says_how_to_get_it() {
    let place = Place::new();
    let default = outcome(place.command("make").spawn().unwrap());
    let nonexistent = PathBuf::from("/nonexistent/libmujoco.so");
    let nowhere = place.make_with(&nonexistent);
    for (error, looked) in [(default, place.cache()), (nowhere, nonexistent.clone())] {
        assert!(error.contains("run `lacewing env install mujoco`"), "{error}");
        assert!(error.contains(looked.to_str().unwrap()), "{error}");
        // What is installed is not looked for while LACEWING_MUJOCO names another place.
        assert_eq!(error.contains("unset LACEWING_MUJOCO"), looked == nonexistent, "{error}");
    }
}

#[test]
fn foreign_files_are_refused() {
    let place = Place::new();
    let text = place.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    let error = place.make_with(&text);
    assert!(error.contains("cannot use") && error.contains("text.so"), "{error}");

    for (source, complaint) in [
        ("pub fn nothing() {}", "mj_version"),
        (
            "#[unsafe(no_mangle)] pub extern \"C\" fn mj_version() -> i32 { 4_000_001 }",
            "is MuJoCo 4.0.1, but 3.17.0 is needed",
        ),
        ("#[unsafe(no_mangle)] pub extern \"C\" fn mj_version() -> i32 { 3_017_000 }", "mju_set"),
    ] {
        let (code, library) = (place.path().join("foreign.rs"), place.path().join("foreign.so"));
        fs::write(&code, source).unwrap();
        let built = Command::new("rustc")
            .args(["--edition=2024", "--crate-type=cdylib", "-o"])
            .args([&library, &code])
            .status();
        assert!(built.unwrap().success());
        let error = place.make_with(&library);
        assert!(error.contains(complaint), "{error}");
        assert!(error.contains("run `lacewing env install mujoco`"), "{error}");
    }
}

#[test]
fn a_failed_installation_says_why_and_leaves_nothing() {
    let no_python = Place::new();
    let error = no_python.install_with_own_path();
    assert!(error.contains("no `python3`") && error.contains("LACEWING_MUJOCO"), "{error}");

    let no_pip = Place::new();
    no_pip.python("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    let error = no_pip.install_with_own_path();
    assert!(error.contains("No module named pip"), "{error}");

    let no_network = Place::new();
    no_network.python("echo 'ERROR: No matching distribution' >&2; echo >&2; exit 1");
    let error = no_network.install_with_own_path();
    assert!(error.contains("ERROR: No matching distribution"), "{error}");

    let no_wheel = Place::new();
    no_wheel.python("exit 0");
    let error = no_wheel.install_with_own_path();
    assert!(error.contains("no wheel"), "{error}");

    // The last argument is the folder.
    let broken = Place::new();
    broken.python("for folder; do :; done; echo garbage > \"$folder/mujoco.whl\"");
    let error = broken.install_with_own_path();
    assert!(error.contains("mujoco.whl"), "{error}");

    for place in [no_python, no_pip, no_network, no_wheel, broken] {
        assert_eq!(place.cached(), [""; 0]);
    }
}

#[test]
fn an_unwritable_cache_is_an_error() {
    let place = Place::new();
    fs::write(place.path().join("lacewing"), "a file where the folder should be").unwrap();
    let error = place.install_with_own_path();
    assert!(error.contains("cannot install MuJoCo"), "{error}");
}

#[test]
fn many_at_once_install_one_whole_library() {
    let place = Place::new();
    let children: Vec<_> = (0..3).map(|_| place.command("install").spawn().unwrap()).collect();
    let paths: Vec<_> = children.into_iter().map(outcome).collect();
    for path in &paths {
        assert!(path.starts_with(place.cache().to_str().unwrap()), "{path}");
        assert_eq!(path, &paths[0]);
    }
    assert_eq!(place.cached().len(), 1);
    assert_eq!(outcome(place.command("make").spawn().unwrap()), "made");
    // With the library in place neither Python nor the network is needed.
    assert_eq!(place.install_with_own_path(), paths[0]);
}

#[test]
fn a_broken_library_in_the_cache_is_replaced() {
    let place = Place::new();
    fs::create_dir_all(place.cache()).unwrap();
    let name = library().file_name().unwrap().to_owned();
    fs::write(place.cache().join(name), "half a library").unwrap();
    let path = outcome(place.command("install").spawn().unwrap());
    assert_eq!(outcome(place.command("make").spawn().unwrap()), "made", "{path}");
}

#[test]
fn no_log_in_the_working_directory() {
    let place = Place::new();
    let child = place.command("blow up").env("LACEWING_MUJOCO", library()).spawn().unwrap();
    assert_eq!(outcome(child), "true");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
