//! `--trust`: nothing is done with a policy that nobody vouches for.

use clap::Args;
use lacewing_formats::artifact::{AlignedBytes, ReadError, SaveError, write_atomically};
use lacewing_formats::signature::{PublicKey, SignatureError};
use lacewing_runtime::deploy::{Refusal, vouched};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Whom a device trusts, and for which robot.
#[derive(Args)]
pub struct Options {
    /// Take only a policy that this public key has signed for this robot; the signature is beside it, as
    /// POLICY.sig
    #[arg(long, global = true, value_name = "KEY.pub")]
    pub trust: Option<PathBuf>,
    /// This robot's name
    #[arg(long, global = true, value_name = "NAME")]
    pub robot: Option<String>,
    /// With --trust: remember the greatest counter that was taken in this file, and refuse older policies
    #[arg(long, global = true, value_name = "FILE")]
    pub newest: Option<PathBuf>,
}

/// Why a policy is not trusted.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the path", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The policy cannot be read.
    #[error(transparent)]
    Policy(#[from] ReadError),
    /// The key is none.
    #[error("{path}: {source}", path = path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// Not taken.
    #[error("{path} is not run: {source}", path = path.display())]
    Refused {
        /// The policy file.
        path: PathBuf,
        /// Why.
        source: Refusal,
    },
    /// Options that need each other.
    #[error("--trust, --robot and --newest go together: give --trust KEY.pub --robot NAME")]
    Half,
    /// There is nothing to trust.
    #[error(
        "--trust, --robot and --newest are for act, measure, finetune and install: leave them out"
    )]
    NoPolicy,
    /// What --newest names holds something else.
    #[error("{path} holds no counter: give the file that an earlier --newest wrote, or a new one", path = path.display())]
    Counter {
        /// The file.
        path: PathBuf,
    },
    /// The counter cannot be remembered.
    #[error(transparent)]
    Save(#[from] SaveError),
}

impl Options {
    /// Reads a policy file, and refuses it unless the trusted key vouches for it, if there is one. It is read
    /// once: what is run is what was vouched for, whoever writes to the file meanwhile.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn read(&self, path: &Path) -> Result<AlignedBytes, TrustError> {
        let policy = AlignedBytes::read(path)?;
        let (key, robot) = match (&self.trust, &self.robot) {
            (Some(key), Some(robot)) => (public_key(key)?, robot),
            (None, None) if self.newest.is_none() => return Ok(policy),
            _ => return Err(TrustError::Half),
        };
        let refused = |source| TrustError::Refused { path: path.to_path_buf(), source };
        let sig = signature_of(path);
        let sig = match fs::read(&sig) {
            Ok(sig) => Some(sig),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(TrustError::Read { path: sig, source }),
        };
        let signed = vouched(&policy, sig.as_deref(), &key, robot).map_err(refused)?;
        let counter = signed.counter;
        let Some(newest) = &self.newest else { return Ok(policy) };
        match remembered(newest)? {
            Some(running) if counter < running => {
                return Err(refused(Refusal::Older { counter, running }));
            }
            Some(running) if counter == running => {}
            _ => write_atomically(newest, format!("{counter}\n").as_bytes())?,
        }
        Ok(policy)
    }

    /// Refuses to be given where no policy file is named.
    ///
    /// # Errors
    /// [`TrustError::NoPolicy`].
    pub fn unused(&self) -> Result<(), TrustError> {
        match (&self.trust, &self.robot, &self.newest) {
            (None, None, None) => Ok(()),
            _ => Err(TrustError::NoPolicy),
        }
    }
}

/// Where the signature of a policy file is.
fn signature_of(policy: &Path) -> PathBuf {
    let mut path = policy.as_os_str().to_os_string();
    path.push(".sig");
    path.into()
}

/// A public key file's text.
///
/// # Errors
/// [`TrustError::Read`].
pub fn pem(path: &Path) -> Result<String, TrustError> {
    fs::read_to_string(path).map_err(|source| TrustError::Read { path: path.to_path_buf(), source })
}

fn public_key(path: &Path) -> Result<PublicKey, TrustError> {
    PublicKey::from_pem(&pem(path)?)
        .map_err(|source| TrustError::Key { path: path.to_path_buf(), source })
}

/// The greatest counter taken so far.
fn remembered(path: &Path) -> Result<Option<u64>, TrustError> {
    match fs::read_to_string(path) {
        Ok(text) => match text.trim().parse() {
            Ok(counter) => Ok(Some(counter)),
            Err(_) => Err(TrustError::Counter { path: path.to_path_buf() }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrustError::Read { path: path.to_path_buf(), source }),
    }
}
