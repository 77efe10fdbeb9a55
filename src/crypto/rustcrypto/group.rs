//! Key agreement: X25519, the curves of NIST, and X25519 joined with ML-KEM-768.

use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::random::random_bytes;
use super::sign::p256_private;
#[cfg(feature = "p384")]
use super::sign::p384_private;
#[cfg(feature = "p521")]
use super::sign::p521_private;
use crate::crypto::SecureRandom;
use crate::crypto::secret::SecretBytes;
use crate::crypto::task::TaskError;
use crate::wire::registry::NamedGroup;

/// Length of a private key, public key and shared secret of X25519 (RFC 7748 §5).
const X25519_LEN: usize = 32;

/// The first byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// Length of the seed that an ML-KEM key pair is kept as (FIPS 203 §7.1: d and z).
const ML_KEM_SEED_LEN: usize = 64;

/// Length of an encapsulation key of ML-KEM-768 (FIPS 203 §8).
const ML_KEM_KEY_LEN: usize = 1184;

/// Length of a ciphertext of ML-KEM-768 (FIPS 203 §8).
const ML_KEM_CIPHERTEXT_LEN: usize = 1088;

/// An ephemeral key pair, or what a client's share was answered with.
pub(super) struct Share {
    /// `key_exchange` as it is sent.
    pub(super) public: Vec<u8>,
    /// The private key, or the shared secret.
    pub(super) secret: SecretBytes,
}

/// Makes a key pair.
pub(super) fn generate(group: NamedGroup, random: &dyn SecureRandom) -> Result<Share, TaskError> {
    match group {
        NamedGroup::X25519 => {
            let (private, public) = x25519_pair(random)?;
            Ok(Share { public: public.to_vec(), secret: SecretBytes::new(private.to_vec()) })
        }
        NamedGroup::SECP256R1 => {
            let private = p256_private(random)?;
            Ok(Share { public: p256_public(&private), secret: SecretBytes::new(private.to_bytes().to_vec()) })
        }
        #[cfg(feature = "p384")]
        NamedGroup::SECP384R1 => {
            let private = p384_private(random)?;
            Ok(Share { public: p384_public(&private), secret: SecretBytes::new(private.to_bytes().to_vec()) })
        }
        #[cfg(feature = "p521")]
        NamedGroup::SECP521R1 => {
            let private = p521_private(random)?;
            Ok(Share { public: p521_public(&private), secret: SecretBytes::new(private.to_bytes().to_vec()) })
        }
        NamedGroup::X25519MLKEM768 => {
            let seed = random_bytes::<ML_KEM_SEED_LEN>(random)?;
            let (x25519_private, x25519_public) = x25519_pair(random)?;
            let kem = DecapsulationKey::from_seed((*seed).into());
            Ok(Share {
                public: [&kem.encapsulation_key().to_bytes()[..], &x25519_public].concat(),
                secret: SecretBytes::new([&seed[..], &x25519_private[..]].concat()),
            })
        }
        _ => Err(TaskError::Failed),
    }
}

/// The shared secret of our key pair and the server's share.
pub(super) fn agree(group: NamedGroup, private: &[u8], peer: &[u8]) -> Result<SecretBytes, TaskError> {
    match group {
        NamedGroup::X25519 => {
            let private = private.try_into().map_err(|_| TaskError::Failed)?;
            let secret = x25519(private, peer)?;
            Ok(SecretBytes::new(secret.to_vec()))
        }
        NamedGroup::SECP256R1 => {
            let private = p256::SecretKey::from_slice(private).map_err(|_| TaskError::Failed)?;
            p256_agree(&private, peer)
        }
        #[cfg(feature = "p384")]
        NamedGroup::SECP384R1 => {
            let private = p384::SecretKey::from_slice(private).map_err(|_| TaskError::Failed)?;
            p384_agree(&private, peer)
        }
        #[cfg(feature = "p521")]
        NamedGroup::SECP521R1 => {
            let private = p521::SecretKey::from_slice(private).map_err(|_| TaskError::Failed)?;
            p521_agree(&private, peer)
        }
        NamedGroup::X25519MLKEM768 => {
            // The KEM's part comes first in shares and in the secret alike (draft-ietf-tls-ecdhe-mlkem §4).
            let (seed, x25519_private) = private.split_first_chunk::<ML_KEM_SEED_LEN>().ok_or(TaskError::Failed)?;
            let x25519_private = x25519_private.try_into().map_err(|_| TaskError::Failed)?;
            let (ciphertext, x25519_peer) =
                peer.split_first_chunk::<ML_KEM_CIPHERTEXT_LEN>().ok_or(TaskError::Rejected)?;
            let x25519_secret = x25519(x25519_private, x25519_peer)?;
            let kem_secret =
                Zeroizing::new(DecapsulationKey::from_seed((*seed).into()).decapsulate(&(*ciphertext).into()));
            Ok(SecretBytes::new([&kem_secret[..], &x25519_secret[..]].concat()))
        }
        _ => Err(TaskError::Failed),
    }
}

