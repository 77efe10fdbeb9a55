//! The second tier: slow or foreign operations, as data (tasks) that leave the connection and come back as results.
//!
//! The contract:
//! 1. Until the handshake is complete at most one task of a connection is outstanding; afterwards, one for each exchange
//!    that goes on beside application data (post-handshake authentication). Results may come in any order. Ids are per
//!    connection and never used again.
//! 2. A task is owned data; secrets in it are wiped when dropped and never printed.
//! 3. A late, foreign or repeated result is ignored. A result of the wrong kind closes the connection.
//! 4. While a task is outstanding the connection goes on to open records, reassemble, acknowledge, retransmit and time
//!    out.
//! 5. Closing the connection abandons the task; nothing needs to be cancelled.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

pub use super::credentials::{Credentials, CredentialsRequest, Delegation, PresentedIdentity};
use super::psk::{HashAlgorithm, Psk, PskMode};
use super::secret::SecretBytes;
use crate::error::CertificateError;
use crate::wire::registry::{CertificateType, NamedGroup, SignatureScheme};

/// How far ahead the end of a delegated credential may lie.
//= https://www.rfc-editor.org/rfc/rfc9345#section-3
//# In the absence of an application profile standard
//# specifying otherwise, the maximum validity period is set to 7 days.
pub const MAX_DELEGATION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Names one task of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u32);

/// An operation without which the handshake cannot go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Task {
    /// Make an ephemeral key pair (RFC 9846 §4.3.8). Answer: [`TaskOutput::KeyShare`].
    GenerateKeyShare {
        /// In this group.
        group: NamedGroup,
    },
    /// Derive the shared secret from our ephemeral key and the server's share. Answer: [`TaskOutput::SharedSecret`].
    AgreeKey {
        /// In this group.
        group: NamedGroup,
        /// Our private key, as it came with [`TaskOutput::KeyShare`].
        key: EphemeralKey,
        /// The server's `key_exchange`.
        peer: Vec<u8>,
    },
    /// Answer a client's share: make a key pair and agree, or encapsulate. Answer: [`TaskOutput::KeyShareResponse`].
    RespondKeyShare {
        /// In this group.
        group: NamedGroup,
        /// The client's `key_exchange`.
        peer: Vec<u8>,
    },
    /// Sign the content of a CertificateVerify (RFC 9846 §4.5.2). Answer: [`TaskOutput::Signature`].
    Sign {
        /// With this key.
        key: SigningKeyRef,
        /// By this scheme.
        scheme: SignatureScheme,
        /// The bytes to be signed, not hashed.
        content: Vec<u8>,
    },
    /// Check the signature of the peer's CertificateVerify. Answer: [`TaskOutput::Verified`], [`TaskError::Rejected`], or
    /// [`TaskError::KeyMismatch`].
    VerifySignature {
        /// By this scheme.
        scheme: SignatureScheme,
        /// What `certificate` is.
        certificate_type: CertificateType,
        /// The peer's certificate, DER, or its SubjectPublicKeyInfo: a raw public key, or that of a delegated credential.
        certificate: Vec<u8>,
        /// The bytes that were signed, not hashed.
        content: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// Judge a delegated credential (RFC 9345 §4.1.3): that the certificate's key signed it, that the certificate may delegate
    /// (it has DelegationUsage, and digitalSignature), and that it ends neither before now nor more than
    /// [`MAX_DELEGATION`] after. Answer: [`TaskOutput::Verified`], or [`TaskError::Rejected`].
    VerifyDelegation(Box<Delegation>),
    /// Choose our certificate. Answer: [`TaskOutput::Credentials`].
    SelectCredentials(CredentialsRequest),
    /// Decide whether the peer's certificate is acceptable. Answer: [`TaskOutput::Verified`], or
    /// [`TaskError::InvalidCertificate`].
    VerifyPeer(PresentedIdentity),
    /// Find one of the pre-shared keys that a client offered. Answer: [`TaskOutput::Psk`].
    LookUpPsk(PskRequest),
}

