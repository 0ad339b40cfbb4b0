//! `lacewing-edge finetune` with drivers and files that are not as they should be.
#![cfg(unix)]

use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::{Allocation, Structure};
use lacewing_runtime::learn::{AgentShape, Block, Resume, Sparsity, Td3, Td3Config};
use lacewing_tests::policy_file::Owned;
use lacewing_tests::{actor, edge};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const OBSERVATIONS: usize = 3;
const HIDDEN: usize = 32;
const SPEC: &str =
    r#"{"spec":{"id":"Robot","obs_dim":3,"act_low":[-1],"act_high":[1],"max_episode_steps":5}}"#;

/// The resume section of a fresh agent.
fn learner(observations: usize) -> Vec<u8> {
    let sparsity = Sparsity {
        actor: 0.5,
        critic: 0.5,
        allocation: Allocation::Er,
        dense_output: false,
        structure: Structure::Unstructured,
    };
    let shape = AgentShape::new(observations, 1, &[HIDDEN, HIDDEN], &sparsity).unwrap();
    let config = Td3Config::default();
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
    let agent = Td3::new(shape, config, &mut memory, 1).unwrap();
    let mut bytes = Vec::new();
    let Ok(()) = agent.save(|part| {
        bytes.extend_from_slice(part);
        Ok::<_, Infallible>(())
    });
    bytes
}

/// A policy whose file goes on with the learner of another.
fn policy(folder: &Path, resume: Vec<u8>) -> PathBuf {
    let mut policy: Owned = actor::random(&[OBSERVATIONS, 8, 1], 0.5, 1);
    policy.layers.iter_mut().for_each(|layer| layer.weights.fill(0.0));
    policy.probes.clear();
    policy.resume = Some(resume);
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
    let moved = folder.path().join("moved");
    let policy = policy(folder.path(), learner(2));
    let complaint = complaint(&policy, &format!("touch '{}'; echo '{SPEC}'", moved.display()));
    assert!(complaint.contains("2 observations and 1 actions, its policy 3 and 1"), "{complaint}");
    assert!(!moved.exists());
}

#[test]
fn an_action_that_is_no_number_never_reaches_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let mut learner = learner(OBSERVATIONS);
    // Sums of these overflow in the first layer, and infinities cancel each other in the second.
    let resume = Resume::parse(&learner).unwrap();
    let (body, links) = (resume.body().len(), resume.shape().actor.links[0] as usize);
    let weights = learner.len() - body + 4 * (HIDDEN + 1) + 2 * links;
    for weight in learner[weights..][..4 * links].chunks_exact_mut(4) {
        weight.copy_from_slice(&3e38_f32.to_le_bytes());
    }
    let (policy, log) = (policy(folder.path(), learner), folder.path().join("log"));
    let driver = format!(
        r#"echo '{SPEC}'; while read -r line; do echo "$line" >> '{}'; case $line in
        *reset*) echo '{{"obs":[10,10,10]}}';;
        *) echo '{{"obs":[0,0,0],"reward":0,"terminated":true,"truncated":false}}';;
        esac; done"#,
        log.display()
    );
    let complaint = complaint(&policy, &driver);
    assert!(complaint.contains("cannot act on what the environment sent"), "{complaint}");
    let asked = fs::read_to_string(log).unwrap();
    assert!(asked.contains("action") && !asked.contains("null"), "{asked}");
}

#[test]
fn a_continuous_policy_drives_no_discrete_environment() {
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(folder.path(), learner(OBSERVATIONS));
    let driver = r#"echo '{"spec":{"id":"Robot","obs_dim":3,"actions":2,"max_episode_steps":5}}'"#;
    let complaint = complaint(&policy, driver);
    assert!(complaint.contains("Robot takes one of 2 discrete actions"), "{complaint}");
}

#[test]
fn a_driver_that_does_not_end_keeps_no_error_back() {
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(folder.path(), learner(OBSERVATIONS));
    let driver = format!(r#"echo '{SPEC}'; read -r line; echo '{{"obs":[1]}}'; exec sleep 60"#);
    let complaint = complaint(&policy, &driver);
    assert!(complaint.contains("announced 3 observations and sent 1"), "{complaint}");
}
