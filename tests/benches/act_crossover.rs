//! Where a dense layer overtakes a sparse one: for every kernel and layout, p50 of one layer so laid
//! out and dense, in turns, and what one weight (padding included) takes in dense weights: the
//! costs of the kernel list, where both times are equal. Each layout on the topologies it is for, int8
//! beside dense int8.
//!
//! `taskset -c 1 cargo bench -p lacewing-tests --bench act_crossover`
use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::kernels::act::{
    Dense, INT8_BLOCK, Int8Plan, Kernel, Links, MAX_BLOCK, Plan, Weights,
};
use lacewing_runtime::learn::{Arena, Block};
use lacewing_runtime::measure::{Contender, Settings, clock_ns, warm};
use lacewing_tests::actor;

const LAYERS: [[usize; 2]; 3] = [[256, 256], [64, 64], [17, 256]];
const SPARSITIES: [f64; 8] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const SETTINGS: Settings = Settings { steps: 5000, cold_steps: 0, int8: false };

fn main() {
    println!(
        "{:<10}{:<14}{:<10}{:>6}{:>9}{:>9}{:>9}",
        "kernel", "layout", "layer", "", "sparse", "dense", "cost"
    );
    for kernel in Kernel::available() {
        for (name, structure) in [
            ("in place", Structure::Unstructured),
            ("packed", Structure::Unstructured),
            ("even", Structure::Groups { columns: 32 }),
            ("strips of 16", Structure::Blocks { rows: 16 }),
            ("strips of 8", Structure::Blocks { rows: 8 }),
            ("strips of 4", Structure::Blocks { rows: 4 }),
            ("int8", Structure::Unstructured),
        ] {
            for widths in LAYERS {
                for sparsity in SPARSITIES {
                    let file = actor::structured(&widths, sparsity, structure, 1);
                    let file = file.write(Encoding::PLAIN).expect("a whole policy");
                    let view = PolicyView::parse(&file).expect("what the writer wrote");
                    let layer = view.layers().next().expect("one layer");
                    let line = match name {
                        "int8" => compare_int8(kernel, &layer),
                        _ => compare(kernel, &layer, name),
                    };
                    if let Some(line) = line {
                        let [rows, cols] = widths;
                        let name = format!("{:<10}{name:<14}{rows:>3} ×{cols:>4}", kernel.name);
                        println!("{name}{sparsity:>7}{line}");
                    }
                }
            }
        }
    }
}

/// The times of `layer` in the layout of this name and dense; `None` where the kernel does not have it.
fn compare(kernel: &'static Kernel, layer: &LayerView<'_>, name: &str) -> Option<String> {
    let plan = kernel.plans(&Links::new(layer, None), true).find(|plan| match plan {
        Plan::Strips(plan) => name == format!("strips of {}", plan.height()),
        _ => plan.name() == name,
    });
    if plan.is_none() && name != "in place" {
        return None;
    }
    let mut memory =
        vec![Block::ZERO; Dense::blocks(layer) + plan.as_ref().map_or(0, Plan::blocks)];
    let arena = &mut Arena::new(&mut memory);
    let enough = "as much memory as it asked for";
    let dense = Dense::new(layer, kernel.panel(), None, arena).expect(enough);
    let dense = Weights::Dense(dense);
    let sparse =
        plan.as_ref().map_or(Weights::InPlace(*layer), |plan| plan.write(arena).expect(enough));

    let mut contenders: Vec<Contender<'_>> = [("sparse", sparse), ("dense", dense)]
        .map(|(name, weights)| -> Contender<'_> {
            (name, Box::new(move |x, y| kernel.multiply(&weights, x, y)))
        })
        .into();
    let entries = plan.map_or(layer.links(), |plan| plan.entries());
    Some(line(&mut contenders, layer, entries, layer.rows() * layer.cols()))
}

/// The same in int8; `None` where the kernel does not have it.
fn compare_int8(kernel: &'static Kernel, layer: &LayerView<'_>) -> Option<String> {
    let int8 = kernel.int8()?;
    let plans = [Int8Plan::sparse(layer, None, true), Int8Plan::dense(layer, None)];
    let mut memories = plans.each_ref().map(|plan| vec![Block::ZERO; plan.blocks()]);
    let mut bytes = vec![0; layer.cols().next_multiple_of(INT8_BLOCK)];
    let x = int8.quantise(&vec![0.5; layer.cols()], &mut bytes);
    let mut contenders: Vec<Contender<'_>> = plans
        .iter()
        .zip(&mut memories)
        .map(|(plan, memory)| -> Contender<'_> {
            let weights = plan.write(&mut Arena::new(memory)).expect("enough memory");
            ("int8", Box::new(move |_, y| int8.multiply(&weights, &x, y)))
        })
        .collect();
    Some(line(&mut contenders, layer, plans[0].entries(), plans[1].entries()))
}

/// Times a sparse and a dense contender: what each takes, and a weight of one in weights of the other.
fn line(
    contenders: &mut [Contender<'_>],
    layer: &LayerView<'_>,
    entries: usize,
    dense_entries: usize,
) -> String {
    let x = vec![0.5; layer.cols().next_multiple_of(MAX_BLOCK)];
    let rows = warm(contenders, &[x], &mut vec![0.0; layer.rows()], SETTINGS);
    let clock = clock_ns();
    let [sparse, dense] = [0, 1].map(|row: usize| rows[row].p50_ns.saturating_sub(clock).max(1));
    let each = sparse as f64 / entries.max(1) as f64 / (dense as f64 / dense_entries as f64);
    format!("{sparse:>9}{dense:>9}{each:>9.2}")
}
