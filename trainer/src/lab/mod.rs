//! Around a training run: its configuration, its folder, its logs, and the checkpoints that let it
//! continue after a crash.

pub mod checkpoint;
pub mod config;
pub mod contract;
pub mod deployed;
pub mod error;
pub mod evaluations;
pub mod files;
pub mod finetune;
pub mod folder;
pub mod log;
pub mod memory;
pub mod policy;
pub mod progress;
pub mod quantisation;
pub mod robustness;
pub mod seeds;
pub mod session;
pub mod shipped;
pub mod teacher;
pub mod tensorboard;
pub mod world;
