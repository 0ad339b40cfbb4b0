//! `lacewing inspect`.

use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{Contract, Signal};
use lacewing_runtime::cost::Cost;
use lacewing_runtime::learn::{
    Adapt, Budget, ReplayShape, ReplayValues, Resume, Training, TuningTopology,
};
use serde_json::{Value, json};

use super::CliError;
use super::finetune::resume_of;
use crate::lab::{files, policy};
use crate::report::topology_page;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write a page with pictures of the layers' links, fan-in and fan-out, and what observations the
    /// policy looks at.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Replace an existing page.
    #[arg(long, requires = "html")]
    force: bool,
    /// Say how many bytes of memory lacewing-edge finetune takes to go on learning, and for what.
    #[arg(long)]
    budget: bool,
    /// When it learns, as with --learning of lacewing-edge finetune.
    #[arg(long, value_enum, default_value_t = Learning::LockStep, requires = "budget")]
    learning: Learning,
    /// Transitions that the replay keeps.
    #[arg(long, default_value_t = 10_000, requires = "budget")]
    replay: usize,
    /// As what it keeps them: f32, f16 or u8.
    #[arg(long, default_value_t, requires = "budget")]
    replay_values: ReplayValues,
    /// What becomes of the links: as-trained, frozen, set or rigl.
    #[arg(long, default_value = "frozen", requires = "budget")]
    topology: TuningTopology,
    /// As with --lean of lacewing-edge finetune.
    #[arg(long, requires = "budget")]
    lean: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Learning {
    LockStep,
    Slack,
    Thread,
}

/// Prints what a policy file holds.
pub fn run(args: &Args) -> Result<(), CliError> {
    if let Some(path) = &args.html {
        files::check_output(path, args.force)?;
    }
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    if let Some(path) = &args.html {
        files::write_atomic(path, topology_page(&view).as_bytes())?;
    }
    let budget = args.budget.then(|| budget(args, &view, bytes.len())).transpose()?;
    if args.json {
        let mut all = describe(&view, bytes.len())?;
        if let Some(budget) = &budget {
            all["budget"] = json!(budget);
        }
        say!("{all}");
    } else {
        print_table(&view, bytes.len())?;
        if let Some(budget) = &budget {
            print_budget(budget);
        }
    }
    Ok(())
}

/// What learning on takes with these options.
fn budget(args: &Args, view: &PolicyView<'_>, file: usize) -> Result<Budget, CliError> {
    let resume = resume_of(view, &args.policy)?;
    let (shape, settings) = (resume.shape(), resume.settings());
    let training = resume.tuning(args.topology, Adapt::default());
    let training = Training { lean: args.lean, ..training };
    let transitions = settings.iteration().unwrap_or(args.replay);
    let kept = ReplayShape::new(shape, settings.kind(), args.replay_values, transitions);
    let live = args.learning != Learning::LockStep;
    Ok(Budget::of_tuning((&resume, file), &training, &kept, live))
}

fn print_budget(budget: &Budget) {
    say!("\n{:<28}{:>10}", "to learn on", "bytes");
    for (name, bytes) in budget.parts() {
        say!("{name:<28}{bytes:>10}");
    }
    say!("{:<28}{:>10}", "all", budget.total());
}

