//! Names that files and folders may have, and what they may be.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};

fn command(folder: &Path, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(lacewing());
    command.args(arguments).current_dir(folder);
    command
}

/// `lacewing` in a folder, with arguments as they stand in a line.
fn line(folder: &Path, line: &str) -> Command {
    let arguments: Vec<_> = line.split(' ').map(OsStr::new).collect();
    command(folder, &arguments)
}

fn complaint(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && stderr.lines().count() == 1, "{command:?}: {stderr}");
    stderr
}

#[test]
fn names_that_are_not_utf_8_are_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let name = |rest: &[u8]| OsStr::from_bytes(&[b"b\xffd", rest].concat()).to_os_string();
    let run = name(b"");
    succeed(&mut train(&SHORT, &root.join(&run)));
    let (exported, page, sweep) = (name(b"/x.lace"), name(b"/page.html"), name(b"/sweep"));
    let grid = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sweeps/quick.toml");
    let of = |text: &'static str| OsStr::new(text);
    for arguments in [
        &[of("export"), &run, of("--out"), &exported][..],
        &[of("export"), &run, of("--out"), &exported, of("--force"), of("--json")],
        &[of("inspect"), &exported, of("--json"), of("--html"), &page],
        &[of("eval"), &exported, of("--episodes=1"), of("--json")],
        &[of("measure"), &exported, of("--steps=10"), of("--json")],
        &[of("finetune"), &run, of("--shift="), of("--steps=501"), of("--episodes=1")],
        &[of("report"), &run, of("--no-latency")],
        &[of("sweep"), of("plan"), grid.as_os_str(), of("-o"), &sweep, of("--no-estimate")],
        &[of("sweep"), of("status"), &sweep, of("--json")],
    ] {
        succeed(&mut command(root, arguments));
    }
    assert!(root.join(name(b"/policy-tuned.lace")).is_file());
    // Advice can be typed.
    fs::remove_file(root.join(&run).join("summary.json")).unwrap();
    let told = complaint(&mut command(root, &[of("train"), of("Pendulum-v1"), of("--out"), &run]));
    assert!(told.contains(r"`lacewing train --resume $'b\377d'`"), "{told}");
    // Where only text goes, that is said.
    for arguments in [
        &[of("train"), &run][..],
        &[of("eval"), &exported, of("--shift"), &run],
        &[of("sweep"), of("submit"), &sweep, of("--engine=slurm"), of("--dry-run")],
    ] {
        let told = complaint(&mut command(root, arguments));
        assert!(told.contains("UTF-8"), "{told}");
    }
}

#[test]
fn advice_is_quoted_for_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("it's a run");
    succeed(&mut train(&SHORT, &run));
    let told = complaint(line(folder.path(), "train --resume").arg("it's a run"));
    let advice = told.split('`').nth(1).expect("a command is advised").replace(" N", " 2700");
    // As a user pastes it.
    let script = advice.replace("lacewing", "\"$0\"");
    let mut shell = Command::new("sh");
    succeed(shell.args(["-c", &script]).arg(lacewing()).current_dir(folder.path()));
    assert!(fs::read_to_string(run.join("summary.json")).unwrap().contains("\"steps\": 2700"));
}

#[test]
fn an_empty_folder_is_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let [volume, page] = ["volume", "page"].map(|name| folder.path().join(name));
    // What a file system of its own has at its root.
    fs::create_dir_all(volume.join("lost+found")).unwrap();
    fs::create_dir(&page).unwrap();
    succeed(&mut train(&SHORT, &volume));
    succeed(&mut line(folder.path(), "report volume --no-latency --out page"));
    assert!(volume.join("summary.json").is_file() && page.join("report.html").is_file());
}

