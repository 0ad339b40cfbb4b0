//! Signatures of policy files: what is vouched for, and everything that is not.

use lacewing_formats::signature::{PublicKey, SecretKey, SignatureError, sign, verify};
use proptest::prelude::*;

const POLICY: &[u8] = b"any bytes are signed alike";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_random([seed; 32])
}

fn signed() -> Vec<u8> {
    sign(POLICY, "rover-3", 7, &key(1)).unwrap()
}

#[test]
fn what_was_signed_is_vouched_for() {
    let sig = signed();
    let statement = verify(POLICY, &sig, &key(1).public()).unwrap();
    assert_eq!((statement.robot, statement.counter), ("rover-3", 7));
    assert_eq!(statement.bytes, POLICY.len() as u64);
    // The same statement by the same key is the same bytes (RFC 8032).
    assert_eq!(sig, signed());
}

#[test]
fn anything_else_is_refused_by_what_is_wrong() {
    let (sig, public) = (signed(), key(1).public());
    let of = |policy: &[u8], sig: &[u8]| verify(policy, sig, &public).map(|_| ()).unwrap_err();
    assert_eq!(verify(POLICY, &sig, &key(2).public()), Err(SignatureError::OtherKey));
    assert_eq!(of(b"any bytes are signed alikE", &sig), SignatureError::Altered);
    assert_eq!(of(&POLICY[1..], &sig), SignatureError::Altered);
    assert_eq!(of(POLICY, POLICY), SignatureError::NotASignature);
    assert_eq!(of(POLICY, b""), SignatureError::NotASignature);
    let mut later = sig.clone();
    later[8] = 2;
    assert_eq!(of(POLICY, &later), SignatureError::Version { version: 2 });
    for end in 8..sig.len() {
        assert_eq!(of(POLICY, &sig[..end]), SignatureError::Length, "{end} bytes");
    }
    assert_eq!(of(POLICY, &[&sig[..], b"\0"].concat()), SignatureError::Length);
    // A greater counter or another robot is a change like any other.
    for bit in 8 * 16..8 * sig.len() {
        let mut other = sig.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let error = of(POLICY, &other);
        assert_eq!(error, SignatureError::OtherKey, "bit {bit}");
    }
}

#[test]
fn a_robot_has_a_name() {
    for name in ["", "a\nb", &"x".repeat(97)] {
        assert_eq!(sign(POLICY, name, 1, &key(1)), Err(SignatureError::Robot), "{name:?}");
    }
    assert!(sign(POLICY, &"x".repeat(96), 1, &key(1)).is_ok());
}

#[test]
fn keys_go_through_pem_and_are_not_taken_for_each_other() {
    let (secret, public) = (key(3).to_pem().unwrap(), key(3).public().to_pem().unwrap());
    let sig = sign(POLICY, "rover", 1, &SecretKey::from_pem(&secret).unwrap()).unwrap();
    assert!(verify(POLICY, &sig, &PublicKey::from_pem(&public).unwrap()).is_ok());
    assert_eq!(PublicKey::from_pem(&secret), Err(SignatureError::SecretForPublic));
    assert_eq!(SecretKey::from_pem(&public).err(), Some(SignatureError::SecretKey));
    assert_eq!(PublicKey::from_pem("ssh-ed25519 AAAA"), Err(SignatureError::PublicKey));
    // The neutral element: everything verifies under it.
    let weak = "-----BEGIN PUBLIC KEY-----\n\
                MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
                -----END PUBLIC KEY-----\n";
    assert_eq!(PublicKey::from_pem(weak), Err(SignatureError::PublicKey));
}

/// The keys of RFC 8032, section 7.1, test 1, as `openssl pkey` writes them.
#[test]
fn keys_are_those_of_openssl() {
    let secret = "-----BEGIN PRIVATE KEY-----\n\
                  MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                  -----END PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\n\
                  MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                  -----END PUBLIC KEY-----\n";
    let key = SecretKey::from_pem(secret).unwrap();
    assert_eq!(key.to_pem().unwrap(), secret);
    assert_eq!(key.public().to_pem().unwrap(), public);
}

proptest! {
    #[test]
    fn garbage_is_never_vouched_for(garbage in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..200) {
        let public = key(1).public();
        prop_assert!(verify(POLICY, &garbage, &public).is_err());
        let mut spliced = signed();
        spliced.truncate(cut);
        spliced.extend(&garbage);
        prop_assert!(spliced == signed() || verify(POLICY, &spliced, &public).is_err());
    }
}