/// Everything, for programs.
fn describe(view: &PolicyView<'_>, bytes: usize) -> Result<Value, CliError> {
    let cost = Cost::of(view);
    let layers: Vec<_> = view
        .layers()
        .map(|layer| {
            json!({
                "inputs": layer.cols(), "outputs": layer.rows(), "links": layer.links(),
                "sparsity": layer.sparsity(), "activation": layer.activation.to_string(),
                "layer_norm_epsilon": layer.norm.map(|norm| norm.epsilon),
                "values": layer.values().codec().name(), "value_bytes": layer.value_bytes(),
                "index": layer.indices().codec().name(), "index_bytes": layer.index_bytes(),
                "entropy_bound_bits_per_link": layer.entropy_bound(),
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
    // What another version wrote is of no use here; all else of the file is.
    let resume = view.resume().and_then(|section| Resume::parse(section).ok());
    let limits = view.action_head().limits();
    Ok(json!({
        "bytes": bytes,
        "observations": view.header().observations(),
        "actions": view.header().actions(),
        "control_period_s": view.header().control_period_s(),
        "head": view.header().head().name(),
        "action_low": limits.map(|limits| limits.0),
        "action_high": limits.map(|limits| limits.1),
        "normalised": view.normaliser().is_some(),
        "probes": view.probes().len(),
        "contract": view.contract().map(|contract| describe_contract(&contract)),
        "sparsity": cost.sparsity(),
        "cost": cost,
        "layers": layers,
        "sections": sections,
        "provenance": view.provenance(),
        "resume_updates": resume.as_ref().map(|resume| resume.updates()),
        "transitions": resume.and_then(|resume| Some(resume.shipped()?.count())),
    }))
}

fn describe_contract(contract: &Contract<'_>) -> Value {
    json!({
        "shifted": contract.shifted(),
        "history": contract.history(),
        "previous_action": contract.previous_action(),
        "observations": contract.observations().collect::<Vec<_>>(),
        "actions": contract.actions().collect::<Vec<_>>(),
    })
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
            "{number:>5} {:>7} {:>8} {:>7} {:>8.2}%  {}{}",
            layer.cols(),
            layer.rows(),
            layer.links(),
            100.0 * layer.sparsity(),
            if layer.norm.is_some() { "layer norm, " } else { "" },
            layer.activation
        );
    }
    say!("  all                   {:>7} {:>8.2}%\n", cost.links, 100.0 * cost.sparsity());
    print_links(view);
    say!("FLOPs a step: {} (dense {})", cost.flops, cost.dense_flops);
    say!("\n{:<28}{:>10}", "section", "bytes");
    for placed in view.sections() {
        say!("{:<28}{:>10}", placed.section.to_string(), placed.bytes);
    }
    say!("{:<28}{:>10}", "file, with padding", bytes);
    if let Some(contract) = view.contract() {
        print_contract(&contract, view.header().control_period_s());
    }
    match view.resume().map(Resume::parse) {
        Some(Ok(resume)) => {
            let shipped = resume.shipped().map_or(String::new(), |shipped| {
                format!(", with {} transitions to begin with", shipped.count())
            });
            say!("\ncan go on learning (after {} updates){shipped}", resume.updates());
        }
        Some(Err(error)) => say!("\ncannot go on learning: {error}"),
        None => {}
    }
    Ok(())
}

/// What policy and robot agree on.
fn print_contract(contract: &Contract<'_>, period: f64) {
    let frames = match contract.history() {
        1 => String::new(),
        history => format!(", {history} frames an observation"),
    };
    let previous = if contract.previous_action() { ", each with the action before it" } else { "" };
    say!("\ncontract: an action every {period} s{frames}{previous}");
    if !contract.shifted().is_empty() {
        say!("tuned under {}", contract.shifted());
    }
    print_signals("observation", "policy = (driver - offset) * scale", contract.observations());
    print_signals("action", "driver = offset + policy * scale", contract.actions());
}

fn print_signals<'a>(
    side: &str,
    conversion: &str,
    signals: impl ExactSizeIterator<Item = Signal<'a>>,
) {
    if signals.len() == 0 {
        return;
    }
    say!(
        "\n{side:>11}  {:<24}{:<10}{:>10}{:>10}{:>10}{:>10}{:>10}  {conversion}",
        "name",
        "unit",
        "low",
        "high",
        "rate /s",
        "offset",
        "scale"
    );
    let or_none = |limit: Option<f32>| limit.map_or(String::from("-"), |limit| limit.to_string());
    for (index, signal) in signals.enumerate() {
        say!(
            "{index:>11}  {:<24}{:<10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            signal.name,
            signal.unit,
            or_none(signal.low),
            or_none(signal.high),
            or_none(signal.rate),
            signal.offset,
            signal.scale
        );
    }
}

/// How the links of each layer are stored, beside how small their positions could be.
fn print_links(view: &PolicyView<'_>) {
    let per_link = |bytes: usize, links: u64| bytes as f64 / links.max(1) as f64;
    say!("a link:  weight           index             entropy bound of the index");
    let (mut values, mut indices, mut bound, mut all) = (0, 0, 0.0, 0);
    for (number, layer) in view.layers().enumerate() {
        let links = layer.links() as u64;
        say!(
            "{number:>5}    {:<9}{:>5.2} B  {:<9}{:>6.3} B {:>8.3} B = {:.3} bits",
            layer.values().codec().name(),
            per_link(layer.value_bytes(), links),
            layer.indices().codec().name(),
            per_link(layer.index_bytes(), links),
            layer.entropy_bound() / 8.0,
            layer.entropy_bound()
        );
        values += layer.value_bytes();
        indices += layer.index_bytes();
        bound += layer.entropy_bound() * links as f64;
        all += links;
    }
    let bound = bound / all.max(1) as f64;
    say!(
        "  all    {:<9}{:>5.2} B  {:<9}{:>6.3} B {:>8.3} B = {bound:.3} bits\n",
        "",
        per_link(values, all),
        "",
        per_link(indices, all),
        bound / 8.0
    );
}
