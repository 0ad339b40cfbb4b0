//! How well a policy did.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Mean and population standard deviation of returns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean return of the episodes.
    pub mean: f64,
    /// Their population standard deviation.
    pub std: f64,
}

impl Score {
    /// Summarises returns; of none, both are NaN.
    pub fn of(returns: &[f64]) -> Self {
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let squares = returns.iter().map(|value| (value - mean) * (value - mean));
        Self { mean, std: libm::sqrt(squares.sum::<f64>() / count) }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} ± {:.1}", self.mean, self.std)
    }
}
