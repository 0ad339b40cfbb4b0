//! `lacewing train`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use lacewing_formats::topology::Structure;
use toml::Value;

use super::{CliError, signals};
use crate::lab::config::{Device, EngineKind, Layer, Preset, RunConfig, allocation};
use crate::lab::error::{LabError, TrainError};
use crate::lab::files::FileError;
use crate::lab::folder::RunFolder;
use crate::lab::progress::duration;
use crate::lab::session::{self, Outcome, Summary};
use crate::{nearest, shell};

const RUN: &str = "Run";
const AGENT: &str = "Agent";
const METHOD: &str = "Method";
const SPARSITY: &str = "Sparsity";

#[derive(clap::Args)]
#[command(next_display_order = 1)]
pub struct Args {
    /// Environment, e.g. Pendulum-v1 or HalfCheetah-v5 (see `lacewing env list`).
    #[arg(required_unless_present_any = ["config", "resume"], help_heading = RUN, display_order = 0)]
    env: Option<String>,
    /// Decides everything random [default: 0].
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=MOST), help_heading = RUN)]
    seed: Option<u64>,
    /// Environment steps of the whole run.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=MOST), help_heading = RUN)]
    steps: Option<u64>,
    /// The run's folder, new or empty [default: runs/ENV-METHOD-seedN].
    #[arg(long, value_name = "DIR", help_heading = RUN)]
    out: Option<PathBuf>,
    /// Replace the run that is in the folder.
    #[arg(long, help_heading = RUN)]
    force: bool,
    /// Continue the run in this folder from its last checkpoint. With --steps it trains on to as many, a
    /// finished run too; what else may change, such as how often it evaluates, config.toml changes.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = [
            "env", "seed", "out", "force", "config", "set", "threads", "engine", "device", "keep_replay",
            "algorithm", "hidden", "init", "no_bias", "method", "sparsity", "critic_sparsity",
            "policy_share", "allocation", "structure"
        ],
        help_heading = RUN
    )]
    resume: Option<PathBuf>,
    /// Keep the replay when the run is finished: --resume with more --steps then goes on as if it had
    /// never ended. Without, it fills a new one first.
    #[arg(long, help_heading = RUN)]
    keep_replay: bool,
    /// TOML file laid over the defaults; a run's config.toml is one.
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    config: Option<PathBuf>,
    /// One setting as in config.toml, e.g. --set td3.batch=256 or --set topology.drop=magnitude; may be
    /// repeated. The tables are allocation, topology and that of the algorithm: td3, sac, dqn or ppo;
    /// the config.toml of a run shows every field.
    #[arg(long, value_name = "KEY=VALUE", help_heading = RUN)]
    set: Vec<String>,
    /// Threads that share an update of the sparse engine [default: 1].
    #[arg(long, help_heading = RUN)]
    threads: Option<u32>,
    /// What computes the updates [default: sparse].
    #[arg(long, help_heading = RUN)]
    engine: Option<EngineKind>,
    /// Where the burn engine computes [default: cpu].
    #[arg(long, help_heading = RUN)]
    device: Option<Device>,
    /// Reinforcement-learning algorithm [default: td3, or dqn where actions are discrete].
    #[arg(long, value_parser = ["td3", "sac", "dqn", "ppo"], help_heading = AGENT)]
    algorithm: Option<String>,
    /// Widths of the hidden layers, e.g. 256,256.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = width,
        help_heading = AGENT
    )]
    hidden: Option<Vec<usize>>,
    /// How weights start [default: dense, or what the method says].
    #[arg(long, value_parser = ["dense", "sparsity-aware", "per-unit"], help_heading = AGENT)]
    init: Option<String>,
    /// Units have no biases.
    #[arg(long, help_heading = AGENT)]
    no_bias: bool,
    /// How links come and go [default: set]; `--set topology.every=2000` and the like change a part.
    #[arg(long, help_heading = METHOD)]
    method: Option<Preset>,
    /// Share of each network's links that is pruned, e.g. 0.9.
    #[arg(long, help_heading = SPARSITY)]
    sparsity: Option<f64>,
    /// The same of the critics, where it is another.
    #[arg(long, help_heading = SPARSITY)]
    critic_sparsity: Option<f64>,
    /// The policy's share of all links that the sparsity leaves to policy and critics together.
    #[arg(long, value_name = "SHARE", help_heading = SPARSITY)]
    policy_share: Option<f64>,
    /// How the sparsity is spread over the layers [default: er].
    #[arg(
        long,
        value_parser = ["uniform", "er", "erk", "input-only", "balanced"],
        help_heading = SPARSITY
    )]
    allocation: Option<String>,
    /// Which links of the actor may be alive together: unstructured, constant-fan-in, k-per-32,
    /// n-of-M (e.g. n-of-16) or blocks-Rx1 (e.g. blocks-16x1) [default: unstructured].
    #[arg(long, value_name = "NAME", value_parser = structure, help_heading = SPARSITY)]
    structure: Option<Structure>,
}

