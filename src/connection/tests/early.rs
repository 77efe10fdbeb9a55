//! Early data: taken once, in time, and as the ticket says; otherwise not, and the handshake goes on.

use super::*;
use crate::connection::{ClientOffer, EarlyDataStatus, SendEarlyError};
use crate::crypto::psk::PskMode;
use crate::crypto::resumption::Session;
use crate::crypto::task::{Task, TaskOutput};
use crate::error::PeerMisbehaved;
use crate::ticket::{CachedTickets, LocalStrikeRegister, SealedTickets};
use crate::trace::memory::MemoryTrace;
use crate::wire::registry::{AlertDescription, ContentType};

const LIMIT: u32 = 4000;

/// A client, and a server that takes early data.
pub(super) fn configs() -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (client_config(), server_config());
    client.resumption = true;
    // One datagram for each hello keeps what is counted simple.
    client.key_shares = vec![NamedGroup::X25519];
    let tickets = SealedTickets::new(&server.common.provider, Duration::from_secs(86_400), START).unwrap();
    server.tickets = Some(Arc::new(tickets));
    server.max_early_data = LIMIT;
    server.strike_register = Some(Arc::new(LocalStrikeRegister::new(START)));
    (client, server)
}

/// Sessions for `example.org`.
pub(super) fn sessions(client: &ClientConfig, server: &ServerConfig) -> Vec<Session> {
    let mut pair = pair(client.clone(), server.clone());
    connected(&mut pair);
    settle(&mut pair);
    let session = |event| match event {
        ConnectionEvent::SessionReceived(session) => Some(*session),
        _ => None,
    };
    events(&mut pair.a).into_iter().filter_map(session).collect()
}

/// When the second connection begins.
pub(super) const LATER: Instant = Instant::from_micros(START.as_micros() + 60_000_000);

fn client_with(client: ClientConfig, session: Session, now: Instant) -> Connection {
    let server_name = Some("example.org".to_owned());
    let offer = ClientOffer { server_name, session: Some(session), early_data: true, ..ClientOffer::default() };
    Connection::connect(Arc::new(client), offer, now).unwrap()
}

pub(super) fn server_at(server: &ServerConfig, now: Instant) -> Connection {
    Connection::server(Arc::new(server.clone()), now).unwrap()
}

pub(super) fn network() -> Network {
    Network::new(7, Conditions { delay: Duration::from_millis(10), ..Conditions::default() })
}

/// Both sides of a connection that resumes another, with early data of the client's on its way.
fn resuming(client: ClientConfig, server: &ServerConfig, session: Session) -> Pair<Connection, Connection> {
    let mut client = client_with(client, session, LATER);
    client.send_early(b"one").unwrap();
    client.send_early(b"two").unwrap();
    Pair::new(client, server_at(server, LATER), network(), LATER)
}

fn early(data: &[u8]) -> ConnectionEvent {
    ConnectionEvent::EarlyData(data.to_vec())
}

/// Runs until both sides are connected, and data flows; gives what happened to the client and to the server before.
#[track_caller]
fn outcome(pair: &mut Pair<Connection, Connection>) -> (Vec<ConnectionEvent>, Vec<ConnectionEvent>) {
    let deadline = pair.now() + Duration::from_secs(100);
    let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
    let run = pair.run(deadline, |a, b| is_connected(a) && is_connected(b));
    assert_eq!(run, Outcome::Done, "{:?} {:?}", pair.a.error(), pair.b.error());
    let mut before = (events(&mut pair.a), events(&mut pair.b));
    before.0.retain(|event| !matches!(event, ConnectionEvent::SessionReceived(_)));
    pair.network.drop_no_more();
    settle(pair);
    events(&mut pair.a);
    pair.a.send(b"ping").unwrap();
    pair.b.send(b"pong").unwrap();
    settle(pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"ping".to_vec())]);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Datagram(b"pong".to_vec())]);
    assert_eq!(pair.a.negotiated(), pair.b.negotiated());
    before
}

