//! DTLS 1.3 (RFC 9147) as a sans-IO core: native, and compiled to WebAssembly.
//!
//! Nothing in this crate reads a clock, opens a socket or keeps a global. Whoever drives it hands in datagrams and the
//! time, and takes out datagrams, tasks and events: see [`Connection`] for one association, and the `endpoint` module for many
//! behind one socket.
//!
//! The layers, each of which knows only those before it:
//!
//! ```text
//! codec ← wire ← crypto ← ticket, transcript, identity ← schedule ← record, flight ← handshake ← connection ← endpoint
//! time, error, config, trace: usable by all      inspect → codec, wire only      sim → time only
//! ```
//!
//! The way of one datagram in: [`Connection::handle_datagram`] opens each record in place ([`record`]), puts handshake
//! fragments together ([`flight`]), and drives the states ([`handshake`]). The way out: [`Connection::poll_transmit`] fills one
//! datagram in the order alert, ACK, flight, early data, application data.
#![forbid(unsafe_code)]

pub mod codec;
pub mod config;
pub mod connection;
pub mod crypto;
pub mod endpoint;
pub mod error;
pub mod flight;
pub mod handshake;
#[cfg(feature = "rustcrypto")]
pub mod identity;
#[cfg(feature = "inspect")]
pub mod inspect;
pub mod record;
pub mod schedule;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod ticket;
pub mod time;
pub mod trace;
pub mod transcript;
#[cfg(feature = "wasm")]
pub mod wasm;
pub mod wire;

pub use config::{
    ClientAuth, ClientConfig, CommonConfig, ConfigError, ConnectionIdConfig, ConnectionIdGenerator, CookiePolicy,
    CustomExtension, ExtensionMessage, FixedExtension, Limits, Padding, PathCheck, ServerConfig, TransportConfig,
};
pub use connection::{
    ClientOffer, Connection, ConnectionEvent, ConnectionIdError, ConnectionState, EarlyDataStatus, PathId,
    SendEarlyError, SendError, ServerName, SrtpKeys, Stats, UpdateKeysError,
};
pub use crypto::resumption::{Session, SessionError, TicketStore};
pub use error::{CertificateError, Error};
pub use handshake::{ConnectionIdSelection, Negotiated, PeerExtension, SrtpSelection};
pub use schedule::exporter::ExportError;
pub use ticket::{CachedTickets, LocalStrikeRegister, SealedTickets, StrikeRegister, TicketKey};
pub use time::Instant;
pub use wire::connection_id::ConnectionIdUsage;
