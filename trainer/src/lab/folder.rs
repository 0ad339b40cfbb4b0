//! Where a run keeps its files.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::config::{ConfigError, RunConfig};
use super::files::{self, FileError};
use super::session::Summary;
use crate::shell;

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const PROGRESS: &str = "progress.csv";
const EVENTS: &str = "events.out.tfevents.0.lacewing";
pub(crate) const CHECKPOINT: &str = "checkpoint";
const POLICY: &str = "policy.lace";
const BEST: &str = "best.lace";
pub(crate) const SUMMARY: &str = "summary.json";

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
    /// A run that has not come to its end is there.
    #[error(
        "{} holds an unfinished run: continue it with `lacewing train --resume {}`, or pass --force to \
         start again",
        root.display(), shell::path(root)
    )]
    Unfinished {
        /// The folder.
        root: PathBuf,
    },
    /// The folder cannot be made.
    #[error("cannot make the folder {}: {source}; choose another --out", root.display())]
    Make {
        /// The folder.
        root: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Something that is no run is there.
    #[error(
        "{} exists and is neither empty nor a run's folder (no config.toml of one); choose another --out",
        root.display()
    )]
    Foreign {
        /// The folder.
        root: PathBuf,
    },
}

impl RunFolder {
    /// Starts a run's folder. An existing one is taken if it is empty, else only with `force` and only
    /// if it is a run's; the earlier run's files go and all others stay.
    ///
    /// # Errors
    /// [`FolderError`]; nothing was then overwritten.
    pub fn create(root: &Path, config: &RunConfig, force: bool) -> Result<Self, FolderError> {
        files::check_folder(root)?;
        if root.exists() && !files::is_empty_folder(root) {
            // A run of an earlier version is one too.
            let is_run = matches!(
                RunConfig::from_file(&root.join(CONFIG)),
                Ok(_) | Err(ConfigError::Moved { .. })
            );
            if !force && is_run && !root.join(SUMMARY).exists() {
                return Err(FolderError::Unfinished { root: root.to_path_buf() });
            }
            if !is_run {
                return Err(FolderError::Foreign { root: root.to_path_buf() });
            }
            if !force {
                return Err(FileError::Exists { path: root.to_path_buf() }.into());
            }
            Self::lock(root)?.clear()?;
        }
        fs::create_dir_all(root)
            .map_err(|source| FolderError::Make { root: root.to_path_buf(), source })?;
        files::write_atomic(&root.join(CONFIG), config.to_toml()?.as_bytes())?;
        Self::lock(root)
    }

