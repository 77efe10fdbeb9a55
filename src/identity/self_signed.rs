//! Certificates that sign themselves: for WebRTC, where a fingerprint vouches for them, and for closed systems.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use der::asn1::{BitStringRef, Ia5StringRef, OctetString, SetOfVec, UintRef, Utf8StringRef};
use der::pem::LineEnding;
use der::{DateTime, Encode};
use rustls_pki_types::ServerName;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::fingerprint::Fingerprint;
use super::x509;
use crate::crypto::SecureRandom;
use crate::crypto::rustcrypto::{self, Ed25519Key, P256Key};
use crate::crypto::task::{Credentials, SigningKey, TaskError};
use crate::error::IdentityError;
use crate::time::Instant;
use crate::wire::registry::SignatureScheme;

/// Length of a serial number: 128 random bits, of the at most 20 bytes that RFC 5280 §4.1.2.2 allows.
const SERIAL_LEN: usize = 16;

/// The longest common name (RFC 5280 appendix A.1, ub-common-name).
const MAX_COMMON_NAME_LEN: usize = 64;

/// The common name of a certificate without a name of its own.
const DEFAULT_COMMON_NAME: &str = "dtls-wasm";

/// A key pair for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA with P-256, which every peer understands.
    P256,
    /// Ed25519, which browsers do not accept in DTLS.
    Ed25519,
}

/// A certificate that signed itself, and its private key.
pub struct SelfSigned {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub private_key: Zeroizing<Vec<u8>>,
}

impl SelfSigned {
    /// What a back end needs.
    pub fn to_credentials(&self) -> Result<Credentials, IdentityError> {
        rustcrypto::credentials(vec![self.certificate.clone()], &self.private_key)
    }

    /// The SHA-256 fingerprint of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::sha256(&self.certificate)
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        to_pem("CERTIFICATE", &self.certificate)
    }

    /// The private key as PEM, PKCS#8.
    pub fn private_key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(to_pem("PRIVATE KEY", &self.private_key))
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SelfSigned({})", self.fingerprint())
    }
}

/// Makes a key pair, and a certificate for `names` that it signs.
///
/// `names` are DNS names, with a `*` as the first label if need be, and IP addresses; there may be none, as in WebRTC.
/// The certificate is valid from `not_before`, which must be on a clock that is anchored at the Unix epoch, for
/// `valid_for`, in whole seconds.
pub fn self_signed(
    algorithm: KeyAlgorithm,
    names: &[&str],
    not_before: Instant,
    valid_for: Duration,
    random: &dyn SecureRandom,
) -> Result<SelfSigned, IdentityError> {
    match algorithm {
        KeyAlgorithm::P256 => {
            let key = P256Key::generate(random).map_err(key_failure)?;
            let certificate = certify(&key, names, not_before, valid_for, random)?;
            Ok(SelfSigned { certificate, private_key: key.to_pkcs8().ok_or(IdentityError::InvalidPrivateKey)? })
        }
        KeyAlgorithm::Ed25519 => {
            let key = Ed25519Key::generate(random).map_err(key_failure)?;
            let certificate = certify(&key, names, not_before, valid_for, random)?;
            Ok(SelfSigned { certificate, private_key: key.to_pkcs8().ok_or(IdentityError::InvalidPrivateKey)? })
        }
    }
}

fn key_failure(error: TaskError) -> IdentityError {
    match error {
        TaskError::NoRandomBytes => IdentityError::NoRandomBytes,
        _ => IdentityError::InvalidPrivateKey,
    }
}

