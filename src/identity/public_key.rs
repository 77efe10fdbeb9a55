//! Raw public keys, known beforehand (RFC 7250).

use subtle::ConstantTimeEq as _;

use super::fingerprint::Fingerprint;
use crate::crypto::task::{PeerVerifier, PresentedIdentity};
use crate::error::CertificateError;
use crate::wire::registry::CertificateType;

/// Accepts the raw public keys that it knows, and nothing else: no certificate, not even one with such a key.
//= https://www.rfc-editor.org/rfc/rfc7250#section-6
//# Secure Authentication of the public key, to which a raw public key
//# refers, is therefore required
#[derive(Clone, Debug, Default)]
pub struct PublicKeyVerifier {
    keys: Vec<Vec<u8>>,
    fingerprints: Vec<Fingerprint>,
}

impl PublicKeyVerifier {
    /// Accepts `keys`, each of them a DER SubjectPublicKeyInfo.
    pub const fn new(keys: Vec<Vec<u8>>) -> Self {
        Self { keys, fingerprints: Vec::new() }
    }

    /// Accepts the keys whose DER SubjectPublicKeyInfo has one of `fingerprints`. Each counts, whatever its hash function.
    pub const fn from_fingerprints(fingerprints: Vec<Fingerprint>) -> Self {
        Self { keys: Vec::new(), fingerprints }
    }

    fn knows(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|known| known == key)
            || self.fingerprints.iter().any(|known| {
                let actual = known.algorithm.fingerprint(key);
                actual.value.ct_eq(&known.value).into()
            })
    }
}

impl PeerVerifier for PublicKeyVerifier {
    fn verify(&self, presented: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        Some(match &presented.chain[..] {
            _ if presented.certificate_type != CertificateType::RAW_PUBLIC_KEY => Err(CertificateError::UnexpectedType),
            [key] if self.knows(key) => Ok(()),
            _ => Err(CertificateError::UnknownPublicKey),
        })
    }
}
