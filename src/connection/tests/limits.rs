//! Every bound of `Limits` that a connection keeps by itself, at the bound and past it. Those of reassembly, ACKs and
//! retransmission are shown in `flight`, those of floods in `tests/adversary_floods.rs`.

use super::misbehaviour::{Case, changing};
use super::*;
use crate::config::{ConfigError, Limits};
use crate::error::{CertificateError, Exhausted, PeerMisbehaved};
use crate::handshake::context::tampering;
use crate::wire::certificate::Certificate;
use crate::wire::registry::{AlertDescription as Alert, HandshakeType};

#[test]
fn a_message_may_be_as_long_as_allowed() {
    // One certificate of 4,000 bytes, its length and that of its extensions, and the length and context of the list.
    const LEN: usize = 4000 + 3 + 2 + 3 + 1;
    let long = |m: &mut Certificate| m.entries[0].der = vec![7; 4000];
    let with = |limit| Case::new().with(|case| case.client.common.limits.handshake_message = limit);
    let too_long = PeerMisbehaved::MessageTooLong;
    with(LEN - 1).client_finds(HandshakeType::CERTIFICATE, long, too_long, Alert::ILLEGAL_PARAMETER);
    let (client, _) = with(LEN).run(changing(HandshakeType::CERTIFICATE, long));
    assert_ne!(client, Some(too_long.into()), "the changed message fails later, by its signature");
}

#[test]
fn a_chain_may_be_as_long_as_allowed() {
    let long = |m: &mut Certificate| m.entries = vec![m.entries[0].clone(); 4];
    let with = |limit| Case::new().with(|case| case.client.common.limits.certificate_chain = limit);
    let too_long = || CertificateError::ChainTooLong;
    with(3).client_finds(HandshakeType::CERTIFICATE, long, too_long(), Alert::BAD_CERTIFICATE);
    let (client, _) = with(4).run(changing(HandshakeType::CERTIFICATE, long));
    assert_ne!(client, Some(too_long().into()), "the changed message fails later, by its signature");
}

#[test]
fn a_handshake_has_a_deadline() {
    for client_waits in [true, false] {
        let (mut client, mut server) = (client_config(), server_config());
        for common in [&mut client.common, &mut server.common] {
            common.transport.handshake_timeout = Duration::from_secs(7);
        }
        // Nothing but the first flight of the one is heard by the other.
        let silent = HandshakeType::SERVER_HELLO;
        tampering::set(move |msg_type, body| (client_waits || msg_type != silent).then_some((msg_type, body)));
        let mut client = Connection::client(Arc::new(client), None, START).unwrap();
        let mut server = Connection::server(Arc::new(server), START).unwrap();
        if !client_waits {
            let mut datagram = Vec::new();
            while client.poll_transmit(&mut datagram, START) {
                server.handle_datagram(&mut datagram, START);
            }
        }
        tampering::clear();
        let waiting = if client_waits { &mut client } else { &mut server };
        let mut datagram = Vec::new();
        let last = START + Duration::from_micros(6_999_999);
        while let Some(at) = waiting.poll_timeout().filter(|at| *at <= last) {
            waiting.handle_timeout(at);
            while waiting.poll_transmit(&mut datagram, at) {}
        }
        assert_eq!((waiting.error(), waiting.state()), (None, ConnectionState::Connecting));
        let deadline = START + Duration::from_secs(7);
        assert_eq!(waiting.poll_timeout(), Some(deadline));
        waiting.handle_timeout(deadline);
        assert_eq!(waiting.error(), Some(&Error::HandshakeTimedOut));
    }
}

#[test]
fn a_client_takes_as_many_tickets_as_allowed() {
    for (limit, taken) in [(0, 0), (2, 2), (9, 5)] {
        let (mut client, mut server) = tickets::with_tickets();
        server.ticket_count = 5;
        client.common.limits.tickets = limit;
        let mut pair = pair(client, server);
        connected(&mut pair);
        settle(&mut pair);
        let received = events(&mut pair.a);
        let sessions = received.iter().filter(|event| matches!(event, ConnectionEvent::SessionReceived(_))).count();
        assert_eq!((sessions, pair.a.error()), (taken, None));
        assert!(pair.b.outgoing.is_empty(), "what is not taken is acknowledged all the same");
    }
}