fn certify(
    key: &dyn SigningKey,
    names: &[&str],
    not_before: Instant,
    valid_for: Duration,
    random: &dyn SecureRandom,
) -> Result<Vec<u8>, IdentityError> {
    let mut serial = [0; SERIAL_LEN];
    random.fill(&mut serial).map_err(|_| IdentityError::NoRandomBytes)?;
    let scheme = key.schemes().first().copied().ok_or(IdentityError::InvalidPrivateKey)?;
    let validity = validity(not_before, valid_for).ok_or(IdentityError::InvalidValidity)?;
    let subject_alt_name = if names.is_empty() { None } else { Some(subject_alt_name(names)?) };
    let common_name =
        names.first().copied().filter(|name| name.len() <= MAX_COMMON_NAME_LEN).unwrap_or(DEFAULT_COMMON_NAME);

    // What is left to fail are lengths that DER cannot write, and those of the parts above are bounded.
    write(key, scheme, &serial, common_name, validity, subject_alt_name, random)
        .map_err(|_| IdentityError::InvalidPrivateKey)
}

fn write(
    key: &dyn SigningKey,
    scheme: SignatureScheme,
    serial: &[u8],
    common_name: &str,
    validity: x509::Validity,
    subject_alt_name: Option<OctetString>,
    random: &dyn SecureRandom,
) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef {
        oid: match scheme {
            SignatureScheme::ED25519 => x509::ED25519,
            _ => x509::ECDSA_WITH_SHA256,
        },
        parameters: None,
    };
    let common_name = x509::Attribute { oid: x509::COMMON_NAME, value: Utf8StringRef::new(common_name)? };
    let name = vec![SetOfVec::try_from(vec![common_name])?];
    let public_key = key.public_key();
    let tbs_certificate = x509::TbsCertificate {
        version: x509::V3,
        serial_number: UintRef::new(serial)?,
        signature: algorithm,
        issuer: name.clone(),
        validity,
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoRef::try_from(public_key.as_slice())
            .map_err(|_| der::ErrorKind::Failed)?,
        extensions: subject_alt_name
            .map(|extn_value| vec![x509::Extension { extn_id: x509::SUBJECT_ALT_NAME, critical: false, extn_value }]),
    };
    let signature = key.sign(scheme, &tbs_certificate.to_der()?, random).map_err(|_| der::ErrorKind::Failed)?;
    x509::Certificate {
        tbs_certificate,
        signature_algorithm: algorithm,
        signature_value: BitStringRef::from_bytes(&signature)?,
    }
    .to_der()
}

/// `None` if it ends before it begins, or beyond the year 9999.
fn validity(not_before: Instant, valid_for: Duration) -> Option<x509::Validity> {
    let begin = Duration::from_secs(not_before.as_secs());
    let end = begin.checked_add(Duration::from_secs(valid_for.as_secs()))?;
    if end <= begin {
        return None;
    }
    Some(x509::Validity {
        not_before: x509::Time::new(DateTime::from_unix_duration(begin).ok()?),
        not_after: x509::Time::new(DateTime::from_unix_duration(end).ok()?),
    })
}

/// The value of the extension subjectAltName.
fn subject_alt_name(names: &[&str]) -> Result<OctetString, IdentityError> {
    let mut general_names = Vec::new();
    for name in names {
        let invalid = || IdentityError::InvalidName((*name).to_owned());
        general_names.push(match name.parse() {
            Ok(IpAddr::V4(address)) => x509::GeneralName::Ip(octets(&address.octets()).ok_or_else(invalid)?),
            Ok(IpAddr::V6(address)) => x509::GeneralName::Ip(octets(&address.octets()).ok_or_else(invalid)?),
            Err(_) => {
                ServerName::try_from(name.strip_prefix("*.").unwrap_or(name)).map_err(|_| invalid())?;
                x509::GeneralName::Dns(Ia5StringRef::new(*name).map_err(|_| invalid())?)
            }
        });
    }
    let too_long = || IdentityError::InvalidName(names.join(", "));
    general_names.to_der().ok().and_then(|der| octets(&der)).ok_or_else(too_long)
}

fn octets(bytes: &[u8]) -> Option<OctetString> {
    OctetString::new(bytes).ok()
}

fn to_pem(label: &str, der: &[u8]) -> String {
    // It fails only for labels that are not text.
    der::pem::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}
