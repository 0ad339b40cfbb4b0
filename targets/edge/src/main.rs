//! The `lacewing-edge` command line: act, measure and fine-tune on a device.

mod act;
mod driver;
mod error;
mod finetune;
mod installed;
mod telemetry;
mod trust;

use clap::error::ContextKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
pub use error::EdgeError;
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_runtime::measure::{self, Settings};
use serde::Serialize;
use std::any::TypeId;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs sparse policies on a device
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    trust: trust::Options,
}

#[derive(Subcommand)]
enum Command {
    /// Answer observations with actions: one JSON array a line on stdin, one on stdout
    ///
    /// A policy file with a contract says what the numbers are: they are scaled, stacked with earlier
    /// ones and kept within limits as it has it. {"spec":{…}} on a line of its own, as finetune reads
    /// it, is compared with it; {"reset":N} begins an episode; blank lines are passed over.
    ///
    /// Ends with status 0 when the input ends or nobody reads the output any more. At the first
    /// line that is no observation of the policy's length, or holds a number that is not finite,
    /// it writes one line to stderr and ends with status 1: what a robot does then is the caller's
    /// decision, not to be hidden behind a made-up action.
    Act {
        /// Policy file
        policy: PathBuf,
        /// Round weights and activations to 8 bits: faster where the processor has the instructions,
        /// but actions differ (see measure --int8)
        #[arg(long)]
        int8: bool,
        /// Count answers, and confirm the version that `start` has started after as many as were agreed on
        /// when it was deployed
        #[arg(long)]
        confirm: bool,
    },
    /// Time a control step, beside the same network run dense
    Measure(MeasureOptions),
    /// Go on learning from the policy's resume section
    Finetune(Box<finetune::Options>),
    /// Write the records of a fine-tuning's log as text
    Log(telemetry::LogOptions),
    /// Make an upload the policy that runs here (`lacewing deploy` calls this)
    Install(installed::InstallOptions),
    /// Become the program of the installed policy, for systemd: counts the attempt first, and goes back to
    /// the version before if this one was never confirmed
    ///
    /// The program runs in ROOT, with LACEWING_POLICY (the policy file), LACEWING_EDGE (the
    /// lacewing-edge that came with it), LACEWING_ROOT and LACEWING_VERSION in its environment.
    Start(installed::Root),
    /// Say that the version that was started does what it should, for programs that know better than
    /// `act --confirm`; runs its health test first
    Confirm {
        #[command(flatten)]
        root: installed::Root,
        /// The number in LACEWING_VERSION
        number: u32,
    },
    /// Go back to the version before
    Rollback(installed::Asked),
    /// Say which versions are installed and how far they came
    Status(installed::Asked),
}

#[derive(Args)]
struct MeasureOptions {
    /// Policy file
    policy: PathBuf,
    /// Steps to time
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: u64,
    /// Time int8 weights and activations too, and say how far actions are off
    #[arg(long)]
    int8: bool,
    /// Measure what a step takes of the battery, by RAPL or INA3221, in place of its time
    #[arg(long, conflicts_with_all = ["steps", "int8"])]
    energy: bool,
    /// Write JSON instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let matches = taking_negative_numbers(Cli::command()).try_get_matches();
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches)).unwrap_or_else(usage);
    let result = run(cli.command, &cli.trust);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads on: nothing is wrong.
        Err(EdgeError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("{error}"));
            if error.is_interruption() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command, trust: &trust::Options) -> Result<(), EdgeError> {
    match command {
        Command::Act { policy, int8, confirm } => act(&policy, trust, int8, confirm),
        Command::Measure(options) => measure(&options, trust),
        Command::Finetune(options) => finetune::run(&options, trust),
        // It remembers whom to trust, and looks at the upload by itself.
        Command::Install(options) => Ok(installed::install(&options, trust)?),
        Command::Log(options) => {
            trust.unused()?;
            telemetry::show(&options)
        }
        Command::Start(of) => {
            trust.unused()?;
            Ok(installed::start(&of.root)?)
        }
        Command::Confirm { root, number } => {
            trust.unused()?;
            Ok(installed::confirm(&root.root, number)?)
        }
        Command::Rollback(asked) => {
            trust.unused()?;
            Ok(installed::rollback(&asked)?)
        }
        Command::Status(asked) => {
            trust.unused()?;
            Ok(installed::status(&asked)?)
        }
    }
}

/// Ends with what is wrong with the command line, or with the help that was asked for.
fn usage(mut error: clap::Error) -> Cli {
    // To put `--` before a number helps nobody.
    error.remove(ContextKind::Suggested);
    error.exit()
}

/// Lets `--noise -1` be a value, if a wrong one, instead of an option that nobody knows. Clap takes neither
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

fn act(path: &Path, trust: &trust::Options, int8: bool, confirm: bool) -> Result<(), EdgeError> {
    let bytes = trust.read(path)?;
    let confirmation = confirm.then(installed::Confirmation::of_started).transpose()?;
    let view = parse(&bytes, path)?;
    // Probes are answered in f32, so that they are checked to the last digit.
    let (kernel, layout) = (Kernel::best(), if int8 { Layout::Int8 } else { Layout::Packed });
    let checked = Policy::new(view.clone())?;
    let mut scratch = vec![0.0; checked.scratch_len()];
    checked.check_probes(&mut vec![0.0; checked.actions()], &mut scratch)?;
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
    let policy = Policy::with_layout(view, layout, kernel, &mut memory)?;
    let mut scratch = vec![0.0; policy.scratch_len()];
    policy.check_probes(&mut vec![0.0; policy.actions()], &mut scratch)?;
    act::serve(&policy, std::io::stdin().lock(), std::io::stdout().lock(), confirmation)
}

fn measure(options: &MeasureOptions, trust: &trust::Options) -> Result<(), EdgeError> {
    let bytes = trust.read(&options.policy)?;
    let view = parse(&bytes, &options.policy)?;
    let text = if options.energy {
        written(&measure::step_energy(view)?, options.json)?
    } else {
        let settings = Settings { steps: options.steps, int8: options.int8, ..Settings::default() };
        written(&measure::measure(view, settings, Vec::new())?, options.json)?
    };
    writeln!(std::io::stdout(), "{text}").map_err(EdgeError::Output)
}

/// A measurement as JSON or as its table.
fn written(report: &(impl Serialize + Display), json: bool) -> Result<String, EdgeError> {
    match json {
        true => serde_json::to_string_pretty(report).map_err(EdgeError::Report),
        false => Ok(report.to_string()),
    }
}

/// Writes a line to standard error, if anyone reads it: a robot goes on where nobody does.
fn warn(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "lacewing-edge: {line}");
}

/// The policy in a file.
fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<PolicyView<'a>, EdgeError> {
    PolicyView::parse(bytes).map_err(|source| EdgeError::File { path: path.to_owned(), source })
}
