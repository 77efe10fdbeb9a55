//! Rules of RFC 9147 that only a connection as a whole keeps, each with its sentence.
//!
//! The peer is an honest connection; what it would never send is sealed with its keys.

use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::error::PeerMisbehaved;
use crate::flight::ReceivedMessage;
use crate::handshake::Established;
use crate::handshake::connected::MAX_EPOCH;
use crate::wire::ack::Ack;
use crate::wire::alert::Alert as AlertMessage;
use crate::wire::client_hello::ClientHello;
use crate::wire::fragment::FragmentHeader;
use crate::wire::post_handshake::KeyUpdate;
use crate::wire::registry::{AlertDescription, ContentType, HandshakeType};
use crate::wire::server_hello::ServerHello;

fn ready() -> Pair<Connection, Connection> {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    settle(&mut pair);
    pair
}

/// A record of `from`, sealed in its highest epoch.
fn record(from: &mut Connection, content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let epoch = from.records.write_epoch();
    let mut datagram = Vec::new();
    from.records.seal(epoch, content_type, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
    datagram
}

/// A whole message as one fragment.
fn whole(msg_type: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = FragmentHeader { msg_type, length, message_seq, fragment_offset: 0, fragment_length: length };
    [header.encoded(), body.to_vec()].concat()
}

fn key_update(request: KeyUpdateRequest, message_seq: u16) -> Vec<u8> {
    whole(HandshakeType::KEY_UPDATE, message_seq, &KeyUpdate { request }.encoded())
}

fn ack(records: &[(u64, u64)]) -> Vec<u8> {
    let number = |&(epoch, sequence_number): &(u64, u64)| RecordNumber { epoch, sequence_number };
    Ack { record_numbers: records.iter().map(number).collect() }.encoded()
}

/// All that `connection` has to send now.
fn sent(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    while connection.poll_transmit(&mut datagram, now) {
        datagrams.push(datagram.clone());
    }
    datagrams
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.10
//# Any data received with an epoch/sequence number pair after that of a valid received closure alert MUST be ignored.
#[test]
fn what_comes_after_close_notify_is_ignored_and_what_was_overtaken_is_not() {
    let mut pair = ready();
    let now = pair.now();
    let before = record(&mut pair.b, ContentType::APPLICATION_DATA, b"before");
    let closure =
        record(&mut pair.b, ContentType::ALERT, &AlertMessage::warning(AlertDescription::CLOSE_NOTIFY).encoded());
    let after = record(&mut pair.b, ContentType::APPLICATION_DATA, b"after");
    pair.a.handle_datagram(&mut [closure, after].concat(), now);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::PeerClosed]);
    assert_eq!(pair.a.stats().records_discarded, 1);
    pair.a.handle_datagram(&mut before.clone(), now);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Datagram(b"before".to_vec())]);
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
//# Until that point, ACK records received in epoch 0 MUST be ignored.
#[test]
fn a_forged_ack_does_not_keep_a_first_hello_from_being_sent_again() {
    let mut client = Connection::client(Arc::new(client_config()), None, START).unwrap();
    let hello = sent(&mut client, START);
    assert_eq!(hello.len(), 2, "a post-quantum key share needs two datagrams");
    let mut forger = RecordLayer::new();
    let mut forged = Vec::new();
    let content = ack(&[(0, 0), (0, 1)]);
    forger.seal(0, ContentType::ACK, &mut forged, |out| out.extend_from_slice(&content)).unwrap();
    client.handle_datagram(&mut forged, START);
    assert_eq!((client.stats().acks_received, client.stats().records_discarded), (0, 1));
    assert!(sent(&mut client, START).is_empty());
    let due = client.poll_timeout().unwrap();
    client.handle_timeout(due);
    assert_eq!(sent(&mut client, due).len(), hello.len());
}

/// A client whose HelloRetryRequest came and whose second hello is on its way; `pair.b` has not heard it.
fn retried() -> Pair<Connection, Connection> {
    let mut server = server_config();
    server.common.groups = vec![NamedGroup::SECP256R1];
    let mut pair = pair(client_config(), server);
    pair.flush();
    // Two datagrams of the first hello, and the answer.
    for _ in 0..3 {
        pair.step(START + Duration::from_secs(1));
    }
    pair
}

