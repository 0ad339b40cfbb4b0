//! `lacewing-edge act` and `measure`, run as a robot's program would run them.

use lacewing_formats::codec::Encoding;
use lacewing_runtime::kernels::act::Kernel;
use lacewing_tests::actor;
use lacewing_tests::edge::program;
use lacewing_tests::policy_file::Owned;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A policy in a file of its own, removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("lacewing-edge-act-{name}-{}.lace", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn network() -> Owned {
    actor::random(&[3, 64, 64, 2], 0.9, 1)
}

fn policy(name: &str) -> File {
    File::new(name, &network().write(Encoding::COMPACT).unwrap())
}

/// Runs `act` on `input` to the end.
fn act(policy: &File, input: &str) -> Output {
    act_with(&[], policy, input)
}

fn act_with(options: &[&str], policy: &File, input: &str) -> Output {
    let mut child = Command::new(program())
        .arg("act")
        .args(options)
        .arg(&policy.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may give up before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The one line of stderr of a failed command.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn every_observation_is_answered_before_the_next_is_sent() {
    let (network, file) = (network(), policy("lockstep"));
    let mut child = Command::new(program())
        .arg("act")
        .arg(&file.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for index in 0..20 {
        let observation = actor::observation(&network, index);
        writeln!(input, "{}", serde_json::to_string(&observation).unwrap()).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let action: Vec<f64> = serde_json::from_str(&line).unwrap();
        // Half precision weights.
        for (found, expected) in action.iter().zip(actor::reference(&network, &observation)) {
            assert!((found - expected).abs() < 1e-2, "{found}, not {expected}");
        }
        assert_eq!(action.len(), 2);
    }
    drop(input);
    assert!(child.wait().unwrap().success(), "the end of the input is no failure");
}

#[test]
fn a_last_line_without_newline_is_answered() {
    let output = act(&policy("newline"), "[0.1,0.2,0.3]");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
}

#[test]
fn int8_answers_close_by_where_this_processor_has_it() {
    let output = act_with(&["--int8"], &policy("int8"), "[0.1,0.2,0.3]");
    if Kernel::best().int8().is_none() {
        assert!(complaint(&output).contains("no int8 layout"), "{output:?}");
        return;
    }
    let action: Vec<f64> = serde_json::from_slice(&output.stdout).unwrap();
    let expected = actor::reference(&network(), &[0.1, 0.2, 0.3]);
    assert_eq!(action.len(), expected.len());
    for (found, expected) in action.iter().zip(&expected) {
        assert!((found - expected).abs() < 0.05, "{found}, not {expected}");
    }
}

#[test]
fn a_bad_line_ends_it_with_one_line_and_no_action() {
    let file = policy("bad");
    for (line, says) in [
        ("[0.1,0.2]", "the observation has 2 numbers, the policy takes 3"),
        ("[0.1,0.2,0.3,0.4]", "the observation has 4 numbers, the policy takes 3"),
        ("[0.1,NaN,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,1e39,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,1e999,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,null,0.3]", "not a JSON array of finite numbers"),
        ("0.1 0.2 0.3", "not a JSON array of finite numbers"),
        ("", "not a JSON array of finite numbers"),
        (&"[".repeat(100_000), "longer than"),
    ] {
        let output = act(&file, &format!("[0.1,0.2,0.3]\n{line}\n[0.1,0.2,0.3]\n"));
        let complaint = complaint(&output);
        assert!(complaint.contains(says) && complaint.contains("line 2"), "{complaint}");
        let answers = String::from_utf8(output.stdout).unwrap();
        assert_eq!(answers.lines().count(), 1, "answered {line}: {answers}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let file = policy("pipe");
    let mut child = Command::new(program())
        .arg("act")
        .arg(&file.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // It may be gone before all of this is written.
    let _ = input.write_all("[0.1,0.2,0.3]\n".repeat(50).as_bytes());
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn what_is_no_policy_is_refused_by_name() {
    let whole = network().write(Encoding::PLAIN).unwrap();
    let cut = File::new("cut", &whole[..whole.len() / 2]);
    let foreign =
        File::new("foreign", b"PK\x03\x04 something else entirely, and longer than 64 bytes of it");
    let empty = File::new("empty", b"");
    let mut damaged = whole.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let damaged = File::new("damaged", &damaged);
    let missing = File(std::env::temp_dir().join("lacewing-no-such-file.lace"));
    for file in [cut, foreign, empty, damaged, missing] {
        for command in ["act", "measure"] {
            let output =
                Command::new(program()).arg(command).arg(&file.0).stdin(Stdio::null()).output();
            let complaint = complaint(&output.unwrap());
            assert!(complaint.contains(file.0.to_str().unwrap()), "{complaint}");
        }
    }
}

#[test]
fn measure_writes_a_table_or_json() {
    let file = policy("measure");
    let run = |json: bool| {
        let mut command = Command::new(program());
        command.arg("measure").arg(&file.0).args(["--steps", "200"]);
        if json {
            command.arg("--json");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = run(false);
    assert!(table.contains("dense, own kernel") && table.contains("p99.9"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&run(true)).unwrap();
    assert_eq!(json["warm"][0]["steps"], 200);
    assert_eq!(json["cost"]["dense_links"], 3 * 64 + 64 * 64 + 64 * 2);
}