#[test]
fn what_is_not_taken_is_dropped_at_the_bound_and_counted() {
    let (client, mut server) = (client_config(), server_config());
    server.common.limits.receive_queue = 4000;
    let mut pair = pair(client, server);
    connected(&mut pair);
    for _ in 0..10 {
        pair.a.send(&[7; 1000]).unwrap();
    }
    settle(&mut pair);
    let received = events(&mut pair.b).len();
    assert!((1..=4).contains(&received), "{received}");
    assert_eq!(pair.b.stats().records_discarded, 10 - received as u64);
    pair.a.send(b"after").unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"after".to_vec())]);
}

#[test]
fn limits_that_leave_no_room_are_refused() {
    type Change = fn(&mut Limits);
    let cases: [(&str, Change); 7] = [
        ("handshake_message", |limits| limits.handshake_message = 0),
        ("handshake_message", |limits| limits.handshake_message = 1 << 24),
        ("reassembly", |limits| limits.reassembly = limits.handshake_message - 1),
        ("fragments", |limits| limits.fragments = 0),
        ("certificate_chain", |limits| limits.certificate_chain = 0),
        ("ack_records", |limits| limits.ack_records = 0),
        ("sent_records", |limits| limits.sent_records = 0),
    ];
    for (expected, change) in cases {
        let mut client = client_config();
        change(&mut client.common.limits);
        let error = Connection::client(Arc::new(client), None, START).err();
        assert!(matches!(error, Some(ConfigError::InvalidLimit { name, .. }) if name == expected), "{error:?}");
    }
}

/// What `connection` has to send next.
fn datagram_of(connection: &mut Connection, now: Instant) -> Vec<u8> {
    let mut datagram = Vec::new();
    assert!(connection.poll_transmit(&mut datagram, now));
    datagram
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# If the number of packets that fail authentication exceeds a limit that is specific to the AEAD in use, an implementation
//# SHOULD immediately close the connection.
#[test]
fn more_forged_records_than_a_key_bears_end_the_connection_and_the_peer_is_told() {
    let (client, server) = feeble();
    let mut pair = pair(client, server);
    connected(&mut pair);
    settle(&mut pair);
    let forge = |pair: &mut Pair<Connection, Connection>| {
        let now = pair.now();
        pair.b.send(b"data").unwrap();
        let mut datagram = datagram_of(&mut pair.b, now);
        *datagram.last_mut().unwrap() ^= 1;
        pair.a.handle_datagram(&mut datagram, now);
    };
    for _ in 0..5 {
        forge(&mut pair);
    }
    assert_eq!((pair.a.error(), pair.a.stats().records_forged), (None, 5), "as many as there may be");
    // Each key has a count of its own.
    pair.b.update_keys(false, pair.now()).unwrap();
    settle(&mut pair);
    assert_eq!(pair.a.epochs().0, 4);
    for _ in 0..5 {
        forge(&mut pair);
    }
    assert_eq!((pair.a.error(), pair.a.state()), (None, ConnectionState::Connected));
    pair.b.send(b"still there").unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.a).last(), Some(&ConnectionEvent::Datagram(b"still there".to_vec())));
    forge(&mut pair);
    let error = Error::from(PeerMisbehaved::TooManyForgedRecords);
    assert_eq!((pair.a.error(), pair.a.state()), (Some(&error), ConnectionState::Failed));
    settle(&mut pair);
    assert_eq!(pair.b.error(), Some(&Error::AlertReceived(Alert::BAD_RECORD_MAC)));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Implementations SHOULD NOT protect more records than allowed by the limit specified for the negotiated AEAD.
#[test]
fn a_key_that_cannot_be_renewed_protects_no_more_records_than_it_may() {
    let (client, server) = feeble();
    let mut pair = pair(client, server);
    connected(&mut pair);
    settle(&mut pair);
    let now = pair.now();
    // The peer hears nothing any more, so that no KeyUpdate is acknowledged.
    let mut sent = 0;
    for _ in 0..100 {
        let _ = pair.a.send(b"data");
        let mut datagram = Vec::new();
        while pair.a.poll_transmit(&mut datagram, now) {
            sent += 1;
        }
    }
    assert!((30..=40).contains(&sent), "{sent} datagrams");
    assert_eq!((pair.a.error(), pair.a.epochs().1), (Some(&Exhausted::SequenceNumber.into()), 3));
}
