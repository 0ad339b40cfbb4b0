//! Updates a second of an engine, on HalfCheetah's shapes (DQN: 8 observations, 4 actions).
//!
//! `cargo bench -p lacewing-tests --bench updates [-- --algorithm td3|sac|dqn|ppo --method
//! static|set|rigl|prune --batch N --sparsity S --threads T]`; with `--features burn` also `--engine
//! burn`, with `--features cuda` also `--engine burn-cuda`. `tests/benches/updates.sh` runs it beside
//! masked dense PyTorch.
mod common;

use common::{Experience, experience, shape};
use lacewing_formats::topology::{Amount, Drop, Schedule};
use lacewing_runtime::learn::{
    AnyAgent, Block, DqnConfig, Growth, Learner, Method, PpoConfig, Replay, SacConfig, Settings,
    Td3Config, Training,
};
use lacewing_tests::learner::seeds;
use std::time::Instant;

const ROUNDS: usize = 15;
/// Updates of a round, and with a method that prunes of its whole schedule.
const UPDATES: usize = 100;
const PRUNED_UPDATES: u64 = 4000;

/// What follows `name` on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn parsed<T: std::str::FromStr>(name: &str) -> Option<T> {
    option(name).map(|word| word.parse().ok().unwrap_or_else(|| panic!("{name} {word}?")))
}

/// Median of updates a second.
fn rate(rounds: usize, updates: usize, mut update: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..updates).for_each(|_| update());
            updates as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[rounds / 2]
}

/// The algorithm with its published settings, but for the batch.
fn settings(algorithm: &str, batch: Option<u32>) -> Settings {
    match algorithm {
        "td3" => Td3Config { batch: batch.unwrap_or(256), ..Td3Config::default() }.into(),
        "sac" => SacConfig { batch: batch.unwrap_or(256), ..SacConfig::default() }.into(),
        "dqn" => DqnConfig { batch: batch.unwrap_or(128), ..DqnConfig::default() }.into(),
        "ppo" => PpoConfig { batch: batch.unwrap_or(64), ..PpoConfig::default() }.into(),
        other => panic!("no algorithm {other}: td3, sac, dqn or ppo"),
    }
}

fn method(name: &str) -> Method {
    let rigl = Method {
        amount: Amount::Cosine(0.3),
        drop: Drop::Magnitude,
        grow: Growth::Gradient,
        ..Method::DS_TD3
    };
    match name {
        "static" => Method::STATIC,
        "set" => Method::DS_TD3,
        // A change every 100 updates, ten times as often as published, so that each round has one.
        "rigl" => Method {
            schedule: Schedule { from: 0, until: u64::MAX, every: UPDATES as u64 },
            ..rigl
        },
        "prune" => {
            let at = |share: f64| (share * PRUNED_UPDATES as f64) as u64;
            let schedule = Schedule { from: at(0.2), until: at(0.8), every: 20 };
            Method { schedule, amount: Amount::Cubic, grow: Growth::Nothing, ..rigl }
        }
        other => panic!("no method {other}: static, set, rigl or prune"),
    }
}

/// Refills what an on-policy agent has learned from and emptied.
fn update(agent: &mut impl Learner, data: &mut Replay<'_>, experience: &Experience) {
    if data.is_empty() {
        experience.fill(data);
    }
    assert!(agent.update(data).is_ok(), "losses are finite");
}

#[cfg(feature = "burn")]
fn burn_rate(
    device: lacewing_burn::Device,
    (agent, training): (&AnyAgent<'_>, &Training),
    data: &mut Replay<'_>,
    experience: &Experience,
) -> f64 {
    let saved = lacewing_tests::learner::written(|sink| agent.save(sink));
    let blocks = lacewing_burn::BurnAgent::blocks(agent.shape(), training);
    let mut memory = vec![Block::ZERO; blocks];
    let mut agent =
        lacewing_burn::BurnAgent::new(device, &saved, &mut memory).unwrap_or_else(|error| {
            eprintln!("{error}");
            std::process::exit(1)
        });
    rate(ROUNDS, 20, || update(&mut agent, data, experience))
}

fn main() {
    let algorithm = option("--algorithm").unwrap_or_else(|| "td3".into());
    let method_name = option("--method").unwrap_or_else(|| "set".into());
    let sparsities = parsed("--sparsity").map_or(vec![0.0, 0.5, 0.9, 0.95], |one| vec![one]);
    let threads = parsed("--threads").unwrap_or(1);
    let engine = option("--engine").unwrap_or_else(|| "sparse".into());
    let settings = settings(&algorithm, parsed("--batch"));
    let training = Training { threads, method: method(&method_name), ..Training::default() };
    for sparsity in sparsities {
        let shape = shape(settings.kind(), sparsity);
        let prunes = method_name == "prune";
        let shape = if prunes { shape.from_dense() } else { shape };
        let experience = experience(&settings, &shape);
        let mut memory = vec![0.0; experience.memory()];
        let mut data = experience.replay(&mut memory);
        let mut memory = vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)];
        let bytes = memory.len() * Block::BYTES;
        let mut agent = AnyAgent::new(shape, settings, training, &mut memory, seeds(1))
            .expect("memory for the agent");
        let (rounds, updates) =
            if prunes { (1, PRUNED_UPDATES as usize) } else { (ROUNDS, UPDATES) };
        let rate = match engine.as_str() {
            "sparse" => rate(rounds, updates, || update(&mut agent, &mut data, &experience)),
            #[cfg(feature = "burn")]
            "burn" => {
                burn_rate(lacewing_burn::Device::Cpu, (&agent, &training), &mut data, &experience)
            }
            #[cfg(feature = "burn")]
            "burn-cuda" => {
                burn_rate(lacewing_burn::Device::Cuda, (&agent, &training), &mut data, &experience)
            }
            other => panic!(
                "no engine {other} in this build: sparse, or with --features burn or cuda burn and burn-cuda"
            ),
        };
        println!(
            "{engine} engine, {algorithm}, {method_name}, {threads} threads, sparsity {sparsity:.2}: \
             {rate:7.0} updates/s, sparse agent {bytes} bytes"
        );
    }
}
