//! One control step of two policies over sparsity and structure, and with denormal numbers: every kernel
//! in every layout, in turns, p50 in nanoseconds with the caches warm and after 8 MiB of other data.
//!
//! `taskset -c 1 cargo bench -p lacewing-tests --bench act_latency`, on a core that does nothing
//! else.
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_runtime::measure::{Contender, Settings, clock_ns, cold, step, warm};
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Layer, Owned};

const NETWORKS: [[usize; 4]; 2] = [[17, 256, 256, 6], [376, 256, 256, 17]];
const STRUCTURES: [(&str, Structure, &[f64]); 3] = [
    ("unstructured", Structure::Unstructured, &[0.0, 0.5, 0.8, 0.9, 0.95, 0.99]),
    ("K per 32", Structure::Groups { columns: 32 }, &[0.75, 0.875, 0.906, 0.95]),
    ("16×1 blocks", Structure::Blocks { rows: 16 }, &[0.5, 0.8, 0.9, 0.95]),
];
/// Compact files hold f16 weights and columns as gaps.
const LAYOUTS: [(&str, Layout, Encoding); 6] = [
    ("in place", Layout::InPlace, Encoding::PLAIN),
    ("compact", Layout::InPlace, Encoding::COMPACT),
    ("packed", Layout::Packed, Encoding::PLAIN),
    ("dense", Layout::Dense, Encoding::PLAIN),
    ("int8", Layout::Int8, Encoding::PLAIN),
    ("dense i8", Layout::DenseInt8, Encoding::PLAIN),
];
const SETTINGS: Settings = Settings { steps: 5000, cold_steps: 100, int8: false };

fn main() {
    for widths in NETWORKS {
        println!("\n{widths:?}, p50 ns less the clock's {}", clock_ns());
        print!("{:<24}{:<8}", "", "");
        for half in ["warm", "cold"] {
            print!(" | {half:<width$}", width = 9 * LAYOUTS.len() - 1);
        }
        print!("\n{:<24}{:>8}", "sparsity", "kernel");
        for _ in 0..2 {
            print!(" |");
            LAYOUTS.iter().for_each(|(name, ..)| print!("{name:>9}"));
        }
        println!();
        for (name, structure, sparsities) in STRUCTURES {
            for &sparsity in sparsities {
                compare(name, &actor::structured(&widths, sparsity, structure, 1));
            }
        }
        // Of the second layer: its weights, and what the first hands it.
        for (name, layer) in [("denormal weights", 1), ("denormal inputs", 0)] {
            let mut network = actor::random(&widths, 0.9, 1);
            let Layer { weights, bias, .. } = &mut network.layers[layer];
            weights.iter_mut().chain(bias).for_each(|number| *number *= 1e-40);
            compare(name, &network);
        }
    }
}

/// Times every kernel in every layout that it has and prints a line a kernel.
fn compare(name: &str, network: &Owned) {
    let files = LAYOUTS.map(|(.., encoding)| network.write(encoding).expect("a whole policy"));
    let observations: Vec<_> = (0..64).map(|at| actor::observation(network, at)).collect();
    let views =
        files.each_ref().map(|file| PolicyView::parse(file).expect("what the writer wrote"));
    let setups: Vec<_> = Kernel::available()
        .flat_map(|kernel| LAYOUTS.iter().zip(&views).map(move |row| (kernel, row)))
        .filter(|(kernel, ((_, layout, _), _))| !layout.is_int8() || kernel.int8().is_some())
        .collect();
    let mut memories: Vec<_> = setups
        .iter()
        .map(|(kernel, ((_, layout, _), view))| Policy::blocks(view, *layout, kernel))
        .map(|blocks| vec![Block::ZERO; blocks])
        .collect();
    let policies: Vec<_> = setups
        .iter()
        .zip(&mut memories)
        .map(|((kernel, ((_, layout, _), view)), memory)| {
            let policy = Policy::with_layout((*view).clone(), *layout, kernel, memory);
            policy.expect("as much memory as it asked for")
        })
        .collect();
    let contenders = setups.iter().zip(&policies);
    let mut contenders: Vec<Contender<'_>> =
        contenders.map(|((_, ((name, ..), _)), policy)| (*name, step(policy))).collect();
    let mut action = vec![0.0; network.low.len()];
    let warm = warm(&mut contenders, &observations, &mut action, SETTINGS);
    let cold = cold(&mut contenders, &observations, &mut action, SETTINGS);
    let clock = clock_ns();
    let dense: usize = network.layers.iter().map(|layer| layer.cols * layer.bias.len()).sum();
    let links: usize = network.layers.iter().map(|layer| layer.weights.len()).sum();
    let title = format!("{name} {:.1} %", 100.0 * (1.0 - links as f64 / dense as f64));
    for kernel in Kernel::available() {
        print!("{title:<24}{:>8}", kernel.name);
        for rows in [&warm, &cold] {
            print!(" |");
            for (layout, ..) in LAYOUTS {
                let mut rows = setups.iter().zip(rows);
                let row =
                    rows.find(|((other, _), row)| other.name == kernel.name && row.name == layout);
                match row {
                    Some((_, row)) => print!("{:>9}", row.p50_ns.saturating_sub(clock)),
                    None => print!("{:>9}", "-"),
                }
            }
        }
        println!();
    }
}
