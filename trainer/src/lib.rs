//! Workstation side of Lacewing: environments, engines, training runs and the `lacewing` command line.

pub mod algo;
pub mod cli;
pub mod engine;
pub mod env;
pub mod lab;
pub mod onnx;
