//! Why a signature does not vouch for a policy file.

use crate::policy::MAX_TEXT_BYTES;
use thiserror::Error;

/// Why a policy file is not vouched for, or a key is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// Another kind of file.
    #[error("this is no signature: give the .sig file that `lacewing sign` wrote for the policy")]
    NotASignature,
    /// Made by a later version of the layout.
    #[error(
        "signature of layout version {version}, this program reads version 1: update the program, or \
         sign the policy with this one"
    )]
    Version {
        /// The file's.
        version: u32,
    },
    /// Bytes are missing, too many or make no sense.
    #[error("the signature is damaged: copy it again, or sign the policy again")]
    Length,
    /// By another key, or changed.
    #[error(
        "the signature is not by the trusted key, or was changed: sign the policy with the secret key \
         that belongs to it"
    )]
    OtherKey,
    /// Other bytes than those that were signed.
    #[error(
        "the policy is not the one that was signed: copy policy and signature again, or sign it again \
         if the change was wanted"
    )]
    Altered,
    /// No name.
    #[error(
        "a robot's name has 1 to {MAX_TEXT_BYTES} bytes and no control characters: choose another"
    )]
    Robot,
    /// No public key.
    #[error(
        "this is no public ed25519 key: give the file that `lacewing keygen` named .pub (PEM, as \
         `openssl pkey -pubout` writes it)"
    )]
    PublicKey,
    /// A secret key where the public one belongs.
    #[error("this is a secret key: give the public one (.pub), and keep this one off every robot")]
    SecretForPublic,
    /// No secret key.
    #[error(
        "this is no secret ed25519 key: give the file that `lacewing keygen` named .key (PEM, PKCS#8, \
         not encrypted)"
    )]
    SecretKey,
}
