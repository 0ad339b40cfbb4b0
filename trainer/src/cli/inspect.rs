//! `lacewing inspect`.

use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::cost::Cost;
use lacewing_runtime::learn::Resume;
use serde_json::{Value, json};

use super::CliError;
use crate::lab::policy;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints what a policy file holds.
pub fn run(args: &Args) -> Result<(), CliError> {
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    if args.json {
        say!("{}", describe(&view, bytes.len())?);
    } else {
        print_table(&view, bytes.len())?;
    }
    Ok(())
}

/// Everything, for programs.
fn describe(view: &PolicyView<'_>, bytes: usize) -> Result<Value, CliError> {
    let cost = Cost::of(view);
    let layers: Vec<_> = view
        .layers()
        .map(|layer| {
            json!({
                "inputs": layer.cols(), "outputs": layer.rows(), "links": layer.links(),
                "sparsity": layer.sparsity(), "activation": layer.activation.name(),
            })
        })
        .collect();
    let sections: Vec<_> = view
        .sections()
        .map(|placed| {
            json!({
                "section": placed.section.to_string(), "offset": placed.offset,
                "bytes": placed.bytes,
            })
        })
        .collect();
    let resume = view.resume().map(Resume::parse).transpose()?;
    Ok(json!({
        "bytes": bytes,
        "observations": view.header().observations(),
        "actions": view.header().actions(),
        "control_period_s": view.header().control_period_s(),
        "action_low": view.action_head().low,
        "action_high": view.action_head().high,
        "normalised": view.normaliser().is_some(),
        "probes": view.probes().len(),
        "sparsity": cost.sparsity(),
        "cost": cost,
        "layers": layers,
        "sections": sections,
        "provenance": view.provenance(),
        "resume_updates": resume.map(|resume| resume.updates()),
    }))
}

fn print_table(view: &PolicyView<'_>, bytes: usize) -> Result<(), CliError> {
    let (cost, from) = (Cost::of(view), view.provenance());
    let or_unknown = |text: &'static str, value: &str| match value {
        "" => format!("{text} unknown"),
        value => value.to_string(),
    };
    say!(
        "{}, {} {}, seed {}, step {}, by {}",
        or_unknown("environment", from.environment),
        or_unknown("algorithm", from.algorithm),
        or_unknown("method", from.method),
        from.seed,
        from.steps,
        or_unknown("program", from.program),
    );
    if let Some(score) = from.evaluation {
        let (mean, std, episodes) = (score.mean, score.std, score.episodes);
        say!("return {mean:.1} ± {std:.1} over {episodes} episodes");
    }
    say!("\nlayer  inputs  outputs   links  sparsity  activation");
    for (number, layer) in view.layers().enumerate() {
        say!(
            "{number:>5} {:>7} {:>8} {:>7} {:>8.2}%  {}",
            layer.cols(),
            layer.rows(),
            layer.links(),
            100.0 * layer.sparsity(),
            layer.activation.name()
        );
    }
    say!("  all                   {:>7} {:>8.2}%\n", cost.links, 100.0 * cost.sparsity());
    say!("FLOPs a step: {} (dense {})", cost.flops, cost.dense_flops);
    say!("\n{:<28}{:>10}", "section", "bytes");
    for placed in view.sections() {
        say!("{:<28}{:>10}", placed.section.to_string(), placed.bytes);
    }
    say!("{:<28}{:>10}", "file, with padding", bytes);
    if let Some(resume) = view.resume() {
        say!("\ncan go on learning (after {} updates)", Resume::parse(resume)?.updates());
    }
    Ok(())
}
