//! `lacewing robustness`.

use std::path::PathBuf;

use super::CliError;
use super::eval::EPISODES;
use crate::lab::robustness::{self, ROBUSTNESS, RobustnessError, Vary};
use crate::lab::seeds::FRESH_SEED;
use crate::report::{self, Run};

#[derive(clap::Args)]
pub struct Args {
    /// Folders of sweeps or runs.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// A shift and the values it is given one after the other, e.g. sensor-noise=0,0.1,0.2; also several.
    #[arg(long, required = true, value_name = "SHIFT=VALUES")]
    vary: Vec<Vary>,
    /// Episodes played for each value. What was measured over fewer, or from other starts, is replaced.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(EPISODES))]
    episodes: u32,
    /// Decides the episodes' starts.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Replace what was measured over more episodes.
    #[arg(long)]
    force: bool,
}

/// Plays the policies of finished runs in changed worlds.
pub fn run(args: &Args) -> Result<(), CliError> {
    let found = report::find(&args.folders)?;
    for (runs, state) in found.told() {
        tell!("left out, {state}: {runs}");
    }
    let mut unusable = Vec::new();
    for run in &found.runs {
        match robustness::check(&run.folder, &args.vary, args.episodes) {
            Err(RobustnessError::Fewer { .. }) if args.force => {}
            Err(RobustnessError::Policy(error)) => unusable.push((&run.folder, error)),
            other => other?,
        }
    }
    let usable = |run: &&Run| unusable.iter().all(|(folder, _)| **folder != run.folder);
    let mut measured = 0;
    for run in found.runs.iter().filter(usable) {
        let told = run.folder.display();
        let (env, how) = (&run.config.env, (args.episodes, args.seed));
        robustness::measure(&run.folder, env, &args.vary, how, |row| {
            say!("{told}: {}={}: return {:.1} ± {:.1}", row.shift, row.value, row.mean, row.std);
        })?;
        measured += 1;
    }
    say!(
        "runs that have it in their {ROBUSTNESS}: {measured}; compare them with `lacewing report`"
    );
    for (_, error) in &unusable {
        tell!("not measured: {error}");
    }
    if unusable.is_empty() {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "{} of {} runs have no policy that can be played, those named above",
        unusable.len(),
        found.runs.len()
    )))
}
