//! Workstation side of Lacewing: environments, engines, training runs and the `lacewing` command line.

#[macro_use]
mod output;

pub mod cli;
pub mod deploy;
pub mod device;
pub mod engine;
pub mod env;
pub mod lab;
mod nearest;
pub mod onnx;
pub mod report;
mod shell;
pub mod sweep;
pub mod view;
