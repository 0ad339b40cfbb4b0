//! `lacewing-edge install`: an upload becomes the version that runs.

use super::unit::Systemd;
use super::{InstalledError, open, report};
use crate::trust;
use clap::Args;
use lacewing_runtime::deploy::{Offer, Plan};
use std::path::PathBuf;

/// Options of `install`.
#[derive(Args)]
pub struct InstallOptions {
    /// Folder of the installed versions
    root: PathBuf,
    /// Folder of the upload, under ROOT/uploads
    #[arg(long, value_parser = plain)]
    upload: String,
    /// SHA-256 of the policy file that was sent, in hexadecimal digits
    #[arg(long)]
    policy: String,
    /// SHA-256 of the program that was sent
    #[arg(long)]
    program: String,
    /// What the shell runs to start it [default: as before]
    #[arg(long)]
    run: Option<String>,
    /// What the shell runs before it is confirmed, and which must succeed [default: as before]
    #[arg(long)]
    health: Option<String>,
    /// Starts without a confirmation after which it is rolled back
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
    /// Steps after which `act --confirm` confirms it
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    good_steps: u64,
    /// Take a policy whose signals are others than those of the one that runs
    #[arg(long)]
    new_contract: bool,
    /// Name of the systemd service that starts it
    #[arg(long, default_value = "lacewing")]
    unit: String,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// Installs an upload and, where systemd is, lets it be started.
///
/// # Errors
/// [`InstalledError`]; unless it speaks of a unit, what ran before still does.
pub fn install(options: &InstallOptions, told: &trust::Options) -> Result<(), InstalledError> {
    let systemd = Systemd::named(&options.unit)?;
    let mut versions = open(&options.root)?;
    let trust = told.trust.as_deref().map(trust::pem).transpose()?;
    let plan = versions.status()?.as_before(Plan {
        tries: options.tries,
        good_steps: options.good_steps,
        run: options.run.clone(),
        health: options.health.clone(),
    });
    let starts = plan.run.is_some();
    let installed = versions.install(&Offer {
        upload: &options.upload,
        policy: hash(&options.policy)?,
        program: hash(&options.program)?,
        robot: told.robot.as_deref(),
        trust: trust.as_deref(),
        plan,
        new_contract: options.new_contract,
    })?;
    drop(versions);
    let unit = if starts {
        systemd.write(&options.root)?
    } else {
        String::from("nothing starts it: deploy with --run 'COMMAND'")
    };
    report::installed(installed, &unit, options.json)
}

/// A name that leads nowhere else.
fn plain(name: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(fits) {
        true => Ok(name.to_string()),
        false => Err(String::from("it takes letters, digits, `-` and `_`")),
    }
}

/// 64 hexadecimal digits.
fn hash(text: &str) -> Result<[u8; 32], InstalledError> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(InstalledError::Hash);
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        let digits = &text[2 * index..2 * index + 2];
        *byte = u8::from_str_radix(digits, 16).map_err(|_| InstalledError::Hash)?;
    }
    Ok(hash)
}
