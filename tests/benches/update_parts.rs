//! A TD3 update of the sparse engine beside the kernels that it is made of, called one after the
//! other on the same layers: HalfCheetah's shapes, batch 256, one thread, medians in turns.
//!
//! `cargo bench -p lacewing-tests --bench update_parts`
mod common;

use common::{experience, shape};
use lacewing_formats::topology::{Csr, CsrMut};
use lacewing_runtime::kernels::train::{AdamStep, Finish, TILE, Tile, TrainKernels};
use lacewing_runtime::learn::{AlgorithmKind, Block, Mlp, Td3, Td3Config, Training};
use lacewing_tests::learner::seeds;
use std::hint::black_box;
use std::time::Instant;

const BATCH: u32 = 256;
const ROUNDS: usize = 201;
/// Constants do not change how long a step takes.
const STEP: AdamStep = AdamStep {
    step_size: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    second_correction: 1.0,
    epsilon: 1e-8,
    weight_decay: 0.0,
};

/// A layer by rows and by columns, and all that an update reads and writes of it.
struct Layer {
    rows: Csr<'static>,
    columns: Csr<'static>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
    moments: [Vec<f32>; 2],
}

/// Layers with the activations of one tile between them.
struct Network {
    layers: Vec<Layer>,
    activations: Vec<Vec<Tile>>,
}

fn lasting(cols: usize, row_ptr: Vec<u32>, col_idx: Vec<u16>) -> Csr<'static> {
    Csr::new(cols, row_ptr.leak(), col_idx.leak()).expect("made from a topology")
}

impl Network {
    fn new(network: &Mlp<'_>) -> Self {
        let layers = network.layers().map(|layer| {
            let (topology, links) = (layer.topology, layer.topology.links());
            let (mut row_ptr, mut col_idx) = (vec![0; topology.cols() + 1], vec![0; links]);
            CsrMut::transposed(topology, &mut row_ptr, &mut col_idx, &mut vec![0; links])
                .expect("the transpose of a layer is one");
            let (rows, columns) = (topology.row_ptr().to_vec(), topology.col_idx().to_vec());
            Layer {
                rows: lasting(topology.cols(), rows, columns),
                columns: lasting(topology.rows(), row_ptr, col_idx),
                weights: layer.weights.to_vec(),
                bias: layer.bias.to_vec(),
                gradient: vec![0.0; links],
                moments: [vec![0.0; links], vec![0.0; links]],
            }
        });
        let layers: Vec<_> = layers.collect();
        let widths = layers.iter().map(|layer| layer.rows.cols());
        let outputs = layers.last().map(|layer| layer.bias.len());
        let activations = widths.chain(outputs).map(|width| vec![Tile([0.5; TILE]); width]);
        Self { activations: activations.collect(), layers }
    }

    fn forward(&mut self, kernels: &TrainKernels) {
        for (at, layer) in self.layers.iter().enumerate() {
            let (x, y) = self.activations.split_at_mut(at + 1);
            let (bias, x, y) = (Some(&*layer.bias), black_box(&x[at]), &mut y[0]);
            kernels.spmm(layer.rows, &layer.weights, bias, x, y, Finish::Relu, TILE);
        }
    }

    fn backward(&mut self, kernels: &TrainKernels, parameters: bool, input: bool) {
        for (at, layer) in self.layers.iter_mut().enumerate().rev() {
            let (x, y) = self.activations.split_at_mut(at + 1);
            let (x, dy) = (black_box(&mut x[at]), &y[0]);
            if parameters {
                kernels.sddmm(layer.rows, dy, x, &mut layer.gradient, TILE);
            }
            if at > 0 || input {
                kernels.spmm(layer.columns, &layer.weights, None, dy, x, Finish::Store, TILE);
            }
        }
    }

    fn step(&mut self, kernels: &TrainKernels) {
        for Layer { weights, gradient, moments: [m, v], .. } in &mut self.layers {
            kernels.adam(&STEP, weights, gradient, m, v);
        }
    }
}

/// The kernels of two updates, one of them of the actor too.
fn two_updates(kernels: &TrainKernels, actor: &mut Network, critics: &mut [Network; 4]) {
    for _ in 0..2 {
        for _ in (0..BATCH).step_by(TILE) {
            actor.forward(kernels);
            critics.iter_mut().for_each(|critic| critic.forward(kernels));
            critics[..2].iter_mut().for_each(|critic| critic.backward(kernels, true, false));
        }
        critics[..2].iter_mut().for_each(|critic| critic.step(kernels));
    }
    for _ in (0..BATCH).step_by(TILE) {
        actor.forward(kernels);
        critics[0].forward(kernels);
        critics[0].backward(kernels, false, true);
        actor.backward(kernels, true, false);
    }
    actor.step(kernels);
}

fn microseconds(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let config = Td3Config { batch: BATCH, ..Td3Config::default() };
    let experience = experience(&config.into(), &shape(AlgorithmKind::Td3, 0.0));
    let mut memory = vec![0.0; experience.memory()];
    let mut replay = experience.replay(&mut memory);
    let kernels = TrainKernels::best();
    println!("{}, batch {BATCH}, one thread, median of {ROUNDS}, us", kernels.name);
    println!("sparsity   update   its kernels   ratio");
    for sparsity in [0.0, 0.5, 0.9, 0.95] {
        let (shape, training) = (shape(AlgorithmKind::Td3, sparsity), Training::default());
        let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config, &training)];
        let mut agent =
            Td3::new(shape, config, training, &mut memory, seeds(1)).expect("memory for the agent");
        let mut actor = Network::new(agent.policy());
        let critics = &agent.networks()[1..];
        let mut critics: [_; 4] = std::array::from_fn(|at| Network::new(&critics[at % 2].online));
        let (mut updates, mut parts) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            updates.push(microseconds(|| {
                for _ in 0..2 {
                    agent.update(&mut replay).expect("finite losses");
                }
            }));
            parts.push(microseconds(|| two_updates(&kernels, &mut actor, &mut critics)));
        }
        let (update, parts) = (median(updates) / 2.0, median(parts) / 2.0);
        println!("{sparsity:8.2} {update:8.0} {parts:13.0} {:7.2}", update / parts);
    }
}
