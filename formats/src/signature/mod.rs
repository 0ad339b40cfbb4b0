//! Who vouches for a policy file: an ed25519 signature (RFC 8032) that lies beside it.
//!
//! `POLICY.sig` is apart from `POLICY`, whose bytes do not change by being signed: it is compared and
//! verified before anything in the policy is looked at. `formats/SPEC.md` has the bytes.

mod error;
mod key;

pub use error::SignatureError;
pub use key::{PublicKey, SecretKey};

use crate::policy::MAX_TEXT_BYTES;
use alloc::vec::Vec;
use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// As a policy file's, but with the letters `LSIG`. It also keeps what is signed here apart from
/// whatever else the key may sign.
const MAGIC: [u8; 8] = *b"\x89LSIG\r\n\x1a";
/// Of the signature's layout.
const VERSION: u32 = 1;
/// Magic, version and length of the statement.
const PREAMBLE_BYTES: usize = 16;
/// Of the signature itself.
const SIGNATURE_BYTES: usize = 64;

/// What a signature says of a policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement<'a> {
    /// The robot it is for: 1 to 96 bytes without control characters.
    pub robot: &'a str,
    /// Greater than that of every policy the robot has been given before.
    pub counter: u64,
    /// Length of the policy file.
    pub bytes: u64,
    /// SHA-256 of the policy file.
    pub sha256: [u8; 32],
}

/// SHA-256 of a file.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The bytes of `POLICY.sig` for the bytes of a policy file.
///
/// # Errors
/// [`SignatureError::Robot`] for a name that is none.
pub fn sign(
    policy: &[u8],
    robot: &str,
    counter: u64,
    key: &SecretKey,
) -> Result<Vec<u8>, SignatureError> {
    if !is_name(robot) {
        return Err(SignatureError::Robot);
    }
    let bytes = policy.len() as u64;
    let statement = Statement { robot, counter, bytes, sha256: sha256(policy) };
    let statement = postcard::to_allocvec(&statement).map_err(|_| SignatureError::Robot)?;
    let mut signed = Vec::from(MAGIC);
    signed.extend(VERSION.to_le_bytes());
    signed.extend((statement.len() as u32).to_le_bytes());
    signed.extend(statement);
    let signature = key.sign(&signed);
    signed.extend(signature.to_bytes());
    Ok(signed)
}

/// What the signature in `sig` says of the policy file in `policy`, once it is known that the owner of
/// `key` said so. Takes time linear in both; looks at nothing in the policy file.
///
/// # Errors
/// [`SignatureError`]: not a signature, not by this key, not of these bytes.
pub fn verify<'a>(
    policy: &[u8],
    sig: &'a [u8],
    key: &PublicKey,
) -> Result<Statement<'a>, SignatureError> {
    if !sig.starts_with(&MAGIC) {
        return Err(SignatureError::NotASignature);
    }
    let (preamble, _) = sig.split_at_checked(PREAMBLE_BYTES).ok_or(SignatureError::Length)?;
    let number = |at: usize| {
        preamble[at..at + 4].iter().rev().fold(0_u32, |number, &byte| number << 8 | u32::from(byte))
    };
    if number(8) != VERSION {
        return Err(SignatureError::Version { version: number(8) });
    }
    let (signed, signature) = (sig.len().checked_sub(SIGNATURE_BYTES))
        .map(|end| sig.split_at(end))
        .filter(|(signed, _)| signed.len() == PREAMBLE_BYTES.saturating_add(number(12) as usize))
        .ok_or(SignatureError::Length)?;
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Length)?;
    key.verify(signed, &signature)?;
    // What a trusted key has signed may still be nonsense.
    let statement: Statement<'a> = match postcard::take_from_bytes(&signed[PREAMBLE_BYTES..]) {
        Ok((statement, [])) => statement,
        _ => return Err(SignatureError::Length),
    };
    if !is_name(statement.robot) {
        return Err(SignatureError::Robot);
    }
    if statement.bytes != policy.len() as u64 || statement.sha256 != sha256(policy) {
        return Err(SignatureError::Altered);
    }
    Ok(statement)
}

/// Whether a text can be the name of a robot.
pub fn is_name(robot: &str) -> bool {
    !robot.is_empty() && robot.len() <= MAX_TEXT_BYTES && !robot.chars().any(char::is_control)
}
