//! Drivers with one habit each, `tests/drivers/habits.py`: what can be used is, what cannot be is told,
//! and no action leaves the limits whatever happens.
#![cfg(unix)]

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_runtime::learn::{ActionSpace, DqnConfig, Settings, Td3Config};
use lacewing_tests::policy_file::Owned;
use lacewing_tests::{edge, fresh};
use serde_json::Value;
use std::f64::consts::PI;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const HABITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/habits.py");
/// Limits of the policy, and of a driver that says nothing else.
const OWN: &str = "[-2.0,2.0]";
/// No f32 is either of these.
const PI_6: &str = "[-0.5235987755982988,0.5235987755982988]";
/// Long enough for the habit's step 1300.
const LONG: [&str; 4] = ["--steps=1400", "--warm-up=100", "--episodes=2", "--evaluate-every=600"];

/// A policy file to tune, and what came of it.
struct Bench {
    folder: tempfile::TempDir,
}

struct Came {
    output: Output,
    stdout: String,
    stderr: String,
    /// Actions that the driver was asked for, one after the other and by episode.
    actions: Vec<f64>,
    episodes: Vec<Vec<f64>>,
    tuned: PathBuf,
}

fn scaled() -> Owned {
    let actions = ActionSpace::Continuous(1);
    let mut policy = fresh::policy(Td3Config::default().into(), 3, actions, &[16, 16], 1);
    (policy.low, policy.high) = (vec![-2.0], vec![2.0]);
    // So that it asks for its limits at once.
    policy
}

fn argmax() -> Owned {
    let settings: Settings = DqnConfig::default().into();
    fresh::policy(settings, 3, ActionSpace::Discrete(3), &[16, 16], 1)
}

impl Bench {
    fn new(policy: &Owned) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes = policy.write(Encoding::PLAIN).unwrap();
        fs::write(folder.path().join("policy.lace"), &*bytes).unwrap();
        Self { folder }
    }

    /// Tunes with a driver of this habit.
    fn tune(&self, habit: &str, actions: &str, once: u32, options: &[&str]) -> Came {
        let (log, tuned) = (self.folder.path().join("log"), self.folder.path().join("tuned.lace"));
        let _ = (fs::remove_file(&log), fs::remove_file(&tuned));
        let command =
            format!("exec python3 '{HABITS}' {habit} '{}' '{actions}' {once}", log.display());
        let output = Command::new(edge::program())
            .arg("finetune")
            .arg(self.folder.path().join("policy.lace"))
            .args(["--env-command", &command, "--out"])
            .arg(&tuned)
            .args(options)
            .output()
            .expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let episodes = asked(&log);
        Came { output, stdout, stderr, actions: episodes.concat(), episodes, tuned }
    }
}

/// The actions of each episode in a driver's log; one that is no number is NaN.
fn asked(log: &Path) -> Vec<Vec<f64>> {
    let requests = fs::read_to_string(log).unwrap_or_default();
    let requests = requests.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut episodes = vec![];
    for request in requests {
        match (request.get("action"), episodes.last_mut()) {
            (None, _) => episodes.push(vec![]),
            (Some(action), episode) => {
                let number = action.get(0).and_then(Value::as_f64).unwrap_or(f64::NAN);
                episode.expect("a reset comes first").push(number);
            }
        }
    }
    episodes
}

impl Came {
    fn succeeded(&self, habit: &str) {
        assert!(self.output.status.success(), "{habit}: {self:?}");
        assert!(self.stdout.contains("\nafter: "), "{habit}: {self:?}");
        assert!(holds_a_policy(&self.tuned), "{habit}");
    }

    /// It failed with one line that says so.
    fn complained(&self, habit: &str, says: &str) {
        assert_eq!(self.output.status.code(), Some(1), "{habit}: {self:?}");
        let last = self.stderr.lines().rfind(|line| line.starts_with("lacewing-edge: "));
        assert!(last.is_some_and(|last| last.contains(says)), "{habit}: {self:?}");
        assert!(!self.stderr.contains("panicked"), "{habit}: {self:?}");
    }
}

impl std::fmt::Debug for Came {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.stdout, self.stderr)
    }
}

fn holds_a_policy(path: &Path) -> bool {
    AlignedBytes::read(path).is_ok_and(|bytes| PolicyView::parse(&bytes).is_ok())
}

