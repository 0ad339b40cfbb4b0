//! TD3 updates a second of an engine on HalfCheetah's shapes.
//!
//! `cargo bench -p lacewing-tests --bench updates [-- --batch N --sparsity S --threads T]`; with
//! `--features burn` also `--engine burn`, with `--features cuda` also `--engine burn-cuda`.
//! `tests/benches/updates.sh` runs it beside masked dense PyTorch.
mod common;

use common::{fill, half_cheetah, replay_memory};
#[cfg(feature = "burn")]
use lacewing_runtime::learn::Replay;
use lacewing_runtime::learn::{Block, Td3, Td3Config, Training};
use lacewing_tests::learner::seeds;
use std::time::Instant;

const ROUNDS: usize = 15;

/// What follows `name` on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn parsed<T: std::str::FromStr>(name: &str) -> Option<T> {
    option(name).map(|word| word.parse().ok().unwrap_or_else(|| panic!("{name} {word}?")))
}

/// Median of updates a second, `updates` of them a round.
fn rate(updates: usize, mut update: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..updates).for_each(|_| update());
            updates as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

#[cfg(feature = "burn")]
fn burn_rate(device: lacewing_burn::Device, start: &Td3<'_>, replay: &Replay<'_>) -> f64 {
    let mut noise = vec![0.0; start.shape().action_numbers()];
    let start = lacewing_tests::learner::save(start);
    let agent = lacewing_burn::BurnAgent::new(device, &start, &mut noise);
    let mut agent = agent.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1)
    });
    rate(20, || {
        agent.update(replay).expect("finite losses");
    })
}

fn main() {
    let batch = parsed("--batch").unwrap_or(256);
    let sparsities = parsed("--sparsity").map_or(vec![0.0, 0.5, 0.9, 0.95], |one| vec![one]);
    let threads = parsed("--threads").unwrap_or(1);
    let engine = option("--engine").unwrap_or_else(|| "sparse".into());
    let mut memory = replay_memory();
    let mut replay = fill(&mut memory);
    for sparsity in sparsities {
        let shape = half_cheetah(sparsity);
        let config = Td3Config { batch, ..Td3Config::default() };
        let training = Training { threads, ..Training::default() };
        let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config, &training)];
        let bytes = memory.len() * Block::BYTES;
        let mut agent =
            Td3::new(shape, config, training, &mut memory, seeds(1)).expect("memory for the agent");
        let rate = match engine.as_str() {
            "sparse" => rate(100, || {
                agent.update(&mut replay).expect("finite losses");
            }),
            #[cfg(feature = "burn")]
            "burn" => burn_rate(lacewing_burn::Device::Cpu, &agent, &replay),
            #[cfg(feature = "burn")]
            "burn-cuda" => burn_rate(lacewing_burn::Device::Cuda, &agent, &replay),
            other => panic!(
                "no engine {other} in this build: sparse, or with --features burn or cuda burn and burn-cuda"
            ),
        };
        println!(
            "{engine} engine, {threads} threads, batch {batch}, sparsity {sparsity:.2}: {rate:7.0} updates/s, \
             sparse agent {bytes} bytes"
        );
    }
}
