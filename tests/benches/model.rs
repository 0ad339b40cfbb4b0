//! The model of a control step (`lacewing measure --target`) beside the stopwatch, for the profile of a machine
//! with this one's kernel: sparsities, structures and widths, fails where they are apart by more than twice.
//!
//! `cargo bench -p lacewing-tests --bench model` (`-- PROFILE` for another one).
use lacewing::device::{Profile, model};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_runtime::measure::{Settings, clock_ns, step, warm};
use lacewing_tests::actor;

const NETWORKS: [&[usize]; 3] = [&[17, 64, 64, 6], &[17, 256, 256, 6], &[376, 256, 256, 17]];
const STRUCTURES: [Structure; 4] = [
    Structure::Unstructured,
    Structure::Groups { columns: 32 },
    Structure::Blocks { rows: 16 },
    Structure::Blocks { rows: 4 },
];
const SPARSITIES: [f64; 5] = [0.0, 0.5, 0.8, 0.9, 0.95];
const SETTINGS: Settings = Settings { steps: 5000, cold_steps: 0, int8: false };

fn main() {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let here = if Kernel::best().name == "avx512" { "xeon-avx512" } else { "epyc-zen4" };
    let profile = Profile::named(named.as_deref().unwrap_or(here)).expect("a profile");
    println!("{}, kernel {}", profile.name, Kernel::best().name);
    println!(
        "{:<22}{:<16}{:>9}{:>12}{:>12}{:>8}",
        "network", "structure", "sparsity", "modelled", "p50 ns", "ratio"
    );
    let mut worst = 1.0_f64;
    for widths in NETWORKS {
        for structure in STRUCTURES {
            for sparsity in SPARSITIES {
                let (modelled, measured) = both(&profile, widths, structure, sparsity);
                let ratio = modelled / measured;
                worst = worst.max(ratio).max(1.0 / ratio);
                println!(
                    "{:<22}{:<16}{:>8}%{modelled:>12.0}{measured:>12.0}{ratio:>8.2}",
                    format!("{widths:?}"),
                    structure.to_string(),
                    100.0 * sparsity
                );
            }
        }
    }
    println!("apart by {worst:.2} at most");
    assert!(worst <= 2.0, "the profile is not this machine's, or the model is wrong");
}

/// Nanoseconds of a step, modelled and measured.
fn both(profile: &Profile, widths: &[usize], structure: Structure, sparsity: f64) -> (f64, f64) {
    let network = actor::structured(widths, sparsity, structure, 1);
    let file = network.write(Encoding::PLAIN).expect("a whole policy");
    let view = PolicyView::parse(&file).expect("what the writer wrote");
    let modelled = model(&view, file.len() as u64, profile).expect("it fits").step_ns;
    let kernel = Kernel::best();
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, Layout::Packed, kernel)];
    let policy = Policy::with_layout(view, Layout::Packed, kernel, &mut memory).expect("room");
    let observations: Vec<_> = (0..64).map(|at| actor::observation(&network, at)).collect();
    let mut action = vec![0.0; policy.actions()];
    let times = warm(&mut [("packed", step(&policy))], &observations, &mut action, SETTINGS);
    (modelled, times[0].p50_ns.saturating_sub(clock_ns()) as f64)
}
