//! Puts a file in its place whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, FileType};
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
    /// A link that leads nowhere.
    #[error(
        "{path} is a link to {target}, which is not there: remove the link, make what it should lead \
         to, or choose another name; nothing was written",
        path = path.display(), target = target.display()
    )]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
    },
    /// Something that a file must not replace.
    #[error(
        "{path} is {kind}, and only a file is ever replaced: choose another name; nothing was written",
        path = path.display()
    )]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What is there, with its article.
        kind: &'static str,
    },
    /// Something where a folder is to be.
    #[error(
        "{path} is {kind}, and a folder is to be there: choose another name; nothing was written",
        path = path.display()
    )]
    NotAFolder {
        /// Where.
        path: PathBuf,
        /// What is there, with its article.
        kind: &'static str,
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
/// a file that is there: whether that is wanted is the caller's to ask. A link stays one: the file it
/// leads to is replaced.
///
/// # Errors
/// [`SaveError`].
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), SaveError> {
    let path = &*destination(path.as_ref())?;
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

/// Where [`write_atomically`] would put the content of `path`: behind its links. For asking before the
/// work is done whether there is such a place.
///
/// # Errors
/// [`SaveError::Dangling`] and [`SaveError::NotAFile`]; [`SaveError::Io`] for a loop of links.
pub fn destination(path: &Path) -> Result<PathBuf, SaveError> {
    let path = path.to_path_buf();
    let Ok(itself) = fs::symlink_metadata(&path) else { return Ok(path) };
    match fs::metadata(&path) {
        Ok(there) if there.is_file() && itself.is_symlink() => {
            fs::canonicalize(&path).map_err(|source| SaveError::Io { path, source })
        }
        Ok(there) if there.is_file() => Ok(path),
        Ok(there) => Err(SaveError::NotAFile { kind: kind(there.file_type()), path }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let target = fs::read_link(&path).unwrap_or_default();
            Err(SaveError::Dangling { path, target })
        }
        Err(source) => Err(SaveError::Io { path, source }),
    }
}

/// What files of models in other formats are named.
const OTHER_FORMATS: [&str; 20] = [
    "ckpt",
    "engine",
    "gguf",
    "h5",
    "hdf5",
    "json",
    "keras",
    "mlmodel",
    "npy",
    "npz",
    "onnx",
    "ort",
    "pb",
    "pickle",
    "pkl",
    "pt",
    "pth",
    "safetensors",
    "tflite",
    "zip",
];

/// Whether a policy file may have this name: not that of another format's.
pub fn may_be_named(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is = |name: &str| OTHER_FORMATS.iter().any(|other| name.eq_ignore_ascii_case(other));
    !extension.is_some_and(is)
}

/// Refuses what is no folder and cannot become one: for asking before the work is done.
///
/// # Errors
/// [`SaveError::Dangling`] and [`SaveError::NotAFolder`]; [`SaveError::Io`] for a loop of links.
pub fn check_folder(path: &Path) -> Result<(), SaveError> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(there) => {
            let (path, kind) = (path.to_path_buf(), kind(there.file_type()));
            Err(SaveError::NotAFolder { path, kind })
        }
        Err(_) => destination(path).map(|_| ()),
    }
}

/// What a user calls what is there.
fn kind(of: FileType) -> &'static str {
    if of.is_dir() {
        return "a folder";
    } else if of.is_file() {
        return "a file";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if of.is_fifo() {
            return "a pipe (FIFO)";
        } else if of.is_socket() {
            return "a socket";
        }
    }
    "a device"
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
