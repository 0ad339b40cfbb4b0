//! Where a policy comes from.

use serde::{Deserialize, Serialize};

/// Most bytes (UTF-8) in each text of a [`Provenance`].
pub const MAX_TEXT_BYTES: usize = 96;

/// Where a policy comes from. Texts have at most [`MAX_TEXT_BYTES`] bytes and no control
/// characters, so that a terminal can show those of a foreign file; empty means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance<'a> {
    /// Environment it was trained in, such as `HalfCheetah-v5`.
    pub environment: &'a str,
    /// Learning algorithm, such as `td3`.
    pub algorithm: &'a str,
    /// Sparse training method, such as `set`.
    pub method: &'a str,
    /// Program that wrote the file, with its version.
    pub program: &'a str,
    /// Source revision of that program.
    pub commit: &'a str,
    /// Seed of the run.
    pub seed: u64,
    /// Environment steps trained.
    pub steps: u64,
    /// How it scored, where that is known.
    pub evaluation: Option<Evaluation>,
}

/// Undiscounted returns of evaluation episodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean return.
    pub mean: f64,
    /// Standard deviation of the returns.
    pub std: f64,
    /// Episodes.
    pub episodes: u32,
}

impl<'a> Provenance<'a> {
    /// Every text.
    pub(crate) fn texts(&self) -> [&'a str; 5] {
        [self.environment, self.algorithm, self.method, self.program, self.commit]
    }
}
