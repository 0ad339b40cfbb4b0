//! Writing files so that a crash or a full disk never leaves half of one.

use lacewing_formats::artifact::{self, SaveError, destination, write_atomically};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// No space or quota left.
    #[error(
        "the disk is full: {} was not written and what was there is untouched; free some space and try \
         again",
        path.display()
    )]
    NoRoom {
        /// What was to be written.
        path: PathBuf,
    },
    /// Any other failure of a write.
    #[error("cannot write {}: {source}; choose a place that you may write to", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// See [`SaveError`]: no place for a file, or not certain to outlive a power cut.
    #[error(transparent)]
    Save(SaveError),
    /// A failure of a read.
    #[error("cannot read {}: {source}; check the path", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The output's folder is not there.
    #[error(
        "cannot write {}: there is no such folder; make it or choose another place",
        path.display()
    )]
    NoFolder {
        /// The output.
        path: PathBuf,
    },
    /// A policy file would be named as something else.
    #[error("{} is named as a model in another format, and a policy file is written: name it .lace", path.display())]
    Misnamed {
        /// The output.
        path: PathBuf,
    },
    /// The output is already there.
    #[error("{} already exists; choose another name or pass --force to replace it", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
}

impl FileError {
    /// Wraps a failed write.
    pub fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::NoRoom { path }
            }
            _ => Self::Write { path, source },
        }
    }

    /// Wraps a failed read.
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }
}

/// The whole file.
///
/// # Errors
/// [`FileError::Read`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::read(path, source))
}

/// Refuses, before the work for it is done, a file that cannot be written: one that exists, unless
/// `force`, one that is no file, or one whose folder does not exist.
///
/// # Errors
/// [`FileError::Exists`], [`FileError::NoFolder`], [`FileError::Save`].
pub fn check_output(path: &Path, force: bool) -> Result<(), FileError> {
    let place = destination(path).map_err(FileError::Save)?;
    if place.exists() && !force {
        return Err(FileError::Exists { path: path.to_path_buf() });
    }
    if folder_of(&place).is_dir() {
        return Ok(());
    }
    Err(FileError::NoFolder { path: path.to_path_buf() })
}

/// [`check_output`] for a policy file.
///
/// # Errors
/// Those, and [`FileError::Misnamed`].
pub fn check_policy_output(path: &Path, force: bool) -> Result<(), FileError> {
    if !artifact::may_be_named(path) {
        return Err(FileError::Misnamed { path: path.to_path_buf() });
    }
    check_output(path, force)
}

/// Refuses, before the work for it is done, a folder that cannot be written to: one with something in
/// it, unless `force`, or what is no folder.
///
/// # Errors
/// [`FileError::Exists`], [`FileError::NoFolder`], [`FileError::Save`].
pub fn check_output_folder(path: &Path, force: bool) -> Result<(), FileError> {
    check_folder(path)?;
    if !path.exists() {
        return check_output(path, force);
    }
    match force || is_empty_folder(path) {
        true => Ok(()),
        false => Err(FileError::Exists { path: path.to_path_buf() }),
    }
}

/// Refuses what is no folder and cannot become one.
///
/// # Errors
/// [`FileError::Save`].
pub fn check_folder(path: &Path) -> Result<(), FileError> {
    artifact::check_folder(path).map_err(FileError::Save)
}

/// Whether a folder is there and nothing in it, but for what a file system of its own puts there: the
/// volume of a container, say.
pub fn is_empty_folder(path: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(path) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found"))
}

/// Writes and syncs a file beside its final name, then renames it into place: readers see the old
/// content or the new, never a part.
///
/// # Errors
/// [`FileError`]; but for [`SaveError::Unsynced`] the old content is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomically(path, bytes).map_err(|error| match error {
        SaveError::NoRoom { path, .. } => FileError::NoRoom { path },
        SaveError::Io { path, source } => FileError::Write { path, source },
        error => FileError::Save(error),
    })
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Opens a log to go on from its first `bytes` bytes, of which it tells how many there are. One
/// that has become shorter starts afresh: made as long again it would be padded with zeros.
pub fn open_log(path: &Path, bytes: u64) -> io::Result<(File, u64)> {
    let file = File::options().append(true).create(true).open(path)?;
    let kept = if file.metadata()?.len() < bytes { 0 } else { bytes };
    file.set_len(kept)?;
    Ok((file, kept))
}

/// Creates a folder and its parents.
///
/// # Errors
/// [`FileError::Write`], [`FileError::Save`].
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    check_folder(path)?;
    fs::create_dir_all(path).map_err(|source| FileError::write(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = FileError::write(Path::new("x"), ErrorKind::StorageFull.into());
        assert!(error.to_string().contains("disk is full"));
    }
}