#[test]
fn harmless_habits_change_nothing() {
    let bench = Bench::new(&scaled());
    for habit in ["none", "extra", "intreward", "info", "crlf", "endless"] {
        let came = bench.tune(habit, OWN, 1300, &LONG);
        came.succeeded(habit);
        assert!(came.stderr.is_empty(), "{habit}: {came:?}");
        // Two evaluations of two episodes before, two of them after, and two on the way, of 50 steps.
        let evaluated = 100 * (came.stdout.matches(": evaluated").count() + 2);
        assert_eq!(came.actions.len(), 1400 + evaluated, "{habit}: {came:?}");
    }
}

#[test]
fn lines_beside_the_answers_are_told_once_with_the_remedy() {
    let bench = Bench::new(&scaled());
    for (habit, line) in [
        ("banner", "`simlib 1.0 loaded`"),
        ("log", "`[driver] got a request`"),
        ("brace", "`{driver} got a request`"),
    ] {
        let came = bench.tune(habit, OWN, 1300, &LONG);
        came.succeeded(habit);
        let remedy = "let it log to standard error";
        assert!(came.stderr.contains(line) && came.stderr.contains(remedy), "{came:?}");
        assert_eq!(came.stderr.lines().count(), 1, "{came:?}");
    }
}

#[test]
fn what_is_no_answer_to_the_last_request_is_never_taken_for_one() {
    let bench = Bench::new(&scaled());
    let expected = bench.tune("none", OWN, 1300, &LONG);
    for (habit, line) in
        [("jsonlog", r#"{"level": "info""#), ("early", r#"{"obs": ["#), ("twice", r#"{"obs": ["#)]
    {
        let came = bench.tune(habit, OWN, 1300, &LONG);
        came.succeeded(habit);
        assert_eq!(came.actions, expected.actions, "{habit}: {came:?}");
        assert!(came.stderr.contains(line), "{habit}: {came:?}");
        assert_eq!(came.stderr.lines().count(), 1, "{habit}: {came:?}");
    }
}

#[test]
fn one_answer_that_cannot_be_used_is_dropped_and_counted() {
    let bench = Bench::new(&scaled());
    for (habit, why) in [
        ("shortobs", "announced 3 observations and sent 2"),
        ("bigreward", "the reward"),
        ("nanreward", "the reward"),
        ("textobs", "`obs` is an array of numbers"),
        ("nullend", "`terminated` and `truncated` are true or false"),
        ("intend", "`terminated` and `truncated` are true or false"),
        ("cut", "EOF while parsing"),
        ("garbled", "expected value"),
    ] {
        let came = bench.tune(habit, OWN, 1300, &LONG);
        came.succeeded(habit);
        assert!(came.stdout.contains("\ndropped: 1 answers"), "{habit}: {came:?}");
        assert!(came.stderr.contains(why), "{habit}: {came:?}");
    }
    // An episode that is judged is played again.
    let came = bench.tune("nanreward", OWN, 30, &LONG);
    came.succeeded("nanreward");
    let evaluated = 100 * (came.stdout.matches(": evaluated").count() + 2);
    assert_eq!(came.actions.len(), 1400 + evaluated + 30, "{came:?}");
}

#[test]
fn a_sensor_that_fails_once_is_held_and_the_steps_beside_it_are_not_learned_from() {
    let bench = Bench::new(&scaled());
    for habit in ["nanobs", "nullobs", "hugeobs"] {
        // Amid an episode.
        let came = bench.tune(habit, OWN, 1310, &LONG);
        came.succeeded(habit);
        let told = "guarded: 2 steps not learned from: 1 not a number, 0 out of range, 0 a spike, \
                    0 stuck, 1 steps held, 0 with the safe action";
        assert!(came.stdout.contains(told), "{habit}: {came:?}");
        assert!(came.stderr.is_empty(), "{habit}: {came:?}");
    }
}

#[test]
fn the_owner_says_what_is_done_about_a_bad_sensor() {
    let bench = Bench::new(&scaled());
    let refused =
        bench.tune("nanobs", OWN, 1300, &[&LONG[..], &["--on-bad-sensor=refuse"]].concat());
    refused.complained("refuse", "number 0 of the observation (counted from 0) is not a number");
    let options = ["--on-bad-sensor=safe", "--safe-action=-1.25", "--noise=0"];
    let safe = bench.tune("always-nanobs", OWN, 1300, &[&LONG[..], &options].concat());
    safe.complained("safe", "bad on 101 step(s)");
    // From the answer to the 21st step on, but for the steps after a reset.
    let sent = safe.actions.iter().filter(|&&action| action == -1.25).count();
    assert_eq!(sent, 100, "{:?}", safe.actions);
    assert!(safe.actions[..21].iter().all(|&action| action != -1.25), "{:?}", safe.actions);
    for (wrong, says) in [
        ("--safe-action=1,2", "--safe-action takes 1 finite number"),
        ("--safe-action=nan", "--safe-action takes 1 finite number"),
        ("--safe-action=2.5", "is 2.5, the policy's goes from -2 to 2"),
    ] {
        let came = bench.tune("none", OWN, 1300, &[wrong]);
        came.complained(wrong, says);
        assert!(came.actions.is_empty(), "{wrong}");
    }
    let argmax = Bench::new(&argmax());
    for wrong in ["--safe-action=3", "--safe-action=0.5"] {
        let came = argmax.tune("none", "3", 1300, &[wrong]);
        came.complained(wrong, "the policy's goes from 0 to 2, in whole numbers");
    }
    // Of discrete actions none is known to be safe.
    let came = argmax.tune("always-nanobs", "3", 1300, &LONG);
    came.complained("argmax", "bad on 6 step(s)");
}

#[test]
fn what_cannot_go_on_ends_with_the_best_policy_kept() {
    let bench = Bench::new(&scaled());
    for (habit, says) in [
        ("crash", "ended without an answer"),
        ("error", "reports: motor 3 over temperature"),
        ("hang", "has not answered for 9 s"),
        ("done", "missing field `terminated` at line 1"),
        (
            "always-nanobs",
            "number 0 of the observation (counted from 0) is not a number (NaN), and bad on 106",
        ),
        ("always-shortobs", "more than ten answers"),
    ] {
        let came = bench.tune(habit, OWN, 1300, &[&LONG[..], &["--answer-timeout=9"]].concat());
        came.complained(habit, says);
        came.complained(habit, "tuned.lace holds the best policy so far");
        assert!(holds_a_policy(&came.tuned), "{habit}");
        assert!(!came.actions.is_empty(), "{habit}");
    }
}

#[test]
fn what_can_be_refused_is_before_anything_moves() {
    let bench = Bench::new(&scaled());
    let absent = bench.folder.path().join("absent/tuned.lace");
    let absent = format!("--out={}", absent.display());
    for (habit, actions, options, says) in [
        ("silent", OWN, &["--answer-timeout=2"][..], "has not answered for 2 s"),
        ("none", "[-Infinity,Infinity]", &[], "are no numbers: every actuator has some"),
        ("none", "[null,null]", &[], "are no numbers: every actuator has some"),
        ("none", "[5.0,6.0]", &[], "from -2 to 2 for the policy and from 5 to 6 for the driver"),
        ("none", "[2.0,-2.0]", &[], "act_low is above act_high"),
        ("none", "3", &[], "one has discrete actions"),
        ("none", OWN, &["--learning=thread", "--cores=0,9999"], "may not run on core 9999"),
        ("none", OWN, &["--steps=300"], "raise --steps or lower --warm-up"),
        ("none", OWN, &["--critics-first=4500"], "raise --steps or lower --critics-first"),
    ] {
        let came = bench.tune(habit, actions, 1300, options);
        came.complained(actions, says);
        assert!(came.actions.is_empty() && !came.tuned.exists(), "{actions}: {came:?}");
    }
    // clap takes an option once, so this one is called by hand.
    let output = Command::new(edge::program())
        .arg("finetune")
        .arg(bench.folder.path().join("policy.lace"))
        .args(["--env-command", &format!("exec python3 '{HABITS}' none"), &absent])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("absent/tuned.lace")
            && output.stdout.iter().filter(|&&b| b == b'\n').count() == 1,
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(1), "{stderr}");
}

#[test]
fn of_two_limits_the_narrower_rules_and_is_told() {
    let bench = Bench::new(&scaled());
    for (actions, low, high, told) in [
        ("[-1.0,1.0]", -1.0, 1.0, Some("kept within [-1.0] to [1.0]")),
        ("[-0.25,9.0]", -0.25, 2.0, Some("kept within [-0.25] to [2.0]")),
        ("[-9.0,9.0]", -2.0, 2.0, None),
        ("[-1e38,1e38]", -2.0, 2.0, None),
        // Limits that are no f32, as the driver has them.
        (PI_6, -PI / 6.0, PI / 6.0, Some("kept within [-0.52359873] to [0.52359873]")),
        ("[-0.7,0.6999999]", -0.7, 0.6999999, Some("kept within [-0.7] to [0.69999")),
    ] {
        let options = ["--steps=300", "--warm-up=50", "--noise=2", "--episodes=1"];
        let came = bench.tune("none", actions, 1300, &options);
        came.succeeded(actions);
        assert_eq!(out_of(&came.actions, low, high), 0, "{actions}: {:?}", came.actions);
        // They are reached, so something held them.
        for limit in [low, high] {
            let at = |action: &f64| (action - limit).abs() < 1e-7;
            assert!(came.actions.iter().any(at), "{actions}: never at {limit}");
        }
        assert_eq!(told, told.filter(|told| came.stdout.contains(told)), "{came:?}");
        assert_eq!(told.is_some(), came.stdout.contains("kept within"), "{came:?}");
    }
}

/// Actions that are not within the limits; NaN is not.
fn out_of(actions: &[f64], low: f64, high: f64) -> usize {
    actions.iter().filter(|action| !(low..=high).contains(action)).count()
}

#[test]
fn no_action_leaves_the_limits_whatever_the_driver_does() {
    const HABITS: [&str; 27] = [
        "none",
        "extra",
        "intreward",
        "info",
        "crlf",
        "endless",
        "banner",
        "log",
        "nanobs",
        "nullobs",
        "hugeobs",
        "shortobs",
        "bigreward",
        "nanreward",
        "crash",
        "error",
        "done",
        "always-nanobs",
        "always-nanreward",
        "always-shortobs",
        "textobs",
        "cut",
        "garbled",
        "jsonlog",
        "early",
        "twice",
        "hang",
    ];
    // Commands change by 3 a second: 0.15 a step.
    let rate = Signal { rate: Some(3.0), low: Some(-1.5), offset: 0.25, ..Signal::default() };
    let contract = ContractSpec { actions: vec![rate], ..ContractSpec::default() };
    let slow = Owned { contract: Some(contract.to_bytes().unwrap()), ..scaled() };
    let (scaled, argmax) = (Bench::new(&scaled()), Bench::new(&argmax()));
    let slow = Bench::new(&slow);
    let heads = [
        (&scaled, OWN, (-2.0, 2.0)),
        (&scaled, "[-1.0,1.0]", (-1.0, 1.0)),
        (&scaled, "[-0.25,9.0]", (-0.25, 2.0)),
        (&scaled, PI_6, (-PI / 6.0, PI / 6.0)),
        (&scaled, "[1.5,1.5]", (1.5, 1.5)),
        (&argmax, "3", (0.0, 2.0)),
        (&slow, OWN, (-1.5, 2.0)),
        (&slow, "[-0.75,9.0]", (-0.75, 2.25)),
    ];
    let (mut sent, mut runs) = (0, 0);
    for (bench, actions, (low, high)) in heads {
        for habit in HABITS {
            // It takes its time, whatever the limits are.
            if habit == "hang" && actions != OWN {
                continue;
            }
            // The noise of TD3 asks for far more than there is.
            let noise = if actions == "3" { &[][..] } else { &["--noise=5"] };
            let patience =
                if habit == "hang" { "--answer-timeout=5" } else { "--answer-timeout=60" };
            let options =
                ["--steps=200", "--warm-up=20", "--episodes=1", "--evaluate-every=100", patience];
            let came = bench.tune(habit, actions, 130, &[&options[..], noise].concat());
            assert!(!came.actions.is_empty(), "{habit} {actions}: {came:?}");
            assert_eq!(
                out_of(&came.actions, low, high),
                0,
                "{habit} {actions}: {:?}",
                came.actions
            );
            if std::ptr::eq(bench, &slow) {
                let mut steps = came.episodes.iter().flat_map(|actions| actions.windows(2));
                assert!(steps.all(|pair| (pair[1] - pair[0]).abs() <= 0.15 + 1e-6), "{habit}");
            }
            if actions == "3" {
                assert!(came.actions.iter().all(|action| action.fract() == 0.0), "{habit}");
            }
            (sent, runs) = (sent + came.actions.len(), runs + 1);
        }
    }
    println!("{runs} runs, {sent} actions, none out of its limits");
}
