//! Where a run keeps its files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::config::{ConfigError, RunConfig};
use super::files::{self, FileError};

/// A run's folder, held by one process at a time.
pub struct RunFolder {
    root: PathBuf,
    /// Keeps the lock; the system releases it even after kill -9.
    _lock: File,
}

/// Why a folder cannot be a run's.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The saved configuration is bad.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No run ever started there.
    #[error(
        "{} is not a run's folder (no config.toml); start one with `lacewing train ENV`",
        root.display()
    )]
    NotARun {
        /// The folder.
        root: PathBuf,
    },
    /// Another process trains there.
    #[error("{} is in use by another lacewing process; stop that one first", root.display())]
    Busy {
        /// The folder.
        root: PathBuf,
    },
    /// `--force` would delete something that is no run.
    #[error("{} exists and is not a run's folder; choose another --out", root.display())]
    Foreign {
        /// The folder.
        root: PathBuf,
    },
}

impl RunFolder {
    /// Starts a run's folder. An existing one is only replaced with `force`, and only if it is a
    /// run's.
    ///
    /// # Errors
    /// [`FolderError`]; nothing was then overwritten.
    pub fn create(root: &Path, config: &RunConfig, force: bool) -> Result<Self, FolderError> {
        files::refuse_existing(root, force)?;
        if root.exists() {
            if !root.join("config.toml").is_file() {
                return Err(FolderError::Foreign { root: root.to_path_buf() });
            }
            drop(Self::lock(root)?);
            fs::remove_dir_all(root).map_err(|source| FileError::write(root, source))?;
        }
        files::create_folder(root)?;
        files::write_atomic(&root.join("config.toml"), config.to_toml()?.as_bytes())?;
        Self::lock(root)
    }

    /// Opens the folder of a run that was started before.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(root: &Path) -> Result<(Self, RunConfig), FolderError> {
        let path = root.join("config.toml");
        if !path.is_file() {
            return Err(FolderError::NotARun { root: root.to_path_buf() });
        }
        Ok((Self::lock(root)?, RunConfig::from_file(&path)?))
    }

    fn lock(root: &Path) -> Result<Self, FolderError> {
        let path = root.join("config.toml");
        let file = File::open(&path).map_err(|source| FileError::read(&path, source))?;
        // A file system without locks (some network mounts) must not prevent training.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FolderError::Busy { root: root.to_path_buf() });
        }
        Ok(Self { root: root.to_path_buf(), _lock: file })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The evaluations, one a line.
    pub fn progress_csv(&self) -> PathBuf {
        self.root.join("progress.csv")
    }

    /// TensorBoard's event file.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.out.tfevents.0.lacewing")
    }

    /// Folder of the checkpoints.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    /// The policy as of the last checkpoint or, once the run is finished, of its end.
    pub fn policy(&self) -> PathBuf {
        self.root.join("policy.lace")
    }

    /// The policy of the best evaluation so far.
    pub fn best(&self) -> PathBuf {
        self.root.join("best.lace")
    }

    /// Result of the run; there once it is finished.
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.json")
    }
}
