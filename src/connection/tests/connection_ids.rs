//! Connection IDs: negotiated, demanded, renewed.

use super::misbehaviour::Case;
use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConnectionIdGenerator, PathCheck};
use crate::error::PeerMisbehaved;
use crate::handshake::ConnectionIdSelection;
use crate::wire::client_hello::ClientHello;
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
