//! This crate, with its pure-Rust provider.

use std::sync::Arc;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, credentials, provider};
use dtls_wasm::identity::AcceptAnyVerifier;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::{CipherSuite, NamedGroup};

use crate::{Group, Identity, Pair, Subject, Traffic};

/// The clock stands still: nothing is lost.
const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

pub struct Ours {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Ours {
    pub fn new(group: Group, identity: &Identity) -> Self {
        let group = match group {
            Group::X25519 => NamedGroup::X25519,
            Group::P256 => NamedGroup::SECP256R1,
            Group::X25519MlKem768 => NamedGroup::X25519MLKEM768,
        };
        let provider = Arc::new(provider());
        let own = credentials(vec![identity.certificate.clone()], &identity.private_key).expect("a key");
        let random = Arc::new(OsRandom);
        let client_backend = LocalBackend::new(random.clone()).with_verifier(Arc::new(AcceptAnyVerifier));
        let mut client = ClientConfig::new(Arc::clone(&provider), Arc::new(client_backend));
        let mut server = ServerConfig::new(provider, Arc::new(LocalBackend::new(random).with_credentials(own)));
        client.key_shares = vec![group];
        for common in [&mut client.common, &mut server.common] {
            common.cipher_suites = vec![CipherSuite::TLS_AES_128_GCM_SHA256];
            common.groups = vec![group];
            common.transport.max_datagram_size = 1400;
        }
        Self { client: Arc::new(client), server: Arc::new(server) }
    }
}

impl Subject for Ours {
    fn name(&self) -> &'static str {
        "dtls-wasm, RustCrypto"
    }

    fn connect(&self, traffic: &mut Traffic) -> Box<dyn Pair> {
        let client = Connection::client(Arc::clone(&self.client), None, NOW).expect("a client");
        let server = Connection::server(Arc::clone(&self.server), NOW).expect("a server");
        let mut ends = Ends { client, server };
        let mut datagram = Vec::with_capacity(2048);
        loop {
            let before = traffic.datagrams;
            carry(&mut ends.client, &mut ends.server, &mut datagram, traffic);
            carry(&mut ends.server, &mut ends.client, &mut datagram, traffic);
            if traffic.datagrams == before {
                break;
            }
        }
        for end in [&mut ends.client, &mut ends.server] {
            assert_eq!(end.state(), ConnectionState::Connected, "{:?}", end.error());
            assert_eq!(end.poll_event(), Some(ConnectionEvent::Connected));
        }
        Box::new(ends)
    }
}

struct Ends {
    client: Connection,
    server: Connection,
}

impl Pair for Ends {
    fn seal(&mut self, content: &[u8], datagram: &mut Vec<u8>) {
        self.client.send(content).expect("room");
        assert!(self.client.poll_transmit(datagram, NOW));
    }

    fn open(&mut self, datagram: &mut Vec<u8>) -> usize {
        self.server.handle_datagram(datagram, NOW);
        match self.server.poll_event() {
            Some(ConnectionEvent::Datagram(data)) => data.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn carry(from: &mut Connection, to: &mut Connection, datagram: &mut Vec<u8>, traffic: &mut Traffic) {
    while from.poll_transmit(datagram, NOW) {
        traffic.datagrams += 1;
        traffic.bytes += datagram.len();
        to.handle_datagram(datagram, NOW);
    }
}