#[test]
fn links_are_followed_and_what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(&mut train(&SHORT, &root.join("run")));
    fs::write(root.join("real.lace"), "old").unwrap();
    symlink("real.lace", root.join("link.lace")).unwrap();
    succeed(&mut line(root, "export run --out link.lace --force"));
    assert!(fs::symlink_metadata(root.join("link.lace")).unwrap().is_symlink());
    assert!(PolicyView::parse(&AlignedBytes::read(root.join("real.lace")).unwrap()).is_ok());

    symlink("nowhere.lace", root.join("dangling.lace")).unwrap();
    succeed(Command::new("mkfifo").arg(root.join("pipe.lace")));
    for (name, kind) in [("dangling.lace", "a link to nowhere.lace"), ("pipe.lace", "a pipe")] {
        let before = fs::symlink_metadata(root.join(name)).unwrap().file_type();
        for command in ["export run", "finetune run --shift gear=0.5", "inspect run --html"] {
            let out = if command.ends_with("--html") { "" } else { "--out" };
            let told = complaint(&mut line(
                root,
                &format!("{command} {out} {name} --force").replace("  ", " "),
            ));
            assert!(told.contains(name) && told.contains(kind), "{told}");
        }
        assert_eq!(fs::symlink_metadata(root.join(name)).unwrap().file_type(), before);
    }
    // Nor does a folder come in the place of one.
    fs::write(root.join("grid.toml"), "[base]\nenv = 'Pendulum-v1'\n").unwrap();
    for (name, kind) in [
        ("dangling.lace", "a link to nowhere.lace"),
        ("pipe.lace", "pipe.lace is a pipe (FIFO), and a folder is to be there"),
        ("real.lace", "real.lace is a file, and a folder is to be there"),
        ("/dev/null", "/dev/null is a device, and a folder is to be there"),
    ] {
        for command in [
            "train Pendulum-v1 --force",
            "report run --no-latency --force",
            "sweep plan grid.toml --no-estimate",
        ] {
            let told = complaint(&mut line(root, &format!("{command} --out {name}")));
            assert!(told.contains(kind), "{command} {name}: {told}");
        }
    }
}

#[test]
fn a_policy_may_come_through_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(&mut train(&SHORT, &root.join("run")));
    let piped = |arguments: &str| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut command = line(root, arguments);
        command.stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // Its copy of the pipe's end would outlive the child.
        drop(command);
        let bytes = fs::read(root.join("run/policy.lace")).unwrap();
        // It need not read.
        let _ = std::io::Write::write_all(&mut writer, &bytes);
        drop(writer);
        child.wait_with_output().unwrap()
    };
    let output = piped("eval /dev/stdin --episodes 1 --json");
    assert!(output.status.success(), "{output:?}");
    let output = piped("finetune /dev/stdin --shift gear=0.5");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("name one with --out"), "{told}");
}

#[test]
fn the_format_follows_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    succeed(&mut train(&SHORT, &root.join("run")));
    let written = |arguments: &str| {
        let output = succeed(&mut line(root, arguments));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(written("export run --out out.onnx").contains("of onnx"));
    assert!(written("export run --out bare --format onnx").contains("of onnx"));
    assert!(fs::read(root.join("out.onnx")).unwrap() == fs::read(root.join("bare")).unwrap());
    // Other names say nothing, and so it is said.
    assert!(written("export run --out policy-0.9").contains("of lace"));
    assert!(PolicyView::parse(&AlignedBytes::read(root.join("policy-0.9")).unwrap()).is_ok());
    for foreign in ["out.tflite", "out.pt", "out.json"] {
        let told = complaint(&mut line(root, &format!("export run --out {foreign}")));
        assert!(told.contains(foreign) && told.contains("name it .lace or .onnx"), "{told}");
    }
}

#[test]
fn widths_may_have_blanks_and_a_shift_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut arguments = SHORT;
    arguments[2] = "--hidden= 32, 32 ";
    succeed(&mut train(&arguments, &run));
    assert!(fs::read_to_string(run.join("config.toml")).unwrap().contains("hidden = [32, 32]"));
    let mut finetune = line(folder.path(), "finetune run --steps 501 --episodes 1 --shift");
    let output = succeed(finetune.arg(""));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("unchanged dynamics, frozen policy: return"), "{told}");
}
