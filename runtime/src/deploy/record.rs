//! What is known of a version: a few bytes in its folder, replaced as a whole.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of its file.
pub(super) const RECORD: &str = "record";

/// How a version is started and judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Starts without a confirmation after which it is rolled back; at least 1.
    pub tries: u32,
    /// Control steps without an error after which it is confirmed.
    pub good_steps: u64,
    /// What the shell runs to start it.
    pub run: Option<String>,
    /// What the shell runs before it is confirmed, and which must succeed.
    pub health: Option<String>,
}

/// What is known of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Of its policy file.
    pub policy: [u8; 32],
    /// Of its program.
    pub program: [u8; 32],
    /// The signature's, where one was demanded.
    pub counter: Option<u64>,
    /// How it is started.
    pub plan: Plan,
    /// Starts so far, while it is trying.
    pub attempts: u32,
    /// How far it came.
    pub state: State,
}

/// How far a version came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Started, if at all, but not confirmed.
    Trying,
    /// It has done what it should.
    Confirmed,
    /// It was rolled back.
    Failed(Failure),
}

/// Why a version was rolled back.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// It never came to its good steps.
    #[error("was started again and again without a confirmation")]
    CrashLoop,
    /// The health test failed.
    #[error("failed its health test")]
    Health,
    /// Its files are not what they were, or its policy does not load.
    #[error("is damaged")]
    Damaged,
    /// Someone asked for it.
    #[error("was rolled back by hand")]
    Asked,
}

impl Record {
    /// Followed by their CRC-32, as flash forgets.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = postcard::to_allocvec(self).ok()?;
        let crc = crc32fast::hash(&bytes);
        bytes.extend(crc.to_le_bytes());
        Some(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (record, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(record) != u32::from_le_bytes(*crc) {
            return None;
        }
        match postcard::take_from_bytes(record) {
            Ok((record, [])) => Some(record),
            _ => None,
        }
    }
}
