//! Private keys in this process: ECDSA, Ed25519, and RSA.

mod ecdsa;
mod form;
#[cfg(feature = "rsa-sign")]
mod rsa;

use std::sync::Arc;

use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::KeypairBytes;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use zeroize::{Zeroize as _, Zeroizing};

use super::random::random_bytes;
use crate::crypto::SecureRandom;
use crate::crypto::task::{Credentials, SigningKey, SigningKeyRef, TaskError};
use crate::error::IdentityError;
use crate::wire::registry::SignatureScheme;

pub(crate) use ecdsa::P256Key;
pub(super) use ecdsa::p256_private;
#[cfg(feature = "p384")]
pub(super) use ecdsa::p384_private;
#[cfg(feature = "p521")]
pub(super) use ecdsa::p521_private;
use form::Form;

/// A chain, our own certificate first, and its private key: PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017), all
/// of them DER.
///
/// ECDSA with P-256 and Ed25519 are always there; ECDSA with P-384 and P-521 and RSA are Cargo features (`p384`, `p521`,
/// `rsa-sign`). Fails if the key is of another kind, or is not that of the first certificate.
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
    Ok(Credentials::new(chain, SigningKeyRef::Local(key), schemes))
}

/// The key of `private_key`, in one of the forms that [`credentials`] reads, as a raw public key (RFC 7250), without any
/// certificate.
///
/// # Errors
/// If the key cannot be read, or is of a kind that is not built in.
pub fn raw_public_key(private_key: &[u8]) -> Result<Credentials, IdentityError> {
    Ok(Credentials::raw_public_key_of(signing_key(private_key)?))
}

/// A private key, PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017), DER: for example that of a delegated credential.
///
/// # Errors
/// If the key cannot be read, or is of a kind that is not built in.
pub fn signing_key(der: &[u8]) -> Result<Arc<dyn SigningKey>, IdentityError> {
    let invalid = || IdentityError::InvalidPrivateKey;
    Ok(match Form::of(der).ok_or_else(invalid)? {
        Form::P256 => Arc::new(P256Key::from_der(der).ok_or_else(invalid)?),
        #[cfg(feature = "p384")]
        Form::P384 => Arc::new(ecdsa::P384Key::from_der(der).ok_or_else(invalid)?),
        #[cfg(not(feature = "p384"))]
        Form::P384 => return missing("ECDSA P-384", "p384"),
        #[cfg(feature = "p521")]
        Form::P521 => Arc::new(ecdsa::P521Key::from_der(der).ok_or_else(invalid)?),
        #[cfg(not(feature = "p521"))]
        Form::P521 => return missing("ECDSA P-521", "p521"),
        Form::Ed25519 => Arc::new(Ed25519Key::from_der(der).ok_or_else(invalid)?),
        #[cfg(feature = "rsa-sign")]
        Form::Rsa => Arc::new(rsa::RsaKey::from_der(der).ok_or_else(invalid)?),
        #[cfg(not(feature = "rsa-sign"))]
        Form::Rsa => return missing("RSA", "rsa-sign"),
        Form::OtherCurve(oid) => {
            return Err(IdentityError::UnsupportedPrivateKey { algorithm: format!("EC on the curve with OID {oid}") });
        }
        Form::Other(oid) => {
            return Err(IdentityError::UnsupportedPrivateKey { algorithm: format!("with OID {oid}") });
        }
    })
}

#[cfg(not(all(feature = "p384", feature = "p521", feature = "rsa-sign")))]
fn missing<T>(algorithm: &'static str, feature: &'static str) -> Result<T, IdentityError> {
    Err(IdentityError::MissingFeature { algorithm, feature })
}

/// A private key of Ed25519.
pub(crate) struct Ed25519Key(ed25519_dalek::SigningKey);

impl Ed25519Key {
    /// Makes a key.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, TaskError> {
        let seed = random_bytes(random)?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        ed25519_dalek::pkcs8::DecodePrivateKey::from_pkcs8_der(der).ok().map(Self)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto::OsRandom;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
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
