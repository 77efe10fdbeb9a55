//! Extended Key Update: both roles, crossing, beside authentication, and what a peer may not do.
//!
//! No other stack speaks it, and there are no vectors: what is shown here is that both ends do as the draft says.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::ConfigError;
use crate::connection::{ClientOffer, ExtendedKeyUpdateError, RequestAuthenticationError};
use crate::error::{InvalidMessage, PeerMisbehaved};
use crate::handshake::context::tampering;
use crate::wire::client_hello::KeyShareEntry;
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extended_key_update::ExtendedKeyUpdate;
use crate::wire::extensions::flags::Flags;
use crate::wire::registry::{AlertDescription as Alert, ExtensionType, HandshakeType};

const EKU: HandshakeType = HandshakeType::EXTENDED_KEY_UPDATE;

fn configs() -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (client_config(), server_config());
    client.common.extended_key_update = true;
    server.common.extended_key_update = true;
    (client, server)
}

/// A connected pair, with no events left.
fn established(configs: (ClientConfig, ServerConfig)) -> Pair<Connection, Connection> {
    let mut pair = pair(configs.0, configs.1);
    connected(&mut pair);
    settle(&mut pair);
    events(&mut pair.a);
    events(&mut pair.b);
    pair
}

/// `side` begins an update.
fn begin(pair: &mut Pair<Connection, Connection>, client: bool) -> Result<(), ExtendedKeyUpdateError> {
    let now = pair.now();
    let side = if client { &mut pair.a } else { &mut pair.b };
    side.extended_key_update(now)
}

fn exported(connection: &Connection, epoch: u16) -> Result<[u8; 16], ExportError> {
    let mut out = [0; 16];
    connection.export_keying_material_of_epoch(epoch, "label", b"context", &mut out).map(|()| out)
}

/// Both ends send, receive and export in `epoch`.
#[track_caller]
fn assert_updated(pair: &mut Pair<Connection, Connection>, epoch: u16) {
    assert_eq!((pair.a.error(), pair.b.error()), (None, None));
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((epoch, epoch), (epoch, epoch)));
    events(&mut pair.a);
    events(&mut pair.b);
    pair.a.send(b"ping").unwrap();
    pair.b.send(b"pong").unwrap();
    settle(pair);
    assert_eq!(events(&mut pair.a), [ConnectionEvent::Datagram(b"pong".to_vec())]);
    assert_eq!(events(&mut pair.b), [ConnectionEvent::Datagram(b"ping".to_vec())]);
    assert_eq!(exported(&pair.a, epoch), exported(&pair.b, epoch));
    assert!(exported(&pair.a, epoch).is_ok());
}

#[test]
fn either_side_updates_the_keys_of_both() {
    let mut pair = established(configs());
    assert!(pair.a.negotiated().unwrap().extended_key_update);
    assert_eq!(pair.a.negotiated(), pair.b.negotiated());
    for (round, client) in [true, false, true, true, false, false].into_iter().enumerate() {
        begin(&mut pair, client).unwrap();
        assert_eq!(begin(&mut pair, client), Err(ExtendedKeyUpdateError::InProgress));
        settle(&mut pair);
        let epoch = 4 + round as u16;
        for side in [&mut pair.a, &mut pair.b] {
            let told = events(side);
            for direction in [Direction::Sent, Direction::Received] {
                assert!(told.contains(&ConnectionEvent::KeysUpdated { direction, epoch }), "{told:?}");
            }
            assert_eq!(told.last(), Some(&ConnectionEvent::ExtendedKeyUpdated { epoch }));
        }
        assert_updated(&mut pair, epoch);
        assert!(pair.a.outgoing.is_empty() && pair.b.outgoing.is_empty());
    }
}

#[test]
fn data_flows_while_keys_are_updated() {
    let mut pair = established(configs());
    for round in 0..5u8 {
        begin(&mut pair, round % 2 == 0).unwrap();
        for number in 0..20u8 {
            pair.a.send(&[round, number]).unwrap();
            pair.b.send(&[round, number]).unwrap();
            let deadline = pair.now() + Duration::from_millis(3);
            pair.run(deadline, |_, _| false);
        }
        settle(&mut pair);
        for side in [&mut pair.a, &mut pair.b] {
            let data: Vec<_> = events(side)
                .into_iter()
                .filter_map(|event| match event {
                    ConnectionEvent::Datagram(data) => Some(data),
                    _ => None,
                })
                .collect();
            assert_eq!(data, (0..20).map(|number| vec![round, number]).collect::<Vec<_>>());
        }
        assert_updated(&mut pair, 4 + u16::from(round));
    }
}

