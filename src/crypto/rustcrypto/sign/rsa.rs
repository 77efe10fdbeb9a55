//! Private keys of RSA.

use core::fmt;

use digest::{Digest, FixedOutputReset};
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::{PublicKeyParts as _, SignatureScheme as _};
use rsa::{Pss, RsaPrivateKey};
use sha2::{Sha256, Sha384, Sha512};

use crate::crypto::SecureRandom;
use crate::crypto::rustcrypto::verify::RSA_BITS;
use crate::crypto::task::{SigningKey, TaskError};
use crate::wire::registry::SignatureScheme;

/// A private key of RSA, with which TLS 1.3 signs by RSA-PSS alone (RFC 9846 §4.3.3).
pub(super) struct RsaKey(RsaPrivateKey);

impl RsaKey {
    /// Reads PKCS#8 or PKCS#1.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let key = RsaPrivateKey::from_pkcs8_der(der).ok().or_else(|| RsaPrivateKey::from_pkcs1_der(der).ok())?;
        RSA_BITS.contains(&key.n().bit_width_vartime()).then_some(Self(key))
    }

    fn pss<D: Digest + FixedOutputReset>(
        &self,
        content: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, TaskError> {
        let mut random = Source { random, has_failed: false };
        // The salt is as long as the hash (RFC 9846 §4.3.3); the base is blinded, so that time tells less of the key.
        let signature = Pss::<D>::new_blinded().sign(Some(&mut random), &self.0, &D::digest(content));
        signature.map_err(|_| if random.has_failed { TaskError::NoRandomBytes } else { TaskError::Failed })
    }
}

impl SigningKey for RsaKey {
    fn schemes(&self) -> &[SignatureScheme] {
        &[
            SignatureScheme::RSA_PSS_RSAE_SHA256,
            SignatureScheme::RSA_PSS_RSAE_SHA384,
            SignatureScheme::RSA_PSS_RSAE_SHA512,
        ]
    }

    fn sign(&self, scheme: SignatureScheme, content: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, TaskError> {
        match scheme {
            SignatureScheme::RSA_PSS_RSAE_SHA256 => self.pss::<Sha256>(content, random),
            SignatureScheme::RSA_PSS_RSAE_SHA384 => self.pss::<Sha384>(content, random),
            SignatureScheme::RSA_PSS_RSAE_SHA512 => self.pss::<Sha512>(content, random),
            _ => Err(TaskError::Failed),
        }
    }

    fn public_key(&self) -> Vec<u8> {
        let document = self.0.to_public_key().to_public_key_der();
        document.map(|document| document.into_vec()).unwrap_or_default()
    }
}

/// Our source of random bytes, as the crate wants it.
struct Source<'a> {
    random: &'a dyn SecureRandom,
    has_failed: bool,
}

/// The source gave no bytes.
#[derive(Debug)]
struct NoBytes;

impl fmt::Display for NoBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the platform gave no random bytes")
    }
}

impl core::error::Error for NoBytes {}

impl TryRng for Source<'_> {
    type Error = NoBytes;

    fn try_next_u32(&mut self) -> Result<u32, NoBytes> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoBytes> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoBytes> {
        self.random.fill(out).map_err(|_| {
            self.has_failed = true;
            NoBytes
        })
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject as _;
    use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};

    use super::*;
    use crate::crypto::NoRandomBytes;
    use crate::crypto::rustcrypto::{OsRandom, verify};

    /// One key of OpenSSL, in both forms.
    const PKCS8: &str = include_str!("../../../../tests/vectors/openssl-chains/server-rsa.key");
    const PKCS1: &str = include_str!("../../../../tests/vectors/openssl-chains/server-rsa.pkcs1.key");

    fn key() -> RsaKey {
        let der = PrivatePkcs8KeyDer::from_pem_slice(PKCS8.as_bytes()).unwrap();
        RsaKey::from_der(der.secret_pkcs8_der()).unwrap()
    }

    #[test]
    fn signatures_of_every_scheme_are_accepted_and_never_the_same() {
        let key = key();
        for scheme in key.schemes() {
            let [one, other] = [(); 2].map(|()| key.sign(*scheme, b"content", &OsRandom).unwrap());
            assert_ne!(one, other, "the salt is random");
            for signature in [one, other] {
                assert_eq!(signature.len(), 256);
                // What rustls-webpki hands to a verifier is the content of the BIT STRING.
                let public = rsa::pkcs1::EncodeRsaPublicKey::to_pkcs1_der(&key.0.to_public_key()).unwrap();
                let algorithm = verify::algorithm(*scheme).unwrap();
                algorithm.verify_signature(public.as_bytes(), b"content", &signature).unwrap();
                assert!(algorithm.verify_signature(public.as_bytes(), b"Content", &signature).is_err());
            }
        }
        assert_eq!(key.sign(SignatureScheme::RSA_PKCS1_SHA256, b"", &OsRandom), Err(TaskError::Failed));
    }

    #[test]
    fn both_forms_are_one_key() {
        let der = PrivatePkcs1KeyDer::from_pem_slice(PKCS1.as_bytes()).unwrap();
        assert_eq!(RsaKey::from_der(der.secret_pkcs1_der()).unwrap().public_key(), key().public_key());
        assert!(RsaKey::from_der(&[0x30, 0]).is_none());
    }

    #[test]
    fn without_random_bytes_there_is_no_signature() {
        struct Broken;
        impl SecureRandom for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomBytes> {
                Err(NoRandomBytes)
            }
        }
        let result = key().sign(SignatureScheme::RSA_PSS_RSAE_SHA256, b"", &Broken);
        assert_eq!(result, Err(TaskError::NoRandomBytes));
    }
}
