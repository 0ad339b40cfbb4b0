//! Algorithms, each whole in one file: which networks and scalars it has, the gradient at the
//! outputs, the order of its stages, how it acts.

mod any;
mod dqn;
mod gaussian;
mod ppo;
mod pull;
mod sac;
mod td3;
mod twins;

pub(super) use any::each;
pub use any::{AnyAgent, Settings};
pub use dqn::{DqnConfig, TdLoss};
pub use ppo::PpoConfig;
pub use sac::SacConfig;
pub use td3::Td3Config;

use super::error::LearnError;

/// The complaint, a setting's name and what it must be, of the first of `checks` that does not hold.
fn all_hold(checks: &[(bool, &'static str)]) -> Result<(), LearnError> {
    match checks.iter().find(|(holds, _)| !holds) {
        Some((_, complaint)) => Err(LearnError::Config(complaint)),
        None => Ok(()),
    }
}

fn is_positive(value: f32) -> bool {
    value.is_finite() && value > 0.0
}

fn is_natural(value: f32) -> bool {
    value.is_finite() && value >= 0.0
}

fn is_share(value: f32) -> bool {
    (0.0..=1.0).contains(&value)
}