#[track_caller]
fn is_taken(pair: &mut Pair<Connection, Connection>) {
    let (client, server) = outcome(pair);
    assert_eq!(client, [ConnectionEvent::EarlyDataAccepted, ConnectionEvent::Connected]);
    assert_eq!(server, [early(b"one"), early(b"two"), ConnectionEvent::Connected]);
    assert_eq!((pair.a.early_data(), pair.b.early_data()), (EarlyDataStatus::Accepted, EarlyDataStatus::Accepted));
    assert!(pair.a.negotiated().unwrap().early_data);
}

#[track_caller]
fn is_refused(pair: &mut Pair<Connection, Connection>) {
    let (client, server) = outcome(pair);
    assert_eq!(client, [ConnectionEvent::EarlyDataRejected, ConnectionEvent::Connected]);
    assert_eq!(server, [ConnectionEvent::Connected]);
    assert_eq!(pair.a.early_data(), EarlyDataStatus::Rejected);
    assert!(!pair.a.negotiated().unwrap().early_data);
    assert_eq!(pair.a.send_early(b"more"), Err(SendEarlyError::Rejected));
}

#[test]
fn early_data_arrives_before_the_handshake_is_complete() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut pair = resuming(client, &server, session);
    // One flight of the client's, and the server has it.
    pair.run(LATER + Duration::from_millis(10), |_, _| false);
    assert_eq!(pair.b.state(), ConnectionState::Connecting);
    assert_eq!(events(&mut pair.b), [early(b"one"), early(b"two")]);
    let (mut a, mut b) = ([0; 32], [1; 32]);
    pair.a.export_early_keying_material("label", b"", &mut a).unwrap();
    pair.b.export_early_keying_material("label", b"", &mut b).unwrap();
    assert_eq!(a, b);
    pair.a.send_early(b"three").unwrap();
    let (client, server) = outcome(&mut pair);
    assert_eq!(client, [ConnectionEvent::EarlyDataAccepted, ConnectionEvent::Connected]);
    assert_eq!(server, [early(b"three"), ConnectionEvent::Connected]);
    assert_eq!(pair.a.send_early(b"late"), Err(SendEarlyError::TooLate));
    assert_eq!(pair.a.export_early_keying_material("label", b"", &mut a), Err(ExportError::NotConnected));
    // Nothing of epoch 1 is left.
    assert!(!pair.a.records.can_write(1) && !pair.b.records.can_read(1));
}

#[test]
fn nobody_sends_early_data_unasked() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut plain = Connection::client(Arc::new(client.clone()), Some("example.org"), START).unwrap();
    assert_eq!(plain.send_early(b"x"), Err(SendEarlyError::NotOffered));
    let connect = |config: &ClientConfig, name: &str, session: Session, early_data, now| {
        let server_name = Some(name.to_owned());
        let offer = ClientOffer { server_name, session: Some(session), early_data, ..ClientOffer::default() };
        Connection::connect(Arc::new(config.clone()), offer, now).unwrap().send_early(b"x")
    };
    assert_eq!(connect(&client, "example.org", session.clone(), true, LATER), Ok(()));
    assert_eq!(connect(&client, "example.org", session.clone(), false, LATER), Err(SendEarlyError::NotOffered));
    // Another name, a ticket that is too old, a suite or a protocol that is offered no more.
    assert_eq!(connect(&client, "example.com", session.clone(), true, LATER), Err(SendEarlyError::NotOffered));
    let much_later = START + Duration::from_secs(90_000);
    assert_eq!(connect(&client, "example.org", session.clone(), true, much_later), Err(SendEarlyError::NotOffered));
    let mut other = client.clone();
    other.common.cipher_suites.retain(|suite| *suite != session.state.cipher_suite);
    assert_eq!(connect(&other, "example.org", session.clone(), true, LATER), Err(SendEarlyError::NotOffered));
    let mut with_protocol = session.clone();
    with_protocol.state.alpn_protocol = Some(b"coap".to_vec());
    assert_eq!(connect(&client, "example.org", with_protocol, true, LATER), Err(SendEarlyError::NotOffered));
    let mut without = session;
    without.state.max_early_data = 0;
    assert_eq!(connect(&client, "example.org", without, true, LATER), Err(SendEarlyError::NotOffered));
    let mut server = server_at(&server, START);
    assert_eq!(server.send_early(b"x"), Err(SendEarlyError::NotOffered));
}

