//! TD3 updates a second of the sparse engine on HalfCheetah's shapes, one thread.
//!
//! `cargo bench -p lacewing-tests --bench updates [-- BATCH]`; `tests/benches/updates.sh` runs it
//! beside masked dense PyTorch.
use lacewing_formats::topology::Allocation;
use lacewing_runtime::learn::{AgentShape, Block, Replay, Sparsity, Td3, Td3Config, Transition};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Instant;

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;
const TRANSITIONS: usize = 20_000;
const ROUNDS: usize = 15;
const UPDATES_A_ROUND: usize = 100;

fn main() {
    let batch_size = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(256);
    let mut memory = vec![0.0; TRANSITIONS * Replay::row_len(OBSERVATIONS, ACTIONS)];
    let mut replay = Replay::new(&mut memory, OBSERVATIONS, ACTIONS).expect("room for one");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut numbers = vec![0.0; 2 * OBSERVATIONS + ACTIONS];
    for _ in 0..TRANSITIONS {
        numbers.fill_with(|| rng.next_u32() as f32 / u32::MAX as f32 - 0.5);
        replay
            .push(Transition {
                observation: &numbers[..OBSERVATIONS],
                next_observation: &numbers[OBSERVATIONS..2 * OBSERVATIONS],
                action: &numbers[2 * OBSERVATIONS..],
                reward: numbers[0],
                terminated: false,
            })
            .expect("finite numbers");
    }
    for sparsity in [0.0, 0.5, 0.9, 0.95] {
        let spread = Sparsity {
            actor: sparsity,
            critic: sparsity,
            allocation: Allocation::Er,
            dense_output: true,
        };
        let shape = AgentShape::new(OBSERVATIONS, ACTIONS, &[256, 256], &spread)
            .expect("sparsity within reach");
        let config = Td3Config { batch_size, ..Td3Config::default() };
        let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
        let bytes = memory.len() * Block::BYTES;
        let mut agent = Td3::new(shape, config, &mut memory, 1).expect("memory for the agent");
        let mut rates: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..UPDATES_A_ROUND {
                    agent.update(&replay).expect("finite losses");
                }
                UPDATES_A_ROUND as f64 / start.elapsed().as_secs_f64()
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "sparse engine, batch {batch_size}, sparsity {sparsity:.2}: {:7.0} updates/s, {bytes} bytes",
            rates[ROUNDS / 2],
        );
    }
}
