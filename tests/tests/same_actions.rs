//! The same file gives the same actions on every processor: bit for bit by the scalar path, and by every
//! other kernel within a millionth of the action's range on the file's probes.
//!
//! The bits are those of `goldens/actions.txt`: that x86-64 and aarch64 both compute them says that they
//! compute the same. `LACEWING_WRITE_GOLDENS=1` writes them anew.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::policy::ActionHead;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use std::path::{Path, PathBuf};

/// A record with f16 gaps, a policy in f32, and one with layer normalisation and exponentials.
const POLICIES: [&str; 3] = [
    "records/halfcheetah-td3-90/seed1/policy.lace",
    "../targets/cortex-m/pendulum.lace",
    "goldens/v2_imported.lace",
];
const LAYOUTS: [Layout; 3] = [Layout::InPlace, Layout::Packed, Layout::Dense];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Those of the probes, and some within two standard deviations of what was observed in training.
fn observations(view: &PolicyView<'_>) -> Vec<Vec<f32>> {
    let probes = view.probes().map(|probe| probe.observation.to_vec());
    let others = (0..16).map(|row| {
        let number = |column: usize| {
            let deviations = ((row * 31 + column * 17) % 64) as f32 / 16.0 - 2.0;
            let seen = view.normaliser();
            seen.map_or(deviations, |seen| seen.mean[column] + seen.std[column] * deviations)
        };
        (0..view.header().observations()).map(number).collect()
    });
    probes.chain(others).collect()
}

fn actions(file: &[u8], layout: Layout, kernel: &'static Kernel) -> Vec<Vec<f32>> {
    let view = PolicyView::parse(file).unwrap();
    let observations = observations(&view);
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
    let policy = Policy::with_layout(view, layout, kernel, &mut memory).unwrap();
    let mut scratch = vec![0.0; policy.scratch_len()];
    let act = |observation: Vec<f32>| {
        let mut action = vec![0.0; policy.actions()];
        policy.act(&observation, &mut action, &mut scratch).unwrap();
        action
    };
    observations.into_iter().map(act).collect()
}

/// The scalar path, and that of Cortex-M, whose own bits `targets/cortex-m/run.sh` compares.
#[test]
fn the_scalar_path_gives_the_same_bits_everywhere() {
    let mut lines = String::new();
    for path in POLICIES {
        let file = AlignedBytes::read(here(path)).unwrap();
        let scalar = Kernel::available().next().unwrap();
        let paths = LAYOUTS.map(|layout| (layout, scalar));
        for (layout, kernel) in
            paths.into_iter().chain([(Layout::InPlace, Kernel::cortex_m_twin())])
        {
            for action in actions(&file, layout, kernel) {
                let bits = action.iter().map(|number| format!(" {:08x}", number.to_bits()));
                lines +=
                    &format!("{path} {} {layout:?}{}\n", kernel.name, bits.collect::<String>());
            }
        }
    }
    let golden = here("goldens/actions.txt");
    if std::env::var_os("LACEWING_WRITE_GOLDENS").is_some() {
        std::fs::write(&golden, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(golden).unwrap();
    assert_eq!(golden.lines().count(), lines.lines().count());
    for (expected, found) in golden.lines().zip(lines.lines()) {
        assert_eq!(expected, found);
    }
}

/// What kernels differ in is the order of sums. On observations that no robot makes sums are larger than
/// what they come to, and rounding tells more.
#[test]
fn every_kernel_is_near_the_scalar_path() {
    for path in POLICIES {
        let file = AlignedBytes::read(here(path)).unwrap();
        let view = PolicyView::parse(&file).unwrap();
        let (ActionHead::Scaled { low, high } | ActionHead::Clamped { low, high }) =
            view.action_head()
        else {
            panic!("{path} has no range")
        };
        let off = |found: &[f32], expected: &[f32]| {
            let each =
                (0..found.len()).map(|at| (found[at] - expected[at]).abs() / (high[at] - low[at]));
            each.fold(0.0, f32::max)
        };
        let expected = actions(&file, Layout::InPlace, Kernel::available().next().unwrap());
        for kernel in Kernel::available() {
            for layout in LAYOUTS {
                let found = actions(&file, layout, kernel);
                let off: Vec<_> = found
                    .iter()
                    .zip(&expected)
                    .map(|(found, expected)| off(found, expected))
                    .collect();
                let (probes, others) = off.split_at(view.probes().len());
                let [probes, others] =
                    [probes, others].map(|off| off.iter().copied().fold(0.0, f32::max));
                println!("{path}, {} {layout:?}: {probes:e} on probes, {others:e}", kernel.name);
                assert!(probes <= 1e-6 && others <= 1e-5, "{path}, {} {layout:?}", kernel.name);
            }
        }
    }
}