    /// Opens the folder of a run that was started before.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(root: &Path) -> Result<(Self, RunConfig), FolderError> {
        let path = root.join(CONFIG);
        if !path.is_file() {
            return Err(FolderError::NotARun { root: root.to_path_buf() });
        }
        Ok((Self::lock(root)?, RunConfig::from_file(&path)?))
    }

    /// Opens the folder of a run, which it starts where there is none yet. Two processes must not start
    /// the same one at the same time.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn enter(root: &Path, config: &RunConfig) -> Result<(Self, RunConfig), FolderError> {
        let path = root.join(CONFIG);
        if !path.exists() {
            files::check_folder(root)?;
            fs::create_dir_all(root)
                .map_err(|source| FolderError::Make { root: root.to_path_buf(), source })?;
            files::write_atomic(&path, config.to_toml()?.as_bytes())?;
        }
        Self::open(root)
    }

    /// Whether a process trains there just now.
    pub fn is_held(root: &Path) -> bool {
        let file = File::open(root.join(CONFIG));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    fn lock(root: &Path) -> Result<Self, FolderError> {
        let path = root.join(CONFIG);
        // Open for writing, without which network file systems lock nothing.
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|source| match source.kind() {
            ErrorKind::NotFound => FileError::read(&path, source),
            _ => FileError::write(&path, source),
        })?;
        // A file system without locks (some network mounts) must not prevent training.
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FolderError::Busy { root: root.to_path_buf() });
        }
        Ok(Self { root: root.to_path_buf(), _lock: file })
    }

    /// Lets a run go on to another number of steps; a finished one is unfinished then.
    ///
    /// # Errors
    /// [`FolderError`]; killed halfway the run is as it was, or can be continued to its old end.
    pub fn set_steps(self, config: &RunConfig) -> Result<Self, FolderError> {
        let summary = self.summary();
        remove(&summary).map_err(|source| FileError::write(&summary, source))?;
        // By another file than the one that is locked.
        files::write_atomic(&self.root.join(CONFIG), config.to_toml()?.as_bytes())?;
        Self::lock(&self.root)
    }

    /// Deletes what the run wrote, its configuration excepted: without that a kill halfway would
    /// leave a folder that nothing takes for a run's.
    fn clear(&self) -> Result<(), FileError> {
        for name in [SUMMARY, CHECKPOINT, POLICY, BEST, PROGRESS, EVENTS] {
            let path = self.root.join(name);
            remove(&path).map_err(|source| FileError::write(&path, source))?;
        }
        Ok(())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The evaluations, one a line.
    pub fn progress_csv(&self) -> PathBuf {
        self.root.join(PROGRESS)
    }

    /// TensorBoard's event file.
    pub fn events(&self) -> PathBuf {
        self.root.join(EVENTS)
    }

    /// Folder of the checkpoints.
    pub fn checkpoint(&self) -> PathBuf {
        self.root.join(CHECKPOINT)
    }

    /// The policy as of the last checkpoint or, once the run is finished, of its end.
    pub fn policy(&self) -> PathBuf {
        self.root.join(POLICY)
    }

    /// The policy of the best evaluation so far.
    pub fn best(&self) -> PathBuf {
        self.root.join(BEST)
    }

    /// Result of the run; there once it is finished.
    pub fn summary(&self) -> PathBuf {
        self.root.join(SUMMARY)
    }

    /// After how many steps the run is finished, if it is.
    pub fn finished(&self) -> Option<u64> {
        let text = fs::read(self.summary()).ok()?;
        Some(serde_json::from_slice::<Summary>(&text).map_or(u64::MAX, |summary| summary.steps))
    }
}

/// Removes a file or a folder that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::config::Preset;
    use lacewing_runtime::learn::AlgorithmKind;

    #[test]
    fn force_deletes_what_the_run_wrote_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let config = RunConfig::defaults("Pendulum-v1", AlgorithmKind::Td3, Preset::Set);
        fs::write(root.join(CONFIG), config.to_toml().unwrap()).unwrap();
        fs::create_dir(root.join(CHECKPOINT)).unwrap();
        for file in ["checkpoint/manifest.json", BEST, SUMMARY, "thesis.txt"] {
            fs::write(root.join(file), "old").unwrap();
        }
        RunFolder::create(root, &config, true).unwrap();
        let left = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, [CONFIG, "thesis.txt"]);
    }

    #[test]
    fn a_folder_with_someone_elses_configuration_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for text in ["[package]\nname = 'thesis'\n", "title = 'site'\n", "no toml"] {
            fs::write(root.join(CONFIG), text).unwrap();
            let config = RunConfig::defaults("Pendulum-v1", AlgorithmKind::Td3, Preset::Set);
            let error = RunFolder::create(root, &config, true).err().unwrap();
            assert!(matches!(error, FolderError::Foreign { .. }), "{error}");
            assert_eq!(fs::read_to_string(root.join(CONFIG)).unwrap(), text);
        }
    }

    #[test]
    fn a_run_of_an_earlier_version_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join(CONFIG), "env = 'Pendulum-v1'\n[rewire]\ninterval = 1000\n").unwrap();
        let config = RunConfig::defaults("Pendulum-v1", AlgorithmKind::Td3, Preset::Set);
        let error = RunFolder::create(root, &config, false).err().unwrap();
        assert!(matches!(error, FolderError::Unfinished { .. }), "{error}");
        let error = RunFolder::open(root).err().unwrap();
        assert!(matches!(error, FolderError::Config(ConfigError::Moved { .. })), "{error}");
        drop(RunFolder::create(root, &config, true).unwrap());
        assert_eq!(RunFolder::open(root).unwrap().1, config);
    }
}
