//! Whole connections over a simulated network, with the null provider: the protocol without its mathematics.

use core::time::Duration;
use std::sync::Arc;

use super::*;
use crate::config::{ClientAuth, ClientConfig, CommonConfig, ServerConfig, TransportConfig};
use crate::crypto::null::{self, NullBackend};
use crate::crypto::task::Backend;
use crate::crypto::{AeadAlgorithm, AeadKey, AeadLimits, CipherSuiteImpl, RecordNumberKey};
use crate::error::PeerIncompatible;
use crate::sim::{Conditions, Network, Outcome, Pair};
use crate::trace::Direction;
use crate::wire::registry::{CipherSuite, NamedGroup, SrtpProfile};

mod authentication;
mod connection_ids;
mod early;
mod extended_key_update;
mod extensions;
mod limits;
mod misbehaviour;
mod paths;
mod psk;
mod rules;
mod settings;
mod sizes;
mod states;
mod tickets;

const START: Instant = Instant::from_micros(1_800_000_000_000_000);

fn client_config() -> ClientConfig {
    ClientConfig::new(Arc::new(null::provider(1)), Arc::new(NullBackend::new(2)))
}

fn server_config() -> ServerConfig {
    ServerConfig::new(Arc::new(null::provider(3)), Arc::new(NullBackend::new(4)))
}

fn pair(client: ClientConfig, server: ServerConfig) -> Pair<Connection, Connection> {
    let client = Connection::client(Arc::new(client), Some("example.org"), START).unwrap();
    let server = Connection::server(Arc::new(server), START).unwrap();
    let conditions = Conditions { delay: Duration::from_millis(10), ..Conditions::default() };
    Pair::new(client, server, Network::new(7, conditions), START)
}

fn connected(pair: &mut Pair<Connection, Connection>) {
    let deadline = pair.now() + Duration::from_secs(100);
    let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
    let outcome = pair.run(deadline, |a, b| is_connected(a) && is_connected(b) && a.outgoing.is_empty());
    assert_eq!(outcome, Outcome::Done, "{:?} {:?}", pair.a, pair.b);
    assert_eq!(pair.a.poll_event(), Some(ConnectionEvent::Connected));
    assert_eq!(pair.b.poll_event(), Some(ConnectionEvent::Connected));
}

fn settle(pair: &mut Pair<Connection, Connection>) {
    let deadline = pair.now() + Duration::from_secs(5);
    pair.run(deadline, |_, _| false);
}

fn events(connection: &mut Connection) -> Vec<ConnectionEvent> {
    core::iter::from_fn(|| connection.poll_event()).collect()
}

#[test]
fn a_handshake_completes_and_data_flows_both_ways() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    assert_eq!(pair.a.epochs(), (3, 3));
    assert_eq!(pair.b.epochs(), (3, 3));
    assert_eq!(pair.a.negotiated(), pair.b.negotiated());
    pair.a.send(b"ping").unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"ping".to_vec())]);
    pair.b.send(b"pong").unwrap();
    pair.b.send(b"").unwrap();
    settle(&mut pair);
    assert_eq!(
        events(&mut pair.a),
        [ConnectionEvent::Datagram(b"pong".to_vec()), ConnectionEvent::Datagram(Vec::new())]
    );
}

#[test]
fn both_ends_export_the_same_keys() {
    let mut client = client_config();
    let mut server = server_config();
    client.common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM, SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_80];
    server.common.srtp_profiles = vec![SrtpProfile::SRTP_AES128_CM_HMAC_SHA1_80];
    let mut pair = pair(client, server);
    assert!(pair.a.srtp_keys().is_none());
    assert_eq!(pair.a.export_keying_material("x", b"", &mut [0; 4]), Err(ExportError::NotConnected));
    connected(&mut pair);
    let (mut a, mut b) = ([0; 32], [1; 32]);
    pair.a.export_keying_material("label", b"context", &mut a).unwrap();
    pair.b.export_keying_material("label", b"context", &mut b).unwrap();
    assert_eq!(a, b);
    let keys = pair.a.srtp_keys().unwrap();
    assert_eq!(keys.client_key.len() + keys.client_salt.len(), 30);
    assert!(pair.b.srtp_keys() == Some(keys));
}

#[test]
fn a_group_without_share_costs_a_retry() {
    let mut server = server_config();
    server.common.groups = vec![NamedGroup::SECP256R1];
    let mut pair = pair(client_config(), server);
    connected(&mut pair);
    assert_eq!(pair.a.negotiated().unwrap().group, Some(NamedGroup::SECP256R1));
}

#[test]
fn a_client_without_any_share_asks_the_server_to_choose() {
    let mut client = client_config();
    client.key_shares.clear();
    let mut pair = pair(client, server_config());
    connected(&mut pair);
    assert_eq!(pair.a.negotiated().unwrap().group, Some(NamedGroup::X25519MLKEM768));
}

