//! `lacewing-edge act` and `measure`, run as a robot's program would run them.

use lacewing_formats::codec::Encoding;
use lacewing_runtime::kernels::act::Kernel;
use lacewing_tests::edge::{complaint, program};
use lacewing_tests::policy_file::Owned;
use lacewing_tests::{actor, edge};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::{NamedTempFile, TempPath};

fn file(bytes: &[u8]) -> TempPath {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file.into_temp_path()
}

fn network() -> Owned {
    actor::random(&[3, 64, 64, 2], 0.9, 1)
}

fn policy() -> TempPath {
    file(&network().write(Encoding::COMPACT).unwrap())
}

fn act(policy: &Path, input: &str) -> Output {
    edge::act(&[], policy, input)
}

#[test]
fn every_observation_is_answered_before_the_next_is_sent() {
    let (network, file) = (network(), policy());
    let mut child = Command::new(program())
        .arg("act")
        .arg(&file)
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
    let output = act(&policy(), "[0.1,0.2,0.3]");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 1);
}

#[test]
fn blank_lines_are_passed_over() {
    let output = act(&policy(), "\n[0.1,0.2,0.3]\n \t\n\r\n[0.1,0.2,0.3]\r\n\n");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), 2);
}

#[test]
fn an_announcement_may_be_long_wherever_it_comes() {
    let names = format!("[\"{}\",\"b\",\"c\"]", "a".repeat(1000));
    let limits = r#""act_low":[-1,-1],"act_high":[1,1]"#;
    let spec = format!(r#"{{"spec":{{"id":"Robot","obs_dim":3,{limits},"obs_names":{names}}}}}"#);
    for before in ["", "\n", "{\"reset\":0}\n", "[0.1,0.2,0.3]\n"] {
        let output =
            act(&policy(), &format!("{before}{spec}\n{}\n[0.1,0.2,0.3]\n", " ".repeat(2000)));
        assert!(output.status.success(), "{before}: {output:?}");
    }
}

#[test]
fn int8_answers_close_by_where_this_processor_has_it() {
    let output = edge::act(&["--int8"], &policy(), "[0.1,0.2,0.3]");
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
    let file = policy();
    for (line, says) in [
        ("[0.1,0.2]", "the observation has 2 numbers, the policy takes 3"),
        ("[0.1,0.2,0.3,0.4]", "the observation has 4 numbers, the policy takes 3"),
        ("[0.1,NaN,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,1e39,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,1e999,0.3]", "not a JSON array of finite numbers"),
        ("[0.1,null,0.3]", "not a JSON array of finite numbers"),
        ("0.1 0.2 0.3", "not a JSON array of finite numbers"),
        ("[driver] up", "write [x, y, …], one observation a line; logs belong on standard error"),
        (r#"{"obs":[0.1,0.2,0.3]}"#, "act takes each observation as a bare array"),
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
    let file = policy();
    let mut child = Command::new(program())
        .arg("act")
        .arg(&file)
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
    let mut damaged = whole.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let foreign = b"PK\x03\x04 something else entirely, and longer than 64 bytes of it";
    let files = [&whole[..middle], foreign, b"", &damaged].map(file);
    let missing = Path::new("lacewing-no-such-file.lace");
    for path in files.iter().map(|file| &**file).chain([missing]) {
        for command in ["act", "measure"] {
            let output =
                Command::new(program()).arg(command).arg(path).stdin(Stdio::null()).output();
            let complaint = complaint(&output.unwrap());
            assert!(complaint.contains(path.to_str().unwrap()), "{complaint}");
        }
    }
}

#[test]
fn measure_writes_a_table_or_json() {
    let file = policy();
    let run = |json: bool| {
        let mut command = Command::new(program());
        command.arg("measure").arg(&file).args(["--steps", "200"]);
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
