//! What [`super::Versions`] is asked and answers.

use super::{DeployError, Failure, Identity, Plan, Record};

/// An upload, and what is to become of it.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// Its folder, in [`super::UPLOADS`].
    pub upload: &'a str,
    /// SHA-256 of the policy file that was sent.
    pub policy: [u8; 32],
    /// SHA-256 of the program that was sent.
    pub program: [u8; 32],
    /// The robot it is meant for; one that has no name takes this one.
    pub robot: Option<&'a str>,
    /// A public key (PEM) to trust from now on.
    pub trust: Option<&'a str>,
    /// How it is started and judged.
    pub plan: Plan,
    /// Whether the contract may be another than before.
    pub new_contract: bool,
}

/// What came of an [`Offer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is the current version from now on.
    New(u32),
    /// The current version is the same already.
    Already(u32),
}

/// A version that is about to run.
#[derive(Debug)]
pub struct Started {
    /// Its number.
    pub number: u32,
    /// Its folder, under the root.
    pub folder: String,
    /// How it is started.
    pub plan: Plan,
    /// Versions that were left behind on the way, and why.
    pub left: Vec<(u32, Failure)>,
    /// Why its attempt could not be counted: then it is the last one that was confirmed, if there is one.
    pub uncounted: Option<DeployError>,
}

/// A version that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// What is known of it; none if that is damaged.
    pub record: Option<Record>,
}

/// All there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which robot.
    pub identity: Identity,
    /// The version that runs.
    pub current: Option<u32>,
    /// All versions, ascending.
    pub versions: Vec<Version>,
}

impl Status {
    /// `plan`, and what it leaves open as it is for the version that runs.
    pub fn as_before(&self, plan: Plan) -> Plan {
        let current = self.versions.iter().find(|version| Some(version.number) == self.current);
        let before = current.and_then(|version| version.record.as_ref()).map(|record| &record.plan);
        Plan {
            run: plan.run.or_else(|| before.and_then(|before| before.run.clone())),
            health: plan.health.or_else(|| before.and_then(|before| before.health.clone())),
            ..plan
        }
    }
}
