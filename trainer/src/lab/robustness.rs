//! How a finished run's policy does where the world is another: returns at increasing values of a shift,
//! such as noise on every observed value (Graesser et al. 2022, "The State of Sparse Training in Deep
//! Reinforcement Learning", section on robustness to noise). They stay with the run, in `robustness.csv`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lacewing_runtime::learn::Score;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::deployed::{self, PlayError};
use super::files::{self, FileError};
use super::policy::{self, PolicyError};
use crate::env::{self, EnvError, SettingError, Shift};

/// In a run's folder.
pub const ROBUSTNESS: &str = "robustness.csv";

/// Why robustness could not be measured.
#[derive(Debug, Error)]
pub enum RobustnessError {
    /// What to vary is not understood.
    #[error("`{text}` is no shift with its values; write for example sensor-noise=0,0.1,0.2")]
    Vary {
        /// As given.
        text: String,
    },
    /// A value is none of the shift.
    #[error(transparent)]
    Shift(#[from] SettingError),
    /// The environment failed, or has no place for the shift.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The policy is unusable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy could not be played.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A measurement is there that says more.
    #[error(
        "{}: {shift}={value} was measured over {there} episodes, and {asked} would replace it: give --episodes \
         {there} or more, or --force",
        run.display()
    )]
    Fewer {
        /// The run's folder.
        run: PathBuf,
        /// The shift.
        shift: String,
        /// Its value.
        value: f64,
        /// Episodes of that measurement.
        there: u32,
        /// Episodes of the new one.
        asked: u32,
    },
    /// An earlier measurement is damaged.
    #[error("{}: {source}; delete the file and measure again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: csv::Error,
    },
}

/// A shift and the values that it is given one after the other: `sensor-noise=0,0.1,0.2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vary {
    /// As [`Shift`] spells it.
    pub key: String,
    /// Each with the shift it makes.
    pub values: Vec<(f64, Shift)>,
}

impl FromStr for Vary {
    type Err = RobustnessError;

    fn from_str(text: &str) -> Result<Self, RobustnessError> {
        let unclear = || RobustnessError::Vary { text: text.to_string() };
        let (key, list) = text.split_once('=').ok_or_else(unclear)?;
        let key = key.trim().to_string();
        let value = |value: &str| {
            let shift = format!("{key}={}", value.trim()).parse()?;
            Ok((value.trim().parse().map_err(|_| unclear())?, shift))
        };
        let values = list.split(',').map(value).collect::<Result<Vec<_>, RobustnessError>>()?;
        Ok(Self { key, values })
    }
}

/// The return under one value of a shift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// As [`Shift`] spells it.
    pub shift: String,
    /// Its value.
    pub value: f64,
    /// Episodes played.
    pub episodes: u32,
    /// Decides their starts.
    pub seed: u64,
    /// CRC-32 of the policy file that played them.
    pub policy: u32,
    /// Mean of their returns.
    pub mean: f64,
    /// Population standard deviation of their returns.
    pub std: f64,
}

/// What was measured of a run; nothing if nothing was.
///
/// # Errors
/// [`RobustnessError::File`], [`RobustnessError::Damaged`].
pub fn read(run: &Path) -> Result<Vec<Measured>, RobustnessError> {
    let path = run.join(ROBUSTNESS);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = files::read(&path)?;
    let rows = csv::Reader::from_reader(&*text).into_deserialize().collect::<Result<_, _>>();
    rows.map_err(|source| RobustnessError::Damaged { path, source })
}

/// Refuses to replace what was measured of a run's policy by what fewer episodes say.
///
/// # Errors
/// [`RobustnessError::Fewer`]; [`RobustnessError`] where there is no policy, or the file is damaged.
pub fn check(run: &Path, vary: &[Vary], episodes: u32) -> Result<(), RobustnessError> {
    let policy = crc32fast::hash(&policy::read(run)?);
    let asked = |row: &Measured| {
        let values = vary.iter().filter(|vary| vary.key == row.shift).flat_map(|vary| &vary.values);
        values.into_iter().any(|&(value, _)| value == row.value)
    };
    let more = |row: &Measured| row.policy == policy && row.episodes > episodes && asked(row);
    match read(run)?.into_iter().find(more) {
        None => Ok(()),
        Some(Measured { shift, value, episodes: there, .. }) => {
            Err(RobustnessError::Fewer { run: run.into(), shift, value, there, asked: episodes })
        }
    }
}

/// Plays the policy in a run's folder under every value, in its environment `id`. What comes out goes into its
/// `robustness.csv`, in place of what was measured there with other episodes or of another policy; what
/// stands there as it would come out is not played again. `done` is told each.
///
/// # Errors
/// [`RobustnessError`]; what was measured before it is kept.
pub fn measure(
    run: &Path,
    id: &str,
    vary: &[Vary],
    (episodes, seed): (u32, u64),
    mut done: impl FnMut(&Measured),
) -> Result<(), RobustnessError> {
    let bytes = policy::read(run)?;
    let view = policy::parse(&bytes, run)?;
    let policy = crc32fast::hash(&bytes);
    let mut rows = read(run)?;
    // Of another policy they say nothing of this one.
    rows.retain(|row| row.policy == policy);
    for Vary { key, values } in vary {
        for &(value, shift) in values {
            let same = |row: &Measured| {
                (row.episodes, row.seed, row.value) == (episodes, seed, value) && row.shift == *key
            };
            if rows.iter().any(same) {
                continue;
            }
            let mut env = env::make(id, &shift)?;
            let Score { mean, std } = deployed::evaluate(view.clone(), &mut *env, episodes, seed)?;
            let row = Measured { shift: key.clone(), value, episodes, seed, policy, mean, std };
            done(&row);
            rows.retain(|row| (row.value, &row.shift) != (value, key));
            rows.push(row);
            write(run, &rows)?;
        }
    }
    Ok(())
}

fn write(run: &Path, rows: &[Measured]) -> Result<(), RobustnessError> {
    let path = run.join(ROBUSTNESS);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.serialize(row));
    let bytes =
        written.and_then(|()| writer.into_inner().map_err(|error| error.into_error().into()));
    let bytes = bytes.map_err(|source| RobustnessError::Damaged { path: path.clone(), source })?;
    Ok(files::write_atomic(&path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_vary_is_a_shift_and_its_values() {
        let vary: Vary = "sensor-noise=0, 0.1,0.25".parse().unwrap();
        assert_eq!(vary.key, "sensor-noise");
        let values = vary.values.iter().map(|(value, shift)| (*value, shift.sensor_noise));
        assert_eq!(values.collect::<Vec<_>>(), [(0.0, 0.0), (0.1, 0.1), (0.25, 0.25)]);
        for bad in ["sensor-noise", "sensor-noise=", "noise=1", "gear=0.5,x", "gear=0.5,mass=2"] {
            assert!(bad.parse::<Vary>().is_err(), "{bad}");
        }
    }
}
