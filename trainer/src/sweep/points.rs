//! A sweep's folder and its points.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SweepError;
use crate::lab::config::RunConfig;
use crate::lab::files;

pub(super) const GRID: &str = "grid.toml";
/// Of the points' folders.
pub(super) const FOLDER: &str = "points";
pub(crate) const POINTS: &str = "points.json";

/// Longest name of a folder, in bytes: file systems allow 255.
const LONGEST: usize = 200;

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// From 0, in order: what engines number their tasks by.
    pub number: usize,
    /// Number, and the settings in which the points differ.
    pub name: String,
    /// Where it is trained, from the sweep's folder.
    pub folder: PathBuf,
    /// All that decides the run.
    pub config: RunConfig,
}

impl Point {
    pub(super) fn new(number: usize, name: &str, config: RunConfig) -> Self {
        let mut name = format!("{number:04}-{name}");
        // Names are ASCII; the number keeps shortened ones apart.
        name.truncate(LONGEST);
        Self { number, folder: Path::new(FOLDER).join(&name), name, config }
    }
}

/// A planned sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    root: PathBuf,
    points: Vec<Point>,
}

impl Sweep {
    /// Opens a sweep's folder.
    ///
    /// # Errors
    /// [`SweepError::NotASweep`], [`SweepError::Points`], [`SweepError::File`].
    pub fn open(root: &Path) -> Result<Self, SweepError> {
        let path = root.join(POINTS);
        if !path.is_file() {
            return Err(SweepError::NotASweep { root: root.to_path_buf() });
        }
        let damaged = |problem| SweepError::Points { path: path.clone(), problem };
        let points: Vec<Point> = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| damaged(error.to_string()))?;
        let numbered = points.iter().enumerate().all(|(at, point)| point.number == at);
        if points.is_empty() || !numbered {
            return Err(damaged("its points must be numbered from 0, one at least".into()));
        }
        Ok(Self::new(root, points))
    }

    pub(super) fn new(root: &Path, points: Vec<Point>) -> Self {
        Self { root: root.to_path_buf(), points }
    }

    /// Writes the sweep's folder. Its points come last: before, there is no sweep.
    ///
    /// # Errors
    /// [`SweepError::File`].
    pub(super) fn write(&self, grid: &str) -> Result<(), SweepError> {
        files::create_folder(&self.root)?;
        files::write_atomic(&self.root.join(GRID), grid.as_bytes())?;
        let path = self.root.join(POINTS);
        let json = serde_json::to_vec_pretty(&self.points).map_err(|error| SweepError::Points {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        Ok(files::write_atomic(&path, &json)?)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its points, in order.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The point of a number.
    ///
    /// # Errors
    /// [`SweepError::NoPoint`].
    pub fn point(&self, number: usize) -> Result<&Point, SweepError> {
        self.points.get(number).ok_or_else(|| SweepError::NoPoint {
            root: self.root.clone(),
            number,
            last: self.points.len() - 1,
        })
    }

    /// A point's run.
    pub fn folder(&self, point: &Point) -> PathBuf {
        self.root.join(&point.folder)
    }

    /// What a point printed while [`run`](super::run()) trained it.
    pub fn log(&self, point: &Point) -> PathBuf {
        self.folder(point).join("log.txt")
    }

    /// Why a point failed, until it is trained again.
    pub(super) fn error(&self, point: &Point) -> PathBuf {
        self.folder(point).join("error.txt")
    }

    /// Keeps others from starting runs until it is dropped; the system releases it even after kill -9.
    /// None where the file system has no locks.
    pub(super) fn lock(&self) -> Option<File> {
        let file = File::options().read(true).write(true).open(self.root.join(POINTS)).ok()?;
        file.lock().ok()?;
        Some(file)
    }
}
