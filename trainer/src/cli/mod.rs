//! The command line: one module a command, each a thin layer over the crates.

mod env;
mod error;
mod eval;
mod export;
mod finetune;
mod import;
mod inspect;
mod measure;
mod quickstart;
mod report;
mod robustness;
mod signals;
mod sweep;
mod train;
mod view;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::nearest::nearest;
pub use error::CliError;

/// Train, export, measure and fine-tune sparse reinforcement-learning policies.
#[derive(Parser)]
#[command(name = "lacewing", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a policy, or continue an interrupted run with --resume.
    Train(train::Args),
    /// Play episodes: mean and standard deviation of their returns.
    Eval(eval::Args),
    /// Write a policy as a smaller .lace file or as ONNX.
    Export(export::Args),
    /// Prune a dense actor trained elsewhere, from ONNX (cargo feature `onnx`).
    Import(import::Args),
    /// Show a policy's layers, sparsity, bytes, FLOPs and origin.
    Inspect(inspect::Args),
    /// Time one control step on this machine, beside the same network run dense.
    Measure(measure::Args),
    /// Play an episode and draw it: a GIF, a video or a still.
    View(view::Args),
    /// Go on learning where the dynamics have changed.
    Finetune(finetune::Args),
    /// Train a grid of runs: plan it, run it here or on HyperQueue or Slurm, see how far it is.
    Sweep(sweep::Args),
    /// Compare finished runs: one page with plots, tables and statistics.
    Report(report::Args),
    /// Play the policies of finished runs under increasing noise and other shifts, for the report.
    Robustness(robustness::Args),
    /// List, install or serve environments.
    Env(env::Args),
    /// Train, export, measure and fine-tune a 90 % sparse policy in about a minute.
    Quickstart(quickstart::Args),
}

/// Runs the command line; whatever goes wrong is one line on stderr and a non-zero exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Measure(args) => measure::run(&args),
        Command::View(args) => view::run(&args),
        Command::Finetune(args) => finetune::run(&args),
        Command::Sweep(args) => sweep::run(args),
        Command::Report(args) => report::run(&args),
        Command::Robustness(args) => robustness::run(&args),
        Command::Env(args) => env::run(&args),
        Command::Quickstart(args) => quickstart::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell!("error: {}", one_line(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help and version as clap prints them; a usage error on one line.
fn usage(error: &clap::Error) -> ExitCode {
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if asked {
        // Nothing to do if stdout is closed.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let text = error.render().to_string();
    let problem = text.split("\n\nUsage:").next().unwrap_or(&text);
    let problem = problem.split("\n\nFor more").next().unwrap_or(problem);
    let problem = match meant(error) {
        // Instead of clap's own tip, which it has only where names are much alike.
        Some(name) => {
            let problem = problem.split("\n\n").next().unwrap_or(problem);
            format!("{problem}; did you mean `{name}`?")
        }
        None => problem.to_string(),
    };
    let joint = if problem.ends_with('?') { " See" } else { "; see" };
    tell!("{}{joint} `lacewing --help`", one_line(&problem));
    ExitCode::from(2)
}

/// The possible value nearest to one that is none.
fn meant(error: &clap::Error) -> Option<&str> {
    match (error.get(ContextKind::InvalidValue)?, error.get(ContextKind::ValidValue)?) {
        (ContextValue::String(given), ContextValue::Strings(known)) if !given.is_empty() => {
            nearest(given, known.iter().map(String::as_str))
        }
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
