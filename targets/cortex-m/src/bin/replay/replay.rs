//! What the firmware does with its policy.

use core::fmt::{self, Write};
use core::hint::black_box;
use lacewing_cortex_m::counter::Counter;
use lacewing_cortex_m::memory::stack_high_water;
use lacewing_formats::artifact::{FileError, PolicyView, leading_file};
use lacewing_runtime::act::{ActError, LoadError, Policy};
use thiserror::Error;

/// Numbers of scratch: for layers 512 wide.
const SCRATCH: usize = 2 * 512;
const ACTIONS: usize = 64;

/// How often every probe is run for the count.
const ROUNDS: u32 = 4;

/// All memory beside the stack.
pub struct Memory {
    scratch: [f32; SCRATCH],
    action: [f32; ACTIONS],
}

impl Memory {
    /// Not used yet.
    pub const ZERO: Self = Self { scratch: [0.0; SCRATCH], action: [0.0; ACTIONS] };
}

/// Why the policy does not run here.
#[derive(Clone, Copy, Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("the policy needs {needed} numbers of scratch: raise SCRATCH, which is {SCRATCH}")]
    Scratch { needed: usize },
    #[error("the policy gives {needed} actions: raise ACTIONS, which is {ACTIONS}")]
    Actions { needed: usize },
    #[error("the machine beside this one takes no output")]
    Output(#[from] fmt::Error),
    #[error("the policy file has no probes to replay: `lacewing export` writes some")]
    NoProbes,
}

/// In a frame of its own: what it needs for a moment is free again when the policy acts.
#[inline(never)]
fn load(file: &[u8]) -> Result<Result<Policy<'_>, LoadError>, FileError> {
    PolicyView::parse(file).map(Policy::new)
}

/// Replays the probes, counts the instructions of control steps on their observations, and writes both
/// to `out` as one line of JSON: the actions of every probe as the bits of an f32 in hexadecimal, and as
/// the instructions of a step the mean, with those of the loop around it.
///
/// # Errors
/// [`RunError`] where the file is damaged, does not fit, or gives other actions than it records.
pub fn run(flash: &[u8], memory: &mut Memory, out: &mut impl Write) -> Result<(), RunError> {
    let file = leading_file(flash)?;
    // Borrowed where it is: moved out of its result, it would lie on the stack twice.
    let loaded = load(file);
    let policy = match &loaded {
        Ok(Ok(policy)) => policy,
        Ok(Err(error)) => return Err((*error).into()),
        Err(error) => return Err((*error).into()),
    };
    let needed = policy.scratch_len();
    let scratch = memory.scratch.get_mut(..needed).ok_or(RunError::Scratch { needed })?;
    let needed = policy.actions();
    let action = memory.action.get_mut(..needed).ok_or(RunError::Actions { needed })?;
    let probes = policy.view().probes().len();
    if probes == 0 {
        return Err(RunError::NoProbes);
    }
    policy.check_probes(action, scratch)?;

    let counter = Counter::start();
    for _ in 0..ROUNDS {
        for probe in policy.view().probes() {
            policy.act(black_box(probe.observation), action, scratch)?;
        }
    }
    let step = counter.instructions() / (u64::from(ROUNDS) * probes as u64);

    let links: usize = policy.view().layers().map(|layer| layer.links()).sum();
    let hundredths = (step * 100).checked_div(links as u64).unwrap_or(0);
    write!(
        out,
        r#"{{"probes":{probes},"instructions_per_step":{step},"links":{links},"instructions_per_link":{}.{:02},"policy_bytes":{},"scratch_bytes":{},"stack_bytes":{},"actions":""#,
        hundredths / 100,
        hundredths % 100,
        file.len(),
        size_of_val(scratch),
        stack_high_water(),
    )?;
    for probe in policy.view().probes() {
        policy.act(probe.observation, action, scratch)?;
        for number in &*action {
            write!(out, "{:08x} ", number.to_bits())?;
        }
    }
    Ok(writeln!(out, "\"}}")?)
}
