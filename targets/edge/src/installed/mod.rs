//! The policy that is installed on this device: `install`, `start`, `confirm`, `rollback`, `status`.
//!
//! `lacewing deploy` calls `install` over ssh; systemd calls `start`, which becomes the program of the
//! version that is to run; that calls `act --confirm`, or `confirm` when it knows better. The rules are
//! [`lacewing_runtime::deploy`]'s.

mod confirm;
mod error;
mod install;
mod report;
mod start;
mod unit;

pub use confirm::{Confirmation, confirm};
pub use error::InstalledError;
pub use install::{InstallOptions, install};
pub use report::status;
pub use start::start;

use clap::Args;
use lacewing_runtime::deploy::{DeployError, Files, Versions};
use std::path::{Path, PathBuf};
use unit::Systemd;

/// Where the versions are.
#[derive(Args)]
pub struct Root {
    /// Folder of the installed versions
    pub root: PathBuf,
}

/// The same, with the form of the answer.
#[derive(Args)]
pub struct Asked {
    /// Folder of the installed versions
    pub root: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// The versions in a folder that has some; other commands wait meanwhile.
fn versions(root: &Path) -> Result<Versions<Files>, InstalledError> {
    if root.is_dir() { open(root) } else { Err(DeployError::Nothing.into()) }
}

/// The same, of a folder that is made if it is not there.
fn open(root: &Path) -> Result<Versions<Files>, InstalledError> {
    Ok(Versions::new(Files::open(root).map_err(|error| DeployError::at_root(root, error))?))
}

/// Goes back to the version before.
///
/// # Errors
/// [`InstalledError`].
pub fn rollback(asked: &Asked) -> Result<(), InstalledError> {
    let (left, now) = versions(&asked.root)?.rollback()?;
    let unit = Systemd::find().restart(&asked.root);
    report::rolled_back(left, now, &unit, asked.json)
}
