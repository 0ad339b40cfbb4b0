//! Into a folder here: a mounted image, or the root of what will be one.

use super::{DeployError, Machine, Package, Programs};
use lacewing_runtime::deploy::{self, Files, Installed, Offer, Plan, UPLOADS, Versions};
use std::fs;
use std::path::Path;

/// Installs the package for `machine` in the folder of versions at `root`; says which version it is. What
/// the robot would find out by its probes is found out here.
///
/// # Errors
/// [`DeployError`].
pub fn install(
    package: &Package,
    programs: &Programs,
    machine: Machine,
    root: &Path,
    id: &str,
) -> Result<Installed, DeployError> {
    let staged = package.stage(programs.of(machine)?)?;
    let mut versions = Versions::new(
        Files::open(root).map_err(|error| deploy::DeployError::at_root(root, error))?,
    );
    let upload = root.join(UPLOADS).join(id);
    let copied = fs::create_dir_all(&upload).and_then(|()| {
        let files = staged.files().map_err(std::io::Error::other)?;
        files.iter().try_for_each(|file| {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, upload.join(name)).map(|_| ())
        })
    });
    copied.map_err(|source| DeployError::File { path: upload, source })?;
    Ok(versions.install(&Offer {
        upload: id,
        policy: package.sha256(),
        program: staged.program,
        robot: package.robot.as_deref(),
        trust: package.trust.as_deref(),
        plan: Plan {
            tries: package.tries,
            good_steps: package.good_steps,
            run: package.run.clone(),
            health: package.health.clone(),
        },
        new_contract: package.new_contract,
    })?)
}
