//! Private keys in this process: ECDSA with P-256, and Ed25519.

use std::sync::Arc;

use der::Decode;
use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::KeypairBytes;
use p256::ecdsa::DerSignature;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, ObjectIdentifier, PrivateKeyInfoRef};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use zeroize::{Zeroize as _, Zeroizing};

use super::random::random_bytes;
use crate::crypto::SecureRandom;
use crate::crypto::task::{Credentials, SigningKey, SigningKeyRef, TaskError};
use crate::error::IdentityError;
use crate::wire::registry::SignatureScheme;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// How often a random number may fail to be a private key of P-256 before the source counts as broken. The chance for
/// an honest source is 2^-32 each time.
const P256_TRIES: usize = 4;

/// A chain, our own certificate first, and its private key, PKCS#8 (RFC 5958) or SEC1 (RFC 5915), all of them DER.
///
/// Fails if the key is neither ECDSA P-256 nor Ed25519, or is not that of the first certificate.
pub fn credentials(chain: Vec<Vec<u8>>, private_key: &[u8]) -> Result<Credentials, IdentityError> {
    let own = chain.first().ok_or(IdentityError::EmptyChain)?;
    let own = CertificateDer::from_slice(own);
    let own = EndEntityCert::try_from(&own)
        .map_err(|error| IdentityError::InvalidCertificate { index: 0, reason: error.to_string() })?;
    let key = signing_key(private_key)?;
    if own.subject_public_key_info().as_ref() != key.public_key() {
        return Err(IdentityError::KeyMismatch);
    }
    let schemes = key.schemes().to_vec();
    Ok(Credentials { chain, key: SigningKeyRef::Local(key), schemes })
}

/// Reads a private key of either kind.
pub(crate) fn signing_key(der: &[u8]) -> Result<Arc<dyn SigningKey>, IdentityError> {
    let Ok(info) = PrivateKeyInfoRef::from_der(der) else {
        let key = p256::SecretKey::from_sec1_der(der).map_err(|_| IdentityError::InvalidPrivateKey)?;
        return Ok(Arc::new(P256Key(key.into())));
    };
    match info.algorithm.oid {
        EC_PUBLIC_KEY => match info.algorithm.parameters_oid() {
            Ok(SECP256R1) => {
                let key = p256::SecretKey::try_from(info).map_err(|_| IdentityError::InvalidPrivateKey)?;
                Ok(Arc::new(P256Key(key.into())))
            }
            Ok(curve) => {
                Err(IdentityError::UnsupportedPrivateKey { algorithm: format!("EC on the curve with OID {curve}") })
            }
            Err(_) => Err(IdentityError::InvalidPrivateKey),
        },
        ED25519 => {
            let key = ed25519_dalek::SigningKey::try_from(info).map_err(|_| IdentityError::InvalidPrivateKey)?;
            Ok(Arc::new(Ed25519Key(key)))
        }
        RSA_ENCRYPTION => Err(IdentityError::UnsupportedPrivateKey { algorithm: "RSA".into() }),
        other => Err(IdentityError::UnsupportedPrivateKey { algorithm: format!("with OID {other}") }),
    }
}

/// A private key of P-256.
pub(crate) struct P256Key(p256::ecdsa::SigningKey);

impl P256Key {
    /// Makes a key.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, TaskError> {
        p256_private(random).map(|key| Self(key.into()))
    }

    /// The key as PKCS#8.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.to_pkcs8_der().ok().map(|document| document.to_bytes())
    }
}

impl SigningKey for P256Key {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ECDSA_SECP256R1_SHA256]
    }

    /// The nonce comes from key and content (RFC 6979), so that no weakness of a random source gives the key away.
    fn sign(&self, scheme: SignatureScheme, content: &[u8], _: &dyn SecureRandom) -> Result<Vec<u8>, TaskError> {
        if scheme != SignatureScheme::ECDSA_SECP256R1_SHA256 {
            return Err(TaskError::Failed);
        }
        let signature: DerSignature = self.0.try_sign(content).map_err(|_| TaskError::Failed)?;
        Ok(signature.as_bytes().to_vec())
    }

    fn public_key(&self) -> Vec<u8> {
        self.0.verifying_key().to_public_key_der().map(|document| document.into_vec()).unwrap_or_default()
    }
}

/// A private key of Ed25519.
pub(crate) struct Ed25519Key(ed25519_dalek::SigningKey);

impl Ed25519Key {
    /// Makes a key.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, TaskError> {
        let seed = random_bytes(random)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The key as PKCS#8, of the first version, without the public key: OpenSSL 3.0 reads no other.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let document = pair.to_pkcs8_der();
        pair.secret_key.zeroize();
        document.ok().map(|document| document.to_bytes())
    }
}

impl SigningKey for Ed25519Key {
    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ED25519]
    }

    fn sign(&self, scheme: SignatureScheme, content: &[u8], _: &dyn SecureRandom) -> Result<Vec<u8>, TaskError> {
        if scheme != SignatureScheme::ED25519 {
            return Err(TaskError::Failed);
        }
        let signature = self.0.try_sign(content).map_err(|_| TaskError::Failed)?;
        Ok(signature.to_vec())
    }

    fn public_key(&self) -> Vec<u8> {
        self.0.verifying_key().to_public_key_der().map(|document| document.into_vec()).unwrap_or_default()
    }
}

/// A random private key of P-256.
pub(super) fn p256_private(random: &dyn SecureRandom) -> Result<p256::SecretKey, TaskError> {
    for _ in 0..P256_TRIES {
        let candidate = random_bytes::<32>(random)?;
        if let Ok(private) = p256::SecretKey::from_slice(&*candidate) {
            return Ok(private);
        }
    }
    Err(TaskError::NoRandomBytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto::OsRandom;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// RFC 6979 appendix A.2.5, "sample" with SHA-256.
    #[test]
    fn p256_signatures_are_those_of_rfc_6979() {
        let key = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        let key = P256Key(p256::SecretKey::from_slice(&key).unwrap().into());
        let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"sample", &OsRandom).unwrap();
        let expected = "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
                        022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
        assert_eq!(signature, hex(expected));
        assert_eq!(key.sign(SignatureScheme::ED25519, b"sample", &OsRandom), Err(TaskError::Failed));
    }

    /// RFC 8032 §7.1, TEST 2.
    #[test]
    fn ed25519_signatures_are_those_of_rfc_8032() {
        let key = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = Ed25519Key(ed25519_dalek::SigningKey::from_bytes(key[..].try_into().unwrap()));
        let signature = key.sign(SignatureScheme::ED25519, &[0x72], &OsRandom).unwrap();
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(signature, hex(expected));
        assert_eq!(key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"", &OsRandom), Err(TaskError::Failed));
    }
}
