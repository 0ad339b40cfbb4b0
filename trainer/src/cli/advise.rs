//! `lacewing advise`.

use std::path::PathBuf;

use super::CliError;
use crate::device::{Advice, Choice, Profile, advise, measured};
use crate::lab::policy;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder: the network to advise for.
    policy: PathBuf,
    /// Folders of finished runs, whose returns count; the policy's own if it is a run.
    runs: Vec<PathBuf>,
    /// Device: a name such as orin-nano, or the path of a profile.
    #[arg(long)]
    target: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says which sparsity, structure and codecs to take on a device.
pub fn run(args: &Args) -> Result<(), CliError> {
    let profile = Profile::named(&args.target)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let own = args.policy.is_dir().then_some(&args.policy);
    let runs = own.into_iter().chain(&args.runs);
    let runs = runs.map(|run| measured(run)).collect::<Result<Vec<_>, _>>()?;
    let advice = advise(&view, &profile, &runs)?;
    if args.json {
        say!("{}", serde_json::json!(advice));
    } else {
        print(&advice);
    }
    Ok(())
}

fn print(advice: &Advice) {
    say!("{}: latencies are modelled (`lacewing measure --target` says how)\n", advice.device);
    say!(
        "  {:<16}{:>9}{:>8}{:>10}{:>12}{:>12}{:>10}{:>12}",
        "structure",
        "sparsity",
        "values",
        "index",
        "file bytes",
        "RAM bytes",
        "step µs",
        "return"
    );
    for (index, choice) in advice.choices.iter().enumerate() {
        let Choice { structure, values, index: codec, file_bytes, ram_bytes, runs, .. } = choice;
        let mark = if index == advice.take { '*' } else { ' ' };
        let mean = match choice.mean_return {
            Some(mean) => format!("{mean:.1} ({runs})"),
            None => String::from("-"),
        };
        say!(
            "{mark} {structure:<16}{:>8.1}%{values:>8}{codec:>10}{file_bytes:>12}{ram_bytes:>12}{:>10.2}{mean:>12}",
            100.0 * choice.sparsity,
            choice.step_ns / 1e3
        );
    }
    let it = &advice.choices[advice.take];
    say!(
        "\ntake {}, {:.0} % sparse, --values {} --index {}: {}",
        it.structure,
        100.0 * it.sparsity,
        it.values,
        it.index,
        advice.because
    );
}
