//! Checkpoints that a crash, a kill -9 or a full disk cannot spoil.
//!
//! A checkpoint is a manifest naming a learner file and the replay's segments, each with its
//! checksum. Only transitions since the last checkpoint are written, as a new segment. The manifest
//! comes last, by an atomic rename, and the one before it is kept with everything it names; files
//! that neither names are deleted only then.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lacewing_runtime::learn::{Replay, Transition};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::evaluate::Score;
use super::files::{self, FileError};
use super::log::Lengths;

const CURRENT: &str = "manifest.json";
const PREVIOUS: &str = "previous.json";

/// The training loop's own state at an episode's end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoopState {
    /// Environment steps so far.
    pub step: u64,
    /// Finished episodes so far: the next one's reset seed follows from it.
    pub episodes: u64,
    /// Updates so far.
    pub updates: u64,
    /// Random actions and exploration noise.
    pub rng: Xoshiro256PlusPlus,
    /// Mean return of the best evaluation so far.
    pub best: Option<f64>,
    /// The last ten evaluations.
    pub recent: Vec<Score>,
    /// Sums towards the next row of the log.
    pub sums: Sums,
    /// Wall-clock seconds spent so far.
    pub wall_seconds: f64,
    /// Lengths of the logs.
    pub logs: Lengths,
}

/// What the log's next row averages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sums {
    /// Returns of the training episodes.
    pub returns: Sum,
    /// Critic losses.
    pub critic: Sum,
    /// Actor losses.
    pub actor: Sum,
}

/// A sum and how many values it has.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    total: f64,
    count: u64,
}

impl Sum {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.total += value;
        self.count += 1;
    }

    /// The mean, if there is a value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total / self.count as f64)
    }
}

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
    /// A file is not what its checksum says.
    #[error(
        "checkpoint file {} is damaged and no earlier checkpoint is good; start again with --force",
        path.display()
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
    },
}

/// The checkpoints of one run.
pub struct Checkpoints {
    folder: PathBuf,
    observations: usize,
    /// Floats of one transition: observation, next observation, action, reward, terminated.
    width: usize,
    capacity: u64,
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
    /// Whether the last checkpoint was damaged and the one before it is used.
    pub fell_back: bool,
}

