//! Where a dense layer overtakes a sparse one: for every kernel, p50 of one layer in its packed layout
//! (in place where the kernel has none) and dense, in turns, and what one step costs in vectors of
//! dense weights (one link in dense weights): the `step_cost` of the kernel list, where both times
//! are equal.
//!
//! `taskset -c 1 cargo bench -p lacewing-tests --bench act_crossover`
use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_runtime::kernels::act::{Dense, Kernel, MAX_BLOCK, Plan};
use lacewing_runtime::learn::{Arena, Block};
use lacewing_runtime::measure::{Contender, Settings, clock_ns, warm};
use lacewing_tests::actor;

const LAYERS: [[usize; 2]; 3] = [[256, 256], [64, 64], [17, 256]];
const SPARSITIES: [f64; 7] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
const SETTINGS: Settings = Settings { steps: 5000, cold_steps: 0 };

fn main() {
    for kernel in Kernel::available() {
        println!("\n{:<10}{:>9}{:>9}{:>9}{:>11}", kernel.name, "", "sparse", "dense", "step cost");
        for widths in LAYERS {
            for sparsity in SPARSITIES {
                let file = actor::random(&widths, sparsity, 1).write(Encoding::PLAIN);
                let file = file.expect("a whole policy");
                let view = PolicyView::parse(&file).expect("what the writer wrote");
                let layer = view.layers().next().expect("one layer");
                compare(kernel, &layer, &format!("{widths:?}"), sparsity);
            }
        }
    }
}

fn compare(kernel: &Kernel, layer: &LayerView<'_>, name: &str, sparsity: f64) {
    let plan = kernel.geometry().map(|geometry| Plan::new(layer, geometry, None, true));
    let blocks = Dense::blocks(layer) + plan.as_ref().map_or(0, Plan::blocks);
    let mut memory = vec![Block::ZERO; blocks];
    let arena = &mut Arena::new(&mut memory);
    let enough = "as much memory as it asked for";
    let dense = Dense::new(layer, kernel.panel(), None, arena).expect(enough);
    let packed = plan.as_ref().map(|plan| plan.write(arena).expect(enough));

    let mut contenders: Vec<Contender<'_>> = vec![
        (
            "sparse",
            Box::new(|x, y| match &packed {
                Some(packed) => kernel.multiply_packed(packed, x, y),
                None => kernel.multiply(layer, x, y),
            }),
        ),
        ("dense", Box::new(|x, y| kernel.multiply_dense(&dense, x, y))),
    ];
    let x = vec![0.5; layer.cols().next_multiple_of(MAX_BLOCK)];
    let rows = warm(&mut contenders, &[x], &mut vec![0.0; layer.rows()], SETTINGS);
    let clock = clock_ns();
    let [sparse, dense] = [0, 1].map(|row: usize| rows[row].p50_ns.saturating_sub(clock).max(1));
    let steps = plan.map_or(layer.links(), |plan| plan.steps());
    let lanes = kernel.geometry().map_or(1, |geometry| geometry.lanes);
    let vectors = layer.rows() * layer.cols() / lanes;
    let step_cost = sparse as f64 / steps as f64 / (dense as f64 / vectors as f64);
    println!("{name:<13}{sparsity:>6}{sparse:>9}{dense:>9}{step_cost:>11.2}");
}
