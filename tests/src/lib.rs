//! Helpers shared by the suites under `tests/`.

pub mod actor;
pub mod edge;
pub mod pattern;
pub mod policy_file;
pub mod program;
pub mod runs;
