//! `lacewing-edge finetune`: go on learning where the policy runs.

mod environment;
mod save;
mod session;

pub use environment::EnvironmentError;

use crate::EdgeError;
use clap::Args;
use environment::{Environment, Spec};
use lacewing_formats::artifact::AlignedBytes;
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::{Block, Replay, Resume, Td3};
use session::{Session, evaluate};
use std::io::Write;
use std::path::PathBuf;

/// Options of `finetune`.
#[derive(Args)]
pub struct Options {
    /// Policy file with a resume section
    policy: PathBuf,
    /// Command that runs the environment and speaks JSON lines (see the manual of `lacewing env serve`)
    #[arg(long)]
    env_command: String,
    /// Where to save the tuned policy
    #[arg(long)]
    out: PathBuf,
    /// Environment steps to learn from
    #[arg(long, default_value_t = 5000)]
    steps: u64,
    /// Steps that only fill the replay, before the first update
    #[arg(long, default_value_t = 500)]
    warm_up: u64,
    /// Transitions the replay keeps
    #[arg(long, default_value_t = 10_000)]
    replay: usize,
    /// Standard deviation of the exploration noise, actions being in [-1, 1]
    #[arg(long, default_value_t = 0.1)]
    noise: f32,
    /// Episodes of each evaluation
    #[arg(long, default_value_t = 10)]
    episodes: u64,
    /// Refuse to start if learning needs more bytes than this
    #[arg(long)]
    memory: Option<usize>,
    /// Decides everything random here and the environment's resets
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Learns from the environment, tells how it goes, and saves the tuned policy.
///
/// # Errors
/// [`EdgeError`]; nothing is saved then.
pub fn run(options: &Options) -> Result<(), EdgeError> {
    let bytes = AlignedBytes::read(&options.policy)?;
    let view = crate::parse(&bytes, &options.policy)?;
    let policy = Policy::new(view.clone())?;
    let resume = Resume::parse(
        view.resume().ok_or_else(|| EdgeError::NoResume { path: options.policy.clone() })?,
    )?;

    let (shape, config) = (resume.shape(), *resume.config());
    let row = Replay::row_len(shape.observations(), shape.actions());
    let learner = Td3::blocks(shape, &config);
    let replay = options.replay * row;
    let need = bytes.len() + learner * Block::BYTES + replay * size_of::<f32>();
    tell(format_args!(
        "memory: {need} bytes ({} file, {} learner, {} replay of {} transitions)",
        bytes.len(),
        learner * Block::BYTES,
        replay * size_of::<f32>(),
        options.replay
    ));
    if let Some(limit) = options.memory.filter(|&limit| limit < need) {
        return Err(EdgeError::Memory { need, limit, transition: row * size_of::<f32>() });
    }
    let mut environment = Environment::spawn(&options.env_command)?;
    fits(&policy, environment.spec())?;

    let mut scratch = vec![0.0; policy.scratch_len()];
    let judged = (options.episodes, options.seed);
    let frozen = evaluate(&mut environment, judged, |obs, action| {
        policy.act(obs, action, &mut scratch).map_err(EdgeError::Step)
    })?;
    tell(format_args!("before: {frozen} (mean return of {} episodes)", options.episodes));

    let mut memory = vec![Block::ZERO; learner];
    let mut replay = vec![0.0; replay];
    let mut session = Session {
        policy: &policy,
        agent: resume.restore(config, &mut memory)?,
        replay: Replay::new(&mut replay, policy.observations(), policy.actions())?,
    };
    session.learn(&mut environment, options, |step, sum| {
        tell(format_args!("step {step}: {sum:.1}"));
    })?;
    let tuned = evaluate(&mut environment, judged, |obs, action| session.act(obs, action))?;
    tell(format_args!("after: {tuned}, frozen policy: {frozen} (same episodes)"));
    save::save(&session.agent, &view, options.steps, &options.out)?;
    tell(format_args!("saved {}", options.out.display()));
    Ok(())
}

/// Refuses an environment that is not the policy's.
fn fits(policy: &Policy<'_>, spec: &Spec) -> Result<(), EdgeError> {
    let found = (spec.obs_dim, spec.act_low.len(), spec.act_high.len());
    let (observations, actions) = (policy.observations(), policy.actions());
    if found == (observations, actions, actions) {
        return Ok(());
    }
    Err(EdgeError::OtherEnvironment {
        id: spec.id.clone(),
        found: (found.0, found.1),
        policy: (observations, actions),
    })
}

/// Writes a line of progress. Learning goes on where nobody reads it.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
