//! The provider and the back end that are made of RustCrypto's crates and dalek's.
//!
//! No algorithm is written here: each file binds one kind of primitive to the traits of [`crypto`](super).

mod aead;
mod backend;
mod group;
mod hash;
mod random;
mod sign;
mod verify;
mod x509;

use std::sync::Arc;

#[cfg(feature = "ccm")]
pub use aead::{TLS_AES_128_CCM_8_SHA256, TLS_AES_128_CCM_SHA256};
pub use aead::{TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256};
pub use backend::LocalBackend;
pub use hash::{SHA256, SHA384};
pub use random::{OsRandom, SeededRandom};
pub(crate) use sign::{Ed25519Key, P256Key};
pub use sign::{credentials, raw_public_key, signing_key};
pub(crate) use verify::ALGORITHMS as VERIFICATION_ALGORITHMS;

use super::{CipherSuiteImpl, CryptoProvider, SecureRandom};
use crate::wire::registry::{NamedGroup, SignatureScheme};

/// The suites, best first: AES where the processor has instructions for it, ChaCha20 first where it has not. CCM, which
/// encrypts each block twice, comes last.
const SUITES: &[&CipherSuiteImpl] = if cfg!(target_arch = "wasm32") {
    &[
        &TLS_CHACHA20_POLY1305_SHA256,
        &TLS_AES_128_GCM_SHA256,
        &TLS_AES_256_GCM_SHA384,
        #[cfg(feature = "ccm")]
        &TLS_AES_128_CCM_SHA256,
        #[cfg(feature = "ccm")]
        &TLS_AES_128_CCM_8_SHA256,
    ]
} else {
    &[
        &TLS_AES_128_GCM_SHA256,
        &TLS_AES_256_GCM_SHA384,
        &TLS_CHACHA20_POLY1305_SHA256,
        #[cfg(feature = "ccm")]
        &TLS_AES_128_CCM_SHA256,
        #[cfg(feature = "ccm")]
        &TLS_AES_128_CCM_8_SHA256,
    ]
};

/// The groups, best first.
const GROUPS: &[NamedGroup] = &[
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    #[cfg(feature = "p384")]
    NamedGroup::SECP384R1,
    #[cfg(feature = "p521")]
    NamedGroup::SECP521R1,
];

/// The schemes that a CertificateVerify may use, best first.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    #[cfg(feature = "p384")]
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    #[cfg(feature = "p521")]
    SignatureScheme::ECDSA_SECP521R1_SHA512,
];

/// The provider, with random bytes of the platform.
pub fn provider() -> CryptoProvider {
    provider_with_random(Arc::new(OsRandom))
}

/// The provider, with random bytes of the caller's choice.
pub fn provider_with_random(random: Arc<dyn SecureRandom>) -> CryptoProvider {
    CryptoProvider { suites: SUITES.to_vec(), groups: GROUPS.to_vec(), schemes: SCHEMES.to_vec(), random }
}
