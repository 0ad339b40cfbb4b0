//! Keys as PEM files: PKCS#8 and SubjectPublicKeyInfo (RFC 8410), as `openssl` reads and writes them.

use super::SignatureError;
use alloc::string::{String, ToString};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// What a device trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key in a PEM file.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`], and [`SignatureError::SecretForPublic`] if it is a secret one.
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        if pem.contains("PRIVATE KEY") {
            return Err(SignatureError::SecretForPublic);
        }
        let key = VerifyingKey::from_public_key_pem(pem.trim());
        // Signatures by a weak key can be forged.
        key.ok().filter(|key| !key.is_weak()).map(Self).ok_or(SignatureError::PublicKey)
    }

    /// As a PEM file.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`], which no key of this type gives.
    pub fn to_pem(&self) -> Result<String, SignatureError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| SignatureError::PublicKey)
    }

    pub(super) fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.0.verify_strict(message, signature).map_err(|_| SignatureError::OtherKey)
    }
}

/// What signs; never on a robot.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key made of 32 bytes that nobody else can know.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&bytes))
    }

    /// The key in a PEM file.
    ///
    /// # Errors
    /// [`SignatureError::SecretKey`].
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        let key = SigningKey::from_pkcs8_pem(pem.trim());
        key.map(Self).map_err(|_| SignatureError::SecretKey)
    }

    /// As a PEM file.
    ///
    /// # Errors
    /// [`SignatureError::SecretKey`], which no key of this type gives.
    pub fn to_pem(&self) -> Result<String, SignatureError> {
        // Without the public key in it: OpenSSL reads that form only.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF);
        pem.map(|pem| pem.to_string()).map_err(|_| SignatureError::SecretKey)
    }

    /// What devices are given.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message)
    }
}
