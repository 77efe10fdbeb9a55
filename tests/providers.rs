//! The conformance suite, run for every provider of this crate.
#![cfg(feature = "rustcrypto")]

use std::sync::Arc;

use dtls_wasm::crypto::rustcrypto::{self, LocalBackend};
use dtls_wasm::crypto::secret::SecretBytes;
use dtls_wasm::crypto::task::{Backend, EphemeralKey};
use dtls_wasm::crypto::{CryptoProvider, SecureRandom};
use dtls_wasm::wire::registry::NamedGroup;

#[path = "support/conformance.rs"]
mod conformance;

struct RustCrypto;

impl conformance::Subject for RustCrypto {
    fn provider(&self) -> CryptoProvider {
        rustcrypto::provider()
    }

    fn backend(&self, random: Arc<dyn SecureRandom>) -> Box<dyn Backend> {
        Box::new(LocalBackend::new(random))
    }

    fn held(&self, _: NamedGroup, private: &[u8]) -> Option<EphemeralKey> {
        Some(EphemeralKey::Held(SecretBytes::new(private.to_vec())))
    }
}

conformance::suite!(rust_crypto, crate::RustCrypto);
