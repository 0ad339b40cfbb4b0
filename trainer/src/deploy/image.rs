//! Into a folder here: a mounted image, or the root of what will be one.

use super::remote::{refused, text};
use super::{DeployError, Machine, Package, Programs};
use lacewing_runtime::deploy::{self, Files, Installed, Offer, Plan, UPLOADS, Versions};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Installs the package for `machine` in the folder of versions at `root`; says which version it is, and what
/// is left to do. What the robot would find out by its probes is found out here.
///
/// # Errors
/// [`DeployError`].
pub fn install(
    package: &Package,
    programs: &Programs,
    machine: Machine,
    root: &Path,
    id: &str,
) -> Result<String, DeployError> {
    let staged = package.stage(programs.of(machine)?)?;
    let mut versions = Versions::new(
        Files::open(root).map_err(|error| deploy::DeployError::at_root(root, error))?,
    );
    let plan = versions.status()?.as_before(Plan {
        tries: package.tries,
        good_steps: package.good_steps,
        run: package.run.clone(),
        health: package.health.clone(),
    });
    // The image's own folders are not known here, so neither is what a systemd unit would have to say.
    let starts = match plan.run {
        Some(_) => {
            "let its systemd or what else supervises run `FOLDER/current/lacewing-edge start FOLDER` at boot \
             and whenever it ends, FOLDER being this one as the image has it"
        }
        None => "nothing starts it: deploy with --run 'COMMAND'",
    };
    let upload = root.join(UPLOADS).join(id);
    let copied = fs::create_dir_all(&upload).and_then(|()| {
        let files = staged.files().map_err(std::io::Error::other)?;
        files.iter().try_for_each(|file| {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, upload.join(name)).map(|_| ())
        })
    });
    copied.map_err(|source| DeployError::File { path: upload, source })?;
    let installed = versions.install(&Offer {
        upload: id,
        policy: package.sha256(),
        program: staged.program,
        robot: package.robot.as_deref(),
        trust: package.trust.as_deref(),
        plan,
        new_contract: package.new_contract,
    })?;
    Ok(match installed {
        Installed::New(number) => format!("version {number} is installed; {starts}"),
        Installed::Already(number) => format!("version {number} is this one already; {starts}"),
    })
}

/// What `lacewing-edge` says to `status` or `rollback` of the versions at `root`. The image's own one may be
/// for another processor, so this machine's is asked.
///
/// # Errors
/// [`DeployError`].
pub fn ask(programs: &Programs, command: &str, root: &Path) -> Result<String, DeployError> {
    if !root.is_dir() {
        return Err(DeployError::Nothing { folder: root.display().to_string() });
    }
    let uname = std::env::consts::ARCH.to_string();
    let here = Machine::here().ok_or(DeployError::UnknownMachine { uname })?;
    let program = programs.of(here)?;
    let output = Command::new(program).arg(command).arg(root).stdin(Stdio::null()).output();
    let output =
        output.map_err(|source| DeployError::File { path: program.to_path_buf(), source })?;
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(refused(&output)),
    }
}
