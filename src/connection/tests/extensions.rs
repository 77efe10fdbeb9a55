//! What hellos carry beyond what they mean: GREASE, a permuted order, and the application's own extensions.

use std::cell::RefCell;
use std::rc::Rc;

use super::misbehaviour::Case;
use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConfigError, CustomExtension, ExtensionMessage, FixedExtension};
use crate::error::{ApiMisuse, PeerMisbehaved};
use crate::handshake::PeerExtension;
use crate::handshake::context::tampering;
use crate::wire::certificate::CertificateRequest;
use crate::wire::client_hello::{ClientHello, UseSrtp};
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extension::OtherExtension;
use crate::wire::grease;
use crate::wire::post_handshake::NewSessionTicket;
use crate::wire::registry::{AlertDescription as Alert, ExtensionType, HandshakeType};

/// A number of private use.
const OURS: ExtensionType = ExtensionType(0xff42);

/// Runs `change`d configurations until both are connected, and gives back the hellos that were sent.
fn hellos(change: impl FnOnce(&mut ClientConfig, &mut ServerConfig)) -> Vec<ClientHello> {
    let (mut client, mut server) = (client_config(), server_config());
    change(&mut client, &mut server);
    let sent = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&sent);
    tampering::set(move |msg_type, body| {
        if msg_type == HandshakeType::CLIENT_HELLO {
            log.borrow_mut().push(ClientHello::decode_all(&body).unwrap());
        }
        Some((msg_type, body))
    });
    let mut pair = pair(client, server);
    connected(&mut pair);
    tampering::clear();
    sent.take()
}

#[test]
fn grease_stands_in_every_list_of_a_hello_and_is_ignored() {
    let [hello] = &hellos(|client, server| {
        client.common.grease = true;
        for common in [&mut client.common, &mut server.common] {
            common.alpn_protocols = vec![b"coap".to_vec()];
        }
    })[..] else {
        panic!("no HelloRetryRequest is needed")
    };
    let extensions = &hello.extensions;
    assert!(grease::is_value(hello.cipher_suites[0].0));
    assert!(grease::is_value(extensions.supported_versions.as_ref().unwrap()[0].0));
    assert!(grease::is_value(extensions.signature_algorithms.as_ref().unwrap()[0].0));
    let group = extensions.supported_groups.as_ref().unwrap()[0];
    assert!(grease::is_value(group.0));
    assert_eq!(extensions.key_share.as_ref().unwrap()[0].group, group);
    let protocol = extensions.alpn.as_ref().unwrap().last().unwrap();
    assert!(grease::is_value(u16::from_be_bytes(protocol[..].try_into().unwrap())));
    let [first, second] = &extensions.others[..] else { panic!("{:?}", extensions.others) };
    assert!(grease::is_extension(first.extension_type) && grease::is_extension(second.extension_type));
    assert_ne!(first.extension_type, second.extension_type);
    assert_eq!(extensions.present.first(), Some(&first.extension_type));
    assert_eq!(extensions.present.last(), Some(&ExtensionType::KEY_SHARE));
}

#[test]
fn without_being_asked_for_there_is_no_grease() {
    let hello = &hellos(|_, _| {})[0];
    assert!(hello.extensions.others.is_empty());
    assert!(!hello.cipher_suites.iter().any(|suite| grease::is_value(suite.0)));
    assert_eq!(hello.extensions.present[0], ExtensionType::SUPPORTED_VERSIONS);
}

#[test]
fn a_second_hello_keeps_values_and_order() {
    for permute in [false, true] {
        let sent = hellos(|client, server| {
            client.common.grease = true;
            client.common.permute_extensions = permute;
            client.common.custom_extensions = vec![fixed(OURS, b"same")];
            server.common.groups = vec![NamedGroup::SECP256R1];
        });
        let [first, second] = &sent[..] else { panic!("a HelloRetryRequest is needed") };
        let [a, b] = [&first.extensions, &second.extensions];
        assert_eq!(first.cipher_suites, second.cipher_suites);
        assert_eq!((&a.supported_groups, &a.others), (&b.supported_groups, &b.others));
        assert_eq!(a.present, b.present);
        assert!(grease::is_value(a.key_share.as_ref().unwrap()[0].group.0));
        // RFC 9846 §4.3.8: the share that was asked for stands alone.
        assert_eq!(b.key_share.as_ref().unwrap().len(), 1);
        assert!(a.others.contains(&OtherExtension { extension_type: OURS, data: b"same".to_vec() }));
    }
}

