//! A folder as a file system keeps it, so that tests can cut its power at any operation.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What another command may take until the folder is free.
const TIME_TO_LET_GO: Duration = Duration::from_secs(10);

/// Files, folders and links under one root. Paths are relative to it, with `/`.
///
/// Nothing outlasts a power cut for certain until it is synced: the content of a file by syncing the file,
/// names (new, renamed, removed) by syncing their folder. A rename within a folder happens whole or not.
pub trait Disk {
    /// A file's content.
    ///
    /// # Errors
    /// The system's, as of all these.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The names in a folder, in no order.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Where a link leads to.
    ///
    /// # Errors
    /// The system's.
    fn target(&self, link: &str) -> io::Result<String>;
    /// Makes a folder, if it is not there.
    ///
    /// # Errors
    /// The system's.
    fn make_folder(&mut self, path: &str) -> io::Result<()>;
    /// Makes a file or replaces its content.
    ///
    /// # Errors
    /// The system's.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes a link at `path`.
    ///
    /// # Errors
    /// The system's.
    fn link(&mut self, target: &str, path: &str) -> io::Result<()>;
    /// Gives a file, folder or link another name, replacing a file or link that has it.
    ///
    /// # Errors
    /// The system's.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, a link, or a folder with all in it; fine if nothing is there.
    ///
    /// # Errors
    /// The system's.
    fn remove(&mut self, path: &str) -> io::Result<()>;
    /// Makes a file's content, or a folder's names, outlast a power cut.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self, path: &str) -> io::Result<()>;

    /// Puts `bytes` at `folder`/`name` whole or not at all, whenever the power goes.
    ///
    /// # Errors
    /// The system's.
    fn replace(&mut self, folder: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = join(folder, name);
        let fresh = format!("{path}.new");
        let written = self.write(&fresh, bytes).and_then(|()| self.sync(&fresh));
        let done = written.and_then(|()| self.rename(&fresh, &path));
        if done.is_err() {
            // Half a file is of no use, and its space may be what is missing.
            let _ = self.remove(&fresh);
        }
        done.and_then(|()| self.sync(folder))
    }
}

/// A name in a folder; the root is the empty one.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") }
}

/// A real folder, locked: one process at a time changes it.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    /// Held as long as this lives.
    _lock: File,
}

impl Files {
    /// The folder at `root`, which is made if it is not there.
    ///
    /// # Errors
    /// The system's; [`ErrorKind::WouldBlock`] if another process has held it for ten seconds.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let path = root.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let end = Instant::now() + TIME_TO_LET_GO;
        // Some file systems lock nothing, and know no better.
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            if Instant::now() > end {
                return Err(ErrorKind::WouldBlock.into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { root: root.to_path_buf(), _lock: lock })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Disk for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.root.join(folder))?;
        names.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn target(&self, link: &str) -> io::Result<String> {
        fs::read_link(self.root.join(link)).map(|path| path.to_string_lossy().into_owned())
    }

    fn make_folder(&mut self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(path))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        File::create(self.root.join(path))?.write_all(bytes)
    }

    fn link(&mut self, target: &str, path: &str) -> io::Result<()> {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(target, self.root.join(path));
        #[cfg(not(unix))]
        Err(io::Error::new(ErrorKind::Unsupported, format!("no link {path} to {target} here")))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        let removed = match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync(&mut self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        if cfg!(not(unix)) && path.is_dir() {
            return Ok(());
        }
        match File::open(&path)?.sync_all() {
            Err(error)
                if path.is_dir()
                    && matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
            {
                // Some file systems sync no folders, and know no better.
                Ok(())
            }
            done => done,
        }
    }
}
