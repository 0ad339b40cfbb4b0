//! Why a sweep cannot go on.

use std::path::PathBuf;

use thiserror::Error;

use crate::lab::config::ConfigError;
use crate::lab::error::LabError;
use crate::lab::files::FileError;
use crate::lab::folder::FolderError;
use crate::shell;

/// Why a sweep cannot be planned, or a point of it not be trained.
#[derive(Debug, Error)]
pub enum SweepError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The grid file is not as it must be.
    #[error("{origin}: {problem}")]
    Grid {
        /// The file.
        origin: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A point of the grid is no legal configuration.
    #[error("point {name}: {source}; correct it, or leave such points out with [[exclude]]")]
    Settings {
        /// The point.
        name: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// A point of the grid cannot be trained here.
    #[error("point {name}: {source}; correct it, or leave such points out with [[exclude]]")]
    Illegal {
        /// The point.
        name: String,
        /// What is wrong.
        source: Box<LabError>,
    },
    /// Points that fail as soon as they are trained.
    #[error(
        "{}; correct them, or leave such points out with [[exclude]] (--no-estimate plans what was not tried)",
        problems.join("; ")
    )]
    Failing {
        /// What is wrong, with a point of each kind.
        problems: Vec<String>,
    },
    /// A planned point is not in the grid any more.
    #[error(
        "{} has point {name}, which the grid has not any more: points may only be added to a sweep; \
         plan this grid in another folder (-o), or delete {0} if nothing in it is needed",
        root.display()
    )]
    Gone {
        /// The sweep's folder.
        root: PathBuf,
        /// The point.
        name: String,
    },
    /// The folder is not a sweep's.
    #[error(
        "{} is not a sweep's folder (no points.json); plan one first: `lacewing sweep plan GRID.toml -o DIR`",
        root.display()
    )]
    NotASweep {
        /// The folder.
        root: PathBuf,
    },
    /// The file of points is damaged.
    #[error(
        "{} is not what `lacewing sweep plan` writes: {problem}; delete it and plan {} again, runs are \
         kept",
        path.display(), path.with_file_name("grid.toml").display()
    )]
    Points {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No point has this number.
    #[error("there is no point {number} in {}: its points are 0 to {last}", root.display())]
    NoPoint {
        /// The sweep's folder.
        root: PathBuf,
        /// What was asked for.
        number: usize,
        /// The last point.
        last: usize,
    },
    /// Another process trains the point.
    #[error(
        "point {name} is being trained by another process; see `lacewing sweep status {}`",
        shell::path(root)
    )]
    Busy {
        /// The sweep's folder.
        root: PathBuf,
        /// The point.
        name: String,
    },
    /// A point's folder holds another configuration.
    #[error(
        "{} is not the configuration that points.json has for this point; restore it, or delete \
         the folder {} to train the point from its start",
        config.display(), config.parent().unwrap_or(config).display()
    )]
    Changed {
        /// The point's `config.toml`.
        config: PathBuf,
    },
    /// A point's folder is unusable.
    #[error(transparent)]
    Folder(FolderError),
    /// A point's training failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// What is no sweep yet has another grid.
    #[error(
        "{} is another grid, and would be overwritten: plan this one in another folder (-o)",
        path.display()
    )]
    OtherGrid {
        /// That grid.
        path: PathBuf,
    },
    /// An engine must be told a path that is no text.
    #[error(
        "{} is not UTF-8, and engines take text only: rename the folder, or train here with `lacewing \
         sweep run`",
        path.display()
    )]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// A path that a script for Slurm cannot say.
    #[error(
        "{}: Slurm reads `%`, `\"` and `\\` in a path as something else: rename the folder, or train here with \
         `lacewing sweep run`",
        path.display()
    )]
    NotForSlurm {
        /// The path.
        path: PathBuf,
    },
    /// A process of our own or an engine's cannot be started.
    #[error("cannot start {program}: {source}; {remedy}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// An engine refused.
    #[error("{program} failed ({status}); what it printed is above, nothing was lost")]
    Engine {
        /// The engine's program.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}
