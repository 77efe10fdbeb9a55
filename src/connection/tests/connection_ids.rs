//! Connection IDs: negotiated, demanded, renewed.

use super::misbehaviour::Case;
use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConnectionIdGenerator, PathCheck};
use crate::error::PeerMisbehaved;
use crate::handshake::ConnectionIdSelection;
use crate::wire::client_hello::ClientHello;
use crate::wire::connection_id::ConnectionIdUsage;
use crate::wire::record::UnifiedHeader;
use crate::wire::registry::{AlertDescription as Alert, ExtensionType, HandshakeType};
use crate::wire::server_hello::ServerHello;

/// A pair whose connection IDs have these lengths; `None`: not negotiated.
pub(super) fn pair_with(client_len: Option<u8>, server_len: Option<u8>) -> Pair<Connection, Connection> {
    let (mut client, mut server) = (client_config(), server_config());
    for (common, len) in [(&mut client.common, client_len), (&mut server.common, server_len)] {
        common.connection_ids.enabled = len.is_some();
        common.connection_ids.length = len.unwrap_or(0);
    }
    pair(client, server)
}

fn exchange(pair: &mut Pair<Connection, Connection>) {
    for (data, back) in [(&b"ping"[..], &b"pong"[..]), (b"", b"x")] {
        pair.a.send(data).unwrap();
        pair.b.send(back).unwrap();
        settle(pair);
        assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(data.to_vec())]);
        assert_eq!(events(&mut pair.a), [ConnectionEvent::Datagram(back.to_vec())]);
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9.1
//# If no CID is negotiated, then the receiver MUST reject any records it receives that contain a CID.
#[test]
fn every_combination_of_lengths_is_negotiated() {
    let lengths = [None, Some(0), Some(1), Some(8), Some(20), Some(255)];
    for client_len in lengths {
        for server_len in lengths {
            let mut pair = pair_with(client_len, server_len);
            connected(&mut pair);
            let own = |connection: &Connection| connection.negotiated().unwrap().connection_ids;
            let agreed = match (client_len, server_len) {
                (None, _) | (_, None) | (Some(0), Some(0)) => None,
                (Some(client), Some(server)) => Some((usize::from(client), usize::from(server))),
            };
            let selection = |own_len, peer_len| ConnectionIdSelection { own_len, peer_len, return_routability: true };
            assert_eq!(own(&pair.a), agreed.map(|(client, server)| selection(client, server)));
            assert_eq!(own(&pair.b), agreed.map(|(client, server)| selection(server, client)));
            let (client, server) = agreed.unwrap_or_default();
            assert_eq!(pair.a.max_send_size(), 1200 - 22 - server);
            assert_eq!(pair.b.max_send_size(), 1200 - 22 - client);
            exchange(&mut pair);
            let data = vec![1; pair.a.max_send_size()];
            pair.a.send(&data).unwrap();
            let mut datagram = Vec::new();
            assert!(pair.a.poll_transmit(&mut datagram, pair.now()));
            assert_eq!(datagram.len(), 1200);
            assert_eq!(datagram[0] & UnifiedHeader::CONNECTION_ID_BIT != 0, server > 0);
        }
    }
}

#[test]
fn no_datagram_is_longer_than_allowed_though_connection_ids_are() {
    for max_datagram_size in [256, 300, 400, 576] {
        let (mut client, mut server) = (client_config(), server_config());
        for common in [&mut client.common, &mut server.common] {
            common.transport.max_datagram_size = max_datagram_size;
            common.connection_ids.length = 255;
        }
        let mut pair = pair(client, server);
        let deadline = pair.now() + Duration::from_secs(20);
        pair.network.set_conditions(Conditions { mtu: max_datagram_size, ..Conditions::default() });
        pair.run(deadline, |a, b| a.established.is_some() && b.established.is_some());
        assert_eq!((pair.a.state(), pair.b.state()), (ConnectionState::Connected, ConnectionState::Connected));
        assert_eq!(pair.network.stats().too_long, 0);
        // Where 255 bytes would leave no room, a server does without.
        assert_eq!(pair.a.negotiated().unwrap().connection_ids.is_some(), max_datagram_size >= 383);
    }
}