#[test]
fn a_ticket_alone_protects_early_data_too() {
    let (mut client, mut server) = configs();
    client.psk_modes = vec![PskMode::PskOnly];
    server.psk_modes = vec![PskMode::PskOnly];
    let session = sessions(&client, &server).remove(0);
    let mut pair = resuming(client, &server, session);
    is_taken(&mut pair);
    assert_eq!(pair.a.negotiated().unwrap().group, None);
}

#[test]
fn another_name_resumes_nothing_and_refuses_early_data() {
    let (client, server) = configs();
    let mut session = sessions(&client, &server).remove(0);
    // A client that does not keep to the rule: the ticket is for example.org.
    session.state.server_name = Some("example.com".to_owned());
    let server_name = Some("example.com".to_owned());
    let offer = ClientOffer { server_name, session: Some(session), early_data: true, ..ClientOffer::default() };
    let mut client = Connection::connect(Arc::new(client), offer, LATER).unwrap();
    client.send_early(b"for another").unwrap();
    let mut pair = Pair::new(client, server_at(&server, LATER), network(), LATER);
    is_refused(&mut pair);
    assert!(!pair.a.negotiated().unwrap().resumed);
}

#[test]
fn early_data_carries_no_connection_id_and_needs_none() {
    let (mut client, mut server) = configs();
    for common in [&mut client.common, &mut server.common] {
        common.connection_ids.enabled = true;
        common.connection_ids.length = 4;
    }
    let session = sessions(&client, &server).remove(0);
    let mut client = client_with(client, session, LATER);
    client.send_early(b"one").unwrap();
    client.send_early(b"two").unwrap();
    let mut pair = Pair::new(client, server_at(&server, LATER), network(), LATER);
    // The second record comes again after the ServerHello, with its own number.
    pair.run(LATER + Duration::from_millis(10), |_, _| false);
    pair.a.send_early(b"three").unwrap();
    let (_, server) = outcome(&mut pair);
    assert_eq!(server, [early(b"one"), early(b"two"), early(b"three"), ConnectionEvent::Connected]);
}

#[test]
fn a_ticket_of_single_use_is_used_once() {
    let (client, mut server) = configs();
    server.tickets = Some(Arc::new(CachedTickets::new(10)));
    let session = sessions(&client, &server).remove(0);
    is_taken(&mut resuming(client.clone(), &server, session.clone()));
    let mut pair = resuming(client, &server, session);
    is_refused(&mut pair);
    assert!(!pair.a.negotiated().unwrap().resumed);
}

#[test]
fn tickets_of_tickets_end_with_the_week() {
    let (client, mut server) = configs();
    server.ticket_lifetime = Duration::from_secs(604_800);
    let tickets = SealedTickets::new(&server.common.provider, Duration::from_secs(604_800), START).unwrap();
    server.tickets = Some(Arc::new(tickets));
    let first = sessions(&client, &server).remove(0);
    let at = START + Duration::from_secs(600_000);
    let mut pair = Pair::new(client_with(client, first, at), server_at(&server, at), network(), at);
    pair.run(at + Duration::from_secs(1), |_, _| false);
    let session = events(&mut pair.a).into_iter().find_map(|event| match event {
        ConnectionEvent::SessionReceived(session) => Some(session),
        _ => None,
    });
    let state = session.unwrap().state;
    assert!(state.authenticated_at < START + Duration::from_secs(1), "{state:?}");
    assert!((4700..=4800).contains(&state.lifetime), "{state:?}");
}

#[test]
fn a_server_that_takes_none_goes_on_without() {
    let (client, mut server) = configs();
    let session = sessions(&client, &server).remove(0);
    server.max_early_data = 0;
    let mut pair = resuming(client, &server, session);
    is_refused(&mut pair);
    assert!(pair.a.negotiated().unwrap().resumed);
    assert_eq!(pair.b.stats().records_discarded, 2);
}

