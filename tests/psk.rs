//! Pre-shared keys and resumption with real cryptography, straight and through the stateless listener.
#![cfg(all(feature = "rustcrypto", feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig};
use dtls_wasm::connection::{ClientOffer, Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::SecureRandom;
use dtls_wasm::crypto::psk::{ExternalKey, HashAlgorithm, Psk, PskMode};
use dtls_wasm::crypto::resumption::Session;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, provider, provider_with_random};
use dtls_wasm::crypto::task::{Backend, Task, TaskError, TaskOutput};
use dtls_wasm::endpoint::listener::{Listener, ListenerAction};
use dtls_wasm::endpoint::{Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::error::{Error, PeerIncompatible, PeerMisbehaved};
use dtls_wasm::identity::{FingerprintVerifier, KeyAlgorithm, SelfSigned, self_signed};
use dtls_wasm::ticket::SealedTickets;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::{AlertDescription, CipherSuite, NamedGroup};

/// A day in 2027, for certificates that are valid then.
const START: Instant = Instant::from_micros(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn random(seed: u64) -> Arc<dyn SecureRandom> {
    Arc::new(SeededRandom::new(seed))
}

fn external(identity: &[u8], byte: u8, hash: HashAlgorithm) -> Arc<Psk> {
    Arc::new(Psk::external(identity, &[byte; 32], hash).unwrap())
}

fn imported(identity: &[u8], targets: &[HashAlgorithm]) -> Vec<Arc<Psk>> {
    let key = ExternalKey { identity, context: b"client to server", secret: &[6; 16], hash: HashAlgorithm::Sha256 };
    Psk::import(&provider(), &key, targets).unwrap().into_iter().map(Arc::new).collect()
}

/// Both ends of a connection that are about to be made.
struct Ends {
    client: ClientConfig,
    server: ServerConfig,
    session: Option<Session>,
}

/// What a server of [`Ends`] is known by.
fn certificate() -> SelfSigned {
    self_signed(KeyAlgorithm::P256, &["example.org"], START, 100 * HOUR, &*random(99)).unwrap()
}

impl Ends {
    /// The client offers `offered` and trusts no certificate; the server has `known` and no certificate.
    fn with_keys(offered: &[Arc<Psk>], known: &[Arc<Psk>]) -> Self {
        let backend = known.iter().fold(LocalBackend::new(random(2)), |backend, psk| backend.with_psk(Arc::clone(psk)));
        let mut server = ServerConfig::new(Arc::new(provider_with_random(random(2))), Arc::new(backend));
        server.look_up_psks = true;
        let backend = LocalBackend::new(random(1));
        let mut client = ClientConfig::new(Arc::new(provider_with_random(random(1))), Arc::new(backend));
        client.psks = offered.to_vec();
        Self { client, server, session: None }
    }

    /// The client trusts the server's certificate and collects tickets, which the server gives.
    fn with_tickets() -> Self {
        let own = certificate();
        let verifier = Arc::new(FingerprintVerifier::new(vec![own.fingerprint()]));
        let mut ends = Self::with_keys(&[], &[]);
        ends.client.common.backend = Arc::new(LocalBackend::new(random(1)).with_verifier(verifier));
        ends.client.resumption = true;
        let backend = LocalBackend::new(random(2)).with_credentials(own.to_credentials().unwrap());
        ends.server.common.backend = Arc::new(backend);
        ends.server.tickets = Some(Arc::new(SealedTickets::new(&provider(), HOUR, START).unwrap()));
        ends
    }

    fn client(&self, now: Instant) -> Connection {
        let offer = ClientOffer {
            server_name: Some("example.org".to_owned()),
            session: self.session.clone(),
            ..ClientOffer::default()
        };
        Connection::connect(Arc::new(self.client.clone()), offer, now).unwrap()
    }

    /// Lets both ends talk until they have no more to say; through a listener if `cookie` says so. The client's second
    /// hello comes `HOUR / 60` later then.
    fn run(&self, cookie: bool, mut now: Instant) -> (Connection, Connection) {
        let mut client = self.client(now);
        let config = Arc::new(self.server.clone());
        let mut server = if cookie {
            let mut listener = Listener::new(Arc::clone(&config), now).unwrap();
            let from = PeerAddress::from(SocketAddr::from(([192, 0, 2, 1], 7)));
            let ListenerAction::Reply(mut retry) = hand_in(&mut listener, &from, &flight(&mut client, now), now) else {
                panic!("a HelloRetryRequest was to come")
            };
            now = now + HOUR / 60;
            client.handle_datagram(&mut retry, now);
            match hand_in(&mut listener, &from, &flight(&mut client, now), now) {
                ListenerAction::Accept(accepted) => Connection::accept(config, accepted, now).unwrap(),
                other => panic!("{other:?} {client:?}"),
            }
        } else {
            Connection::server(config, now).unwrap()
        };
        loop {
            let mut quiet = true;
            for mut datagram in flight(&mut client, now) {
                server.handle_datagram(&mut datagram, now);
                quiet = false;
            }
            for mut datagram in flight(&mut server, now) {
                client.handle_datagram(&mut datagram, now);
                quiet = false;
            }
            if quiet {
                return (client, server);
            }
        }
    }

    /// Runs until both are connected and understand each other.
    #[track_caller]
    fn connect(&self, cookie: bool, now: Instant) -> (Connection, Connection) {
        let (client, server) = self.run(cookie, now);
        assert_eq!((client.error(), server.error()), (None, None));
        assert_eq!((client.state(), server.state()), (ConnectionState::Connected, ConnectionState::Connected));
        assert_eq!(client.negotiated(), server.negotiated());
        let mut keys = [[0; 32], [1; 32]];
        client.export_keying_material("test", b"", &mut keys[0]).unwrap();
        server.export_keying_material("test", b"", &mut keys[1]).unwrap();
        assert_eq!(keys[0], keys[1]);
        (client, server)
    }
}

fn hand_in(listener: &mut Listener, from: &PeerAddress, datagrams: &[Vec<u8>], now: Instant) -> ListenerAction {
    let mut action = ListenerAction::Ignore;
    for datagram in datagrams {
        action = listener.handle(from, datagram, now);
    }
    action
}

fn flight(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    while connection.poll_transmit(&mut datagram, now) {
        datagrams.push(std::mem::take(&mut datagram));
    }
    datagrams
}

fn session(client: &mut Connection) -> Session {
    let session = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
        ConnectionEvent::SessionReceived(session) => Some(*session),
        _ => None,
    });
    session.expect("a ticket")
}

