//! The command line: one module a command, each a thin layer over the crates.

mod adopt;
mod advise;
mod deploy;
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
mod sign;
mod signals;
mod sweep;
mod train;
mod view;

use std::any::TypeId;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
    /// Give an imported policy critics, so that it can be fine-tuned.
    Adopt(adopt::Args),
    /// Show a policy's layers, sparsity, bytes, FLOPs and origin.
    Inspect(inspect::Args),
    /// Time one control step on this machine, beside the same network run dense; or model one elsewhere.
    Measure(measure::Args),
    /// Say which sparsity, structure and codecs a device wants.
    Advise(advise::Args),
    /// Play an episode and draw it: a GIF, a video or a still.
    View(view::Args),
    /// Go on learning where the dynamics have changed.
    Finetune(finetune::Args),
    /// Make a pair of keys to sign policies with.
    Keygen(sign::KeygenArgs),
    /// Sign a policy for a robot, into POLICY.sig.
    Sign(sign::SignArgs),
    /// Say who signed a policy, and for which robot.
    Verify(sign::VerifyArgs),
    /// Put a policy onto robots over ssh, or into an image; see how it does there, or roll it back.
    Deploy(deploy::Args),
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
    let matches = taking_negative_numbers(Cli::command()).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Adopt(args) => adopt::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Measure(args) => measure::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::View(args) => view::run(&args),
        Command::Finetune(args) => finetune::run(&args),
        Command::Keygen(args) => sign::keygen(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Verify(args) => sign::verify(&args),
        Command::Deploy(args) => deploy::run(&args),
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

/// Lets `--shift -1` be a value, if a wrong one, instead of an option that nobody knows. Clap takes neither
/// -.5 nor -1e-3 for a number.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let of = argument.get_value_parser().type_id();
        let text = of == TypeId::of::<PathBuf>() || of == TypeId::of::<String>();
        match argument.get_action().takes_values() {
            true if text || argument.is_positional() => argument.allow_negative_numbers(true),
            true => argument.allow_hyphen_values(true),
            false => argument,
        }
    });
    command.mut_subcommands(taking_negative_numbers)
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
    // What follows are usage and tips, of which that to put `--` before an option helps nobody.
    let mut problem = text.split("\n\n").next().unwrap_or(&text).to_string();
    for (terse, plain) in PLAIN {
        problem = problem.replace(terse, plain);
    }
    let (meant, joint) = match meant(error) {
        Some(name) => (format!("; did you mean `{name}`?"), " See"),
        None => (String::new(), "; see"),
    };
    tell!("{}{meant}{joint} `{} --help`", one_line(&problem), command_line());
    ExitCode::from(2)
}

/// What Rust and clap say of a value, and what it means to who typed it.
const PLAIN: [(&str, &str); 5] = [
    ("invalid digit found in string", "it takes a whole number from 0 up"),
    ("cannot parse integer from empty string", "it takes a whole number from 0 up"),
    ("number too large to fit in target type", "it is too large"),
    ("invalid float literal", "it takes a number"),
    (
        "invalid UTF-8 was detected in one or more arguments",
        "only the paths of files and folders may be other text than UTF-8",
    ),
];

/// The possible name that is near one that is none.
fn meant(error: &clap::Error) -> Option<&str> {
    let known =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::ValidValue];
    let mut known = known.into_iter().filter_map(|kind| error.get(kind));
    let given =
        [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue];
    let mut given = given.into_iter().filter_map(|kind| error.get(kind));
    let given = match error.kind() {
        // Beside its value, the option that it is for is named.
        ErrorKind::InvalidValue => error.get(ContextKind::InvalidValue),
        _ => given.next(),
    };
    match (given?, known.next()?) {
        (ContextValue::String(given), ContextValue::Strings(known)) => {
            nearest(given, known.iter().map(String::as_str))
        }
        (ContextValue::String(_), ContextValue::String(known)) => Some(known),
        _ => None,
    }
}

/// The command and its subcommands, as they were typed.
fn command_line() -> String {
    let mut command = &Cli::command();
    let mut line = command.get_name().to_string();
    for word in std::env::args_os().skip(1) {
        let Some(next) = command.find_subcommand(&word) else { break };
        line = format!("{line} {}", next.get_name());
        command = next;
    }
    line
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
