//! From a grid file to the points of a sweep.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::expand::table;
use super::grid::Grid;
use super::points::GRID;
use super::{Point, Sweep, SweepError};
use crate::lab::config::{ConfigError, Layer, RunConfig};
use crate::lab::{files, session};

/// A planned sweep, and how it came about.
pub struct Plan {
    /// The sweep, as it is on disk.
    pub sweep: Sweep,
    /// Combinations that turned out to be the run of another.
    pub merged: usize,
    /// Combinations left out by `[[exclude]]`.
    pub excluded: usize,
    /// Points that an earlier plan has not.
    pub new: usize,
}

/// Resolves every run of a grid as `lacewing train` would, checks it, and writes the sweep's folder.
/// In a sweep that is there already points keep their numbers, and those that are new come behind.
///
/// # Errors
/// [`SweepError`] naming the first point that is illegal; nothing was then written.
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
    let mut points = match Sweep::open(root) {
        Ok(sweep) => sweep.points().to_vec(),
        Err(SweepError::NotASweep { .. }) => {
            let path = root.join(GRID);
            if path.exists() && files::read(&path)? != grid.text.as_bytes() {
                return Err(SweepError::OtherGrid { path });
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let before = points.len();
    let mut planned = HashSet::new();
    for point in &points {
        let illegal = |source| SweepError::Settings { name: point.name.clone(), source };
        let text = point.config.to_toml().map_err(illegal)?;
        if !known.contains(&text) {
            return Err(SweepError::Gone { root: root.to_path_buf(), name: point.name.clone() });
        }
        planned.insert(text);
    }
    for (name, text, config) in runs {
        if !planned.contains(&text) {
            points.push(Point::new(points.len(), &name, config));
        }
    }
    let new = points.len() - before;
    let sweep = Sweep::write(root, &grid.text, points)?;
    Ok(Plan { sweep, merged, excluded: combinations.excluded, new })
}

/// The same path as `lacewing train --config`.
fn resolve(origin: &str, settings: &toml::Table) -> Result<RunConfig, ConfigError> {
    let layer = Layer::text(origin, &settings.to_string())?;
    let config = RunConfig::from_layers(None, None, vec![layer])?;
    config.validate()?;
    Ok(config)
}

/// Checks runs whole, with environment and networks; of those that differ in the seed alone, one.
fn check(runs: &[(String, String, RunConfig)]) -> Result<(), SweepError> {
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