#[test]
fn the_order_of_extensions_differs_between_connections_if_it_is_to() {
    let order = |seed: u64, permute: bool| {
        let sent = hellos(|client, _| {
            client.common.provider = Arc::new(null::provider(seed));
            client.common.permute_extensions = permute;
        });
        sent[0].extensions.present.clone()
    };
    let plain = order(1, false);
    let permuted: Vec<_> = (1..=40).map(|seed| order(seed, true)).collect();
    assert!((1..=20).all(|seed| order(seed, false) == plain));
    assert_eq!(order(1, true), permuted[0], "the same random bytes give the same order");
    let mut firsts: Vec<_> = permuted.iter().map(|order| order[0]).collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), plain.len() - 1, "any but the key shares can come first: {firsts:?}");
    for order in permuted {
        assert_eq!(order.last(), Some(&ExtensionType::KEY_SHARE));
        let (mut sorted, mut all) = (order, plain.clone());
        sorted.sort_unstable();
        all.sort_unstable();
        assert_eq!(sorted, all);
    }
}

fn fixed(extension_type: ExtensionType, data: &[u8]) -> Arc<dyn CustomExtension> {
    let messages = [ExtensionMessage::ClientHello, ExtensionMessage::EncryptedExtensions];
    let data = messages.iter().map(|message| (*message, data.to_vec())).collect();
    Arc::new(FixedExtension { extension_type, data })
}

/// Answers by turning the bytes around, and refuses what the table says.
#[derive(Debug, Default)]
struct Mirror {
    refused: Vec<(ExtensionMessage, Option<&'static [u8]>)>,
}

impl CustomExtension for Mirror {
    fn extension_type(&self) -> ExtensionType {
        OURS
    }

    fn send(&self, message: ExtensionMessage, asked: Option<&[u8]>) -> Option<Vec<u8>> {
        match message {
            ExtensionMessage::ClientHello => Some(b"abc".to_vec()),
            ExtensionMessage::EncryptedExtensions => asked.map(|asked| asked.iter().rev().copied().collect()),
            _ => None,
        }
    }

    fn receive(&self, message: ExtensionMessage, data: Option<&[u8]>) -> Result<(), Alert> {
        if self.refused.contains(&(message, data)) { Err(Alert::ACCESS_DENIED) } else { Ok(()) }
    }
}

#[test]
fn a_custom_extension_is_asked_and_answered() {
    let (mut client, mut server) = (client_config(), server_config());
    client.common.custom_extensions = vec![Arc::new(Mirror::default())];
    server.common.custom_extensions = vec![Arc::new(Mirror::default())];
    let mut pair = pair(client, server);
    connected(&mut pair);
    let extension = |message, data: &[u8]| PeerExtension { message, extension_type: OURS, data: data.to_vec() };
    let got = |connection: &Connection| connection.negotiated().unwrap().peer_extensions.clone();
    assert_eq!(got(&pair.b), [extension(ExtensionMessage::ClientHello, b"abc")]);
    assert_eq!(got(&pair.a), [extension(ExtensionMessage::EncryptedExtensions, b"cba")]);
}

#[test]
fn who_does_not_know_an_extension_ignores_it_and_nobody_answers_unasked() {
    for (client_knows, server_knows) in [(true, false), (false, true)] {
        let (mut client, mut server) = (client_config(), server_config());
        for (common, knows) in [(&mut client.common, client_knows), (&mut server.common, server_knows)] {
            common.custom_extensions = if knows { vec![fixed(OURS, b"x")] } else { Vec::new() };
        }
        let mut pair = pair(client, server);
        connected(&mut pair);
        assert!(pair.a.negotiated().unwrap().peer_extensions.is_empty());
        assert!(pair.b.negotiated().unwrap().peer_extensions.is_empty());
    }
}

#[test]
fn a_custom_extension_ends_the_connection_by_the_alert_of_its_choice() {
    let told = Some(Error::AlertReceived(Alert::ACCESS_DENIED));
    let error = PeerIncompatible::ExtensionRefused { extension_type: OURS, alert: Alert::ACCESS_DENIED };
    let refusing =
        |message, data| -> Vec<Arc<dyn CustomExtension>> { vec![Arc::new(Mirror { refused: vec![(message, data)] })] };
    let hello = ExtensionMessage::ClientHello;
    for (client, data) in [(vec![fixed(OURS, b"abc")], Some(&b"abc"[..])), (Vec::new(), None)] {
        let case = Case::new().with(|case| {
            case.client.common.custom_extensions = client;
            case.server.common.custom_extensions = refusing(hello, data);
        });
        assert_eq!(case.run(|msg_type, body| Some((msg_type, body))), (told.clone(), Some(error.into())));
    }
    let answer = ExtensionMessage::EncryptedExtensions;
    for (server, data) in [(vec![fixed(OURS, b"ok")], Some(&b"ok"[..])), (Vec::new(), None)] {
        let case = Case::new().with(|case| {
            case.client.common.custom_extensions = refusing(answer, data);
            case.server.common.custom_extensions = server;
        });
        assert_eq!(case.run(|msg_type, body| Some((msg_type, body))), (Some(error.into()), told.clone()));
    }
}

#[test]
fn an_unsolicited_extension_is_refused_though_it_is_known() {
    #[derive(Debug)]
    struct Silent;
    impl CustomExtension for Silent {
        fn extension_type(&self) -> ExtensionType {
            OURS
        }
        fn send(&self, _: ExtensionMessage, _: Option<&[u8]>) -> Option<Vec<u8>> {
            None
        }
    }
    let case = Case::new().with(|case| case.client.common.custom_extensions = vec![Arc::new(Silent)]);
    let unasked = |message: &mut EncryptedExtensions| {
        message.others.push(OtherExtension { extension_type: OURS, data: Vec::new() });
    };
    case.client_finds(
        HandshakeType::ENCRYPTED_EXTENSIONS,
        unasked,
        PeerMisbehaved::UnsolicitedExtension(OURS),
        Alert::UNSUPPORTED_EXTENSION,
    );
    // One of GREASE was offered, and still is none that a server could answer (RFC 8701 §3.1).
    let case = Case::new().with(|case| case.client.common.grease = true);
    let mut greased = None;
    let (client, server) = case.run(move |msg_type, body| {
        if msg_type == HandshakeType::CLIENT_HELLO {
            greased = Some(ClientHello::decode_all(&body).unwrap().extensions.others[0].clone());
        } else if msg_type == HandshakeType::ENCRYPTED_EXTENSIONS {
            let message = EncryptedExtensions { others: vec![greased.clone().unwrap()], ..Default::default() };
            return Some((msg_type, message.encoded()));
        }
        Some((msg_type, body))
    });
    assert!(matches!(client, Some(Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedExtension(_)))), "{client:?}");
    assert_eq!(server, Some(Error::AlertReceived(Alert::UNSUPPORTED_EXTENSION)));
}

