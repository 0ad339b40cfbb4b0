//! Onto robots: copies a policy and the right `lacewing-edge`, and lets that do the rest.
//!
//! What is installed, tried, confirmed and rolled back is decided on the robot by
//! [`lacewing_runtime::deploy`], so that a connection may break at any moment. Here is only `ssh` and
//! `scp`, the system's own, with its keys, jump hosts and configuration.

mod address;
mod chip;
mod error;
mod fleet;
pub mod image;
mod machine;
mod package;
mod remote;

pub use address::Address;
pub use chip::OnChip;
pub use error::DeployError;
pub use fleet::{Fleet, each};
pub use machine::{Machine, Programs};
pub use package::Package;
pub use remote::{Remote, Session};