#[test]
fn a_server_must_guard_against_replays() {
    let (_, mut server) = configs();
    server.strike_register = None;
    assert_eq!(server.validate(), Err(ConfigError::NoStrikeRegister));
}

#[test]
fn a_retry_costs_the_early_data() {
    let (client, mut server) = configs();
    let session = sessions(&client, &server).remove(0);
    server.common.groups = vec![NamedGroup::SECP256R1];
    let mut pair = resuming(client, &server, session);
    is_refused(&mut pair);
    assert!(pair.a.negotiated().unwrap().resumed);
}

#[test]
fn a_server_that_does_not_know_the_ticket_shows_its_certificate() {
    let (client, mut server) = configs();
    let session = sessions(&client, &server).remove(0);
    let tickets = SealedTickets::new(&server.common.provider, Duration::from_secs(86_400), START).unwrap();
    server.tickets = Some(Arc::new(tickets));
    let mut pair = resuming(client, &server, session);
    is_refused(&mut pair);
    assert!(!pair.a.negotiated().unwrap().resumed);
}

#[test]
fn another_suite_or_protocol_refuses_early_data() {
    let (mut client, mut server) = configs();
    client.common.alpn_protocols = vec![b"a".to_vec(), b"b".to_vec()];
    server.common.alpn_protocols = vec![b"a".to_vec(), b"b".to_vec()];
    let session = sessions(&client, &server).remove(0);
    let changed = |change: fn(&mut ServerConfig)| {
        let mut server = server.clone();
        change(&mut server);
        resuming(client.clone(), &server, session.clone())
    };
    is_taken(&mut changed(|_| ()));
    is_refused(&mut changed(|server| server.common.alpn_protocols.reverse()));
    is_refused(&mut changed(|server| server.common.alpn_protocols.clear()));
    // One with the same hash: the connection is resumed all the same.
    let mut pair = changed(|server| server.common.cipher_suites.reverse());
    is_refused(&mut pair);
    assert!(pair.a.negotiated().unwrap().resumed);
}

/// The datagrams of a client's first flight.
fn first_flight(client: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut flight = Vec::new();
    let mut datagram = Vec::new();
    while client.poll_transmit(&mut datagram, now) {
        flight.push(datagram.clone());
    }
    flight
}

/// What a server makes of `flight`.
fn replayed(server: &ServerConfig, flight: &[Vec<u8>], now: Instant) -> Vec<ConnectionEvent> {
    let mut server = server_at(server, now);
    flight.iter().for_each(|datagram| server.handle_datagram(&mut datagram.clone(), now));
    assert_eq!(server.error(), None);
    assert!(server.early_data() != EarlyDataStatus::NotOffered);
    events(&mut server)
}

#[test]
fn a_copy_of_early_data_is_not_taken() {
    let (client, server) = configs();
    let sessions = sessions(&client, &server);
    let flight_of = |session: &Session| {
        let mut client = client_with(client.clone(), session.clone(), LATER);
        client.send_early(b"pay").unwrap();
        first_flight(&mut client, LATER)
    };
    let flight = flight_of(&sessions[0]);
    assert_eq!(replayed(&server, &flight, LATER), [early(b"pay")]);
    // At once and within the window, by the same server and by another that shares the register.
    let second = LATER + Duration::from_secs(1);
    assert_eq!(replayed(&server, &flight, LATER), []);
    assert_eq!(replayed(&server, &flight, second), []);
    let mut other = server_config();
    (other.tickets, other.strike_register) = (server.tickets.clone(), server.strike_register.clone());
    other.max_early_data = LIMIT;
    assert_eq!(replayed(&other, &flight, second), []);
    // After the window.
    assert_eq!(replayed(&server, &flight, LATER + Duration::from_secs(11)), []);
    // After a restart that has forgotten everything.
    let restarted =
        |at: Instant| ServerConfig { strike_register: Some(Arc::new(LocalStrikeRegister::new(at))), ..server.clone() };
    assert_eq!(replayed(&restarted(second), &flight, second), []);
    // The same ticket in another hello is another matter; one that was sealed is not used up.
    assert_eq!(replayed(&server, &flight_of(&sessions[0]), LATER), [early(b"pay")]);
    assert_eq!(replayed(&server, &flight_of(&sessions[1]), LATER), [early(b"pay")]);
    // A hello with early data that was held up for too long is as good as a copy.
    let slow = flight_of(&sessions[1]);
    assert_eq!(replayed(&server, &slow, LATER + Duration::from_secs(11)), []);
}

