//! Certificates known by their hash, as SDP tells it (RFC 8122 §5).

use core::fmt;
use core::str::FromStr;

use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use crate::crypto::task::{PeerVerifier, PresentedIdentity};
use crate::error::{CertificateError, IdentityError};
use crate::wire::registry::CertificateType;

/// The hash of a certificate.
///
/// Its text is that of SDP: `sha-256 4A:AD:B9:…`, and is read in upper and lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The hash function.
    pub algorithm: FingerprintAlgorithm,
    /// The hash of the certificate's DER.
    pub value: Vec<u8>,
}

impl Fingerprint {
    /// The SHA-256 fingerprint of a certificate.
    pub fn sha256(der: &[u8]) -> Self {
        FingerprintAlgorithm::Sha256.fingerprint(der)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.algorithm.name())?;
        for (index, byte) in self.value.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let invalid = |reason| IdentityError::InvalidFingerprint { text: text.to_owned(), reason };
        let (name, hex) =
            text.trim().split_once(' ').ok_or_else(|| invalid("there must be a space after the hash function"))?;
        let algorithm = FingerprintAlgorithm::ALL
            .into_iter()
            .find(|algorithm| name.eq_ignore_ascii_case(algorithm.name()))
            .ok_or_else(|| invalid("the hash function must be sha-256, sha-384 or sha-512"))?;
        let byte = |pair: &str| match pair.len() {
            2 if pair.bytes().all(|digit| digit.is_ascii_hexdigit()) => u8::from_str_radix(pair, 16).ok(),
            _ => None,
        };
        let value: Option<Vec<u8>> = hex.trim().split(':').map(byte).collect();
        let value = value.ok_or_else(|| invalid("the hash must be pairs of hexadecimal digits with colons between"))?;
        if value.len() != algorithm.len() {
            return Err(invalid("the hash does not have the length of its hash function"));
        }
        Ok(Self { algorithm, value })
    }
}

/// A hash function that a fingerprint may be made with. SHA-1 and MD5 are not secure, and not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FingerprintAlgorithm {
    /// `sha-256`
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

impl FingerprintAlgorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// The fingerprint of a certificate.
    pub fn fingerprint(self, der: &[u8]) -> Fingerprint {
        let value = match self {
            Self::Sha256 => Sha256::digest(der).to_vec(),
            Self::Sha384 => Sha384::digest(der).to_vec(),
            Self::Sha512 => Sha512::digest(der).to_vec(),
        };
        Fingerprint { algorithm: self, value }
    }

    const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Accepts the certificates that have a known fingerprint, and nothing else counts: not names, not dates, not issuers.
#[derive(Clone, Debug)]
pub struct FingerprintVerifier {
    /// Those of the strongest hash function that was given.
    accepted: Vec<Fingerprint>,
}

impl FingerprintVerifier {
    /// Accepts a certificate that one of `fingerprints` is of.
    ///
    /// If they are of several hash functions, only those of the strongest count:
    //= https://www.rfc-editor.org/rfc/rfc8122#section-5.1
    //# An endpoint MUST select the set of fingerprints that use its most
    //# preferred hash function (out of those offered by the peer) and verify
    //# that each certificate used matches one fingerprint out of that set.
    pub fn new(mut fingerprints: Vec<Fingerprint>) -> Self {
        let strongest = fingerprints.iter().map(|fingerprint| fingerprint.algorithm).max();
        fingerprints.retain(|fingerprint| Some(fingerprint.algorithm) == strongest);
        Self { accepted: fingerprints }
    }
}

impl PeerVerifier for FingerprintVerifier {
    fn verify(&self, presented: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        if presented.certificate_type != CertificateType::X509 {
            return Some(Err(CertificateError::UnexpectedType));
        }
        let matches = presented.chain.first().zip(self.accepted.first()).is_some_and(|(own, first)| {
            let actual = first.algorithm.fingerprint(own);
            self.accepted.iter().any(|accepted| actual.value.ct_eq(&accepted.value).into())
        });
        Some(if matches { Ok(()) } else { Err(CertificateError::FingerprintMismatch) })
    }
}
