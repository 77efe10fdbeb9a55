//! The back end that runs every task at once, in this process.

use core::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer};
use webpki::{EndEntityCert, RawPublicKeyEntity};

use super::{group, verify, x509};
use crate::crypto::SecureRandom;
use crate::crypto::psk::Psk;
use crate::crypto::task::{
    Backend, Credentials, CredentialsRequest, Delegation, EphemeralKey, MAX_DELEGATION, PeerVerifier, PskRequest,
    SigningKeyRef, Task, TaskError, TaskOutput,
};
use crate::error::CertificateError;
use crate::wire::registry::{CertificateType, SignatureScheme};

/// Runs every task at once, but for those that name a foreign key or that its verifier leaves to the caller.
pub struct LocalBackend {
    random: Arc<dyn SecureRandom>,
    verifier: Option<Arc<dyn PeerVerifier>>,
    credentials: Vec<Arc<Credentials>>,
    psks: Vec<Arc<Psk>>,
}

impl LocalBackend {
    /// A back end that trusts no peer and has no certificate.
    pub fn new(random: Arc<dyn SecureRandom>) -> Self {
        Self { random, verifier: None, credentials: Vec::new(), psks: Vec::new() }
    }

    /// Lets `verifier` decide which peers to trust. Without one every certificate is refused.
    #[must_use]
    pub fn with_verifier(self, verifier: Arc<dyn PeerVerifier>) -> Self {
        Self { verifier: Some(verifier), ..self }
    }

    /// Adds a certificate or raw public key. With several, the peer gets the first of those that it can make use of and that
    /// were, if it says what it looks for, made for the name it asked for, and issued by an authority it trusts; the name
    /// counts for more. If none is, it gets the first that it can make use of.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials.push(Arc::new(credentials));
        self
    }

    /// Adds a pre-shared key that clients may use. Of those that a client offers it gets the first that was added here.
    #[must_use]
    pub fn with_psk(mut self, psk: Arc<Psk>) -> Self {
        self.psks.push(psk);
        self
    }

    /// Looks at every key and every identity, whether one was found already or not.
    fn look_up(&self, request: &PskRequest) -> Option<Arc<Psk>> {
        let mut found = None;
        for psk in self.psks.iter().filter(|psk| psk.hash() == request.hash) {
            let offered = request.identities.iter().filter(|identity| psk.identity() == identity.as_slice()).count();
            if offered > 0 && found.is_none() {
                found = Some(Arc::clone(psk));
            }
        }
        found
    }

    fn select(&self, request: &CredentialsRequest) -> Option<Arc<Credentials>> {
        let usable: Vec<_> = self.credentials.iter().filter(|one| is_usable(one, request)).collect();
        let best = match &usable[..] {
            [] => return None,
            [only] => only,
            // `min_by_key` takes the first of several that are as good.
            _ => usable.iter().min_by_key(|one| {
                let is_named = request.server_name.as_ref().is_none_or(|name| has_name(one, name));
                (!is_named, !request.authorities.is_empty() && !has_issuer(one, &request.authorities))
            })?,
        };
        Some(Arc::clone(best))
    }
}

fn is_usable(credentials: &Credentials, request: &CredentialsRequest) -> bool {
    credentials.scheme_for(request).is_some()
        && (!credentials.must_match_issuer || has_issuer(credentials, &request.authorities))
}

impl Backend for LocalBackend {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        Some(match task {
            Task::GenerateKeyShare { group } => group::generate(*group, &*self.random)
                .map(|share| TaskOutput::KeyShare { key: EphemeralKey::Held(share.secret), public: share.public }),
            Task::AgreeKey { group, key: EphemeralKey::Held(key), peer } => {
                group::agree(*group, key.expose(), peer).map(TaskOutput::SharedSecret)
            }
            Task::AgreeKey { key: EphemeralKey::Foreign(_), .. } => return None,
            Task::RespondKeyShare { group, peer } => group::respond(*group, peer, &*self.random)
                .map(|share| TaskOutput::KeyShareResponse { public: share.public, secret: share.secret }),
            Task::Sign { key: SigningKeyRef::Local(key), scheme, content } => {
                key.sign(*scheme, content, &*self.random).map(TaskOutput::Signature)
            }
            Task::Sign { key: SigningKeyRef::Foreign(_), .. } => return None,
            Task::VerifySignature { scheme, certificate_type, certificate, content, signature } => {
                verify_signature(*scheme, *certificate_type, certificate, content, signature)
            }
            Task::VerifyDelegation(delegation) => verify_delegation(delegation),
            Task::SelectCredentials(request) => Ok(TaskOutput::Credentials(self.select(request))),
            Task::LookUpPsk(request) => Ok(TaskOutput::Psk(self.look_up(request))),
            Task::VerifyPeer(presented) => match &self.verifier {
                Some(verifier) => {
                    verifier.verify(presented)?.map(|()| TaskOutput::Verified).map_err(TaskError::InvalidCertificate)
                }
                None => Err(TaskError::InvalidCertificate(CertificateError::UnknownIssuer)),
            },
        })
    }
}