#[test]
fn keys_are_updated_from_both_sides_and_crossing() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    let now = pair.now();
    pair.a.update_keys(false, now).unwrap();
    assert_eq!(pair.a.update_keys(false, now), Err(UpdateKeysError::InProgress));
    settle(&mut pair);
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((3, 4), (4, 3)));
    assert_eq!(events(&mut pair.a), [ConnectionEvent::KeysUpdated { direction: Direction::Sent, epoch: 4 }]);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::KeysUpdated { direction: Direction::Received, epoch: 4 }]);

    let now = pair.now();
    pair.b.update_keys(true, now).unwrap();
    settle(&mut pair);
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((4, 5), (5, 4)));

    let now = pair.now();
    pair.a.update_keys(true, now).unwrap();
    pair.b.update_keys(true, now).unwrap();
    settle(&mut pair);
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((5, 6), (6, 5)));
    for _ in 0..20 {
        let now = pair.now();
        pair.a.update_keys(true, now).unwrap();
        settle(&mut pair);
    }
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((25, 26), (26, 25)));
    events(&mut pair.a);
    events(&mut pair.b);
    pair.a.send(b"still here").unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"still here".to_vec())]);
}

#[test]
fn either_side_closes_and_the_other_follows() {
    for client_closes in [true, false] {
        let mut pair = pair(client_config(), server_config());
        connected(&mut pair);
        let now = pair.now();
        let closer = if client_closes { &mut pair.a } else { &mut pair.b };
        closer.send(b"last words").unwrap();
        closer.close(now);
        assert_eq!(closer.send(b"more"), Err(SendError::Closed));
        settle(&mut pair);
        let Pair { a, b, .. } = &mut pair;
        let (closer, other) = if client_closes { (a, b) } else { (b, a) };
        assert_eq!(events(closer), [ConnectionEvent::Closed]);
        assert_eq!(
            events(other),
            [ConnectionEvent::Datagram(b"last words".to_vec()), ConnectionEvent::PeerClosed, ConnectionEvent::Closed]
        );
        assert_eq!(other.poll_timeout(), None);
    }
}

#[test]
fn a_close_does_not_wait_for_an_update_of_keys() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    let now = pair.now();
    pair.a.update_keys(true, now).unwrap();
    pair.a.close(now);
    // Nothing comes back: the peer is gone.
    let mut datagram = Vec::new();
    while pair.a.poll_transmit(&mut datagram, now) {}
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Closed]);
    assert_eq!(pair.a.poll_timeout(), None);
}

#[test]
fn a_close_waits_for_no_acknowledgement_of_a_peer_that_has_closed() {
    let mut pair = pair(client_config(), server_config());
    let now = pair.now();
    let mut datagram = Vec::new();
    // Everything but the ACK of the client's last flight arrives.
    while !(pair.a.state() == ConnectionState::Connected && pair.b.state() == ConnectionState::Connected) {
        while pair.a.poll_transmit(&mut datagram, now) {
            pair.b.handle_datagram(&mut datagram, now);
        }
        while pair.b.state() != ConnectionState::Connected && pair.b.poll_transmit(&mut datagram, now) {
            pair.a.handle_datagram(&mut datagram, now);
        }
    }
    while pair.b.poll_transmit(&mut datagram, now) {}
    pair.a.close(now);
    pair.b.close(now);
    assert!(!pair.a.poll_transmit(&mut datagram, now), "it waits for its Finished to be acknowledged");
    while pair.b.poll_transmit(&mut datagram, now) {
        pair.a.handle_datagram(&mut datagram, now);
    }
    assert!(pair.a.poll_transmit(&mut datagram, now));
    assert_eq!(pair.a.state(), ConnectionState::Closed);
}

#[test]
fn closing_now_waits_for_nothing() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    let now = pair.now();
    pair.a.send(b"never sent").unwrap();
    pair.a.close_now(now);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Closed]);
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::PeerClosed, ConnectionEvent::Closed]);
}

#[test]
fn a_client_that_gives_up_tells_the_server() {
    let mut pair = pair(client_config(), server_config());
    pair.flush();
    pair.step(START + Duration::from_millis(15));
    let now = pair.now();
    pair.a.close(now);
    settle(&mut pair);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Closed]);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Failed(Error::AlertReceived(AlertDescription::CLOSE_NOTIFY))]);
}

