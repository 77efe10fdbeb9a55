//! The back end that runs every task at once, in this process.

use core::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::{group, verify};
use crate::crypto::SecureRandom;
use crate::crypto::psk::Psk;
use crate::crypto::task::{
    Backend, Credentials, CredentialsRequest, EphemeralKey, PeerVerifier, PskRequest, SigningKeyRef, Task, TaskError,
    TaskOutput,
};
use crate::error::CertificateError;
use crate::wire::registry::SignatureScheme;

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

    /// Adds a certificate. With several, the peer gets the first that it can verify and that has the name it asked
    /// for; if none has the name, the first that it can verify.
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
        let verifiable = || {
            self.credentials
                .iter()
                .filter(|credentials| credentials.schemes.iter().any(|scheme| request.schemes.contains(scheme)))
        };
        let named = match &request.server_name {
            Some(name) if verifiable().nth(1).is_some() => verifiable().find(|credentials| has_name(credentials, name)),
            _ => None,
        };
        named.or_else(|| verifiable().next()).cloned()
    }
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
            Task::VerifySignature { scheme, certificate, content, signature } => {
                verify_signature(*scheme, certificate, content, signature)
            }
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

/// Checks a CertificateVerify; the certificate's key must be of the kind that `scheme` names.
fn verify_signature(
    scheme: SignatureScheme,
    certificate: &[u8],
    content: &[u8],
    signature: &[u8],
) -> Result<TaskOutput, TaskError> {
    let algorithm = verify::algorithm(scheme).ok_or(TaskError::Failed)?;
    let certificate = CertificateDer::from_slice(certificate);
    let certificate = EndEntityCert::try_from(&certificate)
        .map_err(|_| TaskError::InvalidCertificate(CertificateError::BadEncoding))?;
    match certificate.verify_signature(algorithm, content, signature) {
        Ok(()) => Ok(TaskOutput::Verified),
        Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => Err(TaskError::KeyMismatch),
        Err(_) => Err(TaskError::Rejected),
    }
}

fn has_name(credentials: &Credentials, name: &str) -> bool {
    let Some(own) = credentials.chain.first() else { return false };
    let own = CertificateDer::from_slice(own);
    match (EndEntityCert::try_from(&own), ServerName::try_from(name)) {
        (Ok(own), Ok(name)) => own.verify_is_valid_for_subject_name(&name).is_ok(),
        _ => false,
    }
}
