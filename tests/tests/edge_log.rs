//! What `lacewing-edge finetune` tells by `--log` and `--metrics`.
#![cfg(unix)]

mod edge_common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use edge_common::{HABITS, bench};
use lacewing_tests::edge::{self, complaint};
use serde_json::Value;

fn finetune(policy: &Path, steps: &str, more: &[&str]) -> Command {
    let mut command = with_habit("plain", policy, steps, more);
    command.args(["--episodes=2", "--evaluate-every=300", "--topology=set"]);
    command
}

/// Records as JSON, and what is said beside them.
fn decode(log: &Path) -> (Vec<Value>, String) {
    let output = Command::new(edge::program()).args(["log", "--json"]).arg(log).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (records, String::from_utf8(output.stderr).unwrap())
}

/// The name of a record's event.
fn name(record: &Value) -> &str {
    match &record["event"] {
        Value::String(name) => name,
        event => event.as_object().unwrap().keys().next().unwrap(),
    }
}

fn succeeded(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// A driver with a habit, in place of the plain one.
fn with_habit(habit: &str, policy: &Path, steps: &str, more: &[&str]) -> Command {
    let mut command = Command::new(edge::program());
    command.arg("finetune").arg(policy).arg("--out").arg(policy.with_extension("tuned.lace"));
    command.args(["--env-command", &format!("exec python3 '{HABITS}' {habit}"), "--force", steps]);
    command.arg("--warm-up=100").args(more);
    command
}

#[test]
fn a_robot_without_episodes_has_returns_of_windows_and_its_last_steps_are_told() {
    let (folder, policy) = bench();
    let log = folder.path().join("log");
    let options = ["--learning=slack", "--guard-window=100", "--log", log.to_str().unwrap()];
    succeeded(with_habit("continuing", &policy, "--steps=3300", &options));
    let (records, _) = decode(&log);
    let of = |wanted: &str| {
        let steps = records.iter().filter(|record| name(record) == wanted);
        steps.map(|record| record["step"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("return"), [2000, 3000]);
    assert_eq!(of("latency").last(), Some(&3300));
    assert_eq!(of("losses").last(), Some(&3300));
    assert_eq!(of("stop"), [3300]);
}

#[test]
fn who_imitates_nobody_is_told_so() {
    let (_folder, policy) = bench();
    let options = ["--adapt=imitate", "--episodes=1"];
    let output = succeeded(with_habit("plain", &policy, "--steps=200", &options));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("no step had an action of a teacher"), "{told}");
}

#[test]
fn the_log_has_what_happened_and_a_broken_record_costs_itself() {
    let (folder, policy) = bench();
    let [log, state] = ["log", "state"].map(|name| folder.path().join(name));
    let options = ["--log", log.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let output = succeeded(finetune(&policy, "--steps=700", &options));
    let told = String::from_utf8(output.stdout).unwrap();
    let (records, beside) = decode(&log);
    assert_eq!(beside, "");
    let count = |wanted: &str| records.iter().filter(|record| name(record) == wanted).count();
    assert_eq!((name(&records[0]), name(records.last().unwrap())), ("start", "stop"));
    let episodes = told.lines().filter(|line| line.starts_with("step ") && !line.contains("eval"));
    assert_eq!(count("return"), episodes.count());
    assert_eq!(count("return"), 14);
    assert_eq!(count("evaluation"), told.matches(": evaluated ").count());
    assert_eq!(count("latency"), 14);
    // Each episode but those of the warm-up has updates.
    assert_eq!(count("losses"), 12);
    assert!(count("save") >= 2, "{records:?}");
    let crc = crc32fast::hash(&fs::read(&policy).unwrap());
    assert_eq!(records[0]["event"]["start"]["policy"], crc);
    assert!(records.is_sorted_by_key(|record| record["millis"].as_u64()));
    let last = records.iter().rfind(|record| name(record) == "losses").unwrap();
    assert_eq!(last["event"]["losses"]["updates"], 600);

    let show = Command::new(edge::program()).arg("log").arg(&log).output().unwrap();
    let shown = String::from_utf8(show.stdout).unwrap();
    assert_eq!(shown.lines().count(), records.len());
    assert!(shown.contains("starts, policy ") && shown.contains("evaluated "), "{shown}");

    // Garbage in the middle, and an end within a record; then it goes on.
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3].copy_from_slice(b"???");
    bytes.truncate(bytes.len() - 2);
    fs::write(&log, &bytes).unwrap();
    let (fewer, beside) = decode(&log);
    assert!((2..=3).contains(&(records.len() - fewer.len())), "{beside}");
    assert!(beside.contains(" broken records passed over"), "{beside}");
    assert!(fewer.iter().all(|record| records.contains(record)));
    succeeded(finetune(&policy, "--steps=750", &options));
    let (both, _) = decode(&log);
    assert_eq!(both[..fewer.len()], fewer);
    assert_eq!(both[fewer.len()]["event"]["start"]["resumed"], true);
    assert_eq!(name(both.last().unwrap()), "stop");
}

#[test]
fn the_log_has_what_guards_did() {
    let (folder, policy) = bench();
    let log = folder.path().join("log");
    let driver = format!("exec python3 '{HABITS}' always-nanobs /dev/null '[-2, 2]'");
    let mut command = Command::new(edge::program());
    command.arg("finetune").arg(&policy).arg("--out").arg(policy.with_extension("tuned.lace"));
    command.args(["--env-command", &driver, "--steps=300", "--warm-up=50", "--learning=slack"]);
    // What it says ends with the sensor, which is gone for good.
    let output = command.arg("--log").arg(&log).output().unwrap();
    assert!(complaint(&output).contains("holds the best policy so far"), "{output:?}");
    let (records, _) = decode(&log);
    let count = |by: &str| {
        let guards = records.iter().map(|record| &record["event"]["guard"]);
        let counts = guards.filter(|guard| guard["by"] == by).map(|it| it["count"].as_u64());
        counts.map(Option::unwrap).sum::<u64>()
    };
    // A few steps an episode are held, then the safe action is sent.
    assert!((5..20).contains(&count("held")), "{records:?}");
    assert!(count("not-finite") > 50 && count("safe-action") > 50, "{records:?}");
    assert!(count("skipped-transition") > 50, "{records:?}");
    assert_eq!(name(records.last().unwrap()), "stop");
}

#[test]
fn what_a_teacher_does_is_learned_and_nothing_else() {
    let (folder, policy) = bench();
    for when in ["lock-step", "thread"] {
        let log = folder.path().join(when);
        let driver = format!("exec python3 '{HABITS}' teacher");
        let mut command = Command::new(edge::program());
        command.arg("finetune").arg(&policy).arg("--out").arg(policy.with_extension(when));
        command.args(["--env-command", &driver, "--steps=3000", "--warm-up=1000"]);
        command.args(["--adapt=imitate", "--evaluate-every=5000", "--episodes=1"]);
        command.args(["--learning", when, "--log"]).arg(&log);
        let told = succeeded(command);
        let (records, _) = decode(&log);
        let losses = records.iter().filter(|record| name(record) == "losses");
        let mut figures = losses.map(|record| &record["event"]["losses"]["figures"]);
        let (first, last) = (figures.next().unwrap(), figures.next_back().unwrap());
        // Critics have none; of every other step there is nothing to learn.
        assert!(first[0].is_null() && last[0].is_null(), "{first} {last}");
        let (first, last) = (first[1].as_f64().unwrap(), last[1].as_f64().unwrap());
        assert!(last < 0.5 * first, "{when}: {first}, then {last}: {told:?}");
    }
}

#[test]
fn the_log_takes_no_more_than_it_may() {
    let (folder, policy) = bench();
    let log = folder.path().join("log");
    let options = ["--log", log.to_str().unwrap(), "--log-bytes=4096"];
    succeeded(finetune(&policy, "--steps=3000", &options));
    let old = folder.path().join("log.old");
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    assert!(bytes(&log) <= 2048 && (1024..=2048).contains(&bytes(&old)));
    let (records, beside) = decode(&log);
    assert_eq!(beside, "");
    let steps: Vec<_> = records.iter().map(|record| record["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted() && steps[0] > 0 && *steps.last().unwrap() == 3000, "{steps:?}");
}

#[test]
fn what_cannot_be_written_or_served_is_told_at_once() {
    let (folder, policy) = bench();
    let nowhere = folder.path().join("no/log");
    let options = ["--log", nowhere.to_str().unwrap()];
    let told = complaint(&finetune(&policy, "--steps=200", &options).output().unwrap());
    assert!(told.contains("cannot use the log "), "{told}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told =
        complaint(&finetune(&policy, "--steps=200", &["--metrics", &address]).output().unwrap());
    assert!(told.contains(&format!("cannot serve metrics on {address}")), "{told}");
    let missing = Command::new(edge::program()).arg("log").arg(&nowhere).output().unwrap();
    assert!(complaint(&missing).contains("cannot use the log "));

    // A log that fails on the way: once told, learning goes on.
    let log = folder.path().join("log");
    let command = finetune(&policy, "--steps=3000", &["--log", log.to_str().unwrap()]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$@\"", "sh"]);
    limited.arg(command.get_program()).args(command.get_args());
    fs::write(&log, vec![0; 16_000]).unwrap();
    let output = succeeded(limited);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.matches("cannot write the log").count(), 1, "{told}");
}

/// Sends a request and reads the whole answer.
fn ask(address: &str, request: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // What was not read of a long request makes the system reset the connection.
    let _ = client.read_to_string(&mut answer);
    answer
}

/// Samples by name and labels.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn prometheus_is_answered_during_a_run() {
    let (_folder, policy) = bench();
    let mut child = finetune(&policy, "--steps=100000000", &["--metrics=127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let served = lines.find_map(|line| {
        Some(line.strip_prefix("metrics at http://")?.strip_suffix("/metrics")?.to_owned())
    });
    let address = served.expect("it says where");
    lines.find(|line| line.starts_with("step 600: evaluated")).expect("it learns");

    let answer = ask(&address, "GET /metrics HTTP/1.1\r\nHost: robot\r\n\r\n");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}\r\n", page.len())), "{head}");
    let first = samples(page);
    assert!(first["lacewing_steps"] >= 600.0 && first["lacewing_updates"] >= 500.0, "{page}");
    assert!(first["lacewing_return"] < 0.0 && first["lacewing_running_return"] < 0.0);
    assert!(first["lacewing_loss{loss=\"critic_loss\"}"].is_finite());
    assert!(first["lacewing_live_links"] > 100.0);
    assert!(first["lacewing_memory_bytes{part=\"moments\"}"] > 1e3);
    let quantile = |q: &str| first[&format!("lacewing_latency_seconds{{quantile=\"{q}\"}}")];
    assert!(0.0 < quantile("0.5") && quantile("0.5") <= quantile("0.999"));

    let starts = |request: &str, status: &str| {
        let answer = ask(&address, request);
        assert!(answer.starts_with(status), "{request}: {answer}");
    };
    starts("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ");
    starts("POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ");
    starts("GET /metrics?now HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
    starts(&"x".repeat(100_000), "");
    // Who says nothing holds up nobody for ever.
    let silent = TcpStream::connect(&address).unwrap();
    lines.find(|line| line.starts_with("step 900: evaluated")).expect("it goes on learning");
    let later = ask(&address, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(samples(later.split_once("\r\n\r\n").unwrap().1)["lacewing_steps"] >= 900.0);
    drop(silent);
    child.kill().unwrap();
    child.wait().unwrap();
}
