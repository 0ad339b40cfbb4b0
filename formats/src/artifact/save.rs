//! Puts a file in its place whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// No policy takes so long to write.
const STALE: Duration = Duration::from_secs(3600);
/// Temporary files of one name at the same time, leftovers among them.
const MOST_WRITERS: u32 = 1000;

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    /// The disk or the quota is full; what was there before is still there.
    #[error(
        "no room for {bytes} bytes at {path} ({source}): free some or choose another place; what \
         was there is unchanged",
        path = path.display()
    )]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Bytes to be written.
        bytes: usize,
        /// What the system says.
        source: io::Error,
    },
    /// It is in its place, but a power cut may yet take it away.
    #[error(
        "{path} is written, but the system cannot tell whether it would survive a power cut: {source}",
        path = path.display()
    )]
    Unsynced {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Anything else; what was there before is still there.
    #[error(
        "cannot write {path}: {source}; choose a file name in a folder that you may write to; what \
         was there is unchanged",
        path = path.display()
    )]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes `bytes` beside `path`, syncs them, and renames them into place, so that after a full disk,
/// a kill or a power cut `path` holds the old content or the new, never a part of either. Replaces
/// what is there: whether that is wanted is the caller's to ask.
///
/// # Errors
/// [`SaveError`].
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), SaveError> {
    let path = path.as_ref();
    // Opened first: where that fails, nothing has changed yet.
    let folder = open_folder(path)
        .and_then(|folder| replace(path, bytes).map(|()| folder))
        .map_err(|source| {
            let path = path.to_path_buf();
            match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    SaveError::NoRoom { path, bytes: bytes.len(), source }
                }
                _ => SaveError::Io { path, source },
            }
        })?;
    // Makes the rename itself survive a power cut.
    match folder.map_or(Ok(()), |folder| folder.sync_all()) {
        Err(source)
            if !matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
        {
            Err(SaveError::Unsynced { path: path.to_path_buf(), source })
        }
        // Some file systems sync no folders, and know no better.
        _ => Ok(()),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut file) = temporary(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Half a file is of no use, and its space may be what is missing.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file beside `path` that nobody else writes. What a power cut left of an earlier one goes
/// when it is [`STALE`], so that such leftovers do not pile up.
fn temporary(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let mut number = 0;
    loop {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{number}.tmp"));
        let temporary = path.with_file_name(temporary);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST_WRITERS => {
                let changed = fs::metadata(&temporary).and_then(|file| file.modified());
                let age = changed.map(|changed| changed.elapsed().unwrap_or_default());
                if !age.is_ok_and(|age| age > STALE && fs::remove_file(&temporary).is_ok()) {
                    number += 1;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The folder of `path`, where folders can be opened (not on Windows).
fn open_folder(path: &Path) -> io::Result<Option<File>> {
    if cfg!(not(unix)) {
        return Ok(None);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).map(Some)
}
