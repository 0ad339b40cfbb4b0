//! `lacewing train`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use lacewing_formats::topology::Structure;

use super::{CliError, signals};
use crate::lab::config::{Device, EngineKind, Layer, Preset, RunConfig};
use crate::lab::folder::RunFolder;
use crate::lab::progress::duration;
use crate::lab::session::{self, Outcome, Summary};

#[derive(clap::Args)]
pub struct Args {
    /// Environment, e.g. Pendulum-v1 or HalfCheetah-v5 (see `lacewing env list`).
    #[arg(required_unless_present_any = ["config", "resume"])]
    env: Option<String>,
    /// Reinforcement-learning algorithm [default: td3, or dqn where actions are discrete].
    #[arg(long, value_parser = ["td3", "sac", "dqn", "ppo"])]
    algorithm: Option<String>,
    /// How links come and go [default: set].
    #[arg(long)]
    method: Option<Preset>,
    /// Share of each network's links that is pruned, e.g. 0.9.
    #[arg(long)]
    sparsity: Option<f64>,
    /// The same of the critics, where it is another.
    #[arg(long)]
    critic_sparsity: Option<f64>,
    /// How the sparsity is spread over the layers: uniform, er or erk.
    #[arg(long, value_parser = ["uniform", "er", "erk"])]
    allocation: Option<String>,
    /// Which links of the actor may be alive together: unstructured, constant-fan-in, k-per-32,
    /// n-of-M (e.g. n-of-16) or blocks-Rx1 (e.g. blocks-16x1) [default: unstructured].
    #[arg(long, value_name = "NAME")]
    structure: Option<Structure>,
    /// What computes the updates [default: sparse].
    #[arg(long)]
    engine: Option<EngineKind>,
    /// Where the burn engine computes [default: cpu].
    #[arg(long)]
    device: Option<Device>,
    /// Threads that share an update of the sparse engine [default: 1].
    #[arg(long)]
    threads: Option<u32>,
    /// Decides everything random [default: 0].
    #[arg(long)]
    seed: Option<u64>,
    /// Environment steps.
    #[arg(long)]
    steps: Option<u64>,
    /// Widths of the hidden layers, e.g. 256,256.
    #[arg(long, value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    /// TOML file laid over the defaults; a run's config.toml is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting as in config.toml, e.g. --set td3.batch=256; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The run's folder [default: runs/ENV-METHOD-seedN].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the run that is in the folder.
    #[arg(long)]
    force: bool,
    /// Continue the run in this folder from its last checkpoint.
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "env", "algorithm", "method", "sparsity", "critic_sparsity", "allocation", "structure", "engine", "device", "threads",
        "seed", "steps", "hidden",
        "config", "set", "out", "force",
    ])]
    resume: Option<PathBuf>,
}

/// Trains, or continues.
pub fn run(args: &Args) -> Result<(), CliError> {
    let (folder, config) = match &args.resume {
        Some(root) => {
            let (folder, config) = RunFolder::open(root)?;
            if folder.summary().exists() {
                return Err(CliError::Usage(format!(
                    "the run in {} is finished: its policy is {}",
                    root.display(),
                    folder.policy().display()
                )));
            }
            config.validate()?;
            (folder, config)
        }
        None => start(args)?,
    };
    let summary = until_done(&folder, &config)?;
    say!(
        "{} steps in {}: return {:.1} over the last evaluations (best {:.1}), actor {:.1} % sparse",
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
    match outcome? {
        Outcome::Finished(summary) => Ok(summary),
        Outcome::Interrupted { step } => Err(CliError::Interrupted(format!(
            "stopped at step {step}; continue with `lacewing train --resume {}`",
            folder.root().display()
        ))),
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
        args.allocation.as_ref().map(|rule| format!("allocation={{rule=\"{rule}\"}}")),
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
