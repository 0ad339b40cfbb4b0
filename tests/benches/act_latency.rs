//! One control step of a 17-256-256-6 policy: sparse in both layouts and dense by the same kernels,
//! in turns, p50 in nanoseconds.
//!
//! `cargo bench -p lacewing-tests --bench act_latency`
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_runtime::measure::{Contender, Settings, clock_ns, step, warm};
use lacewing_tests::actor;

const WIDTHS: [usize; 4] = [17, 256, 256, 6];
const LAYOUTS: [(&str, Layout); 3] =
    [("in place", Layout::InPlace), ("packed", Layout::Packed), ("dense", Layout::Dense)];

fn main() {
    let settings = Settings { steps: 20_000, ..Settings::default() };
    println!("{WIDTHS:?}, p50 ns of {} steps, {} of them the clock's", settings.steps, clock_ns());
    println!(
        "{:<10}{:>9}{:>10}{:>10}{:>10}{:>18}",
        "kernel", "sparsity", "in place", "packed", "dense", "dense / packed"
    );
    for sparsity in [0.5, 0.9, 0.95] {
        let network = actor::random(&WIDTHS, sparsity, 1);
        let file = network.write(Encoding::PLAIN).expect("a whole policy");
        let observations: Vec<_> = (0..64).map(|at| actor::observation(&network, at)).collect();
        for kernel in Kernel::available() {
            let view = PolicyView::parse(&file).expect("what the writer wrote");
            let mut memories =
                LAYOUTS.map(|(_, layout)| vec![Block::ZERO; Policy::blocks(&view, layout, kernel)]);
            let policies: Vec<_> = LAYOUTS
                .iter()
                .zip(&mut memories)
                .map(|((_, layout), memory)| {
                    Policy::with_layout(view.clone(), *layout, kernel, memory)
                        .expect("as much memory as it asked for")
                })
                .collect();
            let mut contenders: Vec<Contender<'_>> = LAYOUTS
                .iter()
                .zip(&policies)
                .map(|((name, _), policy)| (*name, step(policy)))
                .collect();
            let rows = warm(&mut contenders, &observations, &mut [0.0; 6], settings);
            let [in_place, packed, dense] = [0, 1, 2].map(|row: usize| rows[row].p50_ns);
            println!(
                "{:<10}{sparsity:>9}{in_place:>10}{packed:>10}{dense:>10}{:>18.2}",
                kernel.name,
                dense as f64 / packed as f64
            );
        }
    }
}
