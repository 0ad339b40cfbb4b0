//! `lacewing deploy`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::CliError;
use super::sign::signature_of;
use crate::deploy::{
    Address, DeployError, Fleet, Machine, OnChip, Package, Programs, Remote, Session, each, image,
};
use crate::lab::{files, policy};

#[derive(clap::Args)]
pub struct Args {
    /// Policy file, or a run's folder; POLICY.sig travels with it if it is there.
    #[arg(required_unless_present_any = ["status", "rollback"])]
    policy: Option<PathBuf>,
    /// Where to: user@host, user@host:folder, or a folder here (such as /mnt/image/opt/lacewing); several
    /// by commas or by repeating it.
    #[arg(long, required = true, value_delimiter = ',', value_parser = |text: &str| text.parse::<Address>())]
    to: Vec<Address>,
    /// Run the policy on an emulated microcontroller, and print what it takes: `--to cortex-m7` or cortex-m4.
    #[arg(long, requires = "policy", conflicts_with = "flash")]
    emulate: bool,
    /// Write the policy with firmware into a board's flash, by probe-rs or Teensy's loader: `--to stm32f4`, stm32h7 or
    /// teensy41.
    #[arg(long, requires = "policy")]
    flash: bool,
    /// A lacewing-edge for the robots' processors; one for each [default: what cargo has built].
    #[arg(long, value_name = "FILE")]
    edge: Vec<PathBuf>,
    /// Processor of the image that a folder is: x86_64, aarch64, armv7l, riscv64 [default: this one].
    #[arg(long, value_name = "UNAME", value_parser = machine)]
    machine: Option<Machine>,
    /// The robot's name: it takes it if it has none, and refuses the policy if it has another.
    #[arg(long, value_name = "NAME")]
    robot: Option<String>,
    /// From now on let the robot take only what this public key has signed for it.
    #[arg(long, value_name = "KEY.pub")]
    trust: Option<PathBuf>,
    /// What the robot's shell runs to start it, such as './driver' that calls `$LACEWING_EDGE act
    /// "$LACEWING_POLICY" --confirm` [default: as before].
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// What the robot's shell runs before the policy is confirmed, and which must succeed.
    #[arg(long, value_name = "COMMAND")]
    health: Option<String>,
    /// Starts without a confirmation after which the robot goes back to the version before.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
    /// Steps after which `lacewing-edge act --confirm` confirms the policy.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    good_steps: u64,
    /// Take a policy whose signals are others than those of the one that runs.
    #[arg(long)]
    new_contract: bool,
    /// Name of the systemd service.
    #[arg(long)]
    unit: Option<String>,
    /// Wait so long for the policy to be confirmed.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Say what is installed and how far it came.
    #[arg(long, conflicts_with_all = ["policy", "rollback"])]
    status: bool,
    /// Go back to the version before.
    #[arg(long, conflicts_with = "policy")]
    rollback: bool,
    /// Robots at once.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Robots that may fail before no further one is begun.
    #[arg(long, default_value_t = 0, value_name = "N")]
    may_fail: usize,
    /// Configuration file of ssh.
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    /// Option for ssh and scp, such as Port=2222; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    ssh_option: Vec<String>,
}

fn machine(uname: &str) -> Result<Machine, String> {
    Machine::of_uname(uname).ok_or_else(|| String::from("it takes what `uname -m` says there"))
}

/// Brings a policy onto robots, or asks how it does there.
pub fn run(args: &Args) -> Result<(), CliError> {
    if let (Some(path), true) = (&args.policy, args.emulate || args.flash) {
        let policy = policy::file(path)?;
        policy::read(&policy)?;
        let how = if args.emulate { OnChip::Emulate } else { OnChip::Flash };
        for chip in &args.to {
            how.run(&chip.to_string(), &policy)?;
        }
        return Ok(());
    }
    for to in &args.to {
        let to = to.to_string();
        if let Some(how) = OnChip::named(&to) {
            let option = how.option();
            return Err(CliError::Usage(format!(
                "{to} is no host but a microcontroller: `lacewing deploy POLICY --to {to} {option}` serves it \
                 (a host of this name is USER@{to})"
            )));
        }
    }
    let session = Session { config: args.ssh_config.clone(), options: args.ssh_option.clone() };
    let load = match &args.policy {
        Some(path) => Some((package(args, path)?, Programs::find(&args.edge)?)),
        None => None,
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let work = |index: usize| {
        let id = format!("{seconds}-{}-{index}", std::process::id());
        match (&args.to[index], &load) {
            (Address::Host { host, folder }, load) => {
                let remote = Remote::new(&session, host, folder);
                match load {
                    Some((package, programs)) => deploy(args, &remote, package, programs, &id),
                    None if args.rollback => remote.rollback(),
                    None => remote.status(false),
                }
            }
            (Address::Folder(root), Some((package, programs))) => {
                let machine = args.machine.or_else(Machine::here);
                let machine = machine.ok_or_else(|| DeployError::UnknownMachine {
                    uname: std::env::consts::ARCH.to_string(),
                })?;
                image::install(package, programs, machine, root, &id)
            }
            (Address::Folder(root), None) => {
                let command = if args.rollback { "rollback" } else { "status" };
                image::ask(&Programs::find(&args.edge)?, command, root)
            }
        }
    };
    let fleet = Fleet { jobs: args.jobs, may_fail: args.may_fail };
    let answers = each(fleet, args.to.len(), work, |index, answer| match answer {
        Ok(said) => say!("{}: {said}", args.to[index]),
        Err(error) => tell!("{}: {error}", args.to[index]),
    });
    let failed = answers.iter().flatten().filter(|answer| answer.is_err()).count();
    let left = answers.iter().filter(|answer| answer.is_none()).count();
    match (failed, left) {
        (0, 0) => Ok(()),
        _ => Err(CliError::Failed(format!(
            "{failed} of {} failed, {left} not begun; what is said above is to be mended, and the same \
             command goes on",
            args.to.len()
        ))),
    }
}

/// Onto one robot.
fn deploy(
    args: &Args,
    remote: &Remote<'_>,
    package: &Package,
    programs: &Programs,
    id: &str,
) -> Result<String, DeployError> {
    let installed = remote.install(package, programs, id)?;
    let version = installed["version"].as_u64().unwrap_or_default();
    let what = if installed["new"] == true { "is installed" } else { "is this one already" };
    let unit = installed["unit"].as_str().unwrap_or_default();
    let said = format!("version {version} {what}; {unit}");
    match args.wait {
        Some(seconds) => {
            remote.wait(version, Duration::from_secs(seconds))?;
            Ok(format!("{said}; confirmed"))
        }
        None => Ok(said),
    }
}

fn package(args: &Args, path: &std::path::Path) -> Result<Package, CliError> {
    let file = policy::file(path)?;
    let sig = signature_of(&file);
    let trust = args.trust.as_ref().map(|path| files::read(path)).transpose()?;
    Ok(Package {
        policy: policy::read(&file)?.to_vec(),
        signature: sig.is_file().then(|| files::read(&sig)).transpose()?,
        trust: trust.map(|pem| String::from_utf8_lossy(&pem).into_owned()),
        robot: args.robot.clone(),
        run: args.run.clone(),
        health: args.health.clone(),
        tries: args.tries,
        good_steps: args.good_steps,
        new_contract: args.new_contract,
        unit: args.unit.clone(),
    })
}