impl Checkpoints {
    /// Checkpoints in `folder` for a replay of `capacity` transitions. Call [`Self::restore`] to
    /// continue from what is there.
    ///
    /// # Errors
    /// [`FileError`] if the folder cannot be made.
    pub fn new(
        folder: &Path,
        observations: usize,
        actions: usize,
        capacity: usize,
    ) -> Result<Self, FileError> {
        files::create_folder(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            observations,
            width: Replay::row_len(observations, actions),
            capacity: capacity as u64,
            segments: Vec::new(),
            pending: Vec::new(),
        })
    }

    /// Remembers one transition for the next checkpoint.
    pub fn record(&mut self, step: &Transition<'_>) {
        let terminated = if step.terminated { 1.0 } else { 0.0 };
        let parts =
            [step.observation, step.next_observation, step.action, &[step.reward, terminated]];
        parts.into_iter().for_each(|part| self.pending.extend_from_slice(part));
        debug_assert_eq!(self.pending.len() % self.width, 0);
    }

    /// The reverse of [`Self::record`].
    fn transition<'r>(&self, row: &'r [f32]) -> Transition<'r> {
        let (observation, rest) = row.split_at(self.observations);
        let (next_observation, rest) = rest.split_at(self.observations);
        let (action, ends) = rest.split_at(rest.len() - 2);
        let (reward, terminated) = (ends[0], ends[1] != 0.0);
        Transition { observation, action, reward, next_observation, terminated }
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
        let pushed = segments.last().map_or(0, |last| last.first + last.rows);
        let oldest = pushed.saturating_sub(self.capacity);
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

    /// Reads the last good checkpoint, pushing the replay's transitions in their order; `None`
    /// where none was ever taken.
    ///
    /// Where the ring has wrapped, `push` first gets transitions of zeros that are overwritten
    /// later, so that the ring's head ends where it was.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] if neither checkpoint is good.
    pub fn restore(
        &mut self,
        mut push: impl FnMut(Transition<'_>),
    ) -> Result<Option<Restored>, CheckpointError> {
        let [current, previous] = [CURRENT, PREVIOUS].map(|name| self.folder.join(name));
        if !current.exists() && !previous.exists() {
            return Ok(None);
        }
        let (manifest, fell_back) = match self.check(&current) {
            Ok(manifest) => (manifest, false),
            // The first damage is the news, whatever is wrong with the older one.
            Err(damage) => (self.check(&previous).map_err(|_| damage)?, true),
        };
        if fell_back {
            // The damaged manifest must not become the next save's "previous".
            fs::rename(&previous, &current).map_err(|source| FileError::write(&current, source))?;
        }
        self.push_all(&manifest, &mut push)?;
        let learner = self.read_part(&manifest.learner)?;
        self.segments = manifest.segments;
        Ok(Some(Restored { state: manifest.state, learner, fell_back }))
    }

    fn push_all(
        &self,
        manifest: &Manifest,
        push: &mut impl FnMut(Transition<'_>),
    ) -> Result<(), CheckpointError> {
        let pushed = manifest.segments.last().map_or(0, |last| last.first + last.rows);
        let oldest = pushed.saturating_sub(self.capacity);
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
        let manifest = unseal(&files::read(path).map_err(|_| damaged())?).ok_or_else(damaged)?;
        if manifest.width != self.width {
            return Err(damaged());
        }
        let mut next = manifest.segments.first().map_or(0, |first| first.first);
        for segment in &manifest.segments {
            let whole = segment.rows * self.width as u64 * 4 == segment.part.bytes;
            if segment.first != next || !whole {
                return Err(damaged());
            }
            next += segment.rows;
            self.read_part(&segment.part)?;
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
        match fs::read(&path) {
            Ok(bytes)
                if bytes.len() as u64 == part.bytes && crc32fast::hash(&bytes) == part.crc32 =>
            {
                Ok(bytes)
            }
            _ => Err(CheckpointError::Damaged { path }),
        }
    }

    /// Frees the space of files that neither manifest names. Failing to is no reason to stop.
    fn delete_unnamed(&self) {
        let mut named = vec![CURRENT.to_string(), PREVIOUS.to_string()];
        for manifest in [CURRENT, PREVIOUS] {
            let read = fs::read(self.folder.join(manifest)).ok();
            let Some(manifest) = read.and_then(|bytes| unseal(&bytes)) else { continue };
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
mod tests {
    use rand_core::SeedableRng;

    use super::*;

    fn state(step: u64) -> LoopState {
        LoopState {
            step,
            episodes: step / 10,
            updates: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(step),
            best: None,
            recent: Vec::new(),
            sums: Sums::default(),
            wall_seconds: 0.1,
            logs: Lengths::default(),
        }
    }

    /// Records rows holding their own index.
    fn record(checkpoints: &mut Checkpoints, rows: std::ops::Range<u64>) {
        for row in rows {
            let values = [row as f32; 3];
            checkpoints.record(&Transition {
                observation: &values[..1],
                action: &values[..2],
                reward: values[0],
                next_observation: &values[..1],
                terminated: row % 2 == 1,
            });
        }
    }

    /// Restores into a ring, as the learner's replay does; index of the oldest row last.
    fn ring(folder: &Path, capacity: usize) -> (Vec<f32>, usize, Restored) {
        let mut checkpoints = Checkpoints::new(folder, 1, 2, capacity).unwrap();
        let (mut ring, mut pushed) = (vec![f32::NAN; capacity], 0);
        let restored = checkpoints.restore(|row| {
            assert_eq!((row.action[1], row.reward), (row.observation[0], row.observation[0]));
            assert_eq!(row.terminated, row.reward % 2.0 == 1.0);
            ring[pushed % capacity] = row.observation[0];
            pushed += 1;
        });
        (ring, pushed % capacity, restored.unwrap().unwrap())
    }

    #[test]
    fn a_wrapped_ring_comes_back_slot_by_slot() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, 8).unwrap();
        for (first, end) in [(0, 5), (5, 11), (11, 13), (13, 29), (29, 30)] {
            record(&mut checkpoints, first..end);
            checkpoints.save(&state(end), b"learner").unwrap();
        }
        let (ring, head, restored) = ring(folder.path(), 8);
        assert_eq!(ring, [24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 22.0, 23.0]);
        assert_eq!((head, restored.state.step), (6, 30));
        // Two manifests, two learners, and the two segments that still hold live rows.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
    }

    #[test]
    fn damage_falls_back_to_the_checkpoint_before_and_then_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, 100).unwrap();
        for end in [10, 20] {
            record(&mut checkpoints, end - 10..end);
            checkpoints.save(&state(end), &end.to_le_bytes()).unwrap();
        }
        let damage = |file: &str| {
            let path = folder.path().join(file);
            let mut bytes = fs::read(&path).unwrap();
            bytes[3] ^= 1;
            fs::write(path, bytes).unwrap();
        };
        damage("replay-000000000010.seg");
        let (_, head, restored) = ring(folder.path(), 100);
        assert_eq!((head, restored.state.step, restored.fell_back), (10, 10, true));
        assert_eq!(restored.learner, 10_u64.to_le_bytes());
        damage("learner-000000000010.bin");
        let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, 100).unwrap();
        let error = checkpoints.restore(|_| ()).err().unwrap().to_string();
        assert!(error.contains("learner-000000000010.bin is damaged"), "{error}");
    }

    #[test]
    fn a_crash_between_the_two_renames_loses_nothing_older() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, 100).unwrap();
        record(&mut checkpoints, 0..10);
        checkpoints.save(&state(10), b"learner").unwrap();
        fs::rename(folder.path().join(CURRENT), folder.path().join(PREVIOUS)).unwrap();
        assert_eq!(ring(folder.path(), 100).2.state.step, 10);
    }

    #[test]
    fn no_checkpoint_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, 100).unwrap();
        assert!(checkpoints.restore(|_| ()).unwrap().is_none());
    }
}
