//! `lacewing-edge start`: becomes the program of the version that is to run.

use super::{InstalledError, versions};
use std::path::Path;
use std::process::Command;

/// Variable that names the folder of versions.
pub const ROOT: &str = "LACEWING_ROOT";
/// Variable with the number of the version.
pub const VERSION: &str = "LACEWING_VERSION";
/// Variable that names the policy file.
const POLICY: &str = "LACEWING_POLICY";
/// Variable that names the program of the version.
const EDGE: &str = "LACEWING_EDGE";

/// Runs what the current version is started with, in the folder of versions; never returns if that works.
/// What supervises this process supervises the program, with all its signals.
///
/// # Errors
/// [`InstalledError`].
pub fn start(root: &Path) -> Result<(), InstalledError> {
    use lacewing_runtime::deploy;
    let root = &root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let mut versions = versions(root)?;
    let started = versions.start()?;
    for (number, failure) in &started.left {
        crate::warn(format_args!("version {number} {failure}: it is left for the one before"));
    }
    if let Some(error) = &started.uncounted {
        crate::warn(format_args!(
            "the attempt cannot be counted ({error}): version {} runs",
            started.number
        ));
    }
    let number = started.number;
    let run = started.plan.run.as_ref().ok_or(InstalledError::NoRun { number })?;
    let folder = root.join(&started.folder);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", run])
        .current_dir(root)
        .env(ROOT, root)
        .env(VERSION, number.to_string())
        .env(POLICY, folder.join(deploy::POLICY))
        .env(EDGE, folder.join(deploy::PROGRAM));
    // Confirmations and deployments must not wait for the program's end.
    drop(versions);
    Err(InstalledError::Run { number, source: replace(&mut command) })
}

/// Becomes `command`.
#[cfg(unix)]
fn replace(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

/// There is no other way elsewhere than to run it and end as it does.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
