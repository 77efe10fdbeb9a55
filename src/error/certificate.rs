//! Why the peer's certificate was refused.

use core::fmt;

use super::Error;
use crate::wire::registry::AlertDescription;

/// Which check the peer's certificate failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate could not be parsed.
    BadEncoding,
    /// The certificate is not valid any more.
    Expired,
    /// The certificate is not valid yet.
    NotValidYet,
    /// No path leads from the certificate to one of the given roots.
    UnknownIssuer,
    /// The certificate is for other names.
    NotValidForName,
    /// A signature in the chain is wrong.
    BadSignature,
    /// The key or signature algorithm of a certificate is not supported.
    UnsupportedAlgorithm,
    /// The certificate may not be used for this purpose (key usage, extended key usage, basic constraints).
    InvalidPurpose,
    /// The certificate was revoked.
    Revoked,
    /// No given fingerprint is that of the certificate (RFC 8122 §6.2).
    FingerprintMismatch,
    /// The chain is longer than allowed.
    ChainTooLong,
    /// No given public key is that of the peer (RFC 7250 §6).
    UnknownPublicKey,
    /// It is a raw public key where only certificates can be judged, or the other way round.
    UnexpectedType,
    /// The application refused the certificate.
    ApplicationRejected,
    /// The application refused the certificate, and chose the alert that says so.
    RejectedBy(AlertDescription),
    /// Any other failed check, in words.
    Other(String),
}

impl CertificateError {
    pub(super) fn alert(&self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::BadEncoding | Self::FingerprintMismatch | Self::NotValidForName | Self::ChainTooLong => {
                A::BAD_CERTIFICATE
            }
            Self::Expired | Self::NotValidYet => A::CERTIFICATE_EXPIRED,
            Self::UnknownIssuer => A::UNKNOWN_CA,
            Self::BadSignature => A::DECRYPT_ERROR,
            Self::UnknownPublicKey => A::UNKNOWN_CA,
            Self::UnsupportedAlgorithm | Self::InvalidPurpose | Self::UnexpectedType => A::UNSUPPORTED_CERTIFICATE,
            Self::Revoked => A::CERTIFICATE_REVOKED,
            Self::ApplicationRejected => A::ACCESS_DENIED,
            Self::RejectedBy(alert) => *alert,
            Self::Other(_) => A::CERTIFICATE_UNKNOWN,
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadEncoding => "it could not be parsed",
            Self::Expired => "it has expired",
            Self::NotValidYet => "it is not valid yet",
            Self::UnknownIssuer => "no path leads from it to a trusted root",
            Self::NotValidForName => "it is for other names",
            Self::BadSignature => "a signature in its chain is wrong",
            Self::UnsupportedAlgorithm => "its algorithm is not supported",
            Self::InvalidPurpose => "it may not be used for this purpose",
            Self::Revoked => "it was revoked",
            Self::FingerprintMismatch => "its fingerprint is none of those given",
            Self::UnknownPublicKey => "its public key is none of those given",
            Self::UnexpectedType => "it is of a type that cannot be judged here",
            Self::ChainTooLong => "its chain is too long",
            Self::ApplicationRejected | Self::RejectedBy(_) => "the application refused it",
            Self::Other(text) => text,
        })
    }
}

impl core::error::Error for CertificateError {}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::InvalidCertificate(error)
    }
}
