//! Why there is no report.

use std::path::PathBuf;

use thiserror::Error;

use crate::lab::config::ConfigError;
use crate::lab::files::FileError;
use crate::lab::robustness::RobustnessError;
use crate::sweep::SweepError;

/// Why runs cannot be reported on.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A run's configuration is bad.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What `lacewing robustness` measured is damaged.
    #[error(transparent)]
    Robustness(#[from] RobustnessError),
    /// A sweep's folder is damaged.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A folder has no runs.
    #[error(
        "{} is neither a run's folder (no config.toml) nor a sweep's (no points.json); name folders that \
         `lacewing train` or `lacewing sweep plan` made",
        root.display()
    )]
    NoRuns {
        /// The folder.
        root: PathBuf,
    },
    /// No run has come to its end.
    #[error(
        "none of the {unfinished} runs is finished, the first of them {}; go on with `lacewing {go_on}`",
        first.display()
    )]
    NothingFinished {
        /// How many runs there are.
        unfinished: usize,
        /// The folder of the first.
        first: PathBuf,
        /// The command that goes on with it.
        go_on: String,
    },
    /// Every run is left out.
    #[error(
        "none of the {count} runs counts, the first of them, {}, being {state}; name folders of other runs",
        first.display()
    )]
    NothingCounts {
        /// How many runs there are.
        count: usize,
        /// The folder of the first.
        first: PathBuf,
        /// What is the matter with it.
        state: String,
    },
    /// A run's figures are damaged.
    #[error(
        "{}, line {line}: {problem}; restore the file, or report on the other runs without this one",
        path.display()
    )]
    Csv {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The figures cannot be put into a table.
    #[error("cannot make a table of figures: {0}; report on fewer runs")]
    Table(#[from] csv::Error),
    /// A plot cannot be drawn.
    #[error("cannot draw the plot {name}: {problem}; report on fewer runs")]
    Plot {
        /// The plot's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
}
