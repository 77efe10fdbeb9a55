//! The stateless listener: browsers' hellos, fragments in every order, cookies that are replayed, floods, amplification.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/flights.rs"]
mod flights;
#[path = "support/null.rs"]
mod null;
#[path = "support/pcap.rs"]
mod pcap;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::codec::{Decode, Encode, Reader};
use dtls_wasm::config::{CookiePolicy, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionState};
use dtls_wasm::crypto::null::NullBackend;
use dtls_wasm::crypto::task::{Backend, Task, TaskError, TaskOutput};
use dtls_wasm::crypto::{CryptoProvider, rustcrypto};
use dtls_wasm::endpoint::PeerAddress;
use dtls_wasm::endpoint::limits::{ListenerLimits, MAX_SURPLUS};
use dtls_wasm::endpoint::listener::{Listener, ListenerAction};
use dtls_wasm::handshake::server::hello::Accepted;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::alert::Alert;
use dtls_wasm::wire::client_hello::ClientHello;
use dtls_wasm::wire::fragment::{FRAGMENT_HEADER_LEN, FragmentHeader};
use dtls_wasm::wire::record::{PLAINTEXT_HEADER_LEN, PlaintextHeader};
use dtls_wasm::wire::registry::{
    AlertDescription, CipherSuite, ContentType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use dtls_wasm::wire::server_hello::ServerHello;
use null::START;

fn listener() -> Listener {
    Listener::new(Arc::new(null::server(1)), START).unwrap()
}

fn address(port: u16) -> PeerAddress {
    PeerAddress::from(SocketAddr::from(([192, 0, 2, 1], port)))
}

/// All that `connection` has to send.
fn flight(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    while connection.poll_transmit(&mut datagram, now) {
        datagrams.push(std::mem::take(&mut datagram));
    }
    datagrams
}

/// Hands in `datagrams` and gives the answer to the last; the others must get none.
fn hand_in(listener: &mut Listener, from: &PeerAddress, datagrams: &[Vec<u8>], now: Instant) -> ListenerAction {
    let (last, others) = datagrams.split_last().unwrap();
    for datagram in others {
        let action = listener.handle(from, datagram, now);
        assert!(matches!(action, ListenerAction::Ignore), "{action:?}");
    }
    listener.handle(from, last, now)
}

fn reply(action: ListenerAction) -> Vec<u8> {
    match action {
        ListenerAction::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn accepted(action: ListenerAction) -> Accepted {
    match action {
        ListenerAction::Accept(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

/// The record of a reply, and what is in it.
fn record(reply: &[u8]) -> (PlaintextHeader, &[u8]) {
    let mut reader = Reader::new(reply);
    let header = PlaintextHeader::decode(&mut reader).unwrap();
    assert_eq!((usize::from(header.length), header.epoch), (reader.len(), 0));
    (header, reader.rest())
}

fn server_hello(reply: &[u8]) -> (PlaintextHeader, FragmentHeader, ServerHello) {
    let (record, content) = record(reply);
    assert_eq!(record.content_type, ContentType::HANDSHAKE);
    let mut reader = Reader::new(content);
    let header = FragmentHeader::decode(&mut reader).unwrap();
    assert_eq!((header.msg_type, header.fragment_offset), (HandshakeType::SERVER_HELLO, 0));
    assert_eq!((header.fragment_length, header.length as usize), (header.length, reader.len()));
    (record, header, ServerHello::decode_all(reader.rest()).unwrap())
}

fn alert(reply: &[u8]) -> AlertDescription {
    let (record, content) = record(reply);
    assert_eq!(record.content_type, ContentType::ALERT);
    let alert = Alert::decode_all(content).unwrap();
    assert_eq!(alert.level, Alert::FATAL);
    alert.description
}

/// A fragment of a ClientHello as a datagram.
fn fragment(body: &[u8], message_seq: u16, range: std::ops::Range<usize>, sequence_number: u64) -> Vec<u8> {
    let header = FragmentHeader {
        msg_type: HandshakeType::CLIENT_HELLO,
        length: body.len() as u32,
        message_seq,
        fragment_offset: range.start as u32,
        fragment_length: range.len() as u32,
    };
    let mut datagram = PlaintextHeader {
        content_type: ContentType::HANDSHAKE,
        version: ProtocolVersion::DTLS_1_0,
        epoch: 0,
        sequence_number,
        length: (FRAGMENT_HEADER_LEN + range.len()) as u16,
    }
    .encoded();
    header.encode(&mut datagram);
    datagram.extend_from_slice(&body[range]);
    datagram
}

/// The body of a ClientHello like those of browsers, too long for one datagram.
fn long_hello() -> Vec<u8> {
    let mut client = Connection::client(Arc::new(null::client(5)), Some("example.org"), START).unwrap();
    let mut body = Vec::new();
    for datagram in flight(&mut client, START) {
        let at = PLAINTEXT_HEADER_LEN + FRAGMENT_HEADER_LEN;
        body.extend_from_slice(&datagram[at..]);
    }
    assert!(ClientHello::decode_all(&body).is_ok() && body.len() > 1300);
    body
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# The client MUST send a new ClientHello with the cookie added as an extension.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
//# DTLS 1.3-compliant implementations MUST NOT use the HelloVerifyRequest to execute a return-routability check.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# When responding to a HelloRetryRequest, the client MUST create a new ClientHello message following the
//# description in Section 4.1.2 of [TLS13].
#[test]
fn a_client_comes_in_by_a_cookie_and_the_handshake_completes() {
    for groups in [null::server(1).common.groups, vec![NamedGroup::SECP256R1]] {
        let mut config = null::server(1);
        config.common.groups = groups;
        let config = Arc::new(config);
        let mut listener = Listener::new(Arc::clone(&config), START).unwrap();
        let from = address(1);
        let mut client = Connection::client(Arc::new(null::client(2)), Some("example.org"), START).unwrap();

        let first = flight(&mut client, START);
        let mut retry = reply(hand_in(&mut listener, &from, &first, START));
        let (_, header, hello) = server_hello(&retry);
        assert!(hello.is_hello_retry_request() && header.message_seq == 0);
        client.handle_datagram(&mut retry, START);
        let second = flight(&mut client, START);
        let accepted = accepted(hand_in(&mut listener, &from, &second, START));
        assert_eq!(accepted.message_seq, 1);

        let mut server = Connection::accept(config, accepted, START).unwrap();
        for _ in 0..4 {
            for mut datagram in flight(&mut server, START) {
                client.handle_datagram(&mut datagram, START);
            }
            for mut datagram in flight(&mut client, START) {
                server.handle_datagram(&mut datagram, START);
            }
        }
        assert_eq!((client.state(), server.state()), (ConnectionState::Connected, ConnectionState::Connected));
        assert_eq!(client.negotiated(), server.negotiated());
        assert_eq!((listener.stats().retries, listener.stats().accepted, listener.partial_hellos()), (1, 1, 0));
    }
}

/// Captures of browsers that did not offer DTLS 1.3: their hellos have no supported_versions.
const ONLY_1_2: [&str; 2] = ["capture-firefox_linux_stable_148_0.pcap", "capture-firefox_linux_stable_153_0.pcap"];

/// First flights of real browsers: the datagrams that lie before the server's first answer.
fn browser_hellos() -> Vec<(String, Vec<Vec<u8>>)> {
    let mut hellos = Vec::new();
    for name in flights::NAMES {
        let datagrams = flights::read(name).datagrams;
        let first = datagrams.into_iter().take_while(|datagram| datagram.from_client);
        hellos.push((name.to_owned(), first.map(|datagram| datagram.payload).collect::<Vec<_>>()));
    }
    let captures = std::fs::read_dir(flights::vectors("browser-clienthello-captures")).unwrap();
    for path in captures.map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "pcap") {
            let datagrams = pcap::read_file(&path);
            let is_hello = |datagram: &pcap::Datagram| datagram.payload.get(13) == Some(&1);
            let client = datagrams.iter().find(|datagram| is_hello(datagram)).unwrap().source;
            let first = datagrams.into_iter().filter(|datagram| datagram.source == client && is_hello(datagram));
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            hellos.push((name, first.map(|datagram| datagram.payload).collect()));
        }
    }
    hellos
}

#[test]
fn hellos_of_real_browsers_are_answered_with_a_retry_and_with_a_server_hello() {
    let provider = Arc::new(rustcrypto::provider());
    let config = ServerConfig::new(Arc::clone(&provider), Arc::new(RealShares::new(&provider)));
    let open = Arc::new(ServerConfig { cookie: CookiePolicy::Never, ..config.clone() });
    let config = Arc::new(config);
    let hellos = browser_hellos();
    assert!(hellos.len() >= 12 + 4);
    for (name, datagrams) in hellos {
        let from = address(9);
        let mut listener = Listener::new(Arc::clone(&config), START).unwrap();
        let mut sent = 0;
        let mut action = ListenerAction::Ignore;
        let mut used = 0;
        for datagram in &datagrams {
            sent += datagram.len();
            used += 1;
            action = listener.handle(&from, datagram, START);
            if !matches!(action, ListenerAction::Ignore) {
                break;
            }
        }
        let reply = reply(action);
        if ONLY_1_2.contains(&name.as_str()) {
            assert_eq!(alert(&reply), AlertDescription::PROTOCOL_VERSION, "{name}");
            continue;
        }
        let (record, header, hello) = server_hello(&reply);
        assert!(hello.is_hello_retry_request(), "{name}");
        assert_eq!(header.message_seq, 0, "{name}");
        assert!(reply.len() <= sent, "{name}");
        let last = PlaintextHeader::decode(&mut Reader::new(&datagrams[used - 1])).unwrap();
        assert_eq!(record.sequence_number, last.sequence_number, "{name}");
        assert_eq!(listener.partial_hellos(), 0, "{name}");

        let mut listener = Listener::new(Arc::clone(&open), START).unwrap();
        let accepted = accepted(hand_in(&mut listener, &from, &datagrams[..used], START));
        let number = accepted.next_record_sequence;
        let mut server = Connection::accept(Arc::clone(&open), accepted, START).unwrap();
        let first = flight(&mut server, START);
        let header = PlaintextHeader::decode(&mut Reader::new(&first[0])).unwrap();
        assert_eq!((header.content_type, header.sequence_number), (ContentType::HANDSHAKE, number), "{name}");
        assert_eq!(first[0][PLAINTEXT_HEADER_LEN], HandshakeType::SERVER_HELLO.0, "{name}");
        assert_eq!(server.epochs(), (2, 3), "{name}: the whole flight is ready");
    }
}

/// Real key agreement with what browsers sent; a certificate and a signature of the null provider behind it.
struct RealShares {
    real: rustcrypto::LocalBackend,
    null: NullBackend,
}

impl RealShares {
    fn new(provider: &CryptoProvider) -> Self {
        Self { real: rustcrypto::LocalBackend::new(Arc::clone(&provider.random)), null: NullBackend::new(1) }
    }
}

impl Backend for RealShares {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::RespondKeyShare { .. } => self.real.perform(task),
            _ => Backend::perform(&self.null, task),
        }
    }
}

#[test]
fn a_first_hello_is_answered_again_and_again_and_each_answer_has_the_number_of_its_question() {
    let mut listener = listener();
    let body = long_hello();
    for number in 0..5 {
        let now = START + Duration::from_secs(number);
        listener.handle(&address(1), &fragment(&body, 0, 0..1000, 2 * number), now);
        let reply = reply(listener.handle(&address(1), &fragment(&body, 0, 1000..body.len(), 2 * number + 1), now));
        let (record, _, hello) = server_hello(&reply);
        assert_eq!(record.sequence_number, 2 * number + 1);
        assert!(hello.is_hello_retry_request());
        assert_eq!(hello.extensions.selected_group, None);
    }
    assert_eq!(listener.stats().retries, 5);
}

#[test]
fn fragments_are_put_together_in_every_order_and_with_every_boundary() {
    let body = long_hello();
    let end = body.len();
    // What Firefox does: two fragments, then again with other boundaries; and others that overlap.
    let pieces = [0..1383.min(end - 1), 1383.min(end - 1)..end, 0..1163, 1163..end, 500..1200];
    let mut orders = 0;
    for order in permutations(pieces.len()) {
        let mut listener = listener();
        let mut have = vec![false; end];
        let mut answered = false;
        for (number, index) in order.iter().enumerate() {
            let range = pieces[*index].clone();
            have[range.clone()].fill(true);
            let action = listener.handle(&address(1), &fragment(&body, 0, range, number as u64), START);
            let is_whole = have.iter().all(|have| *have);
            assert_eq!(matches!(action, ListenerAction::Reply(_)), is_whole, "{order:?} at {number}");
            if is_whole {
                have.fill(false);
                answered = true;
            }
        }
        assert!(answered, "{order:?}");
        orders += 1;
    }
    assert_eq!(orders, 120);
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let insert = |rest: &Vec<usize>, at| {
        let mut order = rest.clone();
        order.insert(at, count - 1);
        order
    };
    shorter.iter().flat_map(|rest| (0..count).map(move |at| insert(rest, at))).collect()
}

#[test]
fn clients_that_begin_at_once_do_not_disturb_each_other() {
    let mut listener = listener();
    let bodies: Vec<Vec<u8>> = (0..50u8)
        .map(|number| {
            let mut body = long_hello();
            body[2] = number;
            body
        })
        .collect();
    for (port, body) in bodies.iter().enumerate() {
        listener.handle(&address(port as u16), &fragment(body, 0, 700..body.len(), 0), START);
    }
    assert_eq!(listener.partial_hellos(), 50);
    for (port, body) in bodies.iter().enumerate() {
        reply(listener.handle(&address(port as u16), &fragment(body, 0, 0..700, 1), START));
    }
    assert_eq!((listener.partial_hellos(), listener.partial_bytes()), (0, 0));
}

/// A second flight for the retry that `listener` gave to `from`.
fn second_flight(listener: &mut Listener, from: &PeerAddress, seed: u64, now: Instant) -> Vec<Vec<u8>> {
    let mut client = Connection::client(Arc::new(null::client(seed)), None, now).unwrap();
    let mut retry = reply(hand_in(listener, from, &flight(&mut client, now), now));
    client.handle_datagram(&mut retry, now);
    flight(&mut client, now)
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# If a server receives a ClientHello with an invalid cookie, it MUST terminate the handshake with an
//# "illegal_parameter" alert.
#[test]
fn a_cookie_is_good_for_its_address_alone() {
    let mut listener = listener();
    let second = second_flight(&mut listener, &address(1), 2, START);
    let action = hand_in(&mut listener, &address(2), &second, START);
    assert_eq!(alert(&reply(action)), AlertDescription::ILLEGAL_PARAMETER);
    accepted(hand_in(&mut listener, &address(1), &second, START));
}

#[test]
fn a_cookie_outlives_one_change_of_keys_but_not_its_age() {
    let limits = ListenerLimits::default();
    let mut listener = listener();
    let late = START + (limits.cookie_key_age - Duration::from_secs(5));
    let second = second_flight(&mut listener, &address(1), 2, late);
    accepted(hand_in(&mut listener, &address(1), &second, late + Duration::from_secs(30)));
    accepted(hand_in(&mut listener, &address(1), &second, late + limits.cookie_age));
    let expired = hand_in(&mut listener, &address(1), &second, late + limits.cookie_age + Duration::from_secs(1));
    assert_eq!(alert(&reply(expired)), AlertDescription::ILLEGAL_PARAMETER);
    let after_two_changes = late + limits.cookie_key_age * 3;
    let forgotten = hand_in(&mut listener, &address(1), &second, after_two_changes);
    assert_eq!(alert(&reply(forgotten)), AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_cookie_of_another_listener_is_refused() {
    let second = second_flight(&mut listener(), &address(1), 2, START);
    let mut other = Listener::new(Arc::new(null::server(99)), START).unwrap();
    assert_eq!(alert(&reply(hand_in(&mut other, &address(1), &second, START))), AlertDescription::ILLEGAL_PARAMETER);
}

#[test]
fn a_second_hello_may_not_differ_from_the_first() {
    let mut listener = listener();
    let mut body = Vec::new();
    for datagram in second_flight(&mut listener, &address(1), 2, START) {
        body.extend_from_slice(&datagram[PLAINTEXT_HEADER_LEN + FRAGMENT_HEADER_LEN..]);
    }
    let hello = ClientHello::decode_all(&body).unwrap();
    let mut send = |hello: &ClientHello| {
        let body = hello.encoded();
        hand_in(&mut listener, &address(1), &[fragment(&body, 1, 0..body.len(), 7)], START)
    };
    accepted(send(&hello));
    let mut other_random = hello.clone();
    other_random.random[0] ^= 1;
    assert_eq!(alert(&reply(send(&other_random))), AlertDescription::ILLEGAL_PARAMETER);
    let mut other_suites = hello.clone();
    other_suites.cipher_suites.reverse();
    assert_eq!(alert(&reply(send(&other_suites))), AlertDescription::ILLEGAL_PARAMETER);
    let mut no_cookie = hello;
    no_cookie.extensions.cookie = None;
    assert!(matches!(send(&no_cookie), ListenerAction::Ignore));
}

#[test]
fn a_cookie_in_a_first_hello_is_refused_and_a_hello_of_an_odd_number_ignored() {
    let mut listener = listener();
    let mut hello = ClientHello::decode_all(&long_hello()).unwrap();
    hello.extensions.cookie = Some(vec![1; 60]);
    let body = hello.encoded();
    let mut send = |number| listener.handle(&address(1), &fragment(&body, number, 0..body.len(), 3), START);
    assert_eq!(alert(&reply(send(0))), AlertDescription::ILLEGAL_PARAMETER);
    for number in [2, 3, u16::MAX] {
        assert!(matches!(send(number), ListenerAction::Ignore));
    }
    assert_eq!((listener.stats().refused, listener.stats().malformed), (1, 3));
}

#[test]
fn a_client_with_whom_nothing_is_in_common_is_told_so_in_fifteen_bytes() {
    let mut listener = listener();
    let whole = ClientHello::decode_all(&long_hello()).unwrap();
    let mut send = |change: &dyn Fn(&mut ClientHello)| {
        let mut hello = whole.clone();
        change(&mut hello);
        let body = hello.encoded();
        let reply = reply(listener.handle(&address(1), &fragment(&body, 0, 0..body.len(), 3), START));
        assert_eq!((reply.len(), record(&reply).0.sequence_number), (15, 3));
        alert(&reply)
    };
    let only_1_2 = |hello: &mut ClientHello| hello.extensions.supported_versions = None;
    assert_eq!(send(&only_1_2), AlertDescription::PROTOCOL_VERSION);
    let no_suite = |hello: &mut ClientHello| hello.cipher_suites = vec![CipherSuite(0xc02b)];
    assert_eq!(send(&no_suite), AlertDescription::HANDSHAKE_FAILURE);
    let no_groups = |hello: &mut ClientHello| hello.extensions.supported_groups = None;
    assert_eq!(send(&no_groups), AlertDescription::MISSING_EXTENSION);
}

#[test]
fn what_cannot_be_read_is_ignored_and_counted() {
    let mut listener = listener();
    let body = long_hello();
    let mut odd = body.clone();
    odd.push(0);
    let too_long = vec![0; ListenerLimits::default().hello + 1];
    for datagram in [
        fragment(&odd, 0, 0..odd.len(), 0),
        fragment(&body[..50], 0, 0..50, 0),
        fragment(&[], 0, 0..0, 0),
        fragment(&body, 0, 20..20, 0),
        fragment(&too_long, 0, 0..1000, 0),
    ] {
        assert!(matches!(listener.handle(&address(1), &datagram, START), ListenerAction::Ignore));
    }
    assert_eq!((listener.stats().malformed, listener.partial_hellos()), (5, 0));
    for datagram in [&[][..], &[22], &[0x2f; 40], &[0; 2000]] {
        assert!(matches!(listener.handle(&address(1), datagram, START), ListenerAction::Ignore));
    }
    assert_eq!(listener.stats().foreign, 4);
}

#[test]
fn a_flood_of_fragments_is_held_within_the_bounds_and_a_client_comes_through() {
    let limits = ListenerLimits::default();
    let mut listener = listener();
    let body = long_hello();
    for number in 0..20_000u32 {
        let forged = PeerAddress::new(&number.to_be_bytes()).unwrap();
        listener.handle(&forged, &fragment(&body, 0, 0..1200, 0), START);
        assert!(listener.partial_hellos() <= limits.partial_hellos);
        assert!(listener.partial_bytes() <= limits.partial_bytes);
    }
    assert_eq!(listener.evicted_hellos(), 20_000 - limits.partial_hellos as u64);
    // A thousand forged datagrams between the two fragments of a client.
    listener.handle(&address(1), &fragment(&body, 0, 0..1200, 0), START);
    for number in 20_000..21_000u32 {
        let forged = PeerAddress::new(&number.to_be_bytes()).unwrap();
        listener.handle(&forged, &fragment(&body, 0, 0..1200, 0), START);
    }
    reply(listener.handle(&address(1), &fragment(&body, 0, 1200..body.len(), 1), START));
}

#[test]
fn announcing_much_and_sending_little_costs_little() {
    let mut listener = listener();
    let body = long_hello();
    for number in 0..1000u32 {
        let forged = PeerAddress::new(&number.to_be_bytes()).unwrap();
        listener.handle(&forged, &fragment(&body, 0, 5..6, 0), START);
    }
    assert_eq!((listener.partial_hellos(), listener.partial_bytes()), (1000, 1000));
}

/// A generator for inputs that nobody would send in good faith.
struct Adversary(u64);

impl Adversary {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// The shortest hello for which there is a retry, and the longest retry at that.
fn shortest_hello() -> ClientHello {
    let mut short = ClientHello { cipher_suites: vec![CipherSuite::TLS_AES_256_GCM_SHA384], ..ClientHello::default() };
    short.extensions.supported_versions = Some(vec![ProtocolVersion::DTLS_1_3]);
    short.extensions.signature_algorithms = Some(vec![SignatureScheme::ED25519]);
    short.extensions.supported_groups = Some(vec![NamedGroup::X25519]);
    short.extensions.key_share = Some(Vec::new());
    short
}

#[test]
fn even_the_shortest_hello_is_answered() {
    let body = shortest_hello().encoded();
    let question = fragment(&body, 0, 0..body.len(), 0);
    let answer = reply(listener().handle(&address(1), &question, START));
    assert_eq!(server_hello(&answer).2.extensions.selected_group, Some(NamedGroup::X25519));
    assert_eq!((question.len(), answer.len()), (98, 157), "as MAX_SURPLUS says");
    assert!(answer.len() <= question.len() + MAX_SURPLUS);
    assert!((answer.len() + HEADERS) * 2 <= (question.len() + HEADERS) * 3);
}

/// What IPv4 and UDP add to a datagram, to those of an attacker as well as to ours.
const HEADERS: usize = 28;

#[test]
fn no_address_is_sent_much_more_than_came_from_it() {
    let long = long_hello();
    let hello = ClientHello::decode_all(&long).unwrap();
    let short = shortest_hello();
    let mut old = hello.clone();
    old.extensions.supported_versions = None;
    let mut with_cookie = hello;
    with_cookie.extensions.cookie = Some(vec![7; 70]);
    let bodies = [long, short.encoded(), old.encoded(), with_cookie.encoded()];

    let mut adversary = Adversary(1);
    let mut listener = listener();
    let mut sent = BTreeMap::<u16, usize>::new();
    let mut received = BTreeMap::<u16, usize>::new();
    for round in 0..100_000u64 {
        let port = adversary.below(20) as u16;
        let body = &bodies[adversary.below(bodies.len())];
        let mut datagram = Vec::new();
        for _ in 0..=adversary.below(3) {
            let whole = adversary.below(3) == 0;
            let from = if whole { 0 } else { adversary.below(body.len()) };
            let to = if whole { body.len() } else { from + 1 + adversary.below(body.len() - from) };
            datagram.extend(fragment(body, adversary.below(2) as u16, from..to, round));
        }
        if adversary.below(4) == 0 {
            let at = adversary.below(datagram.len());
            datagram[at] ^= 1 << adversary.below(8);
        }
        let sent = sent.entry(port).or_default();
        *sent += datagram.len() + HEADERS;
        let received = received.entry(port).or_default();
        let now = START + Duration::from_millis(round);
        if let ListenerAction::Reply(reply) = listener.handle(&address(port), &datagram, now) {
            *received += reply.len() + HEADERS;
        }
        assert!(*received * 2 <= *sent * 3, "round {round}: {received} for {sent}");
    }
    assert!(listener.stats().retries > 1000 && listener.stats().refused > 1000);
    let stats = listener.stats();
    let total = stats.foreign
        + stats.partial
        + stats.malformed
        + stats.retries
        + stats.refused
        + stats.unanswerable
        + stats.accepted;
    assert_eq!(total, 100_000, "every datagram is counted once");
}

#[test]
fn without_a_cookie_policy_a_first_hello_is_let_in_at_once() {
    let config = ServerConfig { cookie: CookiePolicy::Never, ..null::server(1) };
    let mut listener = Listener::new(Arc::new(config), START).unwrap();
    let body = long_hello();
    let accepted = accepted(listener.handle(&address(1), &fragment(&body, 0, 0..body.len(), 4), START));
    assert_eq!((accepted.message_seq, accepted.next_record_sequence), (0, 4));
    assert!(accepted.retry.is_none() && accepted.client_hello == body);
}
