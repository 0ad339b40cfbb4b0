//! Reports on many runs.

pub mod statistics;
