//! `lacewing report`.

use std::path::PathBuf;

use super::CliError;
use crate::lab::files;
use crate::report::{self, Groups, Latencies};

#[derive(clap::Args)]
pub struct Args {
    /// Folders of sweeps or runs.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Folder for the report, new or empty [default: `report` in the first DIR].
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not time a control step of each group's policy.
    #[arg(long)]
    no_latency: bool,
    /// Replace an earlier report.
    #[arg(long)]
    force: bool,
}

/// Reports on finished runs.
pub fn run(args: &Args) -> Result<(), CliError> {
    let out = args.out.clone().unwrap_or_else(|| args.folders[0].join("report"));
    let found = report::find(&args.folders)?;
    files::check_output_folder(&out, args.force)?;
    for (runs, state) in found.told() {
        tell!("left out, {state}: {runs}");
    }
    let groups = Groups::of(found.runs.clone())?;
    let mut latencies = Latencies::default();
    if !args.no_latency {
        tell!("timing a control step of each group (--no-latency leaves that out) ...");
        latencies = Latencies::measure(&groups);
    }
    report::write(&out, &groups, &found, &latencies)?;
    say!(
        "{} runs in {} groups: {}",
        found.runs.len(),
        groups.all.len(),
        out.join("report.html").display()
    );
    Ok(())
}