#[test]
fn flights_that_shrink_leave_room_beside_a_long_connection_id() {
    let mut pair = pair_with(Some(255), Some(255));
    connected(&mut pair);
    assert_eq!(pair.a.max_datagram_size(), (1200, 1200));
    pair.network.set_conditions(Conditions { loss: 1.0, ..Conditions::default() });
    pair.a.provide_connection_ids(7, ConnectionIdUsage::Spare, pair.now()).unwrap();
    pair.run(pair.now() + Duration::from_secs(200), |a, _| a.stats().flights_retransmitted >= 7);
    assert_eq!(pair.a.max_datagram_size(), (1200, 255 + 128));
    pair.network.set_conditions(Conditions { mtu: 383, ..Conditions::default() });
    pair.run(pair.now() + Duration::from_secs(200), |a, _| a.outgoing.is_empty());
    assert_eq!((pair.b.spare_connection_ids(), pair.a.outgoing.is_empty()), (7, true));
}

#[test]
fn a_generator_makes_what_a_load_balancer_looks_for() {
    #[derive(Debug)]
    struct Tagged;
    impl ConnectionIdGenerator for Tagged {
        fn generate(&self, connection_id: &mut [u8]) {
            connection_id[0] = 0x7e;
        }
    }
    let mut server = server_config();
    server.common.connection_ids.length = 9;
    server.common.connection_ids.generator = Some(Arc::new(Tagged));
    let mut pair = pair(client_config(), server);
    connected(&mut pair);
    pair.a.send(b"x").unwrap();
    let mut datagram = Vec::new();
    assert!(pair.a.poll_transmit(&mut datagram, pair.now()));
    assert_eq!(datagram[1], 0x7e);
}

#[test]
fn the_same_connection_id_is_offered_again_after_a_retry() {
    let (mut client, mut server) = (client_config(), server_config());
    client.common.connection_ids.length = 8;
    client.key_shares.clear();
    server.common.connection_ids.length = 4;
    let mut pair = pair(client, server);
    connected(&mut pair);
    exchange(&mut pair);
}

