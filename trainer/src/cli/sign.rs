//! `lacewing keygen`, `lacewing sign` and `lacewing verify`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use lacewing_formats::signature::{self, PublicKey, SecretKey, SignatureError};
use thiserror::Error;

use super::CliError;
use crate::lab::{files, policy};
use crate::shell;

/// Why nothing was signed or verified.
#[derive(Debug, Error)]
pub enum SignError {
    /// See [`SignatureError`].
    #[error("{}: {source}", path.display())]
    Signature {
        /// The key or the signature.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers ({0}): try again, or on another machine")]
    Random(getrandom::Error),
    /// A key is there already.
    #[error(
        "{} is there already, and a key that is replaced cannot be had again: choose another name, or move \
         that one away", path.display()
    )]
    KeyExists {
        /// The key.
        path: PathBuf,
    },
    /// There is no signature.
    #[error("{} is not there: sign the policy with `lacewing sign`", path.display())]
    Unsigned {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another robot or an older policy than asked for.
    #[error("{} is signed for robot `{found}`, not `{expected}`", path.display())]
    OtherRobot {
        /// The policy.
        path: PathBuf,
        /// Asked for.
        expected: String,
        /// In the signature.
        found: String,
    },
}

#[derive(clap::Args)]
pub struct KeygenArgs {
    /// Name of the pair: NAME.key signs and stays here, NAME.pub goes onto robots.
    name: PathBuf,
}

#[derive(clap::Args)]
pub struct SignArgs {
    /// Policy file, or a run's folder.
    policy: PathBuf,
    /// Secret key, as keygen makes it (ed25519, PEM).
    #[arg(long)]
    key: PathBuf,
    /// The robot it is for; no other takes it.
    #[arg(long, value_name = "NAME")]
    robot: String,
    /// Greater than that of every policy before it [default: seconds since 1970].
    #[arg(long, value_name = "N")]
    counter: Option<u64>,
}

#[derive(clap::Args)]
pub struct VerifyArgs {
    /// Policy file, or a run's folder; its signature is beside it, as POLICY.sig.
    policy: PathBuf,
    /// Public key.
    #[arg(long)]
    key: PathBuf,
    /// Robot that it must be for.
    #[arg(long, value_name = "NAME")]
    robot: Option<String>,
}

/// Makes a pair of keys.
pub fn keygen(args: &KeygenArgs) -> Result<(), CliError> {
    let named = |suffix: &str| {
        let mut path = args.name.clone().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    };
    let (secret, public) = (named(".key"), named(".pub"));
    for path in [&secret, &public] {
        if path.exists() {
            return Err(SignError::KeyExists { path: path.clone() }.into());
        }
        files::check_output(path, false)?;
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(SignError::Random)?;
    let key = SecretKey::from_random(random);
    let pem = key.to_pem().map_err(|source| failed(&secret, source))?;
    write_secret(&secret, pem.as_bytes())?;
    let pem = key.public().to_pem().map_err(|source| failed(&public, source))?;
    files::write_atomic(&public, pem.as_bytes())?;
    say!(
        "{}: signs; keep it off robots, and a copy of it safe\n{}: goes onto robots, by `lacewing deploy \
         --trust {} --robot NAME`",
        secret.display(),
        public.display(),
        shell::path(&public)
    );
    Ok(())
}

/// Signs a policy.
pub fn sign(args: &SignArgs) -> Result<(), CliError> {
    let pem = files::read(&args.key)?;
    let key = SecretKey::from_pem(&String::from_utf8_lossy(&pem));
    let key = key.map_err(|source| failed(&args.key, source))?;
    let file = policy::file(&args.policy)?;
    let bytes = policy::read(&file)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let counter = args.counter.unwrap_or(now);
    let sig = signature::sign(&bytes, &args.robot, counter, &key);
    let sig = sig.map_err(|source| failed(&file, source))?;
    let path = signature_of(&file);
    files::write_atomic(&path, &sig)?;
    say!("{}: for robot {}, counter {counter}", path.display(), args.robot);
    Ok(())
}

/// Says what a signature says.
pub fn verify(args: &VerifyArgs) -> Result<(), CliError> {
    let pem = files::read(&args.key)?;
    let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem));
    let key = key.map_err(|source| failed(&args.key, source))?;
    let file = policy::file(&args.policy)?;
    // Before the policy is looked at.
    let bytes = files::read(&file)?;
    let path = signature_of(&file);
    if !path.is_file() {
        return Err(SignError::Unsigned { path }.into());
    }
    let sig = files::read(&path)?;
    let signed = signature::verify(&bytes, &sig, &key).map_err(|source| failed(&path, source))?;
    if let Some(expected) = args.robot.clone().filter(|robot| robot != signed.robot) {
        let found = signed.robot.to_string();
        return Err(SignError::OtherRobot { path: file, expected, found }.into());
    }
    say!("{}: signed for robot {}, counter {}", file.display(), signed.robot, signed.counter);
    Ok(())
}

/// Where the signature of a policy file is.
pub fn signature_of(policy: &Path) -> PathBuf {
    let mut path = policy.as_os_str().to_os_string();
    path.push(".sig");
    path.into()
}

fn failed(path: &Path, source: SignatureError) -> SignError {
    SignError::Signature { path: path.to_path_buf(), source }
}

/// A file that only its owner can read, from its first byte on.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    Ok(written.map_err(|source| files::FileError::write(path, source))?)
}
