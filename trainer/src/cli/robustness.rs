//! `lacewing robustness`.

use std::path::PathBuf;

use super::CliError;
use super::eval::EPISODES;
use crate::lab::robustness::{self, ROBUSTNESS, Vary};
use crate::lab::seeds::FRESH_SEED;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    /// Folders of sweeps or runs.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// A shift and the values it is given one after the other, e.g. sensor-noise=0,0.1,0.2; also several.
    #[arg(long, required = true, value_name = "SHIFT=VALUES")]
    vary: Vec<Vary>,
    /// Episodes played for each value.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(EPISODES))]
    episodes: u32,
    /// Decides the episodes' starts.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
}

/// Plays the policies of finished runs in changed worlds.
pub fn run(args: &Args) -> Result<(), CliError> {
    let found = report::find(&args.folders)?;
    for run in &found.left_out {
        tell!("left out: {} is {}", run.folder.display(), run.state);
    }
    for run in &found.runs {
        let told = run.folder.display();
        let (env, how) = (&run.config.env, (args.episodes, args.seed));
        robustness::measure(&run.folder, env, &args.vary, how, |row| {
            say!("{told}: {}={}: return {:.1} ± {:.1}", row.shift, row.value, row.mean, row.std);
        })?;
    }
    say!(
        "{} runs have it in their {ROBUSTNESS}; compare them with `lacewing report`",
        found.runs.len()
    );
    Ok(())
}
