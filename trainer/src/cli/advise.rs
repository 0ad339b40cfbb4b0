//! `lacewing advise`.

use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::topology::Structure;

use super::CliError;
use crate::device::{Advice, Choice, Measured, Profile, advise, measured, same_sparsity};
use crate::lab::policy;
use crate::shell;

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
        commands(args, &view, &profile, &runs, &advice);
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
        // As text, which can be padded.
        let structure = structure.to_string();
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

/// What to type next.
fn commands(
    args: &Args,
    view: &PolicyView<'_>,
    profile: &Profile,
    runs: &[Measured],
    advice: &Advice,
) {
    if let Some(untried) = advice.untried {
        let it = &advice.choices[untried];
        let micros = it.step_ns / 1e3;
        let train = train(view, it);
        say!(
            "{} would take {micros:.2} µs, with a return that is not known; train it: `{train}`",
            it.structure
        );
    }
    let it = &advice.choices[advice.take];
    say!("");
    let source = match made(args, view, runs, it) {
        Some(path) => shell::path(path),
        None => {
            say!("{} --out runs/advised", train(view, it));
            String::from("runs/advised")
        }
    };
    // Where policies lie in flash there is no room for a learner's memory.
    let alone = if profile.room.flash.is_some() { " --no-resume-section" } else { "" };
    let Choice { values, index, .. } = it;
    say!("lacewing export {source} --values {values} --index {index}{alone} --out advised.lace");
}

/// The policy or the run that is like a choice already; of runs the best one.
fn made<'a>(
    args: &'a Args,
    view: &PolicyView<'_>,
    runs: &'a [Measured],
    choice: &Choice,
) -> Option<&'a PathBuf> {
    let like = |structure, sparsity| {
        structure == choice.structure && same_sparsity(sparsity, choice.sparsity)
    };
    let runs = runs.iter().filter(|run| like(run.structure, run.sparsity));
    let best = runs.max_by(|a, b| a.final_return.total_cmp(&b.final_return));
    let own = policy::sparsity(&policy::layers(view));
    // A file does not say how it is structured, and no structure is one that all have.
    let own = like(Structure::Unstructured, own).then_some(&args.policy);
    best.map(|run| &run.path).or(own)
}

/// The command that trains a choice.
fn train(view: &PolicyView<'_>, choice: &Choice) -> String {
    let env = match view.provenance().environment {
        "" => String::from("ENV"),
        env => shell::quoted(env),
    };
    let Choice { structure, sparsity, .. } = choice;
    let mut widths: Vec<_> = view.layers().map(|layer| layer.rows().to_string()).collect();
    // The last are the actions.
    widths.pop();
    let hidden = match &widths[..] {
        [] => String::new(),
        widths => format!(" --hidden {}", widths.join(",")),
    };
    format!("lacewing train {env}{hidden} --structure {structure} --sparsity {sparsity:.3}")
}
