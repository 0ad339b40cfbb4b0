//! A batch of 256 forward, as training and evaluation of many runs want it: 17-256-256-6 with ReLU
//! between the layers and nothing after the last, inputs in place as each runtime likes them best.

use super::ffi::Outcome;
use super::{Libraries, mkl, network, report, stopwatch, torch};
use lacewing_formats::policy::Activation;
use lacewing_formats::topology::{Csr, Structure};
use lacewing_runtime::kernels::Team;
use lacewing_runtime::kernels::train::{Finish, TILE, Tile, TrainKernels};
use lacewing_runtime::measure::{Contender, Step};
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Layer, Owned};
use std::time::{Duration, Instant};

const SAMPLES: usize = 256;
const SPARSITIES: [u32; 4] = [50, 80, 90, 95];
const COLD_STEPS: u64 = 100;

/// Linux may wake a helper on its caller's core and take a while to part them.
const SETTLE: Duration = Duration::from_millis(300);

/// How the numbers of a batch lie.
#[derive(Clone, Copy)]
enum Order {
    /// `[features][samples]`.
    Features,
    /// `[samples][features]`.
    Samples,
}

/// Times every sparsity and prints CSV. With several threads ours run only where no library is named:
/// everyone's helpers wait awake for some ms, and in one process would take each other's cores.
pub fn run(libraries: &Libraries, threads: usize) -> Outcome<()> {
    for percent in SPARSITIES {
        compare(libraries, percent, threads)?;
    }
    Ok(())
}

fn compare(libraries: &Libraries, percent: u32, threads: usize) -> Outcome<()> {
    let network = network::RELU[0];
    let widths = network.widths;
    let mut policy = network.policy(percent, Structure::Unstructured);
    if let Some(last) = policy.layers.last_mut() {
        last.activation = Activation::Identity;
    }
    let samples: Vec<_> = (0..SAMPLES).map(|at| actor::observation(&policy, at)).collect();
    let by_sample = samples.concat();
    let by_feature: Vec<f32> =
        (0..widths[0]).flat_map(|feature| samples.iter().map(move |x| x[feature])).collect();

    let mut contenders: Vec<(Order, Contender<'_>)> = Vec::new();
    if threads == 1 || libraries.is_empty() {
        contenders.push((Order::Features, (report::BATCH, ours(&policy, &by_feature, threads)?)));
    }
    if let Some(so) = &libraries.torch {
        for (name, weights, order, x) in [
            (report::BATCH_TORCH, torch::Weights::Dense, Order::Samples, &by_sample),
            (report::BATCH_TORCH_CSR, torch::Weights::Csr, Order::Features, &by_feature),
        ] {
            let mut run = torch::batch(so, &policy, weights, SAMPLES, threads)?;
            contenders.push((order, (name, Box::new(move |_, y| run(x, y)))));
        }
    }
    if let Some(so) = &libraries.mkl {
        let mut run = mkl::sparse_batch(so, &policy, SAMPLES, threads)?;
        let x = &by_feature;
        contenders.push((Order::Features, (report::BATCH_MKL, Box::new(move |_, y| run(x, y)))));
    }

    let outputs = widths[widths.len() - 1];
    let mut y = vec![0.0; outputs * SAMPLES];
    for (order, (name, run)) in &mut contenders {
        run(&[], &mut y);
        for (sample, x) in samples.iter().enumerate() {
            for (feature, due) in actor::reference(&policy, x).into_iter().enumerate() {
                let found = match order {
                    Order::Features => y[feature * SAMPLES + sample],
                    Order::Samples => y[sample * outputs + feature],
                };
                // The reference clamps to the limits of actions.
                let found = f64::from(found).clamp(-1.0, 1.0);
                if (found - due).abs() > 1e-4 {
                    return Err(format!("{name} answers {found} where {due} is due").into());
                }
            }
        }
    }
    let mut contenders: Vec<_> = contenders.into_iter().map(|(_, contender)| contender).collect();
    let start = Instant::now();
    while threads > 1 && start.elapsed() < SETTLE {
        contenders.iter_mut().for_each(|(_, run)| run(&[], &mut y));
    }
    // Every contender has its inputs already: four batches to a turn.
    let times = stopwatch::medians(&mut contenders, &vec![vec![]; 4], &mut y, COLD_STEPS);
    let name = format!("{} batch {SAMPLES} threads {threads}", network.name());
    for ((runtime, _), (warm, cold)) in contenders.iter().zip(times) {
        report::line(&name, percent, runtime, warm, cold);
    }
    Ok(())
}

/// The training kernels as the learner runs them: all layers for one tile before the next tile, and
/// with several threads each its own tiles.
fn ours<'a>(policy: &'a Owned, by_feature: &[f32], threads: usize) -> Outcome<Step<'a>> {
    let kernels = TrainKernels::best();
    let inputs = policy.layers[0].cols;
    let topology = |layer: &'a Layer| Csr::new(layer.cols, &layer.row_ptr, &layer.columns);
    let topologies: Vec<_> = policy.layers.iter().map(topology).collect::<Result<_, _>>()?;
    // For each tile its inputs, then the outputs of every layer.
    let mut tiles: Vec<Vec<Vec<Tile>>> = (0..SAMPLES / TILE)
        .map(|tile| {
            let mut x = vec![Tile::ZERO; inputs];
            for (x, row) in x.iter_mut().zip(by_feature.chunks(SAMPLES)) {
                x.0.copy_from_slice(&row[tile * TILE..][..TILE]);
            }
            let outputs = policy.layers.iter().map(|layer| vec![Tile::ZERO; layer.bias.len()]);
            std::iter::once(x).chain(outputs).collect()
        })
        .collect();
    let forward = move |activations: &mut Vec<Vec<Tile>>| {
        for (index, (layer, &topology)) in policy.layers.iter().zip(&topologies).enumerate() {
            let [x, y] = &mut activations[index..index + 2] else { unreachable!("one a layer") };
            let finish = match layer.activation {
                Activation::Relu => Finish::Relu,
                _ => Finish::Store,
            };
            kernels.spmm(topology, &layer.weights, Some(&layer.bias), x, y, finish, TILE);
        }
    };
    let mut team = Team::new(threads)?;
    Ok(Box::new(move |_, y| {
        team.for_each(&mut tiles, &forward);
        for (tile, activations) in tiles.iter().enumerate() {
            let outputs = activations.last().into_iter().flatten();
            for (y, output) in y.chunks_mut(SAMPLES).zip(outputs) {
                y[tile * TILE..][..TILE].copy_from_slice(&output.0);
            }
        }
    }))
}
