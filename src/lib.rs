//! DTLS 1.3 (RFC 9147) as a sans-IO core.
#![forbid(unsafe_code)]

pub mod codec;
pub mod config;
pub mod connection;
pub mod crypto;
pub mod error;
pub mod flight;
pub mod handshake;
pub mod record;
pub mod schedule;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod time;
pub mod trace;
pub mod transcript;
pub mod wire;