#[test]
fn more_than_the_limit_is_not_sent() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut client = client_with(client, session, LATER);
    assert_eq!(client.early_data_left(), 4000);
    let most = client.max_early_send_size();
    let too_large = SendEarlyError::TooLarge { len: most + 1, limit: most };
    assert_eq!(client.send_early(&vec![0; most + 1]), Err(too_large));
    for _ in 0..4 {
        client.send_early(&[7; 1000]).unwrap();
    }
    assert_eq!(client.send_early(&[7]), Err(SendEarlyError::LimitReached { left: 0 }));
    let flight = first_flight(&mut client, LATER);
    assert_eq!(flight.len(), 5, "the hello has its datagram for itself");
    assert!(flight.iter().all(|datagram| datagram.len() <= 1200));
    assert_eq!(replayed(&server, &flight, LATER).len(), 4);
}

#[test]
fn more_than_the_limit_is_an_error() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut client = client_with(client, session, LATER);
    client.early_data.left = u32::MAX;
    for _ in 0..5 {
        client.send_early(&[7; 1000]).unwrap();
    }
    let mut pair = Pair::new(client, server_at(&server, LATER), network(), LATER);
    settle(&mut pair);
    assert_eq!(pair.b.error(), Some(&PeerMisbehaved::TooMuchEarlyData.into()));
    assert_eq!(pair.a.error(), Some(&Error::AlertReceived(AlertDescription::UNEXPECTED_MESSAGE)));
}

