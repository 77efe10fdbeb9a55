//! Who the peer is, and who we are: certificates, fingerprints, and what makes them.

mod chain;
mod fingerprint;
pub mod pem;
mod public_key;
mod self_signed;
mod x509;

pub use chain::WebPkiVerifier;
pub use fingerprint::{Fingerprint, FingerprintAlgorithm, FingerprintVerifier};
pub use public_key::PublicKeyVerifier;
pub use self_signed::{KeyAlgorithm, SelfSigned, self_signed};

use crate::crypto::task::{PeerVerifier, PresentedIdentity};
use crate::error::CertificateError;
pub use crate::error::IdentityError;

/// **Dangerous**: accepts every certificate, so that anybody on the path can be the peer.
///
/// For debugging, and for applications that look at the peer's certificate themselves before they use the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAnyVerifier;

impl PeerVerifier for AcceptAnyVerifier {
    fn verify(&self, _: &PresentedIdentity) -> Option<Result<(), CertificateError>> {
        Some(Ok(()))
    }
}
