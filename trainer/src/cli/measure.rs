//! `lacewing measure`.

use std::path::PathBuf;

use lacewing_formats::artifact::PolicyView;
#[cfg(feature = "onnx")]
use lacewing_formats::policy::Head;
use lacewing_runtime::measure::{Report, Settings, measure, step_energy};

use super::CliError;
use crate::device::{Profile, model};
use crate::lab::policy;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Steps to time.
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: u64,
    /// Time int8 weights and activations too, and say how far actions are off.
    #[arg(long)]
    int8: bool,
    /// Measure what a step takes of the battery here, by RAPL or INA3221, in place of its time; with
    /// --target that is modelled anyway, and marked so.
    #[arg(long, conflicts_with_all = ["steps", "int8"])]
    energy: bool,
    /// Model a step on another device in place of timing one here: a name such as orin-nano, or the path
    /// of a profile.
    #[arg(long, conflicts_with_all = ["steps", "int8"])]
    target: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Times a control step on this machine, beside the same network run dense.
pub fn run(args: &Args) -> Result<(), CliError> {
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    if let Some(target) = &args.target {
        return modelled(args, &view, bytes.len() as u64, target);
    }
    if args.energy {
        let energy = step_energy(view)?;
        match args.json {
            true => say!("{}", serde_json::to_string_pretty(&energy).unwrap_or_default()),
            false => say!("{energy}"),
        }
        return Ok(());
    }
    let settings = Settings { steps: args.steps.max(1), int8: args.int8, ..Settings::default() };
    let report = report(view, settings)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        say!("{report}");
    }
    Ok(())
}

/// What a step takes elsewhere.
fn modelled(
    args: &Args,
    view: &PolicyView<'_>,
    file_bytes: u64,
    target: &str,
) -> Result<(), CliError> {
    let model = model(view, file_bytes, &Profile::named(target)?)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&model).unwrap_or_default());
    } else {
        say!("{model}");
    }
    Ok(())
}

/// The measurement, with the same network dense on tract beside it where tract is built in.
pub fn report(view: PolicyView<'_>, settings: Settings) -> Result<Report, CliError> {
    // Discrete actions of a model are i64, and contenders are handed f32.
    #[cfg(feature = "onnx")]
    let others = match view.header().head() {
        Head::Scaled | Head::Clamped => vec![tract(&view)?],
        Head::Argmax => vec![],
    };
    #[cfg(not(feature = "onnx"))]
    let others = Vec::new();
    Ok(measure(view, settings, others)?)
}

/// The exported policy on tract, after a first step to see that it runs.
#[cfg(feature = "onnx")]
fn tract(view: &PolicyView<'_>) -> Result<lacewing_runtime::measure::Contender<'static>, CliError> {
    use crate::onnx::{TractActor, export};

    let mut actor = TractActor::from_onnx(&export(view))?;
    let header = view.header();
    actor.run(&vec![0.0; header.observations()], &mut vec![0.0; header.actions()])?;
    let step = move |observation: &[f32], action: &mut [f32]| {
        // It ran before, and only lengths could stop it.
        let _ = actor.run(observation, action);
    };
    Ok(("dense, tract-onnx", Box::new(step)))
}
