//! Why a version was not installed, started, confirmed or rolled back.

use super::{Failure, Refusal};
use lacewing_formats::signature::SignatureError;
use std::io::{self, ErrorKind};
use std::path::Path;
use thiserror::Error;

/// Why nothing was changed; what ran before still does.
#[derive(Debug, Error)]
pub enum DeployError {
    /// The disk or the quota is full.
    #[error("no room on the robot at {path} ({source}): free some; what ran before still does")]
    NoRoom {
        /// Where, under the root.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another command holds the folder.
    #[error("another deployment to this robot is on its way: wait for it and try again")]
    InUse,
    /// Anything else that the file system refuses.
    #[error("cannot use {path} on the robot: {source}; what ran before still does")]
    Io {
        /// Where, under the root.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// What arrived is not what was sent.
    #[error("{file} was damaged on its way: deploy again; what ran before still does")]
    Upload {
        /// Which file.
        file: &'static str,
    },
    /// Not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another robot's name.
    #[error(
        "this robot is `{found}`, not `{expected}`: check the address, or correct the file `robot` on \
         the robot"
    )]
    OtherRobot {
        /// Asked for.
        expected: String,
        /// Its name.
        found: String,
    },
    /// A key without a name to compare with.
    #[error(
        "a robot that trusts a key needs the name that policies are signed for: give --robot NAME"
    )]
    NoName,
    /// No name, or no key.
    #[error(transparent)]
    Key(#[from] SignatureError),
    /// It trusts another key.
    #[error(
        "this robot trusts another key already: sign with that one, or replace `trust.pem` on the \
         robot by hand"
    )]
    OtherTrust,
    /// There is no version yet.
    #[error("no policy is installed here: deploy one")]
    Nothing,
    /// The only version there is cannot be used.
    #[error("version {number} {failure}, and there is no other to fall back to: deploy one")]
    NoFallback {
        /// Which.
        number: u32,
        /// What is wrong with it.
        failure: Failure,
    },
    /// Nothing can be rolled back to.
    #[error("version {number} is the only one that can run, so it stays: deploy another one")]
    Only {
        /// Which.
        number: u32,
    },
    /// Another version runs by now.
    #[error("version {number} does not run any more: version {current} does")]
    NotCurrent {
        /// Which was meant.
        number: u32,
        /// What runs.
        current: u32,
    },
}

impl DeployError {
    /// Why the folder of versions itself cannot be used.
    pub fn at_root(root: &Path, source: io::Error) -> Self {
        Self::io(&root.display().to_string(), source)
    }

    pub(super) fn io(path: &str, source: io::Error) -> Self {
        let path = path.to_string();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::NoRoom { path, source }
            }
            ErrorKind::WouldBlock => Self::InUse,
            _ => Self::Io { path, source },
        }
    }
}