#[test]
fn a_silent_peer_is_unreachable_after_the_configured_number_of_tries() {
    let mut client = client_config();
    client.common.transport.initial_timeout = Duration::from_millis(100);
    client.common.transport.max_retransmissions = 3;
    let mut client = Connection::client(Arc::new(client), None, START).unwrap();
    let mut datagram = Vec::new();
    let mut sent = Vec::new();
    loop {
        while client.poll_transmit(&mut datagram, START) {
            sent.push(datagram.len());
        }
        let Some(at) = client.poll_timeout() else { break };
        client.handle_timeout(at);
    }
    // Two datagrams for each try, because of the post-quantum key share; three for the last, in shorter ones.
    assert_eq!(sent.len(), 9);
    assert!(sent[6..].iter().all(|len| *len <= 548));
    assert_eq!(events(&mut client), [ConnectionEvent::Failed(Error::PeerUnreachable)]);
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up() {
    let mut client = client_config();
    client.common.transport.handshake_timeout = Duration::from_millis(1500);
    let mut client = Connection::client(Arc::new(client), None, START).unwrap();
    client.handle_timeout(START + Duration::from_millis(1499));
    assert_eq!(client.state(), ConnectionState::Connecting);
    client.handle_timeout(START + Duration::from_millis(1500));
    assert_eq!(client.error(), Some(&Error::HandshakeTimedOut));
}

#[test]
fn nothing_in_common_fails_with_the_exact_alert_on_both_sides() {
    let mut client = client_config();
    client.common.cipher_suites = vec![CipherSuite::TLS_AES_128_GCM_SHA256];
    let mut server = server_config();
    server.common.cipher_suites = vec![CipherSuite::TLS_CHACHA20_POLY1305_SHA256];
    let mut pair = pair(client, server);
    settle(&mut pair);
    assert_eq!(pair.b.error(), Some(&PeerIncompatible::NoCipherSuite.into()));
    assert_eq!(pair.a.error(), Some(&Error::AlertReceived(AlertDescription::HANDSHAKE_FAILURE)));
}

#[test]
fn alpn_is_negotiated_or_refused() {
    let mut client = client_config();
    client.common.alpn_protocols = vec![b"a".to_vec(), b"coap".to_vec()];
    let mut server = server_config();
    server.common.alpn_protocols = vec![b"coap".to_vec()];
    let mut agreed = pair(client.clone(), server.clone());
    connected(&mut agreed);
    assert_eq!(agreed.a.negotiated().unwrap().alpn_protocol.as_deref(), Some(&b"coap"[..]));
    assert_eq!(agreed.b.negotiated().unwrap().server_name.as_deref(), Some("example.org"));

    server.common.alpn_protocols = vec![b"other".to_vec()];
    let mut refused = pair(client, server);
    settle(&mut refused);
    assert_eq!(refused.b.error(), Some(&PeerIncompatible::NoApplicationProtocol.into()));
}

#[test]
fn sending_is_refused_with_the_reason() {
    let mut client = client_config();
    client.common.limits.send_queue = 2000;
    let mut pair = pair(client, server_config());
    assert_eq!(pair.a.send(b"early"), Err(SendError::NotConnected));
    connected(&mut pair);
    let limit = pair.a.max_send_size();
    assert_eq!(limit, 1200 - 22);
    assert_eq!(pair.a.send(&vec![0; limit + 1]), Err(SendError::TooLarge { len: limit + 1, limit }));
    pair.a.send(&vec![0; limit]).unwrap();
    assert_eq!(pair.a.send(&vec![0; limit]), Err(SendError::Full { limit: 2000 }));
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(vec![0; limit])]);
}

#[test]
fn a_client_certificate_is_asked_for() {
    let mut server = server_config();
    server.client_auth = ClientAuth::Required;
    let mut pair = pair(client_config(), server);
    connected(&mut pair);
    assert!(!pair.b.peer_certificates().is_empty());
    assert!(!pair.a.peer_certificates().is_empty());
}

#[test]
fn every_datagram_keeps_within_the_size() {
    for size in [256, 300, 512, 1200] {
        let mut client = client_config();
        client.common.transport.max_datagram_size = size;
        let mut server = server_config();
        server.common.transport.max_datagram_size = size;
        server.client_auth = ClientAuth::Required;
        let mut pair = pair(client, server);
        pair.network.set_conditions(Conditions { mtu: size, ..Conditions::default() });
        connected(&mut pair);
        assert_eq!(pair.network.stats().too_long, 0);
    }
}

#[test]
fn the_rest_of_a_flight_is_asked_for_by_ack() {
    let mut pair = pair(client_config(), server_config());
    // Datagrams 0 and 1 are the ClientHello, 2 the ServerHello, 3 the rest of the server's flight.
    pair.network.drop_exactly([3]);
    connected(&mut pair);
    let transport = TransportConfig::default();
    let ack_delay = transport.initial_timeout / transport.ack_delay_divisor;
    let took = pair.now() - START;
    assert!(took > ack_delay && took < transport.initial_timeout, "{took:?}");
    assert_eq!((pair.b.stats().flights_retransmitted, pair.a.stats().acks_sent), (0, 1));
}

