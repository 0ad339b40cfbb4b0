//! How long a control step takes here, beside the same network run dense, in one run.

mod latency;
mod report;

pub use latency::{Contender, Latency, Settings, Step, clock_ns, cold, warm};
pub use report::Report;

use crate::act::{Layout, LoadError, Policy};
use crate::cost::Cost;
use crate::kernels::act::Kernel;
use crate::learn::Block;
use crate::random::Xoshiro256PlusPlus;
use alloc::{string::String, vec, vec::Vec};
use lacewing_formats::artifact::{ALIGNMENT, PolicyView};
use rand_core::{Rng, SeedableRng};

/// Observations drawn at random, beside the probes of the file.
const RANDOM_OBSERVATIONS: usize = 64;

/// Times the policy in its packed and its in-place layout and dense, and with them any `others`
/// (the same network in another runtime), all in turns over the same observations.
///
/// # Errors
/// [`LoadError`], also where the probes of the file fail: a wrong policy's speed means nothing.
pub fn measure(
    view: PolicyView<'_>,
    settings: Settings,
    others: Vec<Contender<'_>>,
) -> Result<Report, LoadError> {
    let kernel = Kernel::best();
    let memory = |layout| vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
    let mut packed_memory = memory(Layout::Packed);
    let mut dense_memory = memory(Layout::Dense);
    let packed = Policy::with_layout(view.clone(), Layout::Packed, kernel, &mut packed_memory)?;
    let in_place = Policy::with_layout(view.clone(), Layout::InPlace, kernel, &mut [])?;
    let dense = Policy::with_layout(view.clone(), Layout::Dense, kernel, &mut dense_memory)?;

    let mut action = vec![0.0; packed.actions()];
    let mut scratch = vec![0.0; packed.scratch_len()];
    for policy in [&packed, &in_place, &dense] {
        policy.check_probes(&mut action, &mut scratch)?;
    }
    let observations = observations(&packed);
    let mut contenders: Vec<Contender<'_>> = vec![
        ("sparse, packed", step(&packed)),
        ("sparse, in place", step(&in_place)),
        ("dense, own kernel", step(&dense)),
    ];
    contenders.extend(others);

    let warm = warm(&mut contenders, &observations, &mut action, settings);
    let cold = cold(&mut contenders, &observations, &mut action, settings);
    let ram = |layout| {
        (Policy::blocks(&view, layout, kernel) * Block::BYTES
            + size_of::<f32>() * packed.scratch_len()) as u64
    };
    Ok(Report {
        processor: processor(),
        kernel: kernel.name,
        clock_ns: clock_ns(),
        warm,
        cold,
        cost: Cost::of(&view),
        file_bytes: file_bytes(&view),
        packed_ram_bytes: ram(Layout::Packed),
        in_place_ram_bytes: ram(Layout::InPlace),
        dense_ram_bytes: ram(Layout::Dense),
    })
}

/// A policy's control step as a contender, with a scratch of its own.
pub fn step<'a>(policy: &'a Policy<'_>) -> Step<'a> {
    let mut scratch = vec![0.0; policy.scratch_len()];
    // Finite observations hardly overflow a policy; if one does, that step's time counts as well.
    Box::new(move |observation, action| {
        let _ = policy.act(observation, action, &mut scratch);
    })
}

/// The file's probes and, around the normaliser's mean, random ones.
fn observations(policy: &Policy<'_>) -> Vec<Vec<f32>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut observations: Vec<Vec<f32>> =
        policy.view().probes().map(|probe| probe.observation.to_vec()).collect();
    for _ in 0..RANDOM_OBSERVATIONS {
        let mut random: Vec<f32> = (0..policy.observations())
            .map(|_| rng.next_u32() as f32 / 2.0_f32.powi(31) - 1.0)
            .collect();
        if let Some(normaliser) = policy.view().normaliser() {
            for ((x, mean), std) in random.iter_mut().zip(normaliser.mean).zip(normaliser.std) {
                *x = mean + *x * std;
            }
        }
        observations.push(random);
    }
    observations
}

/// The processor's name as the system gives it, else its architecture.
fn processor() -> String {
    let text = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = text("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let board = text("/proc/device-tree/model");
    let name = model.map_or(board.trim_end_matches('\0'), |(_, name)| name).trim();
    String::from(if name.is_empty() { std::env::consts::ARCH } else { name })
}

fn file_bytes(view: &PolicyView<'_>) -> u64 {
    view.sections()
        .map(|placed| (placed.offset + placed.bytes).next_multiple_of(ALIGNMENT as u64))
        .max()
        .unwrap_or(0)
}