#[test]
fn of_two_that_cross_one_is_done() {
    for _ in 0..4 {
        let mut pair = established(configs());
        begin(&mut pair, true).unwrap();
        begin(&mut pair, false).unwrap();
        settle(&mut pair);
        assert_updated(&mut pair, 4);
        begin(&mut pair, true).unwrap();
        begin(&mut pair, false).unwrap();
        settle(&mut pair);
        assert_updated(&mut pair, 5);
    }
}

/// The draft, §8: the exporter of the handshake stays as it is; the other is another from the beginning, and has a new
/// secret for each epoch, of which two are kept.
#[test]
fn exporters_are_renewed_and_two_are_kept() {
    let mut pair = established(configs());
    let mut legacy = [0; 16];
    pair.a.export_keying_material("label", b"context", &mut legacy).unwrap();
    let mut seen = vec![legacy, exported(&pair.a, 3).unwrap()];
    for epoch in 4..8 {
        begin(&mut pair, epoch % 2 == 0).unwrap();
        settle(&mut pair);
        assert_updated(&mut pair, epoch);
        assert_eq!(exported(&pair.a, epoch - 1), Ok(*seen.last().unwrap()));
        seen.push(exported(&pair.a, epoch).unwrap());
        if epoch > 4 {
            assert_eq!(exported(&pair.b, epoch - 2), Err(ExportError::NoSuchEpoch { epoch: epoch - 2 }));
        }
        assert_eq!(exported(&pair.b, epoch + 1), Err(ExportError::NoSuchEpoch { epoch: epoch + 1 }));
    }
    let mut again = [0; 16];
    pair.b.export_keying_material("label", b"context", &mut again).unwrap();
    assert_eq!(legacy, again);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[test]
fn without_both_sides_there_is_none() {
    for (client_wants, server_wants) in [(true, false), (false, true), (false, false)] {
        let (mut client, mut server) = (client_config(), server_config());
        client.common.extended_key_update = client_wants;
        server.common.extended_key_update = server_wants;
        let mut pair = established((client, server));
        for client in [true, false] {
            assert_eq!(begin(&mut pair, client), Err(ExtendedKeyUpdateError::NotNegotiated));
        }
        assert_eq!(exported(&pair.a, 3), Err(ExportError::NoSuchEpoch { epoch: 3 }));
        let now = pair.now();
        pair.a.update_keys(true, now).unwrap();
        settle(&mut pair);
        assert_updated_standard(&pair);
    }
}

fn assert_updated_standard(pair: &Pair<Connection, Connection>) {
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((4, 4), (4, 4)));
}

#[test]
fn it_excludes_resumption_and_replaces_the_standard_update() {
    let (mut client, mut server) = tickets::with_tickets();
    client.common.extended_key_update = true;
    server.common.extended_key_update = true;
    let error = ConfigError::ExtendedKeyUpdateWithResumption;
    assert_eq!(Connection::client(Arc::new(client), None, START).err(), Some(error.clone()));
    assert_eq!(Connection::server(Arc::new(server), START).err(), Some(error));
    let mut pair = established(configs());
    let now = pair.now();
    assert_eq!(pair.a.update_keys(true, now), Err(UpdateKeysError::Replaced));
    let offer = ClientOffer::default();
    assert!(Connection::connect(Arc::new(configs().0), offer, START).is_ok());
}

#[test]
fn keys_are_renewed_in_time_by_themselves() {
    let (mut client, mut server) = configs();
    for common in [&mut client.common, &mut server.common] {
        *common =
            CommonConfig { extended_key_update: true, ..CommonConfig::new(feeble_provider(), common.backend.clone()) };
    }
    let mut pair = established((client, server));
    for number in 0..200u8 {
        pair.a.send(&[number]).unwrap();
        settle(&mut pair);
        assert_eq!((pair.a.error(), pair.b.error()), (None, None), "{number}");
    }
    let (read, write) = pair.a.epochs();
    assert!(write > 4 && read == write, "{read} {write}");
    assert_eq!(events(&mut pair.b).iter().filter(|event| matches!(event, ConnectionEvent::Datagram(_))).count(), 200);
}

