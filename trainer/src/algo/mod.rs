//! Reinforcement-learning algorithms, each whole in one file.

pub mod td3;
