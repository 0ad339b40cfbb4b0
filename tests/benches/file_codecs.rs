//! What each index codec takes for the links of a policy, and how fast it is read: bits a link beside
//! the entropy bound, one control step from the file in place (best kernel and scalar), and the
//! check of the whole file when it is opened.
//!
//! `taskset -c 1 cargo bench -p lacewing-tests --bench file_codecs`, on a core that does nothing
//! else.
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::measure::{Contender, Settings, clock_ns, step, warm};
use lacewing_tests::actor;
use lacewing_tests::policy_file::Owned;
use std::hint::black_box;
use std::time::Instant;

const WIDTHS: [usize; 4] = [17, 256, 256, 6];
const SPARSITIES: [f64; 5] = [0.5, 0.8, 0.9, 0.95, 0.99];
const SETTINGS: Settings = Settings { steps: 5000, cold_steps: 0, int8: false };
/// Files opened for a median.
const OPENED: usize = 101;

fn main() {
    println!("{WIDTHS:?}, f16 weights; in place: p50 ns less the clock's {}", clock_ns());
    header("sparsity");
    for sparsity in SPARSITIES {
        let network = actor::random(&WIDTHS, sparsity, 1);
        for indices in IndexCodec::ALL {
            let encoding = Encoding { values: ValueCodec::F16, indices: indices.into() };
            line(&format!("{sparsity}"), &network, encoding);
        }
    }
    println!("\n90 % sparse, in each value codec");
    header("weights");
    let network = actor::random(&WIDTHS, 0.9, 1);
    for values in ValueCodec::ALL {
        for indices in [IndexCodec::U16, IndexCodec::DeltaU8] {
            line(values.name(), &network, Encoding { values, indices: indices.into() });
        }
    }
}

fn header(first: &str) {
    let best = Kernel::best().name;
    println!(
        "{first:<10}{:<10}{:>8}{:>8}{:>8}{best:>10}{:>10}{:>10}",
        "index", "bits", "bound", "bytes", "scalar", "open"
    );
}

fn line(name: &str, network: &Owned, encoding: Encoding) {
    let file = network.write(encoding).expect("a whole policy");
    let view = PolicyView::parse(&file).expect("what the writer wrote");
    let per_link =
        |bits: f64| bits / view.layers().map(|layer| layer.links()).sum::<usize>() as f64;
    let bits = view.layers().map(|layer| 8.0 * layer.index_bytes() as f64).sum();
    let bound = view.layers().map(|layer| layer.entropy_bound() * layer.links() as f64).sum();
    let codec = view.layers().next().expect("a layer").indices().codec();
    print!("{name:<10}{:<10}", codec.name());
    print!("{:>8.3}{:>8.3}{:>8}", per_link(bits), per_link(bound), file.len());
    let observations: Vec<_> = (0..64).map(|at| actor::observation(network, at)).collect();
    let mut action = vec![0.0; network.low.len()];
    let scalar = Kernel::available().next().expect("the scalar kernel");
    for kernel in [Kernel::best(), scalar] {
        let policy = Policy::with_layout(view.clone(), Layout::InPlace, kernel, &mut []);
        let policy = policy.expect("nothing to lay out");
        let mut contenders: Vec<Contender<'_>> = vec![(kernel.name, step(&policy))];
        let p50 = warm(&mut contenders, &observations, &mut action, SETTINGS)[0].p50_ns;
        print!("{:>10}", p50.saturating_sub(clock_ns()));
    }
    let mut opened = [0; OPENED];
    for opened in &mut opened {
        let start = Instant::now();
        black_box(PolicyView::parse(black_box(&file)).expect("what the writer wrote"));
        *opened = start.elapsed().as_nanos();
    }
    opened.sort_unstable();
    println!("{:>10}", opened[OPENED / 2]);
}