#[test]
fn records_that_overtake_the_server_hello_are_held_in_either_form() {
    for len in [0, 8] {
        let mut pair = pair_with(Some(8), Some(len));
        pair.network.set_conditions(Conditions {
            reorder: 0.5,
            delay: Duration::from_millis(10),
            ..Conditions::default()
        });
        connected(&mut pair);
        assert!(pair.a.stats().flights_retransmitted <= 1);
    }
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-3
//# If the client includes the "rrc" extension in its ClientHello but omits the "connection_id" extension, the server
//# MUST NOT include the "rrc" extension in its ServerHello.
#[test]
fn checks_are_not_negotiated_unless_both_sides_want_them() {
    for (client_checks, server_checks) in [
        (PathCheck::None, PathCheck::Basic),
        (PathCheck::Enhanced, PathCheck::None),
        (PathCheck::Basic, PathCheck::Basic),
    ] {
        let (mut client, mut server) = (client_config(), server_config());
        client.common.connection_ids.path_check = client_checks;
        server.common.connection_ids.path_check = server_checks;
        server.common.connection_ids.length = 8;
        let mut pair = pair(client, server);
        connected(&mut pair);
        let agreed = pair.a.negotiated().unwrap().connection_ids.unwrap().return_routability;
        assert_eq!(agreed, client_checks == server_checks);
    }
    let case = Case::new().with(|case| case.server.common.connection_ids.length = 8);
    let mut answered = None;
    crate::handshake::context::tampering::set(|msg_type, body| {
        let mut body = body;
        if msg_type == HandshakeType::CLIENT_HELLO {
            let mut hello = ClientHello::decode_all(&body).unwrap();
            assert!(hello.extensions.return_routability);
            hello.extensions.connection_id = None;
            body = hello.encoded();
        }
        Some((msg_type, body))
    });
    let mut pair = pair(case.client, case.server);
    pair.run(START + Duration::from_secs(5), |_, b| {
        answered = b.records.write_connection_id().first().copied();
        b.records.can_write(2)
    });
    crate::handshake::context::tampering::clear();
    assert_eq!((answered, pair.b.records.read_connection_ids().len()), (None, 0));
}

#[test]
fn a_server_answers_only_what_was_offered() {
    let sh = HandshakeType::SERVER_HELLO;
    let unasked = |extension| PeerMisbehaved::UnsolicitedExtension(extension);
    let without = || Case::new().with(|case| case.client.common.connection_ids.enabled = false);
    let change = |hello: &mut ServerHello| hello.extensions.connection_id = Some(vec![1]);
    without().client_finds(sh, change, unasked(ExtensionType::CONNECTION_ID), Alert::UNSUPPORTED_EXTENSION);
    let change = |hello: &mut ServerHello| hello.extensions.return_routability = true;
    without().client_finds(sh, change, unasked(ExtensionType::RRC), Alert::UNSUPPORTED_EXTENSION);
    // A check without connection IDs would have nothing to go by.
    let error = PeerMisbehaved::MissingExtension(ExtensionType::CONNECTION_ID);
    Case::new().client_finds(sh, change, error, Alert::MISSING_EXTENSION);
}

#[test]
fn connection_ids_have_no_place_in_a_retry_or_in_encrypted_extensions() {
    use crate::wire::encrypted_extensions::EncryptedExtensions;
    use crate::wire::extension::OtherExtension;
    for (extension_type, data) in [(ExtensionType::CONNECTION_ID, vec![0]), (ExtensionType::RRC, Vec::new())] {
        let misplaced = PeerMisbehaved::MisplacedExtension(extension_type);
        let retried = Case::new().with(|case| case.server.common.groups = vec![NamedGroup::SECP256R1]);
        let is_id = extension_type == ExtensionType::CONNECTION_ID;
        let change = move |hello: &mut ServerHello| {
            if hello.is_hello_retry_request() {
                hello.extensions.connection_id = is_id.then(Vec::new);
                hello.extensions.return_routability = !is_id;
            }
        };
        retried.client_finds(HandshakeType::SERVER_HELLO, change, misplaced, Alert::ILLEGAL_PARAMETER);
        let change = move |message: &mut EncryptedExtensions| {
            message.others.push(OtherExtension { extension_type, data: data.clone() });
        };
        Case::new().client_finds(HandshakeType::ENCRYPTED_EXTENSIONS, change, misplaced, Alert::ILLEGAL_PARAMETER);
    }
}

fn ready() -> Pair<Connection, Connection> {
    let mut pair = pair_with(Some(8), Some(6));
    connected(&mut pair);
    pair
}

/// The connection ID of the next datagram of `connection`, which has some data to send.
fn used(connection: &mut Connection, len: usize) -> Vec<u8> {
    connection.send(b"x").unwrap();
    let mut datagram = Vec::new();
    assert!(connection.poll_transmit(&mut datagram, START));
    datagram[1..=len].to_vec()
}

#[test]
fn connection_ids_are_requested_given_and_used_in_order() {
    let mut pair = ready();
    pair.a.request_connection_ids(3).unwrap();
    assert_eq!(pair.a.request_connection_ids(1), Err(ConnectionIdError::InProgress));
    settle(&mut pair);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::ConnectionIdsReceived { spare: 3 }]);
    let own: Vec<_> = pair.b.own_connection_ids().iter().map(|id| id.to_vec()).collect();
    assert_eq!(own.len(), 4);
    for (index, id) in own.iter().enumerate() {
        assert_eq!(&used(&mut pair.a, 6), id, "{index}");
        if index < 3 {
            assert_eq!(pair.a.spare_connection_ids(), 3 - index);
            pair.a.use_next_connection_id(START).unwrap();
        }
    }
    assert_eq!(pair.a.use_next_connection_id(START), Err(ConnectionIdError::NoSpare));
    exchange_after(&mut pair);
}