#[test]
fn authentication_and_updates_wait_for_each_other() {
    let (mut client, server) = configs();
    client.post_handshake_auth = true;
    let mut pair = established((client, server));
    // They cross: the server asks while the client's request is under way.
    let now = pair.now();
    begin(&mut pair, true).unwrap();
    pair.b.request_client_authentication(true, now).unwrap();
    assert_eq!(begin(&mut pair, false), Err(ExtendedKeyUpdateError::Authenticating));
    settle(&mut pair);
    let told = events(&mut pair.b);
    let place = |wanted: fn(&ConnectionEvent) -> bool| told.iter().position(wanted).unwrap();
    let authenticated = place(|event| matches!(event, ConnectionEvent::PeerAuthenticated { .. }));
    let updated = place(|event| matches!(event, ConnectionEvent::ExtendedKeyUpdated { .. }));
    assert!(authenticated < updated, "{told:?}");
    assert_updated(&mut pair, 4);
    // Authentication after an update is bound to the new keys, and nobody is asked while one goes on.
    let now = pair.now();
    begin(&mut pair, false).unwrap();
    let refused = pair.b.request_client_authentication(false, now);
    assert_eq!(refused, Err(RequestAuthenticationError::KeyUpdateInProgress));
    settle(&mut pair);
    let now = pair.now();
    pair.b.request_client_authentication(false, now).unwrap();
    settle(&mut pair);
    assert!(events(&mut pair.b).iter().any(|event| matches!(event, ConnectionEvent::PeerAuthenticated { .. })));
    assert_updated(&mut pair, 5);
}

/// The secrets that a key log is told.
#[test]
fn the_key_log_names_each_generation() {
    /// Labels and secrets.
    type Secrets = Vec<(String, Vec<u8>)>;
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Secrets>>);
    impl Trace for Log {
        fn wants_secrets(&self) -> bool {
            true
        }
        fn event(&mut self, _: Instant, event: &crate::trace::Event<'_>) {
            if let crate::trace::Event::Secret { label, secret, .. } = event {
                self.0.lock().unwrap().push(((*label).to_owned(), secret.to_vec()));
            }
        }
    }
    let mut pair = established(configs());
    let logs = [Log::default(), Log::default()];
    pair.a.set_trace(Box::new(logs[0].clone()));
    pair.b.set_trace(Box::new(logs[1].clone()));
    begin(&mut pair, true).unwrap();
    settle(&mut pair);
    let [mut a, mut b] = logs.map(|log| log.0.lock().unwrap().clone());
    a.sort();
    b.sort();
    assert_eq!(a, b);
    let labels: Vec<_> = a.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["CLIENT_TRAFFIC_SECRET_1", "EXPORTER_SECRET_1", "SERVER_TRAFFIC_SECRET_1"]);
}

/// The client begins an update, and `change` stands in for it; how the client and the server end.
fn tampered(change: impl FnMut(ExtendedKeyUpdate) -> (HandshakeType, Vec<u8>) + 'static) -> [Option<Error>; 2] {
    let mut change = change;
    let mut pair = established(configs());
    tampering::set(move |msg_type, body| {
        if msg_type != EKU {
            return Some((msg_type, body));
        }
        Some(change(ExtendedKeyUpdate::decode_all(&body).unwrap()))
    });
    begin(&mut pair, true).unwrap();
    settle(&mut pair);
    tampering::clear();
    [pair.a.error().cloned(), pair.b.error().cloned()]
}

