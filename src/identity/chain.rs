//! Certificate chains that lead to a known root (RFC 5280 §6), by rustls-webpki.

use core::fmt;
use core::time::Duration;

use der::asn1::AnyRef;
use der::{Decode, SliceReader};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::x509::Validity;
use crate::crypto::rustcrypto::VERIFICATION_ALGORITHMS;
use crate::crypto::task::{PeerVerifier, PresentedIdentity};
use crate::error::{CertificateError, IdentityError};
use crate::wire::registry::CertificateType;

/// Accepts chains that lead to one of the given roots.
///
/// A server's certificate must have the name that was asked for and be meant for servers, a client's must be meant for
/// clients. A certificate that is itself one of the roots is accepted as it is, which lets two ends share a
/// self-signed certificate of whatever kind.
pub struct WebPkiVerifier {
    roots: Vec<Vec<u8>>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl WebPkiVerifier {
    /// Trusts `roots`, DER certificates, of which there must be at least one.
    pub fn new(roots: &[Vec<u8>]) -> Result<Self, IdentityError> {
        if roots.is_empty() {
            return Err(IdentityError::NoRoots);
        }
        let anchor = |(index, root): (usize, &Vec<u8>)| {
            anchor_from_trusted_cert(&CertificateDer::from_slice(root))
                .map(|anchor| anchor.to_owned())
                .map_err(|error| IdentityError::InvalidCertificate { index, reason: error.to_string() })
        };
        Ok(Self { roots: roots.to_vec(), anchors: roots.iter().enumerate().map(anchor).collect::<Result<_, _>>()? })
    }

    fn check(&self, presented: &PresentedIdentity) -> Result<(), CertificateError> {
        // A bare key has no chain, no name and no end: nothing here could be said of it.
        if presented.certificate_type != CertificateType::X509 {
            return Err(CertificateError::UnexpectedType);
        }
        let (own, issuers) = presented.chain.split_first().ok_or(CertificateError::BadEncoding)?;
        let own_der = CertificateDer::from_slice(own);
        let certificate = EndEntityCert::try_from(&own_der).map_err(reason)?;
        let issuers: Vec<_> = issuers.iter().map(|der| CertificateDer::from_slice(der)).collect();
        let usage = if presented.is_server { KeyUsage::server_auth() } else { KeyUsage::client_auth() };
        let now = presented.now.as_secs();
        let path = certificate.verify_for_usage(
            VERIFICATION_ALGORITHMS,
            &self.anchors,
            &issuers,
            UnixTime::since_unix_epoch(Duration::from_secs(now)),
            usage,
            None,
            None,
        );
        match path {
            Ok(_) => {}
            Err(Error::CaUsedAsEndEntity) if self.roots.contains(own) => check_validity(own, now)?,
            Err(error) => return Err(reason(error)),
        }
        if presented.is_server { check_name(&certificate, presented.server_name.as_deref()) } else { Ok(()) }
    }
}

impl PeerVerifier for WebPkiVerifier {
    fn verify(&self, presented: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        Some(self.check(presented))
    }
}

impl fmt::Debug for WebPkiVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebPkiVerifier({} roots)", self.roots.len())
    }
}

fn check_name(certificate: &EndEntityCert<'_>, name: Option<&str>) -> Result<(), CertificateError> {
    let Some(name) = name else {
        return Err(CertificateError::Other(
            "the connection was not told which name the server should have, so its certificate proves nothing".into(),
        ));
    };
    let name = ServerName::try_from(name).map_err(|_| CertificateError::NotValidForName)?;
    certificate.verify_is_valid_for_subject_name(&name).map_err(reason)
}

/// rustls-webpki judges time only together with a path.
fn check_validity(certificate: &[u8], now: u64) -> Result<(), CertificateError> {
    let validity = validity(certificate).map_err(|_| CertificateError::BadEncoding)?;
    if now < validity.not_before.as_secs() {
        Err(CertificateError::NotValidYet)
    } else if now > validity.not_after.as_secs() {
        Err(CertificateError::Expired)
    } else {
        Ok(())
    }
}

/// Version, serial number, signature algorithm and issuer stand before the validity (RFC 5280 §4.1).
fn validity(certificate: &[u8]) -> der::Result<Validity> {
    let certificate: Vec<AnyRef<'_>> = Vec::from_der(certificate)?;
    let fields = certificate.first().ok_or(der::ErrorKind::Failed)?;
    let mut reader = SliceReader::new(fields.value())?;
    for _ in 0..4 {
        AnyRef::decode(&mut reader)?;
    }
    Validity::decode(&mut reader)
}

fn reason(error: Error) -> CertificateError {
    match error {
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::UnsupportedCertVersion => {
            CertificateError::BadEncoding
        }
        Error::CertExpired { .. } => CertificateError::Expired,
        Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        Error::CertNotValidForName(_) => CertificateError::NotValidForName,
        Error::UnknownIssuer => CertificateError::UnknownIssuer,
        Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::UnsupportedAlgorithm
        }
        Error::CaUsedAsEndEntity
        | Error::EndEntityUsedAsCa
        | Error::RequiredEkuNotFoundContext(_)
        | Error::PathLenConstraintViolated
        | Error::NameConstraintViolation => CertificateError::InvalidPurpose,
        Error::CertRevoked => CertificateError::Revoked,
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded => CertificateError::ChainTooLong,
        other => CertificateError::Other(other.to_string()),
    }
}
