//! `lacewing-edge finetune` with drivers and files that are not as they should be.
#![cfg(unix)]

use lacewing_formats::codec::Encoding;
use lacewing_runtime::learn::{ActionSpace, Resume, Td3Config};
use lacewing_tests::policy_file::Owned;
use lacewing_tests::program::lacewing;
use lacewing_tests::{edge, fresh};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const OBSERVATIONS: usize = 3;
const HIDDEN: usize = 32;
const SPEC: &str =
    r#"{"spec":{"id":"Robot","obs_dim":3,"act_low":[-1],"act_high":[1],"max_episode_steps":5}}"#;

/// A fresh TD3's policy for one action.
fn fresh(observations: usize, hidden: &[usize], seed: u64) -> Owned {
    fresh::policy(
        Td3Config::default().into(),
        observations,
        ActionSpace::Continuous(1),
        hidden,
        seed,
    )
}

fn write(folder: &Path, policy: &Owned) -> PathBuf {
    let path = folder.join("policy.lace");
    fs::write(&path, &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    path
}

/// What the program complains of, after at most ten seconds.
fn complaint(policy: &Path, driver: &str) -> String {
    let out = policy.with_file_name("tuned.lace");
    let mut command = Command::new(edge::program());
    let start = Instant::now();
    command.arg("finetune").arg(policy).args(["--env-command", driver, "--episodes=1", "--out"]);
    let output = command.arg(out).output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(start.elapsed() < Duration::from_secs(10), "{stderr}");
    stderr
}

#[test]
fn a_learner_of_another_policy_is_refused_before_anything_moves() {
    let folder = tempfile::tempdir().unwrap();
    let [moved, out] = ["moved", "other.lace"].map(|name| folder.path().join(name));
    let own = fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1);
    // The same widths and biases, but other links.
    let mut rewired = fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 2);
    for (rewired, own) in rewired.layers.iter_mut().zip(&own.layers) {
        rewired.bias.clone_from(&own.bias);
    }
    let policies = [
        (fresh(2, &[HIDDEN, HIDDEN], 1), "observations differ"),
        (fresh(OBSERVATIONS, &[8], 1), "links or biases differ"),
        (rewired, "links or biases differ"),
    ];
    for (policy, words) in policies {
        let foreign = Owned { resume: own.resume.clone(), ..policy };
        let policy = write(folder.path(), &foreign);
        let complaint = complaint(&policy, &format!("touch '{}'; echo '{SPEC}'", moved.display()));
        assert!(complaint.contains(words), "{complaint}");
        assert!(!moved.exists());

        let mut finetune = Command::new(lacewing());
        finetune.arg("finetune").arg(&policy).args(["--shift=gear=0.5", "--out"]).arg(&out);
        let output = finetune.output().expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(words) && stderr.lines().count() == 1, "{stderr}");
        assert!(!out.exists());
    }
}

#[test]
fn an_action_that_is_no_number_never_reaches_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1);
    let learner = policy.resume.as_mut().unwrap();
    // Sums of these overflow in the first layer, and infinities cancel each other in the second.
    let resume = Resume::parse(learner).unwrap();
    let (body, links) = (resume.body().len(), resume.shape().policy.links[0] as usize);
    let weights = learner.len() - body + 4 * (HIDDEN + 1) + 2 * links;
    for weight in learner[weights..][..4 * links].chunks_exact_mut(4) {
        weight.copy_from_slice(&3e38_f32.to_le_bytes());
    }
    // The policy of the file is sound.
    policy.layers.iter_mut().for_each(|layer| layer.weights.fill(0.0));
    let (policy, log) = (write(folder.path(), &policy), folder.path().join("log"));
    let driver = format!(
        r#"echo '{SPEC}'; while read -r line; do echo "$line" >> '{}'; case $line in
        *reset*) echo '{{"obs":[10,10,10]}}';;
        *) echo '{{"obs":[0,0,0],"reward":0,"terminated":true,"truncated":false}}';;
        esac; done"#,
        log.display()
    );
    let complaint = complaint(&policy, &driver);
    assert!(complaint.contains("learning diverged"), "{complaint}");
    let asked = fs::read_to_string(log).unwrap();
    assert!(asked.contains("action") && !asked.contains("null"), "{asked}");
}

