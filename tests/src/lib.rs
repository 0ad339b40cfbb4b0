//! Helpers shared by the suites under `tests/`.

pub mod actor;
pub mod edge;
pub mod fresh;
pub mod hostile;
pub mod layer;
pub mod learner;
pub mod methods;
pub mod one_layer;
pub mod oracle;
pub mod policy_file;
pub mod power;
pub mod power_files;
pub mod program;
pub mod runs;
pub mod saved;
pub mod topology;
