//! Dense actors from elsewhere: read as their makers meant them, pruned, and refused when foreign.

#[path = "../onnx_cases/mod.rs"]
mod onnx_cases;

mod choices;
mod contract;
mod fixtures;
mod pruning;
mod reading;
mod refusals;
