//! `lacewing eval`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::Signal;

use super::CliError;
use crate::env::{self, Shift};
use crate::lab::seeds::FRESH_SEED;
use crate::lab::{deployed, policy};

/// How many episodes an evaluation may have: the return of each is kept for its mean.
pub const EPISODES: RangeInclusive<i64> = 1..=1_000_000;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Environment to play in [default: the one it was trained in].
    #[arg(long)]
    env: Option<String>,
    /// Changes of the dynamics, e.g. gear=0.5,mass=1.3.
    #[arg(long, default_value = "")]
    shift: String,
    /// Episodes to play.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(EPISODES))]
    episodes: u32,
    /// Decides the episodes' starts.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Plays episodes and prints mean ± standard deviation of their returns.
pub fn run(args: &Args) -> Result<(), CliError> {
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let id = env_id(args.env.as_deref(), &view)?;
    let shift: Shift = args.shift.parse()?;
    let mut env = env::make(id, &shift)?;
    note_limits(&view);
    let score = deployed::evaluate(view, &mut *env, args.episodes, args.seed)?;
    if args.json {
        let json = serde_json::json!({
            "env": id, "shift": shift, "episodes": args.episodes, "seed": args.seed,
            "mean": score.mean, "std": score.std,
        });
        say!("{json}");
    } else {
        say!("{id}: return {score} over {} episodes", args.episodes);
    }
    Ok(())
}

/// Says that a simulator goes further than the robot, where it does.
pub fn note_limits(view: &PolicyView<'_>) {
    let (Some(contract), Some((low, high))) = (view.contract(), view.action_head().limits()) else {
        return;
    };
    let held = |(signal, (&low, &high)): (Signal<'_>, (&f32, &f32))| {
        let free = Signal { low: None, high: None, ..signal };
        signal.rate.is_some() || signal.limits(low, high) != free.limits(low, high)
    };
    if contract.actions().zip(low.iter().zip(high)).any(held) {
        tell!(
            "note: simulators do not apply the limits and rates of the policy's contract: on its robot it is held \
             closer"
        );
    }
}

/// The environment asked for, else the one the file names.
pub fn env_id<'a>(asked: Option<&'a str>, view: &PolicyView<'a>) -> Result<&'a str, CliError> {
    match (asked, view.provenance().environment) {
        (Some(id), _) => Ok(id),
        (None, "") => {
            Err(CliError::Usage("the file names no environment; name one with --env".into()))
        }
        (None, id) => Ok(id),
    }
}
