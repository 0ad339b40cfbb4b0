//! How long a control step takes here, beside the same network run dense, in one run.

mod energy;
mod latency;
mod report;

pub use energy::{Energy, EnergyError, step_energy};
pub use latency::{Contender, Latency, Settings, Step, clock_ns, cold, warm};
pub use report::{Int8Report, Report};

use crate::act::{Layout, LoadError, Policy};
use crate::arena::Block;
use crate::cost::Cost;
use crate::kernels::act::Kernel;
use crate::random::Xoshiro256PlusPlus;
use alloc::{string::String, vec, vec::Vec};
use lacewing_formats::artifact::{ALIGNMENT, PolicyView};
use rand_core::{Rng, SeedableRng};

/// Observations drawn at random, beside the probes of the file.
const RANDOM_OBSERVATIONS: usize = 64;

/// Times the policy in its packed and its in-place layout and dense (and all that in int8 where the
/// settings say so), and with them any `others` (the same network in another runtime), all in turns
/// over the same observations.
///
/// # Errors
/// [`LoadError`], also where the probes of the file fail: a wrong policy's speed means nothing; and
/// where this processor has no int8 kernel and that is asked for.
pub fn measure(
    view: PolicyView<'_>,
    settings: Settings,
    others: Vec<Contender<'_>>,
) -> Result<Report, LoadError> {
    let kernel = Kernel::best();
    let memory = |layout| vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
    let mut layouts = vec![
        ("sparse, packed", Layout::Packed),
        ("sparse, in place", Layout::InPlace),
        ("dense, own kernel", Layout::Dense),
    ];
    if settings.int8 {
        layouts.extend([("sparse, int8", Layout::Int8), ("dense, int8", Layout::DenseInt8)]);
    }
    let mut memories: Vec<_> = layouts.iter().map(|(_, layout)| memory(*layout)).collect();
    let policies = layouts
        .iter()
        .zip(&mut memories)
        .map(|((_, layout), memory)| Policy::with_layout(view.clone(), *layout, kernel, memory));
    let policies = policies.collect::<Result<Vec<_>, _>>()?;
    let mut action = vec![0.0; policies[0].actions()];
    for policy in &policies {
        policy.check_probes(&mut action, &mut vec![0.0; policy.scratch_len()])?;
    }
    let observations = observations(&policies[0]);
    let mut contenders: Vec<Contender<'_>> =
        layouts.iter().zip(&policies).map(|((name, _), policy)| (*name, step(policy))).collect();
    contenders.extend(others);

    let warm = warm(&mut contenders, &observations, &mut action, settings);
    let cold = cold(&mut contenders, &observations, &mut action, settings);
    let ram = |at: usize| {
        let policy: &Policy<'_> = &policies[at];
        let memory = Policy::blocks(&view, layouts[at].1, kernel) * Block::BYTES;
        (memory + size_of::<f32>() * policy.scratch_len()) as u64
    };
    let int8 = settings.int8.then(|| {
        let (largest_error, rms_error) = action_errors(&policies[3], &policies[0], &observations);
        Int8Report { ram_bytes: ram(3), dense_ram_bytes: ram(4), largest_error, rms_error }
    });
    Ok(Report {
        processor: processor(),
        kernel: kernel.name,
        clock_ns: clock_ns(),
        warm,
        cold,
        cost: Cost::of(&view),
        file_bytes: file_bytes(&view),
        packed_ram_bytes: ram(0),
        in_place_ram_bytes: ram(1),
        dense_ram_bytes: ram(2),
        int8,
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

/// The largest and the root mean square [distance](lacewing_formats::policy::ActionHead::distance)
/// between two policies' actions.
fn action_errors(policy: &Policy<'_>, other: &Policy<'_>, observations: &[Vec<f32>]) -> (f32, f32) {
    let head = policy.view().action_head();
    let [mut action, mut expected] = [policy, other].map(|policy| vec![0.0; policy.actions()]);
    let [mut step, mut other] = [policy, other].map(step);
    let (mut largest, mut squares, mut count) = (0.0_f32, 0.0, 0);
    for observation in observations {
        step(observation, &mut action);
        other(observation, &mut expected);
        for (at, (action, expected)) in action.iter().zip(&expected).enumerate() {
            let error = head.distance(at, *action, *expected) as f32;
            largest = largest.max(error);
            squares += error * error;
            count += 1;
        }
    }
    (largest, (squares / count as f32).sqrt())
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