/// What was lost on purpose is behind us; data still flows.
fn exchange_after(pair: &mut Pair<Connection, Connection>) {
    settle(pair);
    exchange(pair);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# If usage is set to "cid_immediate", then one of the new CIDs MUST be used immediately for all future records.
#[test]
fn an_immediate_one_is_used_at_once_and_replaces_the_spares() {
    let mut pair = ready();
    pair.a.provide_connection_ids(2, ConnectionIdUsage::Spare, pair.now()).unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::ConnectionIdsReceived { spare: 2 }]);
    pair.a.provide_connection_ids(2, ConnectionIdUsage::Immediate, pair.now()).unwrap();
    settle(&mut pair);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::ConnectionIdsReceived { spare: 1 }]);
    let own: Vec<_> = pair.a.own_connection_ids().iter().map(|id| id.to_vec()).collect();
    assert_eq!(used(&mut pair.b, 8), own[3]);
    pair.b.use_next_connection_id(START).unwrap();
    assert_eq!(used(&mut pair.b, 8), own[4]);
    exchange_after(&mut pair);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Endpoints MUST NOT have more than one NewConnectionId message outstanding.
//= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.4
//# implementations MUST NOT send KeyUpdate, NewConnectionId, or RequestConnectionId messages if an earlier message of the
//# same type has not yet been acknowledged.
#[test]
fn one_message_of_a_kind_is_outstanding() {
    let mut pair = ready();
    let now = pair.now();
    pair.a.provide_connection_ids(1, ConnectionIdUsage::Spare, now).unwrap();
    assert_eq!(pair.a.provide_connection_ids(1, ConnectionIdUsage::Spare, now), Err(ConnectionIdError::InProgress));
    let mut lost = Vec::new();
    assert!(pair.a.poll_transmit(&mut lost, now));
    assert!(pair.a.is_outstanding(HandshakeType::NEW_CONNECTION_ID));
    assert_eq!(pair.a.provide_connection_ids(1, ConnectionIdUsage::Immediate, now), Err(ConnectionIdError::InProgress));
    settle(&mut pair);
    pair.a.provide_connection_ids(1, ConnectionIdUsage::Immediate, now).unwrap();
    exchange_after_events(&mut pair);
}