#[test]
fn a_key_and_every_suite_with_and_without_a_cookie() {
    let both = [HashAlgorithm::Sha256, HashAlgorithm::Sha384];
    let defaults = Ends::with_keys(&[], &[]).client.common;
    for cookie in [false, true] {
        for suite in &defaults.cipher_suites {
            let hash = HashAlgorithm::of_suite(*suite).unwrap();
            for keys in [vec![external(b"me", 3, hash)], imported(b"me", &both)] {
                let mut ends = Ends::with_keys(&keys, &keys);
                ends.client.common.cipher_suites = vec![*suite];
                let (client, _) = ends.connect(cookie, START);
                let negotiated = client.negotiated().unwrap();
                assert_eq!(negotiated.cipher_suite, *suite);
                let used = keys.iter().find(|psk| psk.hash() == hash).unwrap();
                assert_eq!(negotiated.psk_identity.as_deref(), Some(used.identity()));
            }
        }
    }
}

#[test]
fn the_listener_selects_a_suite_that_fits_the_key() {
    for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
        let keys = [external(b"me", 3, hash)];
        let (client, _) = Ends::with_keys(&keys, &keys).connect(true, START);
        let suite = client.negotiated().unwrap().cipher_suite;
        assert_eq!(HashAlgorithm::of_suite(suite), Some(hash));
    }
}

#[test]
fn a_key_comes_through_a_retry_for_a_cookie_for_a_group_and_for_both() {
    let keys = [external(b"384", 3, HashAlgorithm::Sha384), external(b"256", 4, HashAlgorithm::Sha256)];
    for cookie in [false, true] {
        for group in [None, Some(NamedGroup::SECP256R1)] {
            let mut ends = Ends::with_keys(&keys, &keys);
            if let Some(group) = group {
                ends.server.common.groups = vec![group];
            }
            let (client, _) = ends.connect(cookie, START);
            let negotiated = client.negotiated().unwrap();
            assert!(negotiated.psk_identity.is_some());
            assert_eq!(negotiated.group == group, group.is_some());
        }
    }
}

#[test]
fn a_key_alone_comes_through_a_cookie_too() {
    let keys = [external(b"me", 3, HashAlgorithm::Sha256)];
    for cookie in [false, true] {
        let mut ends = Ends::with_keys(&keys, &keys);
        ends.client.psk_modes = vec![PskMode::PskOnly];
        ends.client.psk_only = true;
        ends.server.psk_modes = vec![PskMode::PskOnly];
        ends.server.psk_only = true;
        let (client, _) = ends.connect(cookie, START);
        assert_eq!(client.negotiated().unwrap().group, None);
    }
}

