//! Reports on many runs: one page that needs nothing beside it, its plots, its tables as Markdown, and
//! the figures of every run as CSV. And a policy's links as a page.

mod draw;
mod error;
mod groups;
mod intervals;
mod latency;
mod measured;
mod page;
mod plots;
mod runs;
pub mod statistics;
mod table;
mod tables;
mod topology;
mod write;

pub use error::ReportError;
pub use groups::{Comparison, Estimate, Group, Groups, Reference};
pub use latency::Latencies;
pub use runs::{Found, LeftOut, Run, find};
pub use topology::topology_page;
pub use write::write;
