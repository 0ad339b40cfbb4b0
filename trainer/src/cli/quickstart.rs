//! `lacewing quickstart`: the whole way in one command.

use std::path::PathBuf;

use lacewing_formats::codec::Encoding;
use lacewing_runtime::cost::Cost;
use lacewing_runtime::learn::{Adapt, ReplayValues, TuningTopology};
use lacewing_runtime::measure::Settings;

use super::{CliError, finetune, measure, train};
use crate::env::{self, Shift};
use crate::lab::config::{Layer, Preset, RunConfig};
use crate::lab::finetune::Tuning;
use crate::lab::folder::RunFolder;
use crate::lab::seeds::FRESH_SEED;
use crate::lab::session;
use crate::lab::{deployed, files, policy};

/// Episodes of every evaluation after training.
const EPISODES: u32 = 20;

#[derive(clap::Args)]
pub struct Args {
    /// Environment to learn.
    #[arg(long, default_value = "Pendulum-v1")]
    env: String,
    /// Environment steps [default: enough for the environment].
    #[arg(long)]
    steps: Option<u64>,
    /// Share of each network's links that is pruned.
    #[arg(long, default_value_t = 0.9)]
    sparsity: f64,
    /// How the dynamics change for the fine-tuning.
    #[arg(long, default_value = "gear=0.3")]
    shift: String,
    /// Environment steps of the fine-tuning.
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u64).range(1..))]
    tune_steps: u64,
    /// Decides everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for everything [default: runs/quickstart-ENV].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace what an earlier quickstart left there.
    #[arg(long)]
    force: bool,
}

/// Trains, exports, measures, changes the dynamics, fine-tunes, and prints what came out.
pub fn run(args: &Args) -> Result<(), CliError> {
    let shift: Shift = args.shift.parse()?;
    env::make(&args.env, &shift)?;
    let mut settings = vec![format!("sparsity={:?}", args.sparsity), format!("seed={}", args.seed)];
    settings.extend(args.steps.map(|steps| format!("steps={steps}")));
    let layers = settings.iter().map(|text| Layer::setting(text)).collect::<Result<_, _>>()?;
    let mut config = RunConfig::from_layers(Some(&args.env), Some(Preset::Set), layers)?;
    // The published 25,000 random steps suit a million; a short run keeps nine tenths to learn. But
    // they must fill a batch.
    let batch = config.batch();
    config.set_start_steps(config.start_steps().min((config.steps / 10).max(batch)));
    if config.steps <= batch {
        return Err(CliError::Usage(format!(
            "--steps must be above {batch}: learning begins with a batch of so many"
        )));
    }
    session::check(&config)?;
    let root = args.out.clone().unwrap_or_else(|| format!("runs/quickstart-{}", args.env).into());
    let folder = RunFolder::create(&root, &config, args.force)?;

    say!("1. train {} for {} steps: {}", args.env, config.steps, root.display());
    train::until_done(&folder, &config)?;
    let bytes = policy::read(&folder.best())?;
    let view = policy::parse(&bytes, &folder.best())?;
    let mut env = env::make(&args.env, &Shift::default())?;
    let trained = deployed::evaluate(view.clone(), &mut *env, EPISODES, FRESH_SEED)?;
    let cost = Cost::of(&view);
    say!("   best policy, {EPISODES} new episodes: return {trained}");

    let compact_path = root.join("compact.lace");
    let compact = policy::encode_again(
        &view,
        &policy::Facts { resume: None, ..policy::facts(&view) },
        Encoding::COMPACT,
    )?;
    files::write_atomic(&compact_path, &compact)?;
    say!("2. export: {} bytes without the resume section, f16 weights", compact.len());

    say!("3. measure one control step on this machine\n");
    let compact_view = policy::parse(&compact, &compact_path)?;
    let report = measure::report(compact_view.clone(), Settings::default())?;
    say!("{report}\n");
    let deployed = deployed::evaluate(compact_view, &mut *env, EPISODES, FRESH_SEED)?;

    say!("4. change the dynamics ({}) and fine-tune", finetune::describe(&shift));
    let resume = finetune::resume_of(&view, &folder.best())?;
    let tuning = Tuning {
        steps: args.tune_steps,
        updates_per_step: 1,
        warm_up: (args.tune_steps / 10).min(500),
        replay: 20_000,
        replay_values: ReplayValues::default(),
        half_life: None,
        settings: *resume.settings(),
        topology: TuningTopology::default(),
        adapt: Adapt::default(),
        lean: false,
        episodes: EPISODES,
        evaluate_every: 1000,
        seed: FRESH_SEED,
    };
    let tuned_path = root.join("tuned.lace");
    let tuned = finetune::tune(&view, &resume, (&args.env, &shift), &tuning, None, &tuned_path)?;

    say!("\n{:<44}{:>20}", "mean return of 20 episodes", "return");
    for (name, score) in [
        (format!("{}, trained, {:.1} % sparse", args.env, 100.0 * cost.sparsity()), trained),
        ("as exported (f16)".to_string(), deployed),
        (format!("{}: frozen", finetune::describe(&shift)), tuned.frozen),
        (format!("{}: fine-tuned", finetune::describe(&shift)), tuned.tuned),
    ] {
        say!("{name:<44}{:>20}", score.to_string());
    }
    say!(
        "FLOPs a step: {} of {} dense ({:.1} x fewer)\n",
        cost.flops,
        cost.dense_flops,
        cost.dense_flops as f64 / cost.flops as f64
    );
    for (what, path) in [
        ("run (config, CSV, TensorBoard, checkpoint)", root.clone()),
        ("trained policy, can go on learning", folder.best()),
        ("policy for the device", compact_path),
        ("fine-tuned policy", tuned_path),
    ] {
        say!("{what:<44}{}", path.display());
    }
    Ok(())
}
