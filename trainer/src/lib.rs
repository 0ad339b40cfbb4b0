//! Workstation side of Lacewing: environments, engines, training runs and the `lacewing` command line.

pub mod env;
