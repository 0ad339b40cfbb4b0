//! From a grid file to the points of a sweep.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use super::expand::table;
use super::grid::Grid;
use super::points::{FOLDER, GRID};
use super::{Point, Sweep, SweepError};
use crate::lab::config::{ConfigError, Layer, RunConfig};
use crate::lab::folder::CONFIG;
use crate::lab::{files, session};

/// A planned sweep, and how it came about.
pub struct Plan {
    /// The sweep, which is on disk once it is written.
    pub sweep: Sweep,
    /// Combinations that turned out to be the run of another.
    pub merged: usize,
    /// Combinations left out by `[[exclude]]`.
    pub excluded: usize,
    /// Points that an earlier plan has not.
    pub new: usize,
    grid: String,
}

impl Plan {
    /// Writes the sweep's folder.
    ///
    /// # Errors
    /// [`SweepError::File`].
    pub fn write(&self) -> Result<(), SweepError> {
        self.sweep.write(&self.grid)
    }
}

/// A run's name, its `config.toml` and what that says.
type Run = (String, String, RunConfig);

/// Resolves every run of a grid as `lacewing train` would, and checks it. In a sweep that is there already
/// points keep their numbers, and those that are new come behind.
///
/// # Errors
/// [`SweepError`] naming the first point that is illegal.
pub fn plan(grid: &Path, root: &Path) -> Result<Plan, SweepError> {
    let grid = Grid::file(grid)?;
    let combinations = grid.combinations()?;
    let asked = combinations.all.len();
    // TOML is what tells runs apart: it has every setting.
    let mut known: HashSet<String> = HashSet::new();
    let mut runs = Vec::new();
    for one in combinations.all {
        let name = one.name;
        let illegal = |source| SweepError::Settings { name: name.clone(), source };
        let config = resolve(&grid.origin, &table(&one.settings)).map_err(illegal)?;
        let text = config.to_toml().map_err(illegal)?;
        if known.insert(text.clone()) {
            runs.push((name, text, config));
        }
    }
    let merged = asked - runs.len();
    check(&runs)?;

    files::check_folder(root)?;
    let mut numbered: BTreeMap<usize, Point> = match Sweep::open(root) {
        Ok(sweep) => sweep.points().iter().map(|point| (point.number, point.clone())).collect(),
        Err(SweepError::NotASweep { .. }) => {
            let path = root.join(GRID);
            if path.exists() && files::read(&path)? != grid.text.as_bytes() {
                return Err(SweepError::OtherGrid { path });
            }
            begun(root, &known)
        }
        Err(error) => return Err(error),
    };
    let before = numbered.len();
    let mut planned = HashSet::new();
    for point in numbered.values() {
        let illegal = |source| SweepError::Settings { name: point.name.clone(), source };
        let text = point.config.to_toml().map_err(illegal)?;
        if !known.contains(&text) {
            return Err(SweepError::Gone { root: root.to_path_buf(), name: point.name.clone() });
        }
        planned.insert(text);
    }
    let mut number = 0;
    for (name, text, config) in runs {
        if !planned.contains(&text) {
            while numbered.contains_key(&number) {
                number += 1;
            }
            numbered.insert(number, Point::new(number, &name, config));
        }
    }
    let new = numbered.len() - before;
    let sweep = Sweep::new(root, numbered.into_values().collect());
    Ok(Plan { sweep, merged, excluded: combinations.excluded, new, grid: grid.text })
}

/// The points of a sweep without `points.json`, as far as they have folders, under the numbers there.
fn begun(root: &Path, known: &HashSet<String>) -> BTreeMap<usize, Point> {
    let mut numbered = BTreeMap::new();
    let folders = fs::read_dir(root.join(FOLDER)).into_iter().flatten().flatten();
    for name in folders.filter_map(|entry| entry.file_name().into_string().ok()) {
        let folder = Path::new(FOLDER).join(&name);
        let number = name.split('-').next().and_then(|number| number.parse().ok());
        // A number beyond the last would leave some without a point.
        let Some(number) = number.filter(|&number: &usize| number < known.len()) else { continue };
        let Ok(config) = RunConfig::from_file(&root.join(&folder).join(CONFIG)) else { continue };
        if config.to_toml().is_ok_and(|text| known.contains(&text)) {
            numbered.insert(number, Point { number, name, folder, config });
        }
    }
    numbered
}

/// The same path as `lacewing train --config`.
fn resolve(origin: &str, settings: &toml::Table) -> Result<RunConfig, ConfigError> {
    let layer = Layer::text(origin, &settings.to_string())?;
    let config = RunConfig::from_layers(None, None, vec![layer])?;
    config.validate()?;
    Ok(config)
}

/// Checks runs whole, with environment and networks; of those that differ in the seed alone, one.
fn check(runs: &[Run]) -> Result<(), SweepError> {
    let mut kinds = HashMap::new();
    for (name, _, config) in runs {
        let config = RunConfig { seed: 0, ..config.clone() };
        let illegal = |source| SweepError::Settings { name: name.clone(), source };
        kinds.entry(config.to_toml().map_err(illegal)?).or_insert((name, config));
    }
    let mut kinds: Vec<_> = kinds.into_values().collect();
    kinds.sort_by_key(|(name, _)| *name);
    for (name, config) in kinds {
        session::check(&config).map_err(|source| SweepError::Illegal {
            name: name.clone(),
            source: Box::new(source),
        })?;
    }
    Ok(())
}
