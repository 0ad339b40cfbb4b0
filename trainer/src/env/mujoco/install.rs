//! Fetching the library with the user's own pip.

use super::{ffi, library};
use crate::env::EnvError;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use zip::ZipArchive;

/// Puts MuJoCo 3.17.0 into the user's cache and returns the library's path.
///
/// Runs `python3 -m pip download`, so the user's own index and proxy settings hold. Does nothing
/// where a library that works is already there. The library appears in its place whole or not at
/// all, whenever the process is stopped and however many run at once.
///
/// # Errors
/// [`EnvError::Install`] where Python, pip, the network or the disk fails; [`EnvError::NoCacheDir`].
pub fn install_mujoco() -> Result<PathBuf, EnvError> {
    let folder = library::cache_dir()?;
    let path = folder.join(library::FILE_NAME);
    if ffi::verify(&path).is_ok() {
        return Ok(path);
    }
    let on_disk = |error: io::Error| failed(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(on_disk)?;
    // Released when the file is closed, also by a crash.
    let lock = File::create(folder.join("lock")).map_err(on_disk)?;
    lock.lock().map_err(on_disk)?;
    // Another process may have installed it while this one waited.
    if ffi::verify(&path).is_err() {
        let work = tempfile::tempdir_in(&folder).map_err(on_disk)?;
        let unpacked = work.path().join(library::FILE_NAME);
        unpack(&download(work.path())?, &unpacked)?;
        ffi::verify(&unpacked)?;
        fs::rename(&unpacked, &path).map_err(on_disk)?;
    }
    Ok(path)
}

fn failed(reason: String) -> EnvError {
    EnvError::Install { reason }
}

/// Runs Python under either of its names.
fn python(arguments: &[&OsStr]) -> Result<Output, EnvError> {
    for name in ["python3", "python"] {
        let run = Command::new(name).args(arguments).stdin(Stdio::null()).output();
        match run {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(format!("{name}: {error}"))),
            Ok(output) => return Ok(output),
        }
    }
    Err(failed("no `python3` on the PATH: install Python 3 with pip".to_owned()))
}

/// Downloads the wheel into `folder`.
fn download(folder: &Path) -> Result<PathBuf, EnvError> {
    let wanted = format!("mujoco=={}", library::VERSION);
    let options = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check"];
    let what = ["--no-deps", "--only-binary=:all:", &wanted, "--dest"];
    let mut arguments: Vec<&OsStr> = options.iter().chain(&what).map(OsStr::new).collect();
    arguments.push(folder.as_os_str());
    let output = python(&arguments)?;
    if !output.status.success() {
        // pip says what went wrong in its last line.
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason");
        return Err(failed(format!("pip could not download {wanted}: {}", last.trim())));
    }
    let files = fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .ok_or_else(|| failed(format!("pip downloaded no wheel of {wanted}")))
}

/// Writes the library that `wheel` holds to `to`.
fn unpack(wheel: &Path, to: &Path) -> Result<(), EnvError> {
    let broken = |reason: &dyn ToString| {
        failed(format!("the wheel {}: {}", wheel.display(), reason.to_string()))
    };
    let mut archive = File::open(wheel)
        .map_err(|error| broken(&error))
        .and_then(|file| ZipArchive::new(file).map_err(|error| broken(&error)))?;
    let name = format!("mujoco/{}", library::FILE_NAME);
    let mut library = archive.by_name(&name).map_err(|error| broken(&error))?;
    let mut file = File::create(to).map_err(|error| broken(&error))?;
    io::copy(&mut library, &mut file).map_err(|error| broken(&error))?;
    // On the disk before it is renamed into place.
    file.sync_all().map_err(|error| broken(&error))
}
