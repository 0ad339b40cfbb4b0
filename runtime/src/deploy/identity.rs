//! Who a robot is, and whom it trusts.

use super::{DeployError, Disk};
use lacewing_formats::signature::{PublicKey, SignatureError, is_name};
use std::io::{self, ErrorKind};

const ROBOT: &str = "robot";
const TRUST: &str = "trust.pem";

/// A robot's name and the key it trusts, where it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub robot: Option<String>,
    /// With it, nothing is taken that is not signed.
    pub trust: Option<PublicKey>,
}

impl Identity {
    /// What the robot has been told so far.
    ///
    /// # Errors
    /// [`DeployError::Key`] for files that are damaged.
    pub fn read(disk: &impl Disk) -> Result<Self, DeployError> {
        let text = |path: &str| match disk.read(path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DeployError::io(path, error)),
        };
        let trust = text(TRUST)?.map(|pem| PublicKey::from_pem(&pem)).transpose()?;
        let robot = text(ROBOT)?;
        if robot.as_ref().is_some_and(|robot| !is_name(robot)) {
            return Err(SignatureError::Robot.into());
        }
        Ok(Self { robot, trust })
    }

    /// This robot, once it has been told `robot` and `trust`.
    ///
    /// # Errors
    /// [`DeployError`] if it is another robot or trusts another key.
    pub fn told(&self, robot: Option<&str>, trust: Option<&str>) -> Result<Self, DeployError> {
        let mut told = self.clone();
        if let Some(expected) = robot {
            if !is_name(expected) || expected.trim() != expected {
                return Err(SignatureError::Robot.into());
            }
            match &self.robot {
                Some(found) if found != expected => {
                    let (expected, found) = (expected.to_string(), found.clone());
                    return Err(DeployError::OtherRobot { expected, found });
                }
                _ => told.robot = Some(expected.to_string()),
            }
        }
        if let Some(pem) = trust {
            let key = PublicKey::from_pem(pem)?;
            if self.trust.as_ref().is_some_and(|trusted| *trusted != key) {
                return Err(DeployError::OtherTrust);
            }
            told.trust = Some(key);
        }
        if told.trust.is_some() && told.robot.is_none() {
            return Err(DeployError::NoName);
        }
        Ok(told)
    }

    /// Remembers what is new since `before`. The name comes first: a key without it would lock out.
    pub(super) fn save(&self, before: &Self, disk: &mut impl Disk) -> Result<(), DeployError> {
        let mut put = |path: &str, text: &str| {
            disk.replace("", path, text.as_bytes()).map_err(|error| DeployError::io(path, error))
        };
        if let Some(robot) = self.robot.as_ref().filter(|_| self.robot != before.robot) {
            put(ROBOT, &format!("{robot}\n"))?;
        }
        match &self.trust {
            Some(key) if self.trust != before.trust => {
                let pem = key.to_pem().map_err(io::Error::other);
                put(TRUST, &pem.map_err(|error| DeployError::io(TRUST, error))?)
            }
            _ => Ok(()),
        }
    }
}