/// Answers a client's share: makes a key pair and agrees, or encapsulates.
pub(super) fn respond(group: NamedGroup, peer: &[u8], random: &dyn SecureRandom) -> Result<Share, TaskError> {
    match group {
        NamedGroup::X25519 => {
            let (private, public) = x25519_pair(random)?;
            let secret = x25519(&private, peer)?;
            Ok(Share { public: public.to_vec(), secret: SecretBytes::new(secret.to_vec()) })
        }
        NamedGroup::SECP256R1 => {
            let private = p256_private(random)?;
            Ok(Share { secret: p256_agree(&private, peer)?, public: p256_public(&private) })
        }
        #[cfg(feature = "p384")]
        NamedGroup::SECP384R1 => {
            let private = p384_private(random)?;
            Ok(Share { secret: p384_agree(&private, peer)?, public: p384_public(&private) })
        }
        #[cfg(feature = "p521")]
        NamedGroup::SECP521R1 => {
            let private = p521_private(random)?;
            Ok(Share { secret: p521_agree(&private, peer)?, public: p521_public(&private) })
        }
        NamedGroup::X25519MLKEM768 => {
            let (key, x25519_peer) = peer.split_first_chunk::<ML_KEM_KEY_LEN>().ok_or(TaskError::Rejected)?;
            // This checks the encoding as FIPS 203 §7.2 asks.
            let key = EncapsulationKey::new(&(*key).into()).map_err(|_| TaskError::Rejected)?;
            let (x25519_private, x25519_public) = x25519_pair(random)?;
            let x25519_secret = x25519(&x25519_private, x25519_peer)?;
            let message = random_bytes(random)?;
            let (ciphertext, kem_secret) = key.encapsulate_deterministic(&(*message).into());
            let kem_secret = Zeroizing::new(kem_secret);
            Ok(Share {
                public: [&ciphertext[..], &x25519_public].concat(),
                secret: SecretBytes::new([&kem_secret[..], &x25519_secret[..]].concat()),
            })
        }
        _ => Err(TaskError::Failed),
    }
}

fn x25519_pair(random: &dyn SecureRandom) -> Result<(Zeroizing<[u8; X25519_LEN]>, [u8; X25519_LEN]), TaskError> {
    let private = random_bytes(random)?;
    let public = PublicKey::from(&StaticSecret::from(*private)).to_bytes();
    Ok((private, public))
}

fn x25519(private: &[u8; X25519_LEN], peer: &[u8]) -> Result<Zeroizing<[u8; X25519_LEN]>, TaskError> {
    let peer: [u8; X25519_LEN] = peer.try_into().map_err(|_| TaskError::Rejected)?;
    let shared = StaticSecret::from(*private).diffie_hellman(&PublicKey::from(peer));
    //= RFC 9846 §7.4.2: "For X25519 and X448, implementations MUST check whether the computed Diffie-Hellman shared
    //= secret is the all-zero value and abort if so"
    if shared.was_contributory() { Ok(Zeroizing::new(shared.to_bytes())) } else { Err(TaskError::Rejected) }
}

/// Declares ECDH on one curve, whose uncompressed points have `$len` bytes (RFC 9846 §4.3.8.2).
macro_rules! ecdh {
    ($(#[$meta:meta])* $curve:ident, $public:ident, $agree:ident, $len:literal) => {
        $(#[$meta])*
        fn $public(private: &$curve::SecretKey) -> Vec<u8> {
            private.public_key().to_sec1_point(false).as_bytes().to_vec()
        }

        $(#[$meta])*
        fn $agree(private: &$curve::SecretKey, peer: &[u8]) -> Result<SecretBytes, TaskError> {
            // Compressed and hybrid points are valid SEC1, but not TLS 1.3 (RFC 9846 §4.3.8.2).
            if peer.len() != $len || peer.first() != Some(&UNCOMPRESSED) {
                return Err(TaskError::Rejected);
            }
            let peer = $curve::PublicKey::from_sec1_bytes(peer).map_err(|_| TaskError::Rejected)?;
            let shared = private.diffie_hellman(&peer);
            Ok(SecretBytes::new(shared.raw_secret_bytes().to_vec()))
        }
    };
}

ecdh!(p256, p256_public, p256_agree, 65);
ecdh!(
    #[cfg(feature = "p384")]
    p384,
    p384_public,
    p384_agree,
    97
);
ecdh!(
    #[cfg(feature = "p521")]
    p521,
    p521_public,
    p521_agree,
    133
);