#[test]
fn the_server_prefers_the_keys_that_it_was_given_first() {
    let (first, second) = (external(b"1", 3, HashAlgorithm::Sha256), external(b"2", 4, HashAlgorithm::Sha256));
    let ends = Ends::with_keys(&[Arc::clone(&first), Arc::clone(&second)], &[second, first]);
    let (client, _) = ends.connect(false, START);
    assert_eq!(client.negotiated().unwrap().psk_identity.as_deref(), Some(&b"2"[..]));
}

#[test]
fn an_imported_key_is_no_external_one() {
    // Whoever gives the imported key itself to both ends still has another binder (RFC 9258 §5.2).
    let [imported] = &imported(b"me", &[HashAlgorithm::Sha256])[..] else { panic!("one key") };
    let raw = Psk::external(imported.identity(), imported.expose(), HashAlgorithm::Sha256).unwrap();
    let (client, server) = Ends::with_keys(&[Arc::new(raw)], &[Arc::clone(imported)]).run(false, START);
    assert_eq!(server.error(), Some(&PeerMisbehaved::InvalidBinder.into()));
    assert_eq!(client.error(), Some(&Error::AlertReceived(AlertDescription::DECRYPT_ERROR)));
}

#[test]
fn without_a_known_key_or_a_certificate_there_is_no_handshake() {
    let mine = [external(b"me", 3, HashAlgorithm::Sha256)];
    let yours = [external(b"you", 3, HashAlgorithm::Sha256)];
    for cookie in [false, true] {
        // The server might have had a certificate.
        let ends = Ends::with_keys(&mine, &yours);
        let (client, server) = ends.run(cookie, START);
        assert_eq!(server.error(), Some(&PeerIncompatible::NoCredentials.into()));
        assert_eq!(client.error(), Some(&Error::AlertReceived(AlertDescription::HANDSHAKE_FAILURE)));
        // The server says that it has none.
        let mut ends = ends;
        ends.server.psk_only = true;
        let (client, server) = ends.run(cookie, START);
        assert_eq!(server.error(), Some(&PeerIncompatible::UnknownPskIdentity.into()));
        assert_eq!(client.error(), Some(&Error::AlertReceived(AlertDescription::DECRYPT_ERROR)));
    }
}

#[test]
fn only_so_many_identities_are_looked_at() {
    let mine: Vec<_> = (0..20).map(|byte| external(&[byte], 3, HashAlgorithm::Sha256)).collect();
    let run = |known: usize| Ends::with_keys(&mine, &mine[known..=known]).run(false, START).1.error().cloned();
    assert_eq!(run(15), None);
    assert_eq!(run(16), Some(PeerIncompatible::NoCredentials.into()));
}

#[test]
fn a_look_up_that_takes_its_time() {
    struct Elsewhere(LocalBackend);
    impl Backend for Elsewhere {
        fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
            match task {
                Task::LookUpPsk(_) => None,
                _ => self.0.perform(task),
            }
        }
    }
    let keys = [external(b"me", 3, HashAlgorithm::Sha256)];
    for (answer, error) in [
        (Some(Arc::clone(&keys[0])), None),
        (None, Some(PeerIncompatible::NoCredentials.into())),
        (Some(external(b"me", 4, HashAlgorithm::Sha256)), Some(PeerMisbehaved::InvalidBinder.into())),
    ] {
        let mut ends = Ends::with_keys(&keys, &[]);
        ends.server.common.backend = Arc::new(Elsewhere(LocalBackend::new(random(2))));
        let (mut client, mut server) = ends.run(false, START);
        let (id, task) = server.poll_task().unwrap();
        let Task::LookUpPsk(request) = task else { panic!("{task:?}") };
        assert_eq!((&request.identities[..], request.hash), (&[b"me".to_vec()][..], HashAlgorithm::Sha256));
        assert_eq!((request.mode, request.server_name.as_deref()), (PskMode::PskWithKeyShare, Some("example.org")));
        server.handle_task(id, Ok(TaskOutput::Psk(answer)), START);
        for _ in 0..3 {
            for mut datagram in flight(&mut server, START) {
                client.handle_datagram(&mut datagram, START);
            }
            for mut datagram in flight(&mut client, START) {
                server.handle_datagram(&mut datagram, START);
            }
        }
        assert_eq!(server.error().cloned(), error);
        assert_eq!(client.state() == ConnectionState::Connected, error.is_none());
    }
}