#[test]
fn numbers_that_are_taken_are_refused() {
    for (types, error) in [
        (vec![ExtensionType::COOKIE], Some(ConfigError::ReservedExtension(ExtensionType::COOKIE))),
        (vec![ExtensionType(0x3a3a)], Some(ConfigError::ReservedExtension(ExtensionType(0x3a3a)))),
        (vec![OURS, ExtensionType(0xff43), OURS], Some(ConfigError::DuplicateExtension(OURS))),
        (vec![OURS, ExtensionType(0xff43)], None),
    ] {
        let mut client = client_config();
        client.common.custom_extensions = types.into_iter().map(|number| fixed(number, b"")).collect();
        assert_eq!(Connection::client(Arc::new(client), None, START).err(), error);
    }
}

#[test]
fn an_extension_that_is_too_long_fails_here_and_not_at_the_peer() {
    let mut client = client_config();
    client.common.custom_extensions = vec![fixed(OURS, &[0; 16 * 1024 + 1])];
    let client = Connection::client(Arc::new(client), None, START).unwrap();
    assert_eq!(client.error(), Some(&Error::ApiMisuse(ApiMisuse::ExtensionTooLong)));
    let mut client = client_config();
    client.common.custom_extensions = vec![fixed(OURS, &[0; 16 * 1024])];
    let mut pair = pair(client, server_config());
    connected(&mut pair);
}