#[test]
fn a_server_whose_signer_fails_says_so_in_a_way_the_client_can_read() {
    struct NoSigner(NullBackend);
    impl Backend for NoSigner {
        fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
            match task {
                Task::Sign { .. } => Some(Err(TaskError::Failed)),
                other => Backend::perform(&self.0, other),
            }
        }
    }
    let mut server = server_config();
    server.common.backend = Arc::new(NoSigner(NullBackend::new(4)));
    let mut pair = pair(client_config(), server);
    settle(&mut pair);
    assert_eq!(pair.b.error(), Some(&crate::error::TaskFailure::BackendFailed.into()));
    assert_eq!(pair.a.error(), Some(&Error::AlertReceived(AlertDescription::INTERNAL_ERROR)));
    assert!(!pair.b.poll_transmit(&mut Vec::new(), pair.now()));
}

#[test]
fn a_gap_is_acknowledged_at_once_and_only_what_was_overtaken_is_sent_again() {
    let (mut client, mut server) = (client_config(), server_config());
    client.key_shares = vec![NamedGroup::X25519];
    server.common.groups = vec![NamedGroup::X25519MLKEM768];
    server.common.transport.max_datagram_size = 256;
    let mut pair = pair(client, server);
    // 0 is the ClientHello, 1 the HelloRetryRequest, 2 and 3 are the second ClientHello, 4 to 8 the ServerHello.
    pair.network.drop_exactly([5]);
    connected(&mut pair);
    // Six flights of 10 ms: the two hellos and their answers, the ACK, the lost part, the client's flight, its ACK.
    assert!(pair.now() - START < Duration::from_millis(100), "{:?}", pair.now() - START);
    assert_eq!(pair.b.stats().flights_retransmitted, 0);
}

#[test]
fn flights_shrink_to_what_the_path_carries() {
    // The client tries once more while the server finds out about the path for itself.
    for (mtu, tries) in [(600, 3), (300, 7)] {
        let (mut client, mut server) = (client_config(), server_config());
        client.common.transport.handshake_timeout = Duration::from_secs(300);
        server.common.transport.handshake_timeout = Duration::from_secs(300);
        let mut pair = pair(client, server);
        pair.network.set_conditions(Conditions { mtu, ..Conditions::default() });
        let deadline = pair.now() + Duration::from_secs(300);
        let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
        assert_eq!(pair.run(deadline, |a, b| is_connected(a) && is_connected(b)), Outcome::Done);
        assert_eq!(pair.a.stats().flights_retransmitted, tries);
    }
}

/// The null provider's AEAD, worn out early.
struct ShortLived {
    inner: &'static dyn AeadAlgorithm,
    limits: AeadLimits,
}

impl AeadAlgorithm for ShortLived {
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn limits(&self) -> AeadLimits {
        self.limits
    }

    fn aead_key(&self, key: &[u8]) -> Option<Box<dyn AeadKey>> {
        self.inner.aead_key(key)
    }

    fn record_number_key(&self, key: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        self.inner.record_number_key(key)
    }
}

/// Both sides with a provider whose keys protect only 40 records, and bear only five forgeries.
fn feeble() -> (ClientConfig, ServerConfig) {
    let provider = feeble_provider();
    let (mut client, mut server) = (client_config(), server_config());
    client.common = CommonConfig::new(Arc::clone(&provider), client.common.backend);
    server.common = CommonConfig::new(provider, server.common.backend);
    (client, server)
}

fn feeble_provider() -> Arc<crate::crypto::CryptoProvider> {
    let mut provider = null::provider(1);
    let suite = provider.suites[0];
    let limits = AeadLimits { confidentiality: 40, integrity: 5 };
    let aead: &'static ShortLived = Box::leak(Box::new(ShortLived { inner: suite.aead, limits }));

    provider.suites = vec![Box::leak(Box::new(CipherSuiteImpl { id: suite.id, hash: suite.hash, aead }))];
    Arc::new(provider)
}

#[test]
fn keys_are_renewed_before_they_are_worn_out() {
    let (client, server) = feeble();
    let mut pair = pair(client, server);
    connected(&mut pair);
    for number in 0..200u8 {
        pair.a.send(&[number]).unwrap();
        settle(&mut pair);
        let received = events(&mut pair.b);
        assert!(received.contains(&ConnectionEvent::Datagram(vec![number])), "{number}: {received:?}");
    }
    assert_eq!(pair.a.error(), None);
    // The server sends only ACKs, and does not wear its keys out.
    assert_eq!(pair.a.epochs(), (3, pair.b.epochs().0));
    assert!(pair.a.epochs().1 >= 8, "{:?}", pair.a.epochs());
}