#[test]
fn a_connection_is_resumed_again_and_again() {
    let suites = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];
    for (cookie, suite) in [(false, suites[0]), (false, suites[1]), (true, suites[0]), (true, suites[1])] {
        let mut ends = Ends::with_tickets();
        ends.client.common.cipher_suites = vec![suite];
        let (mut client, _) = ends.connect(cookie, START);
        assert!(!client.negotiated().unwrap().resumed);
        ends.session = Some(session(&mut client));
        let chain = client.peer_certificates().to_vec();
        for hours in 1..4 {
            // The session outlives its connection as bytes.
            let bytes = ends.session.take().unwrap().to_bytes();
            ends.session = Some(Session::from_bytes(bytes.expose()).unwrap());
            let (mut client, _) = ends.connect(cookie, START + HOUR * hours);
            assert!(client.negotiated().unwrap().resumed, "after {hours} hours");
            assert_eq!(client.peer_certificates(), chain);
            ends.session = Some(session(&mut client));
        }
    }
}

#[test]
fn endpoints_resume_connections_too() {
    let mut ends = Ends::with_tickets();
    let mut server = Endpoint::new(Some(Arc::new(ends.server.clone())), START).unwrap();
    let mut client = Endpoint::new(None, START).unwrap();
    let port = |port| PeerAddress::from(SocketAddr::from(([192, 0, 2, 1], port)));
    for hours in 0..3 {
        let now = START + HOUR * hours;
        let (from, to) = (port(1000 + u16::try_from(hours).unwrap()), port(443));
        let offer = ClientOffer {
            server_name: Some("example.org".to_owned()),
            session: ends.session.take(),
            ..ClientOffer::default()
        };
        let config = Arc::new(ends.client.clone());
        let handle = client.connect_with(config, offer, to, now).unwrap();
        let mut datagram = Vec::new();
        for _ in 0..10 {
            while client.poll_transmit(&mut datagram, now).is_some() {
                server.handle_datagram(from, &mut datagram, now);
            }
            while server.poll_transmit(&mut datagram, now).is_some_and(|address| address == from) {
                client.handle_datagram(to, &mut datagram, now);
            }
        }
        let events = std::iter::from_fn(|| client.poll_event());
        ends.session = events.fold(None, |found, (_, event)| match event {
            EndpointEvent::Connection(ConnectionEvent::SessionReceived(session)) => Some(*session),
            _ => found,
        });
        let connection = client.connection_mut(handle).unwrap();
        assert_eq!(connection.negotiated().unwrap().resumed, hours > 0);
        client.remove(handle);
    }
}

#[test]
fn who_was_known_by_a_key_is_known_by_it_when_resuming() {
    let keys = [external(b"me", 3, HashAlgorithm::Sha256)];
    let mut ends = Ends::with_keys(&keys, &keys);
    ends.client.resumption = true;
    ends.server.tickets = Some(Arc::new(SealedTickets::new(&provider(), HOUR, START).unwrap()));
    ends.server.client_auth = ClientAuth::Required;
    let (mut client, _) = ends.connect(false, START);
    ends.session = Some(session(&mut client));
    let (_, server) = ends.connect(false, START + HOUR);
    let negotiated = server.negotiated().unwrap();
    assert_eq!((negotiated.resumed, negotiated.psk_identity.as_deref()), (true, Some(&b"me"[..])));
}

#[test]
fn a_session_is_of_use_for_its_server_alone() {
    let mut ends = Ends::with_tickets();
    let (mut client, _) = ends.connect(false, START);
    ends.session = Some(session(&mut client));
    // Another key: the ticket is not understood, and the certificate does it.
    ends.server.tickets = Some(Arc::new(SealedTickets::new(&provider(), HOUR, START).unwrap()));
    let (client, _) = ends.connect(false, START + HOUR);
    assert!(!client.negotiated().unwrap().resumed);
    // A ticket whose key another client guesses wrongly is refused by its binder.
    ends.server.tickets = Ends::with_tickets().server.tickets;
    ends.session = None;
    let (mut client, _) = ends.connect(false, START);
    let mut stolen = session(&mut client);
    stolen.state.secret = dtls_wasm::crypto::secret::SecretBytes::new(vec![0; 32]);
    ends.session = Some(stolen);
    let (_, server) = ends.run(false, START + HOUR);
    assert_eq!(server.error(), Some(&PeerMisbehaved::InvalidBinder.into()));
}
