//! `lacewing eval`.

use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;

use super::CliError;
use crate::env::{self, Shift};
use crate::lab::seeds::FRESH_SEED;
use crate::lab::{deployed, policy};

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
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
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