#[test]
fn a_continuous_policy_drives_no_discrete_environment() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(folder.path(), &fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1));
    let driver = r#"echo '{"spec":{"id":"Robot","obs_dim":3,"actions":2,"max_episode_steps":5}}'"#;
    let complaint = complaint(&policy, driver);
    assert!(complaint.contains("Robot and the policy one has discrete actions"), "{complaint}");
}

#[test]
fn a_driver_that_does_not_end_keeps_no_error_back() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(folder.path(), &fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1));
    let driver = format!(r#"echo '{SPEC}'; read -r line; echo '{{"obs":[1]}}'; exec sleep 60"#);
    let complaint = complaint(&policy, &driver);
    assert!(complaint.contains("announced 3 observations and sent 1"), "{complaint}");
}

#[test]
fn a_driver_ends_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(folder.path(), &fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1));
    let number = folder.path().join("number");
    let command = format!("sleep 1000 & echo $! >'{}'; wait", number.display());
    for (patience, signal, says) in
        [("1", None, "has not answered for 1 s"), ("60", Some("TERM"), "")]
    {
        let _ = fs::remove_file(&number);
        let tuning = Command::new(edge::program())
            .arg("finetune")
            .arg(&policy)
            .args(["--env-command", &command, "--answer-timeout", patience, "--out"])
            .arg(folder.path().join("tuned.lace"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = loop {
            let text = fs::read_to_string(&number).unwrap_or_default();
            if let Some(number) = text.strip_suffix('\n') {
                break number.to_string();
            }
            thread::sleep(Duration::from_millis(20));
        };
        if let Some(signal) = signal {
            let kill = format!("kill -{signal} {}", tuning.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        }
        let output = tuning.wait_with_output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
        // That takes a moment, and nobody may have asked yet how it ended.
        let start = Instant::now();
        loop {
            let left = fs::read_to_string(format!("/proc/{started}/stat")).unwrap_or_default();
            if left.is_empty() || left.contains(") Z ") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{left}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_driver_that_announces_nothing_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(folder.path(), &fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1));
    for (line, says) in [
        (r#"{"obs":[1,2,3]}"#, "missing field `spec`"),
        (&SPEC.replace("5}}", "0}}"), "expected a nonzero u64"),
        (&SPEC.replace("5}}", "5"), "EOF while parsing"),
    ] {
        let complaint = complaint(&policy, &format!("echo '{line}'"));
        assert!(complaint.contains(says), "{complaint}");
        let how = [
            r#"it must first write {"spec":{"id":"NAME","obs_dim":N,"#,
            "as a whole number from 1 up",
        ];
        assert!(how.iter().all(|how| complaint.contains(how)), "{complaint}");
    }
}

#[test]
fn numbers_out_of_range_are_told_with_their_option() {
    for (options, says) in [
        (["--episodes", "18446744073709551615"], "is not in 1..=1000000"),
        (["--replay", "0"], "0 is not in 1.."),
        (["--noise", "-1e-3x"], "invalid value '-1e-3x' for '--noise"),
        (["--noise", "-.5x"], "invalid value '-.5x' for '--noise"),
    ] {
        let mut finetune = Command::new(edge::program());
        finetune.args(["finetune", "absent.lace", "--env-command=true", "--out=absent"]);
        let output = finetune.args(options).output().expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(says) && !stderr.contains("tip:"), "{stderr}");
    }
}

#[test]
fn what_is_no_folder_keeps_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(folder.path(), &fresh(OBSERVATIONS, &[HIDDEN, HIDDEN], 1));
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut finetune = Command::new(edge::program());
    finetune.arg("finetune").arg(&policy).args(["--env-command=true", "--state"]).arg(&pipe);
    let output = finetune.arg("--out").arg(folder.path().join("tuned.lace")).output().unwrap();
    let complaint = edge::complaint(&output);
    assert!(complaint.contains("is a pipe (FIFO), and a folder is to be there"), "{complaint}");
}
