//! Puts a file in its place whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a file was not written; what was there before is still there.
#[derive(Debug, Error)]
pub enum SaveError {
    /// The disk or the quota is full.
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
    /// Anything else.
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
    let result = temporary(path).and_then(|temporary| {
        let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // Half a file is of no use, and its space may be what is missing.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        sync_folder(path)
    });
    result.map_err(|source| {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                SaveError::NoRoom { path, bytes: bytes.len(), source }
            }
            _ => SaveError::Io { path, source },
        }
    })
}

/// A name beside `path` that no other process uses.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(temporary))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename itself survive a power cut, where folders can be opened (not on Windows).
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
