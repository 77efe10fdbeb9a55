//! A client and a server of this crate in one process, with memory between them.
//!
//! Include it with `#[path = "support/pair.rs"] mod pair;`.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::SecureRandom;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, provider_with_random};
use dtls_wasm::identity::{FingerprintVerifier, KeyAlgorithm, self_signed};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::{CipherSuite, NamedGroup};

/// A day in 2027. The clock stands still: nothing is lost, so no timer has to fire.
pub const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

/// Room for 1,200 bytes of application data in one datagram.
const DATAGRAM_SIZE: usize = 1400;

/// What both ends are made of, once for all handshakes.
pub struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Configs {
    /// A server with a self-signed certificate, a client that knows its fingerprint, and nothing to negotiate.
    pub fn new(suite: CipherSuite, group: NamedGroup, certificate: KeyAlgorithm) -> Self {
        // The operating system's source would be measured as well.
        let random: Arc<dyn SecureRandom> = Arc::new(SeededRandom::new(1));
        let identity = self_signed(certificate, &[], NOW, Duration::from_secs(3600), &*random).unwrap();
        let provider = Arc::new(provider_with_random(Arc::clone(&random)));
        let verifier = Arc::new(FingerprintVerifier::new(vec![identity.fingerprint()]));
        let client_backend = Arc::new(LocalBackend::new(Arc::clone(&random)).with_verifier(verifier));
        let server_backend = Arc::new(LocalBackend::new(random).with_credentials(identity.to_credentials().unwrap()));
        let mut client = ClientConfig::new(Arc::clone(&provider), client_backend);
        client.common.cipher_suites = vec![suite];
        client.common.groups = vec![group];
        client.key_shares = vec![group];
        client.common.transport.max_datagram_size = DATAGRAM_SIZE;
        let mut server = ServerConfig::new(provider, server_backend);
        server.common.transport.max_datagram_size = DATAGRAM_SIZE;
        Self { client: Arc::new(client), server: Arc::new(server) }
    }
}

/// Two ends of one connection.
pub struct Pair {
    /// Who began.
    pub client: Connection,
    /// Who answered.
    pub server: Connection,
}

/// What a handshake put on the wire.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    /// In both directions.
    pub datagrams: usize,
    /// In both directions, without UDP and IP headers.
    pub bytes: usize,
}

impl Pair {
    /// A whole handshake, until neither end has anything more to send.
    pub fn connect(configs: &Configs, datagram: &mut Vec<u8>) -> (Self, Traffic) {
        let client = Connection::client(Arc::clone(&configs.client), None, NOW).unwrap();
        let server = Connection::server(Arc::clone(&configs.server), NOW).unwrap();
        let mut pair = Self { client, server };
        let mut traffic = Traffic::default();
        loop {
            let before = traffic.datagrams;
            carry(&mut pair.client, &mut pair.server, datagram, &mut traffic);
            carry(&mut pair.server, &mut pair.client, datagram, &mut traffic);
            if traffic.datagrams == before {
                break;
            }
        }
        for end in [&mut pair.client, &mut pair.server] {
            assert_eq!(end.state(), ConnectionState::Connected, "{:?}", end.error());
            assert!(matches!(end.poll_event(), Some(ConnectionEvent::Connected)));
        }
        (pair, traffic)
    }
}

/// Hands over every datagram that `from` has to send.
fn carry(from: &mut Connection, to: &mut Connection, datagram: &mut Vec<u8>, traffic: &mut Traffic) {
    while from.poll_transmit(datagram, NOW) {
        traffic.datagrams += 1;
        traffic.bytes += datagram.len();
        to.handle_datagram(datagram, NOW);
    }
}

/// One datagram of application data from one end into `datagram`.
pub fn seal(from: &mut Connection, content: &[u8], datagram: &mut Vec<u8>) {
    from.send(content).unwrap();
    assert!(from.poll_transmit(datagram, NOW));
}

/// The application data of one datagram at the other end.
pub fn open(to: &mut Connection, datagram: &mut [u8]) -> Vec<u8> {
    to.handle_datagram(datagram, NOW);
    match to.poll_event() {
        Some(ConnectionEvent::Datagram(data)) => data,
        other => panic!("{other:?}"),
    }
}