/// The pre-shared keys that a client offered, and what else it would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskRequest {
    /// The identities, as the client ordered them.
    pub identities: Vec<Vec<u8>>,
    /// The hash of the suite. A key that belongs to another cannot be used.
    pub hash: HashAlgorithm,
    /// How the key will be used.
    pub mode: PskMode,
    /// The name the client asked for.
    pub server_name: Option<String>,
    /// The schemes that the client can verify; if there are any, a certificate will do instead of a key.
    pub schemes: Vec<SignatureScheme>,
}

/// What came of a [`Task`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskOutput {
    /// For [`Task::GenerateKeyShare`].
    KeyShare {
        /// The private key.
        key: EphemeralKey,
        /// The public key: the wire form of `key_exchange`.
        public: Vec<u8>,
    },
    /// For [`Task::AgreeKey`].
    SharedSecret(SecretBytes),
    /// For [`Task::RespondKeyShare`].
    KeyShareResponse {
        /// The wire form of our `key_exchange`.
        public: Vec<u8>,
        /// The shared secret.
        secret: SecretBytes,
    },
    /// For [`Task::Sign`].
    Signature(Vec<u8>),
    /// For [`Task::VerifySignature`], [`Task::VerifyDelegation`] and [`Task::VerifyPeer`].
    Verified,
    /// For [`Task::SelectCredentials`]; `None`: we have none that fits.
    Credentials(Option<Arc<Credentials>>),
    /// For [`Task::LookUpPsk`]: the key, with the identity under which the client offered it; `None`: a certificate is to
    /// be used instead.
    ///
    /// Whoever looks up decides which of several is taken. The time that it takes tells a client, who can measure it,
    /// which identities there are: a look-up should take as long for one that is not there.
    Psk(Option<Arc<Psk>>),
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskError {
    /// The peer's input is at fault: an invalid public key, a wrong signature.
    Rejected,
    /// The key in the peer's certificate is not of the kind that the scheme signs with.
    KeyMismatch,
    /// The peer's certificate is not acceptable.
    InvalidCertificate(CertificateError),
    /// The back end is at fault.
    Failed,
    /// The platform gave no random bytes.
    NoRandomBytes,
}

/// An ephemeral private key, as its back end names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EphemeralKey {
    /// The key itself, in the back end's own form.
    Held(SecretBytes),
    /// A key that stays with a foreign back end, which knows it by this number.
    Foreign(u32),
}

/// A long-term private key, which is never seen, only used.
#[derive(Clone)]
pub enum SigningKeyRef {
    /// A key in this process.
    Local(Arc<dyn SigningKey>),
    /// A key that stays with a foreign back end, which knows it by this number.
    Foreign(u32),
}

impl fmt::Debug for SigningKeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(_) => f.write_str("Local(_)"),
            Self::Foreign(id) => write!(f, "Foreign({id})"),
        }
    }
}

/// A private key in this process.
pub trait SigningKey: Send + Sync {
    /// The schemes it can sign with, best first.
    fn schemes(&self) -> &[SignatureScheme];
    /// The signature of `content`, in the form that CertificateVerify wants for `scheme`.
    fn sign(
        &self,
        scheme: SignatureScheme,
        content: &[u8],
        random: &dyn super::SecureRandom,
    ) -> Result<Vec<u8>, TaskError>;
    /// The public key as DER SubjectPublicKeyInfo.
    fn public_key(&self) -> Vec<u8>;
}

/// Runs tasks on the spot, if it can.
pub trait Backend: Send + Sync {
    /// The result of `task`, or `None`: then the caller will be given the task by `poll_task`.
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>>;
}

/// Decides whether a peer's certificate chain is acceptable.
pub trait PeerVerifier: Send + Sync {
    /// The decision, or `None`: then the caller will be asked, by a [`Task::VerifyPeer`].
    fn verify(&self, presented: &PresentedIdentity) -> Option<Result<(), CertificateError>>;
}
