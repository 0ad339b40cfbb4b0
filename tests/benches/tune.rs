//! An update of a fine-tuning beside that of a dense agent: HalfCheetah's shapes (17-256-256-6) with the
//! settings of a robot's training, batch 100, one thread, medians in turns.
//!
//! `cargo bench -p lacewing-tests --bench tune`: rows are the default (actor 90 %, critics 80 % sparse) and
//! critics as sparse as the actor, each with kept links, SET and RigL, and with kept links on little memory
//! (`--lean`, beside the dense agent on little memory).
mod common;

use common::experience;
use lacewing_runtime::learn::{
    AgentShape, AlgorithmKind, AnyAgent, Block, Learner, Method, Norm, Settings, Sparsity,
    Td3Config, Training, TuningTopology,
};
use lacewing_tests::learner::{seeds, sparsity, td3_shape};
use std::time::Instant;

const TURNS: usize = 7;
/// As many as are between two changes of topology, so that each turn has one.
const UPDATES: u64 = Method::DS_TD3.schedule.every;

/// An agent of a robot, critics and all.
fn shape(policy: f64, critic: f64) -> AgentShape {
    let sparsity = Sparsity { policy, critic, ..sparsity(0.0) };
    let mut shape = td3_shape(17, 6, &[256, 256], &sparsity).expect("sparsity within reach");
    if let Some(critic) = &mut shape.critic {
        critic.norm = Norm::Layer;
    }
    shape
}

/// What is measured, and beside which row.
struct Row {
    name: &'static str,
    shape: AgentShape,
    topology: TuningTopology,
    lean: bool,
    dense: usize,
}

fn row(name: &'static str, sparsity: (f64, f64), topology: TuningTopology, lean: bool) -> Row {
    Row { name, shape: shape(sparsity.0, sparsity.1), topology, lean, dense: lean.into() }
}

fn main() {
    use TuningTopology::{Frozen, Rigl, Set};
    let (dense, default, both) = ((0.0, 0.0), (0.9, 0.8), (0.9, 0.9));
    let rows = [
        row("dense", dense, Frozen, false),
        row("dense, lean", dense, Frozen, true),
        row("actor 90 %, critics 80 %, links kept", default, Frozen, false),
        row("actor 90 %, critics 80 %, SET", default, Set, false),
        row("actor 90 %, critics 80 %, RigL", default, Rigl, false),
        row("actor 90 %, critics 80 %, links kept, lean", default, Frozen, true),
        row("actor and critics 90 %, links kept", both, Frozen, false),
        row("actor and critics 90 %, SET", both, Set, false),
        row("actor and critics 90 %, RigL", both, Rigl, false),
        row("actor and critics 90 %, links kept, lean", both, Frozen, true),
    ];
    let settings: Settings = Td3Config::default().into();
    let experience = experience(&settings, &common::shape(AlgorithmKind::Td3, 0.0));
    let mut memory = vec![0.0; experience.memory()];
    let mut data = experience.replay(&mut memory);
    let training = |row: &Row| Training {
        normalise_observations: true,
        scale_rewards: true,
        method: row.topology.method(&Method::DS_TD3, 0),
        lean: row.lean,
        ..Training::default()
    };
    let mut memories: Vec<_> = rows
        .iter()
        .map(|row| vec![Block::ZERO; AnyAgent::blocks(&row.shape, &settings, &training(row))])
        .collect();
    let mut agents: Vec<_> = rows
        .iter()
        .zip(&mut memories)
        .map(|(row, memory)| {
            AnyAgent::new(row.shape.clone(), settings, training(row), memory, seeds(1))
                .expect("memory for the agent")
        })
        .collect();
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..TURNS {
        for (agent, times) in agents.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..UPDATES {
                agent.update(&mut data).expect("finite losses");
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / UPDATES as f64);
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[TURNS / 2]
        })
        .collect();
    println!("{:45} us an update  of dense's", "");
    for (row, median) in rows.iter().zip(&medians) {
        println!("{:45} {median:12.0} {:11.2}", row.name, median / medians[row.dense]);
    }
}
