//! Sweeps: many training runs from one grid of settings, on this machine or on an engine that has more.
//!
//! A sweep is a folder: `grid.toml`, `points.json`, and in `points/` an ordinary run's folder for each
//! point. Everything that is known about a point is read off its folder, so there is no state that could
//! disagree with it: any number of processes, on any number of machines that share the folder, may train
//! points of the same sweep, and none of them needs to outlive another.

mod error;
mod estimate;
mod expand;
mod grid;
mod plan;
mod point;
mod points;
mod run;
mod status;
mod submit;

pub use error::SweepError;
pub use estimate::{Estimate, estimate};
pub(crate) use expand::{leave_out_what_says_nothing, part};
pub use grid::Grid;
pub(crate) use grid::{Settings, flat, rank};
pub use plan::{Plan, plan};
pub use point::{Ended, train};
pub(crate) use points::POINTS;
pub use points::{Point, Sweep};
pub use run::{BUSY, INTERRUPTED, Report, run};
pub use status::{Standing, State, standing};
pub use submit::{Engine, Submission, submission};