#[test]
fn a_master_key_identifier_is_agreed_on_or_not_used() {
    for (accepts, agreed) in [(true, &b"key 7"[..]), (false, b"")] {
        let (mut client, mut server) = (client_config(), server_config());
        client.common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
        client.common.srtp_mki = b"key 7".to_vec();
        server.common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
        server.common.srtp_mki = b"never sent".to_vec();
        server.accept_srtp_mki = accepts;
        let mut pair = pair(client, server);
        connected(&mut pair);
        assert_eq!(pair.a.negotiated(), pair.b.negotiated());
        assert_eq!(pair.a.negotiated().unwrap().srtp.as_ref().unwrap().mki, agreed);
        // The keys do not depend on it (RFC 5764 §4.2).
        let keys = pair.a.srtp_keys().unwrap();
        assert_eq!((keys.client_key.len(), keys.client_salt.len()), (16, 12));
        assert!(pair.b.srtp_keys() == Some(keys));
    }
    let case = Case::new().with(|case| {
        case.client.common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
        case.client.common.srtp_mki = b"key 7".to_vec();
    });
    let other = |message: &mut EncryptedExtensions| {
        message.use_srtp = Some(UseSrtp { profiles: vec![SrtpProfile::SRTP_AEAD_AES_128_GCM], mki: b"key 8".to_vec() });
    };
    let answer = HandshakeType::ENCRYPTED_EXTENSIONS;
    case.client_finds(answer, other, PeerMisbehaved::SrtpMkiMismatch, Alert::ILLEGAL_PARAMETER);
    let mut client = client_config();
    client.common.srtp_mki = vec![1; 256];
    let error = ConfigError::SrtpMkiTooLong { len: 256 };
    assert_eq!(Connection::client(Arc::new(client), None, START).err(), Some(error));
}

#[test]
fn a_server_asks_for_a_certificate_with_grease_and_custom_extensions() {
    for refuses in [false, true] {
        let (mut client, mut server) = (client_config(), server_config());
        server.client_auth = ClientAuth::Optional;
        server.common.grease = true;
        server.common.custom_extensions = vec![Arc::new(FixedExtension {
            extension_type: OURS,
            data: vec![(ExtensionMessage::CertificateRequest, b"why".to_vec())],
        })];
        let refused = if refuses { vec![(ExtensionMessage::CertificateRequest, Some(&b"why"[..]))] } else { vec![] };
        client.common.custom_extensions = vec![Arc::new(Mirror { refused })];
        let requests = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&requests);
        tampering::set(move |msg_type, body| {
            if msg_type == HandshakeType::CERTIFICATE_REQUEST {
                log.borrow_mut().push(CertificateRequest::decode_all(&body).unwrap());
            }
            Some((msg_type, body))
        });
        let mut pair = pair(client, server);
        settle(&mut pair);
        tampering::clear();
        let request = requests.take().remove(0);
        assert!(grease::is_value(request.signature_algorithms[0].0));
        assert!(request.others.iter().any(|other| grease::is_extension(other.extension_type)));
        if refuses {
            let error = PeerIncompatible::ExtensionRefused { extension_type: OURS, alert: Alert::ACCESS_DENIED };
            assert_eq!(pair.a.error(), Some(&error.into()));
            assert_eq!(pair.b.error(), Some(&Error::AlertReceived(Alert::ACCESS_DENIED)));
        } else {
            assert_eq!(pair.b.state(), ConnectionState::Connected);
            let got = &pair.a.negotiated().unwrap().peer_extensions;
            let message = ExtensionMessage::CertificateRequest;
            assert!(got.contains(&PeerExtension { message, extension_type: OURS, data: b"why".to_vec() }));
        }
    }
}

#[test]
fn tickets_carry_grease_and_custom_extensions() {
    for refuses in [false, true] {
        let (mut client, mut server) = tickets::with_tickets();
        server.ticket_count = 1;
        server.common.grease = true;
        server.common.custom_extensions = vec![Arc::new(FixedExtension {
            extension_type: OURS,
            data: vec![(ExtensionMessage::NewSessionTicket, b"for you".to_vec())],
        })];
        let refused = if refuses { vec![(ExtensionMessage::NewSessionTicket, Some(&b"for you"[..]))] } else { vec![] };
        client.common.custom_extensions = vec![Arc::new(Mirror { refused })];
        let tickets = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&tickets);
        tampering::set(move |msg_type, body| {
            if msg_type == HandshakeType::NEW_SESSION_TICKET {
                log.borrow_mut().push(NewSessionTicket::decode_all(&body).unwrap());
            }
            Some((msg_type, body))
        });
        let mut pair = pair(client, server);
        settle(&mut pair);
        tampering::clear();
        let ticket = tickets.take().remove(0);
        assert!(ticket.others.contains(&OtherExtension { extension_type: OURS, data: b"for you".to_vec() }));
        assert!(ticket.others.iter().any(|other| grease::is_extension(other.extension_type)));
        let received = events(&mut pair.a).iter().any(|event| matches!(event, ConnectionEvent::SessionReceived(_)));
        assert_eq!(received, !refuses);
        assert_eq!(pair.b.error(), refuses.then_some(&Error::AlertReceived(Alert::ACCESS_DENIED)));
    }
}