fn exchange_after_events(pair: &mut Pair<Connection, Connection>) {
    settle(pair);
    events(&mut pair.a);
    events(&mut pair.b);
    exchange(pair);
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-8
//# After sending KeyUpdate in an epoch, implementations MUST NOT send any new post-handshake messages in that epoch.
#[test]
fn nothing_is_said_about_connection_ids_behind_a_key_update() {
    let mut pair = ready();
    let now = pair.now();
    pair.a.update_keys(false, now).unwrap();
    pair.a.request_connection_ids(1).unwrap();
    let mut datagram = Vec::new();
    while pair.a.poll_transmit(&mut datagram, now) {}
    assert!(!pair.a.is_outstanding(HandshakeType::REQUEST_CONNECTION_ID));
    settle(&mut pair);
    assert_eq!((pair.a.epochs().1, pair.a.spare_connection_ids()), (4, 1));
    exchange_after_events(&mut pair);
}

#[test]
fn no_more_are_kept_than_the_limits_allow() {
    let (mut client, mut server) = (client_config(), server_config());
    server.common.limits.old_epoch = Duration::from_millis(15);
    client.common.connection_ids.length = 8;
    server.common.connection_ids.length = 6;
    let mut pair = pair(client, server);
    connected(&mut pair);
    pair.a.request_connection_ids(255).unwrap();
    settle(&mut pair);
    assert_eq!((pair.a.spare_connection_ids(), pair.b.own_connection_ids().len()), (7, 8));
    // Another answer has none in it.
    pair.a.request_connection_ids(1).unwrap();
    settle(&mut pair);
    assert_eq!(pair.a.spare_connection_ids(), 7);
    assert_eq!(pair.b.provide_connection_ids(1, ConnectionIdUsage::Spare, pair.now()), Err(ConnectionIdError::NoRoom));
    // Those that the peer has not used for long make room.
    for _ in 0..7 {
        pair.a.use_next_connection_id(pair.now()).unwrap();
    }
    exchange_after_events(&mut pair);
    pair.a.request_connection_ids(20).unwrap();
    exchange_after_events(&mut pair);
    assert_eq!((pair.a.spare_connection_ids(), pair.b.own_connection_ids().len()), (7, 8));
}

#[test]
fn spares_beyond_what_is_kept_are_discarded() {
    let (mut client, mut server) = (client_config(), server_config());
    client.common.limits.spare_connection_ids = 2;
    server.common.connection_ids.length = 8;
    let mut pair = pair(client, server);
    connected(&mut pair);
    pair.b.provide_connection_ids(5, ConnectionIdUsage::Spare, pair.now()).unwrap();
    settle(&mut pair);
    assert_eq!(pair.a.spare_connection_ids(), 2);
    let own: Vec<_> = pair.b.own_connection_ids().iter().map(|id| id.to_vec()).collect();
    pair.a.use_next_connection_id(START).unwrap();
    assert_eq!(used(&mut pair.a, 8), own[1]);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Endpoints MUST NOT send either of these messages if they did not negotiate a CID.
#[test]
fn nothing_is_asked_or_given_where_records_carry_no_connection_id() {
    let mut pair = pair_with(Some(0), Some(8));
    let now = pair.now();
    assert_eq!(pair.a.request_connection_ids(1), Err(ConnectionIdError::NotConnected));
    connected(&mut pair);
    let spare = ConnectionIdUsage::Spare;
    assert_eq!(pair.a.provide_connection_ids(1, spare, now), Err(ConnectionIdError::NotNegotiated));
    assert_eq!(pair.b.request_connection_ids(1), Err(ConnectionIdError::NotNegotiated));
    pair.a.request_connection_ids(1).unwrap();
    pair.b.provide_connection_ids(1, spare, now).unwrap();
    let mut without = pair_with(None, Some(8));
    connected(&mut without);
    assert_eq!(without.b.provide_connection_ids(1, spare, now), Err(ConnectionIdError::NotNegotiated));
}

/// A connected pair whose server breaks a rule: it sends the message, and the client ends the connection.
#[track_caller]
fn client_finds(
    lengths: (Option<u8>, Option<u8>),
    msg_type: HandshakeType,
    body: &[u8],
    error: impl Into<Error>,
    alert: Alert,
) {
    let mut pair = pair_with(lengths.0, lengths.1);
    connected(&mut pair);
    let (now, mut sent) = (pair.now(), false);
    pair.b.context(now, &mut sent).send(3, msg_type, body.to_vec()).unwrap();
    settle(&mut pair);
    assert_eq!(pair.a.error(), Some(&error.into()));
    assert_eq!(pair.b.error(), Some(&Error::AlertReceived(alert)));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Implementations which either did not negotiate the "connection_id" extension or which have negotiated receiving an
//# empty CID MUST NOT send NewConnectionId.
//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Implementations MUST NOT send RequestConnectionId when sending an empty Connection ID.
//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Implementations which detect a violation of these rules MUST terminate the connection with an "unexpected_message"
//# alert.
//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# If an implementation receives these messages when CIDs were not negotiated, it MUST abort the connection with an
//# "unexpected_message" alert.
#[test]
fn messages_about_connection_ids_that_were_not_negotiated_end_the_connection() {
    let unexpected = |msg_type| PeerMisbehaved::UnexpectedMessage(msg_type);
    let (new, request) = (HandshakeType::NEW_CONNECTION_ID, HandshakeType::REQUEST_CONNECTION_ID);
    for lengths in [(None, Some(8)), (Some(0), Some(0)), (Some(8), Some(0))] {
        client_finds(lengths, new, &[0, 2, 1, 7, 1], unexpected(new), Alert::UNEXPECTED_MESSAGE);
    }
    for lengths in [(None, Some(8)), (Some(0), Some(0)), (Some(0), Some(8))] {
        client_finds(lengths, request, &[1], unexpected(request), Alert::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn malformed_messages_about_connection_ids_end_the_connection() {
    use crate::error::InvalidMessage as E;
    let both = (Some(8), Some(8));
    let (new, request) = (HandshakeType::NEW_CONNECTION_ID, HandshakeType::REQUEST_CONNECTION_ID);
    let invalid = PeerMisbehaved::InvalidConnectionId;
    client_finds(both, new, &[0, 2, 1, 7, 2], E::InvalidValue, Alert::ILLEGAL_PARAMETER);
    client_finds(both, new, &[0, 2, 1, 7], E::TooShort, Alert::DECODE_ERROR);
    client_finds(both, new, &[0, 1, 0, 1], invalid, Alert::ILLEGAL_PARAMETER);
    client_finds(both, new, &[0, 0, 0], invalid, Alert::ILLEGAL_PARAMETER);
    client_finds(both, request, &[], E::TooShort, Alert::DECODE_ERROR);
    client_finds(both, request, &[1, 1], E::TrailingData, Alert::DECODE_ERROR);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-9
//# Endpoints MUST NOT send a RequestConnectionId message when an existing request is still unfulfilled;
#[test]
fn who_asks_without_end_is_told_that_it_is_too_much() {
    // Again before an answer was even sent.
    let mut pair = ready();
    let now = pair.now();
    let mut sent = false;
    for _ in 0..3 {
        let mut cx = pair.b.context(now, &mut sent);
        cx.send(3, HandshakeType::REQUEST_CONNECTION_ID, vec![1]).unwrap();
    }
    settle(&mut pair);
    assert_eq!(pair.a.error(), Some(&PeerMisbehaved::TooManyConnectionIdsRequested.into()));
    assert_eq!(pair.b.error(), Some(&Error::AlertReceived(Alert::TOO_MANY_CIDS_REQUESTED)));
    // More often than anybody needs.
    let (mut client, server) = (client_config(), server_config());
    client.common.limits.connection_id_requests = 5;
    client.common.connection_ids.length = 4;
    let mut pair = super::pair(client, server);
    connected(&mut pair);
    for round in 0..6 {
        assert_eq!(pair.a.error(), None, "{round}");
        pair.b.request_connection_ids(1).unwrap();
        settle(&mut pair);
    }
    assert_eq!(pair.a.error(), Some(&PeerMisbehaved::TooManyConnectionIdsRequested.into()));
}

#[test]
fn a_flood_of_new_connection_ids_changes_nothing_but_what_is_kept() {
    let mut pair = ready();
    for round in 0..50u8 {
        let (now, mut sent) = (pair.now(), false);
        let cids = (0..200u8).map(|index| vec![round, index, 1]).collect();
        let body = crate::wire::connection_id::NewConnectionId { cids, usage: ConnectionIdUsage::Spare }.encoded();
        pair.b.context(now, &mut sent).send(3, HandshakeType::NEW_CONNECTION_ID, body).unwrap();
        settle(&mut pair);
        assert_eq!(pair.a.spare_connection_ids(), 8);
    }
    exchange_after_events(&mut pair);
}

#[test]
fn messages_about_connection_ids_survive_a_lossy_network() {
    for seed in 0..20 {
        let mut pair = ready();
        pair.network = Network::new(seed, Conditions { loss: 0.3, reorder: 0.2, ..Conditions::default() });
        for _ in 0..4 {
            pair.a.request_connection_ids(1).unwrap();
            let deadline = pair.now() + Duration::from_secs(100);
            assert_eq!(pair.run(deadline, |a, b| a.spare_connection_ids() > 0 && b.outgoing.is_empty()), Outcome::Done);
            pair.a.use_next_connection_id(pair.now()).unwrap();
        }
        pair.network = Network::new(seed, Conditions::default());
        exchange_after_events(&mut pair);
    }
}