#[test]
fn each_rule_has_its_alert() {
    use ExtendedKeyUpdate as E;
    let told = |alert| Some(Error::AlertReceived(alert));
    let unexpected = |msg_type| Some(Error::from(PeerMisbehaved::UnexpectedMessage(msg_type)));
    let other_group = || KeyShareEntry { group: NamedGroup::SECP256R1, key_exchange: vec![4; 65] };
    let plain = |message: E| (EKU, message.encoded());

    // To the responder.
    let wrong = PeerMisbehaved::KeyShareOfWrongGroup;
    let [client, server] = tampered(move |_| plain(E::Request(other_group())));
    assert_eq!([client, server], [told(Alert::ILLEGAL_PARAMETER), Some(wrong.into())]);
    for sent in [E::Finish, E::Other(3, vec![]), E::Response(other_group_of_handshake())] {
        let sent = sent.clone();
        let [client, server] = tampered(move |_| plain(sent.clone()));
        assert_eq!([client, server], [told(Alert::UNEXPECTED_MESSAGE), unexpected(EKU)]);
    }
    let [client, server] = tampered(|_| (EKU, vec![2, 0]));
    assert_eq!([client, server], [told(Alert::DECODE_ERROR), Some(InvalidMessage::TrailingData.into())]);
    let [client, server] = tampered(|_| (HandshakeType::KEY_UPDATE, vec![0]));
    assert_eq!([client, server], [told(Alert::UNEXPECTED_MESSAGE), unexpected(HandshakeType::KEY_UPDATE)]);

    // To the initiator: the response is the second.
    let second = |sent: E| {
        let mut count = 0;
        move |message: E| {
            count += 1;
            (EKU, if count == 2 { sent.encoded() } else { message.encoded() })
        }
    };
    let [client, server] = tampered(second(E::Response(other_group())));
    assert_eq!([client, server], [Some(wrong.into()), told(Alert::ILLEGAL_PARAMETER)]);
    let short = KeyShareEntry { group: NamedGroup::X25519MLKEM768, key_exchange: vec![1; 3] };
    let [client, server] = tampered(second(E::Response(short)));
    assert_eq!([client, server], [Some(PeerMisbehaved::InvalidKeyShare.into()), told(Alert::ILLEGAL_PARAMETER)]);
    let [client, server] = tampered(second(E::Finish));
    assert_eq!([client, server], [unexpected(EKU), told(Alert::UNEXPECTED_MESSAGE)]);

    // A request where finish should be: the peer may not begin another one.
    let mut count = 0;
    let [client, server] = tampered(move |message| {
        count += 1;
        (EKU, if count == 3 { E::Request(other_group_of_handshake()).encoded() } else { message.encoded() })
    });
    assert_eq!(server, unexpected(EKU));
    assert!(client.is_some());
}

/// A share of the group of the handshake, which belongs to nobody.
fn other_group_of_handshake() -> KeyShareEntry {
    KeyShareEntry { group: NamedGroup::X25519MLKEM768, key_exchange: vec![9; 1216] }
}

/// The draft, §5: equal shares cannot come from honest peers.
#[test]
fn an_echo_of_our_own_request_is_refused() {
    let mut pair = established(configs());
    let first = Rc::new(RefCell::new(None));
    tampering::set(move |msg_type, body| {
        if msg_type != EKU {
            return Some((msg_type, body));
        }
        let mut first = first.borrow_mut();
        Some((msg_type, first.get_or_insert(body).clone()))
    });
    begin(&mut pair, true).unwrap();
    begin(&mut pair, false).unwrap();
    settle(&mut pair);
    tampering::clear();
    let unexpected = Error::from(PeerMisbehaved::UnexpectedMessage(EKU));
    assert!([pair.a.error(), pair.b.error()].contains(&Some(&unexpected)));
}

#[test]
fn who_did_not_negotiate_it_is_sent_none() {
    let (client, server) = (client_config(), server_config());
    let mut pair = established((client, server));
    tampering::set(|_, _| Some((EKU, vec![2])));
    let now = pair.now();
    pair.a.update_keys(false, now).unwrap();
    settle(&mut pair);
    tampering::clear();
    assert_eq!(pair.b.error(), Some(&PeerMisbehaved::UnexpectedMessage(EKU).into()));
}

#[test]
fn a_server_sets_no_flag_that_was_not_offered() {
    use super::misbehaviour::Case;
    let answer = HandshakeType::ENCRYPTED_EXTENSIONS;
    let set = |flag| move |message: &mut EncryptedExtensions| message.flags = Some(Flags::of(flag));
    let case = |offers| Case::new().with(|case| case.client.common.extended_key_update = offers);
    case(true).client_finds(answer, set(9), PeerMisbehaved::UnofferedFlag, Alert::ILLEGAL_PARAMETER);
    let unsolicited = PeerMisbehaved::UnsolicitedExtension(ExtensionType::TLS_FLAGS);
    case(false).client_finds(answer, set(8), unsolicited, Alert::UNSUPPORTED_EXTENSION);
}