/// The largest whole number of TOML, and so of config.toml.
const MOST: u64 = i64::MAX as u64;

/// The width of a layer.
pub fn width(text: &str) -> Result<usize, String> {
    let width = text.trim().parse::<u16>().ok().filter(|&width| width > 0);
    width.map(usize::from).ok_or_else(|| {
        "widths are whole numbers from 1 to 65535 between commas, e.g. 256,256".into()
    })
}

fn structure(name: &str) -> Result<Structure, String> {
    name.parse().map_err(|error| {
        let problem = format!("`{name}` {error}");
        match nearest::expected(&problem) {
            Some((_, Some(nearest))) => format!("{problem}; did you mean `{nearest}`?"),
            _ => problem,
        }
    })
}

/// Trains, or continues.
pub fn run(args: &Args) -> Result<(), CliError> {
    let (folder, config) = match &args.resume {
        Some(root) => resume(root, args.steps)?,
        None => start(args)?,
    };
    let summary = until_done(&folder, &config)?;
    say!(
        "{} steps in {}: return {:.1} over the last tenth of evaluations (best {:.1}), actor {:.1} % sparse",
        summary.steps,
        duration(std::time::Duration::from_secs_f64(summary.wall_seconds)),
        summary.final_return,
        summary.best_return,
        100.0 * summary.actor_sparsity
    );
    say!("policy: {}", folder.policy().display());
    Ok(())
}

/// Trains to the end, or to a checkpoint after Ctrl-C.
pub fn until_done(folder: &RunFolder, config: &RunConfig) -> Result<Summary, CliError> {
    let stop = signals::stop();
    let outcome = session::train(folder, config, &stop);
    // There is no episode to finish any more: from here on Ctrl-C ends the program.
    stop.store(true, Ordering::Relaxed);
    match outcome.map_err(|error| going_on(error, folder))? {
        Outcome::Finished(summary) => Ok(summary),
        Outcome::Interrupted { step } => Err(CliError::Interrupted(format!(
            "stopped at step {step}; continue with `lacewing train --resume {}`",
            shell::path(folder.root())
        ))),
    }
}

/// An error of training; where the disk was full, with how to go on when there is room again.
fn going_on(error: LabError, folder: &RunFolder) -> CliError {
    match &error {
        LabError::File(FileError::NoRoom { .. })
        | LabError::Train(TrainError::File(FileError::NoRoom { .. })) => CliError::Failed(format!(
            "{error}: `lacewing train --resume {}` continues the run",
            shell::path(folder.root())
        )),
        _ => error.into(),
    }
}

/// The run in a folder, to go on to its end or to so many steps.
fn resume(root: &Path, steps: Option<u64>) -> Result<(RunFolder, RunConfig), CliError> {
    let (folder, mut config) = RunFolder::open(root)?;
    let before = config.steps;
    config.steps = steps.unwrap_or(before);
    let finished = folder.finished();
    if let Some(done) = finished.filter(|&done| config.steps <= done) {
        return Err(CliError::Usage(format!(
            "the run in {} is finished after {done} steps: its policy is {}; `lacewing train --resume {} \
             --steps N` trains on to more",
            root.display(),
            folder.policy().display(),
            shell::path(root)
        )));
    }
    config.validate()?;
    session::changes(&folder, &config)?;
    match finished.is_some() || config.steps != before {
        true => Ok((folder.set_steps(&config)?, config)),
        false => Ok((folder, config)),
    }
}

