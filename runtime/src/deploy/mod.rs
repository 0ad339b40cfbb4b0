//! The versions of a policy on a robot: given, tried, confirmed, rolled back.
//!
//! ```text
//! ROOT/robot                 its name
//! ROOT/trust.pem             the public key without whose signature nothing is taken
//! ROOT/current -> versions/7
//! ROOT/versions/7/           policy.lace, policy.lace.sig, lacewing-edge, record
//! ROOT/uploads/              what is on its way; nothing there is ever run
//! ```
//!
//! A version's files are synced before its folder gets its number, its folder before `current` leads to it,
//! and that is one rename. A version that is new is *trying*: every start is counted before it happens, and
//! after so many without a confirmation the version before comes back. All that a version is, is in its own
//! folder, and what it falls back to follows from the numbers; so there is no second place that could
//! disagree after a power cut.
//!
//! As in MCUboot and RAUC a confirmation is for good: a robot whose cable came loose later would otherwise
//! wander back through old policies.

mod accept;
mod answers;
mod disk;
mod error;
mod identity;
mod record;
mod versions;

pub use accept::{Accepted, Refusal, accept, vouched};
pub use answers::{Installed, Offer, Started, Status, Version};
pub use disk::{Disk, Files};
pub use error::DeployError;
pub use identity::Identity;
pub use record::{Failure, Plan, Record, State};
pub use versions::Versions;

/// Name of the policy's file in an upload and in a version.
pub const POLICY: &str = "policy.lace";
/// Name of its signature.
pub const SIGNATURE: &str = "policy.lace.sig";
/// Name of the device's program.
pub const PROGRAM: &str = "lacewing-edge";
/// Folder in which each upload has a folder.
pub const UPLOADS: &str = "uploads";
