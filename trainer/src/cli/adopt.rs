//! `lacewing adopt`.

use std::path::PathBuf;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_runtime::learn::{
    AlgorithmKind, AnyAgent, DqnConfig, Norm, Resume, Seeds, Settings, Td3Config, Training,
    adopted_shape, algorithm_of,
};

use super::CliError;
use super::train::width;
use crate::engine::{Engine, SparseEngine};
use crate::lab::policy::Facts;
use crate::lab::seeds::FRESH_SEED;
use crate::lab::{deployed, files, memory, policy};
use crate::shell;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, such as `lacewing import` makes.
    policy: PathBuf,
    /// File to write: the same policy, with what it takes to learn on.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Hidden layers of the critics [default: the policy's].
    #[arg(long, value_name = "WIDTHS", value_delimiter = ',', value_parser = width)]
    critic_hidden: Option<Vec<usize>>,
    /// Share of the critics' links that are pruned.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    critic_sparsity: f64,
    /// Adam's step size.
    #[arg(long, default_value_t = 3e-4)]
    learning_rate: f32,
    /// Decides the critics' links and weights.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
}

/// Gives a policy from elsewhere fresh critics, so that it can be fine-tuned.
pub fn run(args: &Args) -> Result<(), CliError> {
    files::check_policy_output(&args.out, args.force)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    // One of an earlier layout is as good as none.
    if let Ok(Some(_)) = Resume::of(&view) {
        return Err(CliError::Usage(format!(
            "{} can learn on as it is: `lacewing finetune` takes it",
            args.policy.display()
        )));
    }
    let kind = algorithm_of(&view)?;
    let file = adopted(args, &view, kind)?;
    files::write_atomic(&args.out, &file)?;
    let (program, world) = match deployed::stacked(&view) {
        Some(_) => ("lacewing-edge", "--env-command DRIVER --out FILE"),
        None => ("lacewing", "--shift …"),
    };
    say!(
        "{}: {} bytes; its critics know nothing yet, so let them learn first: `{program} finetune {} \
         --critics-first 5000 {world}`",
        args.out.display(),
        file.len(),
        shell::path(&args.out)
    );
    Ok(())
}

/// The policy's file with a resume section.
fn adopted(
    args: &Args,
    view: &PolicyView<'_>,
    kind: AlgorithmKind,
) -> Result<AlignedBytes, CliError> {
    let layers = view.layers().len();
    let own: Vec<usize> = view.layers().take(layers - 1).map(|layer| layer.rows()).collect();
    let hidden = match &args.critic_hidden {
        Some(widths) => widths.clone(),
        None => own,
    };
    let mut shape = adopted_shape(view, &hidden, args.critic_sparsity)?;
    // As robots' critics are by default.
    if let Some(critic) = &mut shape.critic {
        critic.norm = Norm::Layer;
    }
    let mut settings: Settings = match kind {
        AlgorithmKind::Dqn => DqnConfig::default().into(),
        _ => Td3Config { weight_decay: 0.0, ..Td3Config::default() }.into(),
    };
    settings.set_learning_rate(args.learning_rate);
    let training = Training {
        normalise_observations: view.normaliser().is_some(),
        scale_rewards: kind != AlgorithmKind::Dqn,
        ..Training::default()
    };
    let mut memory = memory::learner(&shape, &settings, &training)?;
    let seeds = Seeds { learning: args.seed, exploration: args.seed };
    let agent = AnyAgent::new(shape, settings, training, &mut memory, seeds);
    let mut agent = agent.map_err(lacewing_runtime::learn::AdoptError::from)?;
    agent.adopt(view)?;
    let engine = SparseEngine::new(agent);
    let resume = engine.save()?;
    let facts = Facts { resume: Some(&resume), ..policy::facts(view) };
    let observations = policy::recorded_observations(view);
    Ok(policy::to_bytes(&engine.policy()?, &facts, &observations, Encoding::PLAIN)?)
}
