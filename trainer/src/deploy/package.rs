//! What travels, and what the robot is told about it.

use super::DeployError;
use lacewing_formats::signature::sha256;
use lacewing_runtime::deploy::{POLICY, PROGRAM, SIGNATURE};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Name of the public key in an upload.
const TRUST: &str = "trust.pem";

/// A policy, and how it is to be started and judged.
#[derive(Clone, Debug)]
pub struct Package {
    /// The policy file.
    pub policy: Vec<u8>,
    /// Its signature, if it has one.
    pub signature: Option<Vec<u8>>,
    /// A public key (PEM) to trust from now on.
    pub trust: Option<String>,
    /// The robot it is for.
    pub robot: Option<String>,
    /// What the shell runs to start it.
    pub run: Option<String>,
    /// What the shell runs before it is confirmed.
    pub health: Option<String>,
    /// Starts without a confirmation after which it is rolled back.
    pub tries: u32,
    /// Steps after which `act --confirm` confirms it.
    pub good_steps: u64,
    /// Whether the contract may be another than before.
    pub new_contract: bool,
    /// Name of the systemd service.
    pub unit: Option<String>,
}

/// A [`Package`] with a program, as files with the names they have on a robot.
pub struct Staged {
    folder: TempDir,
    /// SHA-256 of the program.
    pub program: [u8; 32],
}

impl Package {
    /// SHA-256 of the policy.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.policy)
    }

    /// Writes everything into a folder of its own.
    ///
    /// # Errors
    /// [`DeployError::File`].
    pub fn stage(&self, program: &Path) -> Result<Staged, DeployError> {
        let fail = |path: &Path, source| DeployError::File { path: path.to_path_buf(), source };
        let program = fs::read(program).map_err(|source| fail(program, source))?;
        let folder = TempDir::new().map_err(|source| fail(&std::env::temp_dir(), source))?;
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes)
                .and_then(|()| runnable(&path))
                .map_err(|source| fail(&path, source))
        };
        put(POLICY, &self.policy)?;
        put(PROGRAM, &program)?;
        self.signature.as_ref().map_or(Ok(()), |bytes| put(SIGNATURE, bytes))?;
        self.trust.as_ref().map_or(Ok(()), |pem| put(TRUST, pem.as_bytes()))?;
        Ok(Staged { program: sha256(&program), folder })
    }

    /// What follows `lacewing-edge` in the robot's shell to install the upload `id` in `folder`.
    pub fn arguments(&self, folder: &str, id: &str, staged: &Staged) -> Vec<String> {
        let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut words: Vec<String> = vec!["install".into(), folder.into(), "--json".into()];
        let mut option = |name: &str, value: Option<String>| {
            // One word, so that no value is taken for an option.
            words.extend(value.map(|value| format!("--{name}={value}")));
        };
        option("upload", Some(id.to_string()));
        option("policy", Some(hex(self.sha256())));
        option("program", Some(hex(staged.program)));
        option("tries", Some(self.tries.to_string()));
        option("good-steps", Some(self.good_steps.to_string()));
        option("robot", self.robot.clone());
        option("run", self.run.clone());
        option("health", self.health.clone());
        option("unit", self.unit.clone());
        option("trust", self.trust.as_ref().map(|_| format!("{folder}/uploads/{id}/{TRUST}")));
        words.extend(self.new_contract.then(|| "--new-contract".into()));
        words
    }
}

impl Staged {
    /// Its files.
    ///
    /// # Errors
    /// [`DeployError::File`].
    pub fn files(&self) -> Result<Vec<PathBuf>, DeployError> {
        let folder = self.folder.path();
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries =
            entries.map_err(|source| DeployError::File { path: folder.to_path_buf(), source })?;
        Ok(entries.into_iter().map(|entry| entry.path()).collect())
    }
}

/// Programs must be allowed to run; the other files may.
#[cfg(unix)]
fn runnable(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

#[cfg(not(unix))]
fn runnable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
