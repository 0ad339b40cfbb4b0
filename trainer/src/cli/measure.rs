//! `lacewing measure`.

use std::path::PathBuf;

use lacewing_runtime::measure::{Settings, measure};

use super::CliError;
use crate::lab::policy;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Steps to time.
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Times a control step on this machine, beside the same network run dense.
pub fn run(args: &Args) -> Result<(), CliError> {
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let settings = Settings { steps: args.steps.max(1), ..Settings::default() };
    let report = measure(view, settings, Vec::new())?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        println!("{report}");
    }
    Ok(())
}
