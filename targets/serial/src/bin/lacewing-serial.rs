//! Talks to a microcontroller that runs a policy.

use clap::{Parser, Subcommand};
use lacewing_formats::artifact::{AlignedBytes, PolicyView, write_atomically};
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_serial::{Host, HostError, Info, Request, Running, Tuned};
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How long the chip may be silent: it erases flash meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Control steps that are asked for at a time: all must be over before patience is.
const STEPS_AT_A_TIME: u32 = 10;

/// Talks to a microcontroller that runs a policy.
#[derive(Parser)]
struct Arguments {
    /// The line: a terminal (`stty -F LINE 115200 raw -echo min 0 time 50` before), or an emulator's socket
    line: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What runs
    Info,
    /// The action for an observation
    Act {
        /// Numbers in the environment's units
        #[arg(required = true, allow_negative_numbers = true)]
        observation: Vec<f32>,
    },
    /// Instructions of a control step under the emulator, cycles on a board
    Measure,
    /// Compares its actions on a policy file's probes with this machine's, in every bit
    Check {
        /// The file that runs there
        policy: PathBuf,
    },
    /// Sends a policy: it is on trial from the next start on
    Send {
        /// Its file
        policy: PathBuf,
    },
    /// The policy that runs is good: it stays
    Confirm,
    /// The policy on trial is bad: it is given up, and the chip starts afresh with the one before it
    Revert,
    /// Starts the chip afresh
    Restart,
    /// Goes on learning on the chip's own plant or robot
    Tune {
        /// Control steps
        steps: u32,
    },
    /// Keeps what was learned, as a policy that is on trial from the next start on
    Save,
    /// Appends what learning has told to a file, for `lacewing-edge log`
    Log {
        /// The file
        file: PathBuf,
    },
    /// Writes the policy that runs to a file
    Fetch {
        /// The file
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lacewing-serial: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let line = &arguments.line;
    let opened = open(line).map_err(|error| {
        format!("{}: {error}; is the board connected, and may you open its line?", line.display())
    })?;
    let mut host = Host::greet(opened)?;
    match &arguments.command {
        Command::Info => show(&host.info()?),
        Command::Act { observation } => {
            let action = host.act(observation)?;
            println!("{}", action.iter().map(f32::to_string).collect::<Vec<_>>().join(" "));
        }
        Command::Measure => {
            let (count, of) = host.measure()?;
            println!("{count} {of} a control step");
        }
        Command::Check { policy } => check(&mut host, policy)?,
        Command::Send { policy } => host.send(&AlignedBytes::read(policy)?)?,
        Command::Confirm => {
            let crc = host.info()?.crc;
            host.done(Request::Confirm { crc })?;
        }
        Command::Revert => host.done(Request::Revert)?,
        Command::Restart => host.done(Request::Restart)?,
        Command::Tune { steps } => tune(&mut host, *steps)?,
        Command::Save => host.done(Request::Save)?,
        Command::Log { file } => {
            let named = |error| format!("{}: {error}", file.display());
            let mut log = OpenOptions::new().append(true).create(true).open(file).map_err(named)?;
            log.write_all(&host.log()?).map_err(named)?;
        }
        Command::Fetch { file } => write_atomically(file, &host.fetch()?)?,
    }
    Ok(())
}

fn tune(host: &mut Host<Box<dyn Line>>, steps: u32) -> Result<(), HostError> {
    let (mut left, mut told) = (steps, 0);
    while left > 0 {
        let now = left.min(STEPS_AT_A_TIME);
        let Tuned { steps, updates, episodes, last } = host.tune(now)?;
        left -= now;
        if episodes > told || left == 0 {
            told = episodes;
            println!(
                "{steps} steps, {updates} updates, {episodes} episodes, the last returned {last:.1}"
            );
        }
    }
    Ok(())
}

fn show(info: &Info) {
    match info.running {
        Running::Nothing => print!("no policy"),
        Running::Factory => print!("the factory policy"),
        Running::Confirmed => print!("a confirmed policy"),
        Running::OnTrial { starts } => print!("a policy on trial, {starts} starts left"),
    }
    let Info { observations, actions, links, bytes, crc, stack, .. } = info;
    println!(
        ": {observations} observations, {actions} actions, {links} links, {bytes} bytes, CRC {crc:08x}; \
         {stack} bytes of stack"
    );
}

trait Line: Read + Write {}
impl<L: Read + Write> Line for L {}

fn open(path: &Path) -> io::Result<Box<dyn Line>> {
    if path.metadata()?.file_type().is_socket() {
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        return Ok(Box::new(socket));
    }
    Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
}

fn check(host: &mut Host<Box<dyn Line>>, path: &Path) -> Result<(), Box<dyn Error>> {
    let file = AlignedBytes::read(path)?;
    let (view, twin) = (PolicyView::parse(&file)?, Kernel::cortex_m_twin());
    let policy = Policy::with_layout(view, Layout::InPlace, twin, &mut [])?;
    let (mut action, mut scratch) = (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
    let probes = policy.view().probes();
    let count = probes.len();
    if count == 0 {
        return Err("the policy has no probes: `lacewing export` writes some".into());
    }
    for probe in probes {
        policy.act(probe.observation, &mut action, &mut scratch)?;
        let there = host.act(probe.observation)?;
        let bits = |numbers: &[f32]| numbers.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        if bits(&there) != bits(&action) {
            return Err(format!("the chip answers {there:?}, this machine {action:?}").into());
        }
    }
    println!("{count} probes, every bit as here");
    Ok(())
}
