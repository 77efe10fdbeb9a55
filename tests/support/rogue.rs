//! A peer that has all keys and keeps no rule: it took the place of an honest one once the handshake was complete.
//!
//! Include it with `#[path = "support/rogue.rs"] mod rogue;`, beside `null`.
#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dtls_wasm::codec::Encode as _;
use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::null as null_provider;
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::sim::{Conditions, Network, Outcome, Pair};
use dtls_wasm::time::Instant;
use dtls_wasm::trace::{Event, Trace};
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::registry::{ContentType, HandshakeType};

use crate::null::{self, START};

/// So many records an honest peer has not sent in any epoch by the time it is replaced.
const NUMBERS_OF_THE_HONEST: usize = 40;

/// Hears the secrets.
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Trace for Tap {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Secret { label, secret, .. } = event {
            self.0.lock().unwrap().insert((*label).to_owned(), secret.to_vec());
        }
    }

    fn wants_secrets(&self) -> bool {
        true
    }
}

/// Hears nothing: what was heard must not count as what a connection holds.
struct Deaf;

impl Trace for Deaf {
    fn event(&mut self, _: Instant, _: &Event<'_>) {}
}

/// The peer, and its victim.
pub struct Rogue {
    /// Whom it torments.
    pub victim: Connection,
    /// The time.
    pub now: Instant,
    records: RecordLayer,
    secret: TrafficSecret,
    /// In which epoch it sends.
    pub epoch: u16,
    /// The number of its next message.
    pub message_seq: u16,
}

impl Rogue {
    /// Takes the place of the server (the victim is a client) or of the client.
    pub fn new(victim_is_client: bool) -> Self {
        Self::with(victim_is_client, |_, _| ())
    }

    /// The same, with configurations of one's own.
    pub fn with(victim_is_client: bool, configure: impl FnOnce(&mut ClientConfig, &mut ServerConfig)) -> Self {
        let (mut client, mut server) = (null::client(1), null::server(2));
        configure(&mut client, &mut server);
        let client = Connection::client(Arc::new(client), Some("example.org"), START).unwrap();
        let server = Connection::server(Arc::new(server), START).unwrap();
        let conditions = Conditions { delay: Duration::from_millis(1), ..Conditions::default() };
        let mut pair = Pair::new(client, server, Network::new(1, conditions), START);
        let tap = Tap::default();
        pair.a.set_trace(Box::new(tap.clone()));
        let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
        let outcome = pair.run(START + Duration::from_secs(1), |a, b| is_connected(a) && is_connected(b));
        assert_eq!(outcome, Outcome::Done);
        pair.run(START + Duration::from_secs(2), |_, _| false);
        let now = pair.now();
        let label = if victim_is_client { "SERVER_TRAFFIC_SECRET_0" } else { "CLIENT_TRAFFIC_SECRET_0" };
        let suite = null_provider::provider(1).suite(pair.a.negotiated().unwrap().cipher_suite).unwrap();
        let secret = TrafficSecret::new(suite, &tap.0.lock().unwrap()[label]);
        // Message 0 is the hello of either side.
        let message_seq = if victim_is_client { 5 } else { 2 };
        let mut victim = if victim_is_client { pair.a } else { pair.b };
        victim.set_trace(Box::new(Deaf));
        while victim.poll_event().is_some() {}
        let mut records = RecordLayer::new();
        if let Some(connection_id) = victim.own_connection_ids().first() {
            records.set_write_connection_id(connection_id.clone());
        }
        let mut rogue = Self { victim, now, records, secret, epoch: 3, message_seq };
        rogue.install();
        rogue
    }

    fn install(&mut self) {
        self.records.install_write(self.epoch, self.secret.keys());
        if self.epoch == 3 {
            for _ in 0..NUMBERS_OF_THE_HONEST {
                self.records.seal(3, ContentType::ALERT, &mut Vec::new(), |_| ()).unwrap();
            }
        }
    }

    /// From now on it sends under its next keys.
    pub fn next_epoch(&mut self) {
        self.secret = self.secret.next();
        self.records.discard_write(self.epoch);
        self.epoch += 1;
        self.install();
    }

    /// Sends one record, and gives what the victim answers.
    pub fn send(&mut self, content_type: ContentType, content: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = Vec::new();
        self.records.seal(self.epoch, content_type, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
        self.victim.handle_datagram(&mut datagram, self.now);
        self.answers()
    }

    /// Sends one plaintext record with this number.
    pub fn send_plaintext(&mut self, number: u64, content_type: ContentType, content: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = plaintext(number, content_type, content);
        self.victim.handle_datagram(&mut datagram, self.now);
        self.answers()
    }

    /// Sends a whole message under the next number.
    pub fn send_message(&mut self, msg_type: HandshakeType, body: &[u8]) -> Vec<Vec<u8>> {
        let message_seq = self.message_seq;
        self.message_seq = message_seq.wrapping_add(1);
        self.send(ContentType::HANDSHAKE, &fragment(msg_type, message_seq, body.len(), 0, body))
    }

    /// What the victim has to send, and whatever it tells its application is taken and forgotten.
    fn answers(&mut self) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        let mut datagram = Vec::new();
        while self.victim.poll_transmit(&mut datagram, self.now) {
            answers.push(std::mem::take(&mut datagram));
        }
        answers
    }

    /// What the victim told its application.
    pub fn events(&mut self) -> VecDeque<ConnectionEvent> {
        std::iter::from_fn(|| self.victim.poll_event()).collect()
    }

    /// Whether the victim still understands the peer.
    pub fn is_understood(&mut self) -> bool {
        self.send(ContentType::APPLICATION_DATA, b"still there?");
        self.events().contains(&ConnectionEvent::Datagram(b"still there?".to_vec()))
    }
}

/// A plaintext record.
pub fn plaintext(number: u64, content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let mut records = RecordLayer::new();
    records.skip_plaintext(number);
    let mut datagram = Vec::new();
    records.seal(0, content_type, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
    datagram
}

/// A fragment of a message of `length` bytes.
pub fn fragment(msg_type: HandshakeType, message_seq: u16, length: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap();
    let header = FragmentHeader {
        msg_type,
        length: number(length),
        message_seq,
        fragment_offset: number(offset),
        fragment_length: number(bytes.len()),
    };
    [header.encoded(), bytes.to_vec()].concat()
}