fn plaintext(sequence_number: u64, content: &[u8]) -> Vec<u8> {
    let mut records = RecordLayer::new();
    records.skip_plaintext(sequence_number);
    let mut datagram = Vec::new();
    records.seal(0, ContentType::HANDSHAKE, &mut datagram, |out| out.extend_from_slice(content)).unwrap();
    datagram
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7
//# As an example, implementations MUST NOT send ACKs for handshake messages which they discard because they are not the
//# next expected message.
#[test]
fn a_plaintext_record_of_which_a_part_is_discarded_is_not_acknowledged() {
    let part = |message_seq| {
        let header = FragmentHeader {
            msg_type: HandshakeType::SERVER_HELLO,
            length: 100,
            message_seq,
            fragment_offset: 0,
            fragment_length: 10,
        };
        [header.encoded(), vec![3; 10]].concat()
    };
    let mut pair = retried();
    let now = pair.now();
    pair.a.handle_datagram(&mut plaintext(50, &part(1)), now);
    assert_eq!(pair.a.to_acknowledge.latest(9, |_| true), [RecordNumber { epoch: 0, sequence_number: 50 }]);

    let mut pair = retried();
    let now = pair.now();
    pair.a.handle_datagram(&mut plaintext(50, &[part(1), part(2)].concat()), now);
    assert!(pair.a.to_acknowledge.is_empty());
    assert!(pair.a.incoming.has_partial());
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7
//# Implementations MUST NOT acknowledge records containing handshake messages or fragments which have not been processed
//# or buffered.
#[test]
fn a_message_for_which_there_is_no_room_is_not_acknowledged() {
    let mut pair = ready();
    let now = pair.now();
    let next = pair.a.incoming.next_message_seq();
    let ahead = client_config().common.limits.messages_ahead;
    for (message_seq, acks) in [(next + ahead, 1), (next + ahead + 1, 0)] {
        let before = pair.a.stats().acks_sent;
        let message = key_update(KeyUpdateRequest::NotRequested, message_seq);
        pair.a.handle_datagram(&mut record(&mut pair.b, ContentType::HANDSHAKE, &message), now);
        sent(&mut pair.a, now);
        assert_eq!(pair.a.stats().acks_sent - before, acks, "{message_seq}");
    }
    assert_eq!((pair.a.stats().records_discarded, pair.a.error()), (1, None));
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7
//# DTLS 1.3 endpoints MUST NOT send ACK records until the sender knows that the peer is negotiating DTLS 1.3.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7.1
//# Empty ACKs MUST NOT be sent before DTLS 1.3 has been selected.
#[test]
fn nothing_is_acknowledged_before_the_version_is_known() {
    let mut pair = pair(client_config(), server_config());
    // The ServerHello is lost; the rest of the flight arrives.
    pair.network.drop_exactly([2]);
    pair.flush();
    let deadline = START + Duration::from_millis(900);
    pair.run(deadline, |_, _| false);
    assert!(pair.a.held.iter().any(|record| !record.is_empty()), "what cannot be read yet is held");
    assert_eq!((pair.a.stats().acks_sent, pair.a.stats().records_received), (0, 0));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.1
//# In addition, for at least twice the default MSL defined for [RFC0793], when in the FINISHED state, the server MUST
//# respond to retransmission of the client's final flight with a retransmit of its ACK.
#[test]
fn a_last_flight_that_comes_again_is_acknowledged_again_for_four_minutes() {
    let acknowledged_by = ready().network.stats().sent - 1;
    let mut pair = pair(client_config(), server_config());
    // From the ACK on nothing gets through, for a good part of 240 seconds.
    pair.network.drop_exactly(acknowledged_by..acknowledged_by + 1000);
    pair.run(START + Duration::from_secs(180), |_, _| false);
    assert!(!pair.a.outgoing.is_empty(), "the ACK was lost");
    pair.network.drop_no_more();
    let outcome = pair.run(START + Duration::from_secs(239), |a, _| a.outgoing.is_empty());
    assert_eq!(outcome, Outcome::Done);
    assert!(pair.now() - START > Duration::from_secs(180));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.1
//# Implementations MUST either discard or buffer all application data records for epoch 3 and above until they have
//# received the Finished message from the peer.
#[test]
fn application_data_that_overtakes_the_clients_finished_waits_for_it() {
    let mut pair = pair(client_config(), server_config());
    let is_connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
    pair.run(START + Duration::from_secs(1), |a, _| is_connected(a));
    let now = pair.now();
    // The Finished is on the network; the data arrives first.
    let mut data = record(&mut pair.a, ContentType::APPLICATION_DATA, b"hasty");
    pair.b.handle_datagram(&mut data, now);
    assert_eq!(events(&mut pair.b), []);
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Connected, ConnectionEvent::Datagram(b"hasty".to_vec())]);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
//# Once all the messages in a flight have been acknowledged, the implementation MUST cancel all retransmissions of that
//# flight.
//= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
//# In general, flights MUST be ACKed unless they are implicitly acknowledged.
//= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
//# All other flights MUST be ACKed.
#[test]
fn the_last_flight_is_acknowledged_and_then_not_sent_again() {
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    assert_eq!(pair.b.stats().acks_sent, 1);
    assert_eq!(pair.a.timers.retransmission.deadline(), None);
    let count = pair.network.stats().sent;
    pair.run(START + Duration::from_secs(1000), |_, _| false);
    assert_eq!((pair.network.stats().sent, pair.a.stats().flights_retransmitted), (count, 0));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
//# ACKs MUST NOT be sent for records of any content type other than handshake or for records which cannot be deprotected.
#[test]
fn neither_data_nor_what_cannot_be_read_is_acknowledged() {
    let mut pair = ready();
    let acks = pair.b.stats().acks_sent;
    let now = pair.now();
    let mut message = record(&mut pair.a, ContentType::HANDSHAKE, &key_update(KeyUpdateRequest::NotRequested, 4));
    *message.last_mut().unwrap() ^= 1;
    pair.b.handle_datagram(&mut message, now);
    pair.b.handle_datagram(&mut record(&mut pair.a, ContentType::APPLICATION_DATA, b"data"), now);
    pair.b.handle_datagram(&mut record(&mut pair.a, ContentType::ACK, &ack(&[(2, 0)])), now);
    settle(&mut pair);
    assert_eq!((pair.b.stats().acks_sent, pair.b.stats().records_forged), (acks, 1));
    assert_eq!(pair.b.stats().acks_received, 1);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# As with other handshake messages with no built-in response, KeyUpdates MUST be acknowledged.
//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# In order to facilitate epoch reconstruction (Section 4.2.2), implementations MUST NOT send records with the new keys
//# or send a new KeyUpdate until the previous KeyUpdate has been acknowledged (this avoids having too many epochs in
//# active use).
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
//# Implementations MUST NOT send records with the new keys until the KeyUpdate and all preceding messages have been
//# acknowledged.
//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# Due to the possibility of an ACK message for a KeyUpdate being lost and thereby preventing the sender of the KeyUpdate
//# from updating its keying material, receivers MUST retain the pre-update keying material until receipt and successful
//# decryption of a message using the new keys.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.4
//# In contrast, implementations MUST NOT send KeyUpdate, NewConnectionId, or RequestConnectionId messages if an earlier
//# message of the same type has not yet been acknowledged.
#[test]
fn new_keys_wait_for_the_ack_and_old_ones_are_kept_until_new_ones_are_seen() {
    let mut pair = ready();
    let now = pair.now();
    let acks = pair.b.stats().acks_sent;
    pair.a.update_keys(false, now).unwrap();
    // The KeyUpdate arrives, and its ACK is lost.
    let count = pair.network.stats().sent;
    pair.network.drop_exactly([count + 1]);
    pair.run(now + Duration::from_millis(500), |_, _| false);
    assert_eq!((pair.b.stats().acks_sent, pair.b.epochs().0, pair.a.epochs().1), (acks + 1, 4, 3));
    assert_eq!(pair.a.update_keys(false, now), Err(UpdateKeysError::InProgress));
    events(&mut pair.b);
    // So the client goes on under the old keys, and is understood.
    pair.a.send(b"old keys").unwrap();
    pair.run(now + Duration::from_millis(800), |_, _| false);
    assert_eq!(pair.a.epochs().1, 3);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"old keys".to_vec())]);
    // The retransmission is acknowledged as well.
    settle(&mut pair);
    assert_eq!((pair.a.epochs().1, pair.b.stats().acks_sent), (4, acks + 2));
    pair.a.update_keys(false, now).unwrap();
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
//# If a peer violates this rule, the receiving peer MUST treat it as a protocol violation, send an "unexpected_message"
//# alert, and terminate the connection.
#[test]
fn a_message_behind_the_key_update_of_its_epoch_is_a_violation() {
    for in_one_record in [true, false] {
        let mut pair = ready();
        let now = pair.now();
        let next = pair.a.incoming.next_message_seq();
        let first = key_update(KeyUpdateRequest::NotRequested, next);
        let second = key_update(KeyUpdateRequest::NotRequested, next + 1);
        let mut datagram = if in_one_record {
            record(&mut pair.b, ContentType::HANDSHAKE, &[first, second].concat())
        } else {
            let first = record(&mut pair.b, ContentType::HANDSHAKE, &first);
            [first, record(&mut pair.b, ContentType::HANDSHAKE, &second)].concat()
        };
        pair.a.handle_datagram(&mut datagram, now);
        assert_eq!(pair.a.error(), Some(&PeerMisbehaved::MessageInWrongEpoch(HandshakeType::KEY_UPDATE).into()));
        settle(&mut pair);
        assert_eq!(pair.b.error(), Some(&Error::AlertReceived(AlertDescription::UNEXPECTED_MESSAGE)));
    }
}

/// Lets `change` loose on the steady state of `connection`.
fn established<T>(
    connection: &mut Connection,
    now: Instant,
    change: impl FnOnce(&mut Established, &mut Context<'_>) -> T,
) -> T {
    let mut established = connection.established.take().unwrap();
    let mut sent = false;
    let result = change(&mut established, &mut connection.context(now, &mut sent));
    connection.established = Some(established);
    result
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.2.1
//# Implementations MUST NOT allow the epoch to wrap, but instead MUST establish a new association, terminating the old
//# association.
//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# In order to provide an extra margin of security, sending implementations MUST NOT allow the epoch to exceed 2^48-1.
//= https://www.rfc-editor.org/rfc/rfc9147#section-8
//# If a sending implementation receives a KeyUpdate with request_update set to "update_requested", it MUST NOT send its
//# own KeyUpdate if that would cause it to exceed these limits and SHOULD instead ignore the "update_requested" flag.
#[test]
fn in_the_last_epoch_keys_are_not_updated_and_requests_are_ignored() {
    let mut pair = ready();
    let now = pair.now();
    pair.a.established.as_mut().unwrap().write_epoch = MAX_EPOCH;
    assert_eq!(pair.a.update_keys(false, now), Err(UpdateKeysError::Exhausted));
    pair.b.update_keys(true, now).unwrap();
    settle(&mut pair);
    assert_eq!((pair.a.epochs().0, pair.b.epochs().1), (4, 4), "the peer's update itself is followed");
    assert_eq!((pair.b.epochs().0, pair.a.error(), pair.b.error()), (3, None, None));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-6.1
//# If a DTLS implementation would need to wrap the epoch value, it MUST terminate the connection.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
//# In this case, the implementation MUST check for this limit, if reached, terminate the association.
#[test]
fn an_update_past_the_last_epoch_ends_the_connection() {
    let mut pair = ready();
    let now = pair.now();
    let update = |epoch| ReceivedMessage {
        msg_type: HandshakeType::KEY_UPDATE,
        message_seq: 9,
        epoch,
        body: KeyUpdate { request: KeyUpdateRequest::NotRequested }.encoded(),
    };
    let result = established(&mut pair.a, now, |established, cx| {
        established.read_epoch = MAX_EPOCH - 1;
        established.handle(&update(MAX_EPOCH - 1), cx).unwrap();
        assert_eq!(established.read_epoch, MAX_EPOCH);
        established.handle(&update(MAX_EPOCH), cx)
    });
    assert_eq!(result, Err(PeerMisbehaved::TooManyKeyUpdates.into()));
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-7.2
//# If any element of record_numbers in the ACK references an epoch that is higher than the epoch in which the ACK was
//# received, the implementation MUST terminate the connection with an "illegal_parameter" alert.
#[test]
fn an_ack_of_an_epoch_that_was_never_sent_in_is_illegal() {
    for higher in [4, 1 << 32, u64::MAX] {
        let mut pair = ready();
        let now = pair.now();
        let mut lie = record(&mut pair.b, ContentType::ACK, &ack(&[(2, 0), (higher, 0)]));
        pair.a.handle_datagram(&mut lie, now);
        assert_eq!(pair.a.error(), Some(&PeerMisbehaved::AckOfUnsentRecord.into()));
        settle(&mut pair);
        assert_eq!(pair.b.error(), Some(&Error::AlertReceived(AlertDescription::ILLEGAL_PARAMETER)));
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4
//# It MUST be ignored for all purposes.
#[test]
fn any_legacy_record_version_will_do() {
    let mut pair = pair(client_config(), server_config());
    let mut plaintext_records = 0;
    for version in [[0xfe, 0xff], [0, 0], [0xfe, 0xfc], [0xff, 0xff]].iter().cycle().take(8) {
        let now = pair.now();
        for to_server in [true, false] {
            let (from, to) = if to_server { (&mut pair.a, &mut pair.b) } else { (&mut pair.b, &mut pair.a) };
            for mut datagram in sent(from, now) {
                // At most the first record of each datagram is a plaintext one.
                if datagram[0] == ContentType::HANDSHAKE.0 {
                    datagram[1..3].copy_from_slice(version);
                    plaintext_records += 1;
                }
                to.handle_datagram(&mut datagram, now);
            }
        }
    }
    assert_eq!(plaintext_records, 3, "two for the ClientHello, one for the ServerHello");
    assert_eq!((pair.a.state(), pair.b.state()), (ConnectionState::Connected, ConnectionState::Connected));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5
//# DTLS servers MUST NOT echo the "legacy_session_id" value from the client and endpoints MUST NOT send ChangeCipherSpec
//# messages.
//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
//# DTLS 1.3 servers MUST NOT echo the "legacy_session_id" value from the ClientHello.
#[test]
fn the_session_id_of_an_older_version_is_not_echoed() {
    let mut config = client_config();
    config.key_shares = vec![NamedGroup::X25519];
    for groups in [vec![NamedGroup::X25519], vec![NamedGroup::SECP256R1]] {
        let is_retried = groups == [NamedGroup::SECP256R1];
        let mut client = Connection::client(Arc::new(config.clone()), None, START).unwrap();
        let datagram = sent(&mut client, START).remove(0);
        let mut hello = ClientHello::decode_all(&datagram[13 + 12..]).unwrap();
        hello.legacy_session_id = vec![7; 32];
        let mut server = server_config();
        server.common.groups = groups;
        let mut server = Connection::server(Arc::new(server), START).unwrap();
        let message = whole(HandshakeType::CLIENT_HELLO, 0, &hello.encoded());
        server.handle_datagram(&mut plaintext(0, &message), START);
        let answer = sent(&mut server, START).remove(0);
        let length = usize::from(u16::from_be_bytes([answer[11], answer[12]]));
        let answer = ServerHello::decode_all(&answer[13 + 12..13 + length]).unwrap();
        assert_eq!((answer.is_hello_retry_request(), answer.legacy_session_id_echo), (is_retried, Vec::new()));
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-7.2
//# As noted above, the receipt of any record responding to a given flight MUST be taken as an implicit acknowledgement for
//# the entire flight to which it is responding.
#[test]
fn the_first_part_of_an_answer_acknowledges_the_whole_question() {
    let mut pair = pair(client_config(), server_config());
    // Of the server's flight only the ServerHello arrives.
    pair.network.drop_exactly(3..30);
    pair.run(START + Duration::from_millis(900), |_, _| false);
    assert!(pair.a.outgoing.is_empty());
    pair.run(START + Duration::from_secs(20), |_, _| false);
    assert_eq!((pair.a.stats().flights_retransmitted, pair.a.timers.retransmission.deadline()), (0, None));
    assert_eq!(pair.a.state(), ConnectionState::Connecting);
}
