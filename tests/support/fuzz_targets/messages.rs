//! Two connections, and between them somebody with the keys of both, who changes what they say: the bytes that are
//! protected, never the protection. So changes arrive where a forger without keys never gets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::codec::Encode as _;
use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::null::{self as null_provider, NullBackend};
use dtls_wasm::error::Error;
use dtls_wasm::record::RecordLayer;
use dtls_wasm::schedule::TrafficSecret;
use dtls_wasm::ticket::CachedTickets;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::fragment::FragmentHeader;
use dtls_wasm::wire::registry::{ContentType, HandshakeType, NamedGroup};

use super::connection::Wiretap;
use super::input::Input;
use super::null::{self, START};

/// Rounds of both sides' sending: a handshake has five, and timers run out between others.
const MOST_ROUNDS: usize = 60;

/// Datagrams that one side may send in a row: several flights of 32 KiB in datagrams of 256 bytes.
const MAX_BURST: usize = 512;

/// Neither side panics, sends without end or goes on after its end, and if both are connected they agree on their keys,
/// whatever was changed on the way.
pub fn run(input: &[u8]) {
    play(input);
}

/// The same; gives what both sides found wrong.
pub fn play(input: &[u8]) -> [Option<Error>; 2] {
    let mut input = Input::new(input);
    let wiretap = Wiretap::default();
    let mut sides = sides(input.byte());
    sides.iter_mut().for_each(|side| side.set_trace(Box::new(wiretap.clone())));
    let mut ways = [Way::new(true), Way::new(false)];
    let mut now = START;
    for round in 0..MOST_ROUNDS {
        let mut is_quiet = true;
        for from in 0..2 {
            let mut datagram = Vec::new();
            let mut burst = 0;
            while sides[from].poll_transmit(&mut datagram, now) {
                burst += 1;
                assert!(burst < MAX_BURST, "it sends without end");
                is_quiet = false;
                let mut arrives = ways[from].relay(&mut datagram, &wiretap, &mut input);
                sides[1 - from].handle_datagram(&mut arrives, now);
            }
        }
        for side in &mut sides {
            events(side);
        }
        if is_quiet {
            if input.is_empty() && round > 20 {
                break;
            }
            act(&mut sides, now, &mut input);
            let due = sides.iter().filter_map(Connection::poll_timeout).min();
            now = due.unwrap_or(now).max(now + Duration::from_millis(1));
            sides.iter_mut().for_each(|side| side.handle_timeout(now));
        }
    }
    let state = |side: &Connection| side.state();
    if sides.iter().all(|side| state(side) == ConnectionState::Connected) {
        let exported = |side: &Connection| {
            let mut out = [0; 16];
            side.export_keying_material("label", b"", &mut out).unwrap();
            out
        };
        assert_eq!(exported(&sides[0]), exported(&sides[1]));
        assert_eq!(sides[0].negotiated(), sides[1].negotiated());
    }
    for side in &sides {
        assert_eq!(side.error().is_some(), side.state() == ConnectionState::Failed);
    }
    sides.map(|side| side.error().cloned())
}

fn sides(flags: u8) -> [Connection; 2] {
    let (mut client, mut server) = (null::client(3), null::server(5));
    configure(flags, &mut client, &mut server);
    [
        Connection::client(Arc::new(client), Some("example.org"), START).unwrap(),
        Connection::server(Arc::new(server), START).unwrap(),
    ]
}

fn configure(flags: u8, client: &mut ClientConfig, server: &mut ServerConfig) {
    client.key_shares = vec![NamedGroup::X25519];
    server.common.groups = vec![if flags & 1 == 0 { NamedGroup::X25519 } else { NamedGroup::SECP256R1 }];
    if flags & 2 != 0 {
        server.client_auth = ClientAuth::Required;
    }
    if flags & 4 != 0 {
        client.common.transport.max_datagram_size = 300;
        server.common.transport.max_datagram_size = 256;
    }
    if flags & 16 != 0 {
        client.psks = vec![Arc::new(NullBackend::psk_of(b"psk256 fuzzed").unwrap())];
        server.look_up_psks = true;
    }
    if flags & 32 != 0 {
        client.resumption = true;
        client.post_handshake_auth = true;
        server.tickets = Some(Arc::new(CachedTickets::new(4)));
    }
    if flags & 8 != 0 {
        client.common.alpn_protocols = vec![b"a".to_vec(), b"coap".to_vec()];
        server.common.alpn_protocols = vec![b"coap".to_vec()];
    }
}