impl fmt::Debug for LocalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBackend")
            .field("has_verifier", &self.verifier.is_some())
            .field("credentials", &self.credentials.len())
            .field("psks", &self.psks.len())
            .finish_non_exhaustive()
    }
}

/// Checks a CertificateVerify; the key must be of the kind that `scheme` names, and one that may sign.
fn verify_signature(
    scheme: SignatureScheme,
    certificate_type: CertificateType,
    certificate: &[u8],
    content: &[u8],
    signature: &[u8],
) -> Result<TaskOutput, TaskError> {
    let algorithm = verify::algorithm(scheme).ok_or(TaskError::Failed)?;
    let malformed = |_| TaskError::InvalidCertificate(CertificateError::BadEncoding);
    let verdict = if certificate_type == CertificateType::RAW_PUBLIC_KEY {
        let key = SubjectPublicKeyInfoDer::from(certificate);
        RawPublicKeyEntity::try_from(&key).map_err(malformed)?.verify_signature(algorithm, content, signature)
    } else {
        let der = CertificateDer::from_slice(certificate);
        let parsed = EndEntityCert::try_from(&der).map_err(malformed)?;
        // RFC 9846 §4.5.1.2: "the digitalSignature bit MUST be set if the Key Usage extension is present".
        if x509::Fields::of(certificate).is_ok_and(|fields| fields.may_sign == Some(false)) {
            return Err(TaskError::KeyMismatch);
        }
        parsed.verify_signature(algorithm, content, signature)
    };
    match verdict {
        Ok(()) => Ok(TaskOutput::Verified),
        Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => Err(TaskError::KeyMismatch),
        Err(_) => Err(TaskError::Rejected),
    }
}

/// The checks of RFC 9345 §4.1.3 that need the certificate.
fn verify_delegation(delegation: &Delegation) -> Result<TaskOutput, TaskError> {
    let Delegation { certificate, credential, is_server, now } = delegation;
    let fields =
        x509::Fields::of(certificate).map_err(|_| TaskError::InvalidCertificate(CertificateError::BadEncoding))?;
    let (now, expiry) = (now.as_secs(), fields.not_before.saturating_add(credential.valid_time.into()));
    let in_time = now <= expiry && expiry <= now.saturating_add(MAX_DELEGATION.as_secs());
    if !in_time || !fields.may_delegate || fields.may_sign != Some(true) {
        return Err(TaskError::Rejected);
    }
    let content = credential.signed_content(*is_server, certificate);
    let (scheme, signature) = (credential.algorithm, &credential.signature);
    verify_signature(scheme, CertificateType::X509, certificate, &content, signature)
}

/// Whether one of `authorities` has issued a certificate of the chain.
fn has_issuer(credentials: &Credentials, authorities: &[Vec<u8>]) -> bool {
    credentials.certificate_type == CertificateType::X509
        && credentials
            .chain
            .iter()
            .any(|der| x509::Fields::of(der).is_ok_and(|fields| authorities.contains(&fields.issuer)))
}

fn has_name(credentials: &Credentials, name: &str) -> bool {
    let Some(own) = credentials.chain.first() else { return false };
    let own = CertificateDer::from_slice(own);
    match (EndEntityCert::try_from(&own), ServerName::try_from(name)) {
        (Ok(own), Ok(name)) => own.verify_is_valid_for_subject_name(&name).is_ok(),
        _ => false,
    }
}
