//! Checkpoints that a crash, a kill -9 or a full disk cannot spoil.
//!
//! A checkpoint is a manifest naming a learner file and the replay's segments, each with its
//! checksum. Only transitions since the last checkpoint are written, as a new segment. The manifest
//! comes last, by an atomic rename, and the one before it is kept with everything it names; files
//! that neither names are deleted only then.

mod state;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lacewing_runtime::learn::{Replay, Transition};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::files::{self, FileError};
use super::folder::CONFIG;
use crate::shell;
pub use state::{LoopState, Sum};

const CURRENT: &str = "manifest.json";
const PREVIOUS: &str = "previous.json";

/// A file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    file: String,
    bytes: u64,
    crc32: u32,
}

/// Transitions `first..first + rows` of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Segment {
    first: u64,
    rows: u64,
    part: Part,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Manifest {
    state: LoopState,
    learner: Part,
    /// Floats of one transition.
    width: usize,
    segments: Vec<Segment>,
}

/// Why there is no checkpoint to continue from.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is gone or not what its checksum says.
    #[error(
        "checkpoint file {} is damaged and no earlier checkpoint is good; start again with `lacewing train \
         --config {} --out {} --force`",
        path.display(), shell::path(&run_of(path).join(CONFIG)), shell::path(run_of(path))
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
    /// The replay is larger than it was.
    #[error(
        "the replay cannot grow during a run: older transitions than the last {held} are not kept; \
         set it back in config.toml, to {held} at most"
    )]
    Replay {
        /// Transitions in the checkpoint.
        held: u64,
    },
}

/// The checkpoints of one run.
pub struct Checkpoints {
    folder: PathBuf,
    observations: usize,
    /// Floats of one transition: observation, next observation, action, reward, end.
    width: usize,
    capacity: u64,
    /// The replay is emptied whenever it is full.
    emptied: bool,
    segments: Vec<Segment>,
    /// Transitions since the last checkpoint, row after row.
    pending: Vec<f32>,
}

/// What a checkpoint restores.
pub struct Restored {
    /// The loop's state.
    pub state: LoopState,
    /// The learner's bytes.
    pub learner: Vec<u8>,
    /// Whether the last checkpoint is damaged and the one before it is used.
    pub fell_back: bool,
}