/// The configuration that the arguments ask for, checked, in its new folder.
fn start(args: &Args) -> Result<(RunFolder, RunConfig), CliError> {
    let config = configure(args)?;
    let name = format!("runs/{}-{}-seed{}", config.env, config.method_name(), config.seed);
    let root = args.out.clone().unwrap_or_else(|| name.into());
    session::check(&config)?;
    Ok((RunFolder::create(&root, &config, args.force)?, config))
}

fn configure(args: &Args) -> Result<RunConfig, CliError> {
    let mut layers = Vec::new();
    if let Some(path) = &args.config {
        layers.push(Layer::file(path)?);
    }
    let typed = [
        args.algorithm.as_ref().map(|name| format!("algorithm=\"{name}\"")),
        args.sparsity.map(|value| format!("sparsity={value:?}")),
        args.critic_sparsity.map(|value| format!("critic-sparsity={value:?}")),
        args.policy_share.map(|value| format!("policy-share={value:?}")),
        args.allocation
            .as_ref()
            .map(|rule| format!("allocation={}", Value::from(allocation(rule)))),
        args.init.as_ref().map(|name| format!("init={name}")),
        args.no_bias.then(|| "bias=false".to_string()),
        args.keep_replay.then(|| "keep-replay=true".to_string()),
        args.structure.map(|value| format!("structure=\"{value}\"")),
        args.seed.map(|value| format!("seed={value}")),
        args.steps.map(|value| format!("steps={value}")),
        args.threads.map(|value| format!("threads={value}")),
        args.hidden.as_ref().map(|widths| format!("hidden={widths:?}")),
    ];
    for setting in typed.iter().flatten().chain(&args.set) {
        layers.push(Layer::setting(setting)?);
    }
    let mut config = RunConfig::from_layers(args.env.as_deref(), args.method, layers)?;
    config.engine = args.engine.unwrap_or(config.engine);
    config.device = args.device.unwrap_or(config.device);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};
    use lacewing_formats::topology::Allocation;
    use lacewing_runtime::learn::Init;

    use super::*;
    use crate::lab::config::CLOSENESS;

    fn configured(line: &str) -> RunConfig {
        let command = Args::augment_args(Command::new("train").no_binary_name(true));
        let matches = command.try_get_matches_from(line.split(' ')).unwrap();
        configure(&Args::from_arg_matches(&matches).unwrap()).unwrap()
    }

    #[test]
    fn every_argument_is_in_a_group() {
        let command = Args::augment_args(Command::new("train"));
        for argument in command.get_arguments() {
            let group = argument.get_help_heading().unwrap_or("none");
            assert!([RUN, AGENT, METHOD, SPARSITY].contains(&group), "{argument}: {group}");
        }
    }

    #[test]
    fn a_resumed_run_takes_steps_and_nothing_else() {
        let mut command = Args::augment_args(Command::new("train"));
        command.build();
        let arguments: Vec<_> = command.get_arguments().collect();
        let resume = arguments.iter().find(|argument| argument.get_id() == "resume").unwrap();
        let excluded = command.get_arg_conflicts_with(resume);
        let free = arguments.iter().filter(|argument| !excluded.contains(argument));
        let free: Vec<_> = free.map(|argument| argument.get_id().as_str()).collect();
        assert_eq!(free, ["steps", "resume", "help"]);
    }

    #[test]
    fn flags_are_settings() {
        let config = configured(
            "Hopper-v5 --sparsity 0.9 --allocation balanced --policy-share 0.2 --init per-unit --no-bias",
        );
        assert_eq!(config.allocation, Some(Allocation::Balanced { closeness: CLOSENESS }));
        assert_eq!(
            (config.policy_share, config.init, config.bias),
            (Some(0.2), Init::PerUnit, false)
        );
        let config = configured("Hopper-v5 --sparsity 0.9 --allocation input-only --method rigl");
        assert_eq!(config.allocation, Some(Allocation::InputOnly));
        // What no flag says is the method's.
        assert_eq!((config.init, config.bias), (Init::SparsityAware, true));
        let config = configured("Hopper-v5 --init dense --set init=sparsity-aware");
        assert_eq!(config.init, Init::SparsityAware, "settings lie over flags");
    }
}