#[test]
fn what_is_no_application_data_may_not_stand_in_epoch_1() {
    for content_type in [ContentType::HANDSHAKE, ContentType::ACK] {
        let (client, server) = configs();
        let session = sessions(&client, &server).remove(0);
        let mut client = client_with(client, session, LATER);
        let mut server = server_at(&server, LATER);
        for mut datagram in first_flight(&mut client, LATER) {
            server.handle_datagram(&mut datagram, LATER);
        }
        // EndOfEarlyData, as in TLS, or an empty ACK.
        let content: &[u8] =
            if content_type == ContentType::ACK { &[0, 0] } else { &[5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] };
        let mut datagram = Vec::new();
        client.records.seal(1, content_type, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
        server.handle_datagram(&mut datagram, LATER);
        assert_eq!(server.error(), Some(&PeerMisbehaved::UnexpectedRecord(content_type).into()));
        assert_eq!(server.error().unwrap().alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    }
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
//# The exception is that implementations MUST NOT send ACK records in epoch 1 (early data). If the highest current
//# sending epoch is epoch 1 (early data), implementations MUST use epoch 0 (unencrypted) to send ACK records.
#[test]
fn nothing_but_application_data_is_sent_in_epoch_1() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut client = client_with(client, session, LATER);
    first_flight(&mut client, LATER);
    assert!(client.records.can_write(1));
    client.to_acknowledge.add(RecordNumber { epoch: 0, sequence_number: 0 }, &server.common.limits);
    client.ack_due = true;
    client.send_early(b"data").unwrap();
    let flight = first_flight(&mut client, LATER);
    // The plaintext header of an ACK; the unified header of a record whose epoch ends in the bits 01.
    assert_eq!(flight.iter().map(|datagram| datagram[0]).collect::<Vec<_>>(), [26, 0b0010_1101]);
    client.close(LATER);
    assert!(first_flight(&mut client, LATER).iter().all(|datagram| datagram[0] == 21));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.6
//# Servers SHOULD NOT accept records from epoch 1 indefinitely once they are able to process records from epoch 3.
#[test]
fn early_data_is_over_when_other_data_comes_or_after_a_while() {
    for has_data in [true, false] {
        let (client, server) = configs();
        let session = sessions(&client, &server).remove(0);
        let mut pair = resuming(client, &server, session);
        let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
        pair.run(LATER + Duration::from_secs(1), |a, b| is_connected(a) && is_connected(b));
        assert!(pair.b.records.can_read(1));
        if has_data {
            pair.a.send(b"x").unwrap();
            settle(&mut pair);
        } else {
            pair.run(LATER + server.common.limits.old_epoch + Duration::from_secs(2), |_, _| false);
        }
        assert!(!pair.b.records.can_read(1));
    }
}

#[test]
fn early_data_that_overtakes_the_hello_is_kept_for_a_while() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let mut client = client_with(client, session, LATER);
    for number in 0..20 {
        client.send_early(&[number]).unwrap();
    }
    let mut flight = first_flight(&mut client, LATER);
    flight.rotate_left(1);
    let kept = u8::try_from(server.common.limits.held_records).unwrap();
    let expected: Vec<_> = (0..kept).map(|number| early(&[number])).collect();
    assert_eq!(replayed(&server, &flight, LATER), expected);
}

#[test]
fn the_loss_of_any_datagrams_costs_no_more_than_what_was_in_them() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    for first in 0..14 {
        for second in first..14 {
            // A register for each run: the hellos are the same, because their random bytes are.
            let strike_register = Some(Arc::new(LocalStrikeRegister::new(START)) as _);
            let server = ServerConfig { strike_register, ..server.clone() };
            let mut pair = resuming(client.clone(), &server, session.clone());
            pair.network.drop_exactly([first, second]);
            let (client, server) = outcome(&mut pair);
            assert_eq!(client, [ConnectionEvent::EarlyDataAccepted, ConnectionEvent::Connected]);
            let seen: Vec<_> = server.iter().filter(|event| matches!(event, ConnectionEvent::EarlyData(_))).collect();
            let expected: Vec<_> = [(1, early(b"one")), (2, early(b"two"))]
                .into_iter()
                .filter(|(number, _)| ![first, second].contains(number))
                .map(|(_, event)| event)
                .collect();
            assert_eq!(seen, expected.iter().collect::<Vec<_>>(), "lost {first} and {second}");
        }
    }
}

/// Does nothing on the spot.
struct Nobody;

impl Backend for Nobody {
    fn perform(&self, _: &Task) -> Option<Result<TaskOutput, TaskError>> {
        None
    }
}

#[test]
fn early_data_waits_for_tasks() {
    let (mut client, mut server) = configs();
    let session = sessions(&client, &server).remove(0);
    client.common.backend = Arc::new(Nobody);
    server.common.backend = Arc::new(Nobody);
    let mut pair = resuming(client, &server, session);
    assert_eq!(pair.a.max_early_send_size(), 1200 - 22, "before there are keys");
    let (a, b) = (NullBackend::new(5), NullBackend::new(6));
    let run = |connection: &mut Connection, backend: &NullBackend, now| {
        while let Some((id, task)) = connection.poll_task() {
            let result = Backend::perform(backend, &task).unwrap();
            connection.handle_task(id, result, now);
        }
    };
    for _ in 0..40 {
        let now = pair.now();
        run(&mut pair.a, &a, now);
        run(&mut pair.b, &b, now);
        pair.step(now + Duration::from_millis(5));
    }
    is_taken(&mut pair);
}

#[test]
fn the_secrets_of_early_data_are_told_to_who_asks() {
    let (client, server) = configs();
    let session = sessions(&client, &server).remove(0);
    let trace = MemoryTrace::with_secrets();
    let offer = ClientOffer {
        server_name: Some("example.org".to_owned()),
        session: Some(session),
        early_data: true,
        trace: Some(Box::new(trace.clone())),
    };
    let a = Connection::connect(Arc::new(client), offer, LATER).unwrap();
    let mut pair = Pair::new(a, server_at(&server, LATER), network(), LATER);
    outcome(&mut pair);
    let told = trace.lines().join("\n");
    for name in ["CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET", "security:early_data"] {
        assert!(told.contains(name), "{name}");
    }
}