impl Checkpoints {
    /// Checkpoints in `folder` for a replay of `capacity` transitions, which may be emptied whenever it is
    /// full (on-policy learning). Call [`Self::restore`] to
    /// continue from what is there.
    ///
    /// # Errors
    /// [`FileError`] if the folder cannot be made.
    pub fn new(
        folder: &Path,
        observations: usize,
        actions: usize,
        (capacity, emptied): (usize, bool),
    ) -> Result<Self, FileError> {
        files::create_folder(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            observations,
            width: Replay::row_len(observations, actions),
            capacity: capacity as u64,
            emptied,
            segments: Vec::new(),
            pending: Vec::new(),
        })
    }

    /// The state that [`Self::restore`] would find, without looking at the learner and the replay, whose
    /// sizes depend on the configuration; none where no manifest is good.
    pub fn peek(folder: &Path) -> Option<LoopState> {
        let manifest = |name| unseal(&fs::read(folder.join(name)).ok()?);
        [CURRENT, PREVIOUS].into_iter().find_map(manifest).map(|manifest| manifest.state)
    }

    /// Remembers one transition for the next checkpoint.
    pub fn record(&mut self, step: &Transition<'_>) {
        let parts =
            [step.observation, step.next_observation, step.action, &[step.reward, step.end()]];
        parts.into_iter().for_each(|part| self.pending.extend_from_slice(part));
        debug_assert_eq!(self.pending.len() % self.width, 0);
    }

    /// The reverse of [`Self::record`].
    fn transition<'r>(&self, row: &'r [f32]) -> Transition<'r> {
        let (observation, rest) = row.split_at(self.observations);
        let (next_observation, rest) = rest.split_at(self.observations);
        let (action, ends) = rest.split_at(rest.len() - 2);
        let (terminated, truncated) = Transition::ends(ends[1]);
        let reward = ends[0];
        Transition { observation, action, reward, next_observation, terminated, truncated }
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// [`FileError`]; the last checkpoint is then still whole.
    pub fn save(&mut self, state: &LoopState, learner: &[u8]) -> Result<(), FileError> {
        let mut segments = self.segments.clone();
        if !self.pending.is_empty() {
            let first = segments.last().map_or(0, |last| last.first + last.rows);
            let rows = (self.pending.len() / self.width) as u64;
            let bytes: Vec<u8> = self.pending.iter().flat_map(|v| v.to_le_bytes()).collect();
            let part = self.write_part(format!("replay-{first:012}.seg"), &bytes)?;
            segments.push(Segment { first, rows, part });
        }
        let oldest = self.oldest(&segments);
        segments.retain(|segment| segment.first + segment.rows > oldest);
        let learner = self.write_part(format!("learner-{:012}.bin", state.step), learner)?;
        let manifest = Manifest { state: state.clone(), learner, width: self.width, segments };
        let [current, previous] = [CURRENT, PREVIOUS].map(|name| self.folder.join(name));
        match fs::rename(&current, &previous) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(FileError::write(&previous, error));
            }
            _ => files::write_atomic(&current, &seal(&manifest))?,
        }
        self.segments = manifest.segments;
        self.pending.clear();
        self.delete_unnamed();
        Ok(())
    }

    /// Writes a checkpoint without transitions, and deletes all others: what is left of a finished run.
    ///
    /// # Errors
    /// [`FileError`]; the last checkpoint is then still whole.
    pub fn keep_learner(&mut self, state: &LoopState, learner: &[u8]) -> Result<(), FileError> {
        self.segments.clear();
        self.pending.clear();
        self.save(state, learner)?;
        let previous = self.folder.join(PREVIOUS);
        fs::remove_file(&previous).map_err(|source| FileError::write(&previous, source))?;
        self.delete_unnamed();
        Ok(())
    }

    /// Reads the last good checkpoint, pushing the replay's transitions in their order; `None`
    /// where none was ever taken.
    ///
    /// Where the ring has wrapped, `push` first gets transitions of zeros that are overwritten
    /// later, so that the ring's head ends where it was.
    ///
    /// # Errors
    /// [`CheckpointError`]: neither checkpoint is good, or the last one cannot be read now.
    pub fn restore(
        &mut self,
        mut push: impl FnMut(Transition<'_>),
    ) -> Result<Option<Restored>, CheckpointError> {
        let [current, previous] = [CURRENT, PREVIOUS].map(|name| self.folder.join(name));
        let there = |path: &Path| path.try_exists().map_err(|source| FileError::read(path, source));
        let (has_current, has_previous) = (there(&current)?, there(&previous)?);
        if !has_current && !has_previous {
            return Ok(None);
        }
        let (manifest, older) = match self.check(&current) {
            Ok(manifest) => (manifest, false),
            Err(damage @ CheckpointError::Damaged { .. }) => match self.check(&previous) {
                Ok(manifest) => (manifest, true),
                // The first damage is the news.
                Err(CheckpointError::Damaged { .. }) => return Err(damage),
                Err(error) => return Err(error),
            },
            // What cannot be read now may well be good.
            Err(error) => return Err(error),
        };
        if older {
            // The damaged manifest must not become the next save's "previous".
            fs::rename(&previous, &current).map_err(|source| FileError::write(&current, source))?;
        }
        self.push_all(&manifest, &mut push)?;
        let learner = self.read_part(&manifest.learner)?;
        self.segments = manifest.segments;
        // Without a current manifest the crash came between two renames, and nothing is damaged.
        let fell_back = older && has_current;
        Ok(Some(Restored { state: manifest.state, learner, fell_back }))
    }

    /// The oldest transition that the ring still holds.
    fn oldest(&self, segments: &[Segment]) -> u64 {
        let pushed = segments.last().map_or(0, |last| last.first + last.rows);
        if self.emptied {
            return pushed - pushed % self.capacity;
        }
        pushed.saturating_sub(self.capacity)
    }

    fn push_all(
        &self,
        manifest: &Manifest,
        push: &mut impl FnMut(Transition<'_>),
    ) -> Result<(), CheckpointError> {
        let oldest = self.oldest(&manifest.segments);
        let blank = vec![0.0; self.width];
        (0..oldest % self.capacity).for_each(|_| push(self.transition(&blank)));
        for segment in &manifest.segments {
            let bytes = self.read_part(&segment.part)?;
            let floats: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .collect();
            let skip = oldest.saturating_sub(segment.first) as usize;
            let rows = floats.chunks_exact(self.width).skip(skip);
            rows.for_each(|row| push(self.transition(row)));
        }
        Ok(())
    }

    /// Reads a manifest and checks all it names.
    fn check(&self, path: &Path) -> Result<Manifest, CheckpointError> {
        let damaged = || CheckpointError::Damaged { path: path.to_path_buf() };
        let manifest = unseal(&read(path)?).ok_or_else(damaged)?;
        if manifest.width != self.width {
            return Err(damaged());
        }
        let first = manifest.segments.first().map_or(0, |first| first.first);
        let mut next = first;
        for segment in &manifest.segments {
            let whole = segment.rows * self.width as u64 * 4 == segment.part.bytes;
            if segment.first != next || !whole {
                return Err(damaged());
            }
            next += segment.rows;
            self.read_part(&segment.part)?;
        }
        if first > self.oldest(&manifest.segments) {
            return Err(CheckpointError::Replay { held: next - first });
        }
        self.read_part(&manifest.learner)?;
        Ok(manifest)
    }

    fn write_part(&self, file: String, bytes: &[u8]) -> Result<Part, FileError> {
        files::write_atomic(&self.folder.join(&file), bytes)?;
        Ok(Part { file, bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) })
    }

    fn read_part(&self, part: &Part) -> Result<Vec<u8>, CheckpointError> {
        let path = self.folder.join(&part.file);
        let bytes = read(&path)?;
        if bytes.len() as u64 == part.bytes && crc32fast::hash(&bytes) == part.crc32 {
            return Ok(bytes);
        }
        Err(CheckpointError::Damaged { path })
    }

    /// Frees the space of files that neither manifest names. Failing to is no reason to stop.
    fn delete_unnamed(&self) {
        let mut named = vec![CURRENT.to_string(), PREVIOUS.to_string()];
        for manifest in [CURRENT, PREVIOUS] {
            let manifest = match read(&self.folder.join(manifest)) {
                Ok(bytes) => unseal(&bytes),
                Err(CheckpointError::Damaged { .. }) => None,
                // What it names is not known now.
                Err(_) => return,
            };
            let Some(manifest) = manifest else { continue };
            named.push(manifest.learner.file);
            named.extend(manifest.segments.into_iter().map(|segment| segment.part.file));
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if !named.iter().any(|name| *name == entry.file_name().to_string_lossy()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The run of a file of its checkpoint.
fn run_of(file: &Path) -> &Path {
    file.ancestors().nth(2).unwrap_or(file)
}

/// A file that is gone is damage; one that cannot be read now is not.
fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => CheckpointError::Damaged { path: path.to_path_buf() },
        _ => FileError::read(path, source).into(),
    })
}

/// The manifest as one line of JSON and, on the next, its CRC-32 in hexadecimal.
fn seal(manifest: &Manifest) -> Vec<u8> {
    // Plain numbers and strings: nothing JSON cannot hold.
    let body = serde_json::to_string(manifest).unwrap_or_default();
    format!("{body}\n{:08x}\n", crc32fast::hash(body.as_bytes())).into_bytes()
}

fn unseal(bytes: &[u8]) -> Option<Manifest> {
    let (body, crc) = std::str::from_utf8(bytes).ok()?.trim_end().split_once('\n')?;
    let crc = u32::from_str_radix(crc, 16).ok()?;
    (crc == crc32fast::hash(body.as_bytes())).then(|| serde_json::from_str(body).ok())?
}

#[cfg(test)]
mod tests;
