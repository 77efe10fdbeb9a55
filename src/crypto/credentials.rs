//! Certificates and keys: ours, what the peer asks of them, and what the peer shows.

use core::fmt;
use std::sync::Arc;

use super::task::{SigningKey, SigningKeyRef};
use crate::time::Instant;
use crate::wire::delegated_credential::DelegatedCredential;
use crate::wire::registry::{CertificateType, SignatureScheme};

/// A certificate chain, or a raw public key, and the key that proves it is ours.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// What `chain` consists of.
    pub certificate_type: CertificateType,
    /// The chain, DER, our own certificate first; or one DER SubjectPublicKeyInfo.
    pub chain: Vec<Vec<u8>>,
    /// The private key. With a delegated credential, that of the credential.
    pub key: SigningKeyRef,
    /// The schemes that the key can sign with, best first.
    pub schemes: Vec<SignatureScheme>,
    /// An OCSP response for our own certificate, DER, for peers that ask for one (RFC 6066 §8).
    pub ocsp_response: Option<Vec<u8>>,
    /// A `SignedCertificateTimestampList` (RFC 6962 §3.3), for peers that ask for one.
    pub signed_certificate_timestamps: Option<Vec<u8>>,
    /// A delegated credential (RFC 9345): these credentials are then for peers that accept one.
    pub delegated_credential: Option<DelegatedCredential>,
    /// Whether these credentials are only for peers that name, in certificate_authorities, an issuer in the chain.
    pub must_match_issuer: bool,
}

impl Credentials {
    /// A chain of X.509 certificates, DER, our own first.
    pub const fn new(chain: Vec<Vec<u8>>, key: SigningKeyRef, schemes: Vec<SignatureScheme>) -> Self {
        Self {
            certificate_type: CertificateType::X509,
            chain,
            key,
            schemes,
            ocsp_response: None,
            signed_certificate_timestamps: None,
            delegated_credential: None,
            must_match_issuer: false,
        }
    }

    /// A raw public key (RFC 7250): `public_key` is a DER SubjectPublicKeyInfo.
    pub fn raw_public_key(public_key: Vec<u8>, key: SigningKeyRef, schemes: Vec<SignatureScheme>) -> Self {
        Self { certificate_type: CertificateType::RAW_PUBLIC_KEY, ..Self::new(vec![public_key], key, schemes) }
    }

    /// A key in this process, without any certificate.
    pub fn raw_public_key_of(key: Arc<dyn SigningKey>) -> Self {
        let (public_key, schemes) = (key.public_key(), key.schemes().to_vec());
        Self::raw_public_key(public_key, SigningKeyRef::Local(key), schemes)
    }

    /// With an OCSP response, DER, to be stapled.
    #[must_use]
    pub fn with_ocsp_response(self, response: Vec<u8>) -> Self {
        Self { ocsp_response: Some(response), ..self }
    }

    /// With a `SignedCertificateTimestampList`.
    #[must_use]
    pub fn with_signed_certificate_timestamps(self, list: Vec<u8>) -> Self {
        Self { signed_certificate_timestamps: Some(list), ..self }
    }

    /// With a delegated credential and its private key, which signs from now on: that of the certificate is not needed.
    #[must_use]
    pub fn with_delegated_credential(self, credential: DelegatedCredential, key: SigningKeyRef) -> Self {
        let schemes = vec![credential.scheme];
        Self { delegated_credential: Some(credential), key, schemes, ..self }
    }

    /// The scheme that we would sign with for a peer that asks this; `None`: it cannot make use of these credentials.
    pub fn scheme_for(&self, request: &CredentialsRequest) -> Option<SignatureScheme> {
        if !request.certificate_types.contains(&self.certificate_type) || self.chain.is_empty() {
            return None;
        }
        match &self.delegated_credential {
            Some(credential) => {
                let acceptable = request.delegated_schemes.contains(&credential.scheme)
                    && request.schemes.contains(&credential.algorithm);
                acceptable.then_some(credential.scheme)
            }
            None => self.schemes.iter().copied().find(|scheme| request.schemes.contains(scheme)),
        }
    }
}

/// What the peer said about the certificates that it would accept from us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialsRequest {
    /// The name the client asked for, if we are the server and it did.
    pub server_name: Option<String>,
    /// The schemes the peer can verify, as it ordered them.
    pub schemes: Vec<SignatureScheme>,
    /// The schemes by which the certificates of the chain may be signed (signature_algorithms_cert); empty: `schemes`.
    pub chain_schemes: Vec<SignatureScheme>,
    /// The distinguished names, DER, of the authorities that the peer trusts (certificate_authorities), if it names any.
    pub authorities: Vec<Vec<u8>>,
    /// The types of certificate, best first, that the peer accepts and we are configured to show.
    pub certificate_types: Vec<CertificateType>,
    /// The schemes that a delegated key may sign with; empty: it accepts no delegated credentials.
    pub delegated_schemes: Vec<SignatureScheme>,
    /// Whether we are the server.
    pub is_server: bool,
}

impl CredentialsRequest {
    /// A peer that accepts X.509 certificates, and can verify `schemes`.
    pub fn new(server_name: Option<String>, schemes: Vec<SignatureScheme>, is_server: bool) -> Self {
        let certificate_types = vec![CertificateType::X509];
        Self { server_name, schemes, is_server, certificate_types, ..Self::default() }
    }
}

/// The certificate chain, or raw public key, that the peer presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedIdentity {
    /// What `chain` consists of. A verifier must not take one for the other.
    pub certificate_type: CertificateType,
    /// The chain, DER, the peer's own certificate first; or one DER SubjectPublicKeyInfo. Never empty.
    pub chain: Vec<Vec<u8>>,
    /// The OCSP response for the peer's own certificate, DER, if we asked for one and it came. It was not judged.
    pub ocsp_response: Option<Vec<u8>>,
    /// The `SignedCertificateTimestampList`, if we asked for one and it came. It was not judged.
    pub signed_certificate_timestamps: Option<Vec<u8>>,
    /// Whether the peer signs with a delegated credential (RFC 9345), which was judged with its signature.
    pub is_delegated: bool,
    /// The name that the server should have, if we are a client that was given one.
    pub server_name: Option<String>,
    /// Whether the peer is the server.
    pub is_server: bool,
    /// The time at which the chain must be valid.
    pub now: Instant,
}

impl PresentedIdentity {
    /// A chain of X.509 certificates and nothing besides.
    pub const fn new(chain: Vec<Vec<u8>>, server_name: Option<String>, is_server: bool, now: Instant) -> Self {
        Self {
            certificate_type: CertificateType::X509,
            chain,
            ocsp_response: None,
            signed_certificate_timestamps: None,
            is_delegated: false,
            server_name,
            is_server,
            now,
        }
    }
}

/// What is to be known of a delegated credential before its key is trusted (RFC 9345 §4.1.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The peer's own certificate, DER.
    pub certificate: Vec<u8>,
    /// The credential.
    pub credential: DelegatedCredential,
    /// Whether the peer is the server.
    pub is_server: bool,
    /// The time at which it must be valid.
    pub now: Instant,
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegation").field("scheme", &self.credential.scheme).finish_non_exhaustive()
    }
}