/// What the application is told: after the end, nothing.
fn events(side: &mut Connection) {
    let mut is_over = false;
    while let Some(event) = side.poll_event() {
        assert!(!is_over, "{event:?} after the end");
        is_over = matches!(event, ConnectionEvent::Closed | ConnectionEvent::Failed(_));
    }
}

/// What the applications do when nothing else happens.
fn act(sides: &mut [Connection; 2], now: Instant, input: &mut Input<'_>) {
    let side = &mut sides[input.below(2)];
    match input.byte() % 7 {
        0 => drop(side.send(b"some data")),
        1 => drop(side.update_keys(false, now)),
        2 => drop(side.update_keys(true, now)),
        3 if input.byte() > 200 => side.close(now),
        4 => drop(side.request_client_authentication(true, now)),
        _ => {}
    }
}

/// One direction.
struct Way {
    from_client: bool,
    open: RecordLayer,
    seal: RecordLayer,
    epochs: BTreeSet<u16>,
}

impl Way {
    fn new(from_client: bool) -> Self {
        Self { from_client, open: RecordLayer::new(), seal: RecordLayer::new(), epochs: BTreeSet::new() }
    }

    /// Learns the keys that there are by now.
    fn learn(&mut self, wiretap: &Wiretap) {
        let learned = wiretap.learned();
        let Some(suite) = learned.suite.and_then(|suite| null_provider::provider(1).suite(suite)) else { return };
        for ((by_client, epoch), secret) in &learned.secrets {
            if *by_client == self.from_client && self.epochs.insert(*epoch) {
                let secret = TrafficSecret::new(suite, secret);
                self.open.install_read(*epoch, secret.keys());
                self.seal.install_write(*epoch, secret.keys());
            }
        }
    }

    /// What arrives in place of `datagram`: records of the same numbers, so that ACKs still name what they mean.
    fn relay(&mut self, datagram: &mut [u8], wiretap: &Wiretap, input: &mut Input<'_>) -> Vec<u8> {
        self.learn(wiretap);
        let mut arrives = Vec::new();
        let mut rest = datagram;
        while !rest.is_empty() {
            let (opened, behind) = self.open.open_next(rest);
            rest = behind;
            // What cannot be read is lost: a record that was sent before its keys were told.
            let Ok(opened) = opened else { continue };
            let epoch = u16::try_from(opened.number.epoch).unwrap();
            let (content_type, content) = changed(opened.content_type, opened.content.to_vec(), input);
            let mut unused = Vec::new();
            while self.seal.next_number(epoch).is_ok_and(|next| next.sequence_number < opened.number.sequence_number) {
                self.seal.seal(epoch, ContentType::ALERT, &mut unused, |_| ()).unwrap();
            }
            let into = if content.is_none() { &mut unused } else { &mut arrives };
            let content = content.unwrap_or_default();
            let _ = self.seal.seal(epoch, content_type, into, |out| out.extend_from_slice(&content));
        }
        arrives
    }
}

/// What a record carries instead; `None`: it is lost.
fn changed(content_type: ContentType, mut content: Vec<u8>, input: &mut Input<'_>) -> (ContentType, Option<Vec<u8>>) {
    let at = |input: &mut Input<'_>, len: usize| input.below(len.max(1));
    match input.byte() {
        1..=12 => {
            for _ in 0..=input.byte() % 3 {
                let place = at(input, content.len());
                let bits = input.byte();
                if let Some(byte) = content.get_mut(place) {
                    *byte ^= bits;
                }
            }
        }
        // The body alone, behind the header of the first fragment.
        13..=24 if content.len() > 12 => {
            let place = 12 + at(input, content.len() - 12);
            content[place] = input.byte();
        }
        25..=30 => content.truncate(at(input, content.len() + 1)),
        31..=36 => content.extend_from_slice(input.bytes(20)),
        37..=42 => content.extend_from_within(..),
        43..=48 => return (ContentType(input.byte()), Some(content)),
        49..=54 => return (content_type, None),
        // A whole message of one's own, in its place or behind it.
        55..=66 => {
            let message_seq = content.get(4..6).map_or(0, |seq| u16::from_be_bytes([seq[0], seq[1]]));
            let msg_type = HandshakeType(input.byte() % 27);
            let behind = input.byte() & 1;
            let len = usize::from(input.byte() % 64);
            let body = input.bytes(len).to_vec();
            let length = u32::try_from(body.len()).unwrap();
            let header = FragmentHeader {
                msg_type,
                length,
                message_seq: message_seq.wrapping_add(behind.into()),
                fragment_offset: 0,
                fragment_length: length,
            };
            if behind == 0 {
                content.clear();
            }
            content.extend(header.encoded());
            content.extend(body);
        }
        _ => {}
    }
    (content_type, Some(content))
}
