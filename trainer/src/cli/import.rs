//! `lacewing import`.

use std::path::PathBuf;

use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Provenance, is_same_period};
use lacewing_formats::topology::Allocation;
use lacewing_runtime::cost::Cost;

use super::CliError;
use crate::env::{self, ActionSpace, Shift};
use crate::lab::{contract, deployed, files, policy};
use crate::onnx::{Actions, ImportOptions, Imported, import};

/// Seconds from one action to the next where nobody says: 50 Hz, as many robots run.
const CONTROL_PERIOD_S: f64 = 0.02;

#[derive(clap::Args)]
pub struct Args {
    /// ONNX file with one dense actor, e.g. exported from Stable-Baselines3.
    model: PathBuf,
    /// Share of the links to prune, those of the smallest magnitude, e.g. 0.9.
    #[arg(long)]
    sparsity: f64,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Environment it was trained in: gives limits, or that actions are discrete, and the control period.
    #[arg(long, conflicts_with_all = ["low", "high", "control_period"])]
    env: Option<String>,
    /// Least actions in the environment's units, one for all or one each, e.g. -2,-1.
    #[arg(long, value_delimiter = ',', requires = "high")]
    low: Option<Vec<f32>>,
    /// Greatest actions.
    #[arg(long, value_delimiter = ',', requires = "low")]
    high: Option<Vec<f32>>,
    /// Outputs are scores of choices (logits, probabilities, Q-values): the greatest is the action. A softmax
    /// or ArgMax at the end says so by itself.
    #[arg(long, conflicts_with_all = ["low", "high", "env"])]
    discrete: bool,
    /// The output has the means of the actions and then as many numbers of their distribution (RLlib's PPO): the
    /// means are the actions. What squashes them, as in SAC, must be in the model.
    #[arg(long, conflicts_with = "discrete")]
    means: bool,
    /// Seconds from one action to the next [default: the environment's, else 0.02].
    #[arg(long, value_name = "SECONDS")]
    control_period: Option<f64>,
    /// TOML file with what the policy and its robot agree on (names, units, scales, limits, control
    /// period …), to travel in the policy file.
    #[arg(long, value_name = "ROBOT.TOML")]
    contract: Option<PathBuf>,
    /// The model's input that is the observation [default: the only one in use].
    #[arg(long, value_name = "NAME")]
    input: Option<String>,
    /// The model's output that is the action [default: the only actor, or one named action].
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
}

/// Prunes a dense actor into a policy file.
pub fn run(args: &Args) -> Result<(), CliError> {
    files::check_policy_output(&args.out, args.force)?;
    let env = args.env.as_deref().map(|id| env::make(id, &Shift::default())).transpose()?;
    let spec = env.as_deref().map(|env| env.spec());
    let options = ImportOptions {
        sparsity: args.sparsity,
        // As training spreads it: small layers, the output's above all, keep more.
        allocation: Allocation::Er,
        actions: match (spec.map(|spec| &spec.action_space), &args.low, &args.high) {
            (Some(ActionSpace::Box { low, high }), ..) => Actions::Within { low, high },
            (None, Some(low), Some(high)) => Actions::Within { low, high },
            (Some(ActionSpace::Discrete { .. }), ..) => Actions::Discrete,
            _ if args.discrete => Actions::Discrete,
            _ => Actions::Unsaid,
        },
        input: args.input.as_deref(),
        output: args.output.as_deref(),
        means: args.means,
        control_period_s: spec
            .map(|spec| spec.control_period_s)
            .or(args.control_period)
            .unwrap_or(CONTROL_PERIOD_S),
        provenance: Provenance {
            environment: spec.map_or("", |spec| spec.id),
            method: "magnitude",
            program: policy::PROGRAM,
            ..Provenance::default()
        },
    };
    let mut robot = args.contract.as_deref().map(contract::read).transpose()?;
    let agreed = robot.as_ref().and_then(|robot| robot.control_period_s);
    if let (Some(asked), Some(agreed)) = (args.control_period, agreed)
        && !is_same_period(asked, agreed)
    {
        return Err(CliError::Usage(format!(
            "--control-period is {asked} and the contract's control-period {agreed}: leave one of them out"
        )));
    }
    let Imported { file: imported, notes } = import(&args.model, &options)?;
    let file = match &mut robot {
        Some(robot) => {
            let view = policy::parse(&imported, &args.out)?;
            let facts = robot.agreed(policy::facts(&view))?;
            policy::encode_again(&view, &facts, Encoding::PLAIN)?
        }
        None => imported,
    };
    let view = policy::parse(&file, &args.out)?;
    if let Some(env) = env.as_deref() {
        deployed::check_fit(&view, env)?;
    }
    files::write_atomic(&args.out, &file)?;
    let (cost, header) = (Cost::of(&view), view.header());
    say!(
        "{}: {} bytes, {} observations, {} actions, {} of {} links ({:.1} % sparse)",
        args.out.display(),
        file.len(),
        header.observations(),
        header.actions(),
        cost.links,
        cost.dense_links,
        100.0 * cost.sparsity()
    );
    if let Some((low, high)) = view.action_head().limits() {
        say!("actions from {low:?} to {high:?}");
    }
    notes.iter().for_each(|note| say!("{note}"));
    Ok(())
}
