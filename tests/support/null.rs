//! Configurations with the null provider: the protocol without its mathematics.
//!
//! Include it with `#[path = "support/null.rs"] mod null;`.
#![allow(dead_code)]

use std::sync::Arc;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::crypto::null::{self, NullBackend};
use dtls_wasm::time::Instant;

/// Some time in the life of a clock that is anchored at the Unix epoch.
pub const START: Instant = Instant::from_micros(1_800_000_000_000_000);

/// A client; `seed` decides its random bytes.
pub fn client(seed: u64) -> ClientConfig {
    ClientConfig::new(Arc::new(null::provider(seed)), Arc::new(NullBackend::new(!seed)))
}

/// A server; `seed` decides its random bytes.
pub fn server(seed: u64) -> ServerConfig {
    ServerConfig::new(Arc::new(null::provider(seed)), Arc::new(NullBackend::new(!seed)))
}
