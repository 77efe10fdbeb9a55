//! What hellos carry beyond what they mean: GREASE, a permuted order, and the application's own extensions.

use std::cell::RefCell;
use std::rc::Rc;

use super::misbehaviour::Case;
use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConfigError, CustomExtension, ExtensionMessage, FixedExtension, Padding};
use crate::error::{ApiMisuse, PeerMisbehaved};
use crate::handshake::PeerExtension;
use crate::handshake::context::tampering;
use crate::wire::client_hello::{ClientHello, UseSrtp};
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extension::OtherExtension;
use crate::wire::grease;
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
    let permuted: Vec<_> = (1..=20).map(|seed| order(seed, true)).collect();
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

/// The lengths of the protected records that `sender` sends until nothing happens any more, `(epoch bits, length)` each.
/// They are those of the length field: inner plaintext and 16 bytes of tag.
fn record_lengths(datagrams: &[Vec<u8>]) -> Vec<usize> {
    let mut lengths = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while let Some(first) = rest.first() {
            let (header, len) = match first {
                0x2c..=0x2f => (5, usize::from(u16::from_be_bytes([rest[3], rest[4]]))),
                _ => (13, usize::from(u16::from_be_bytes([rest[11], rest[12]]))),
            };
            if header == 5 {
                lengths.push(len - 16);
            }
            rest = &rest[header + len..];
        }
    }
    lengths
}

/// Everything that both sides send, while `change`d configurations connect and exchange data of `sizes`.
fn sent(change: impl FnOnce(&mut Case), sizes: &[usize]) -> [Vec<Vec<u8>>; 2] {
    let case = Case::new().with(change);
    let mut client = Connection::client(Arc::new(case.client), Some("example.org"), START).unwrap();
    let mut server = Connection::server(Arc::new(case.server), START).unwrap();
    let mut datagrams = [Vec::new(), Vec::new()];
    let mut now = START;
    let mut sent = false;
    for _ in 0..100 {
        now = now + Duration::from_millis(1);
        let mut datagram = Vec::new();
        while client.poll_transmit(&mut datagram, now) {
            datagrams[0].push(datagram.clone());
            server.handle_datagram(&mut datagram, now);
        }
        while server.poll_transmit(&mut datagram, now) {
            datagrams[1].push(datagram.clone());
            client.handle_datagram(&mut datagram, now);
        }
        let connected = [&client, &server].map(|side| side.state() == ConnectionState::Connected);
        if connected == [true, true] && !sent {
            sent = true;
            for size in sizes {
                client.send(&vec![7; (*size).min(client.max_send_size())]).unwrap();
                server.send(&vec![7; (*size).min(server.max_send_size())]).unwrap();
            }
        }
    }
    assert_eq!((client.error(), server.error(), sent), (None, None, true));
    for (side, sizes) in [(&mut client, sizes), (&mut server, sizes)] {
        let received = events(side).into_iter().filter(|event| matches!(event, ConnectionEvent::Datagram(_))).count();
        assert_eq!(received, sizes.len());
    }
    datagrams
}

//= https://www.rfc-editor.org/rfc/rfc8449#section-4
//# When the "record_size_limit" extension is negotiated, an endpoint
//# MUST NOT generate a protected record with plaintext that is larger
//# than the RecordSizeLimit value it receives from its peer.
#[test]
fn no_record_is_longer_than_the_peer_wants() {
    for (client_limit, server_limit) in [(64, 64), (100, 16_385), (16_385, 300)] {
        let [client, server] = sent(
            |case| {
                case.client.common.record_size_limit = Some(client_limit);
                case.server.common.record_size_limit = Some(server_limit);
            },
            &[0, 40, 1000],
        );
        for (datagrams, limit) in [(client, server_limit), (server, client_limit)] {
            let lengths = record_lengths(&datagrams);
            let longest = lengths.iter().copied().max().unwrap();
            assert!(longest <= usize::from(limit), "{lengths:?}");
            // Data as long as can be uses the limit to its last byte.
            assert!(limit > 1000 || longest == usize::from(limit), "{lengths:?}");
            assert!(datagrams.iter().all(|datagram| datagram.len() <= 1200));
        }
    }
}

#[test]
fn a_limit_counts_only_if_both_sides_know_the_extension() {
    for (client_limit, server_limit) in [(Some(64), None), (None, Some(64))] {
        let datagrams = sent(
            |case| {
                case.client.common.record_size_limit = client_limit;
                case.server.common.record_size_limit = server_limit;
            },
            &[1000],
        );
        for datagrams in datagrams {
            assert!(record_lengths(&datagrams).contains(&1001));
        }
    }
}

#[test]
fn what_is_longer_than_allowed_ends_the_connection() {
    for client_sends in [true, false] {
        let mut pair = pair(client_config(), server_config());
        connected(&mut pair);
        // The receiver asked for less than the sender knows of.
        let (sender, receiver) = if client_sends { (&mut pair.a, &mut pair.b) } else { (&mut pair.b, &mut pair.a) };
        receiver.records.set_size_limits(100, 16_385);
        sender.send(&[7; 99]).unwrap();
        sender.send(&[7; 100]).unwrap();
        settle(&mut pair);
        let (sender, receiver) = if client_sends { (&mut pair.a, &mut pair.b) } else { (&mut pair.b, &mut pair.a) };
        assert_eq!(receiver.error(), Some(&PeerMisbehaved::RecordOverflow.into()));
        assert_eq!(sender.error(), Some(&Error::AlertReceived(Alert::RECORD_OVERFLOW)));
        assert_eq!(events(receiver)[0], ConnectionEvent::Datagram(vec![7; 99]));
    }
}

#[test]
fn a_record_size_limit_that_cannot_be_is_refused() {
    let (hello, answer) = (HandshakeType::CLIENT_HELLO, HandshakeType::ENCRYPTED_EXTENSIONS);
    let low = |message: &mut ClientHello| message.extensions.record_size_limit = Some(63);
    Case::new().server_finds(hello, low, crate::error::InvalidMessage::InvalidValue, Alert::ILLEGAL_PARAMETER);
    let low = |message: &mut EncryptedExtensions| message.record_size_limit = Some(63);
    Case::new().client_finds(answer, low, crate::error::InvalidMessage::InvalidValue, Alert::ILLEGAL_PARAMETER);
    let high = |message: &mut EncryptedExtensions| message.record_size_limit = Some(16_386);
    Case::new().client_finds(answer, high, PeerMisbehaved::InvalidRecordSizeLimit, Alert::ILLEGAL_PARAMETER);
    let unasked = PeerMisbehaved::UnsolicitedExtension(ExtensionType::RECORD_SIZE_LIMIT);
    let case = Case::new().with(|case| case.client.common.record_size_limit = None);
    let add = |message: &mut EncryptedExtensions| message.record_size_limit = Some(64);
    case.client_finds(answer, add, unasked, Alert::UNSUPPORTED_EXTENSION);
    for (limit, error) in [(63, true), (64, false), (16_385, false), (16_386, true)] {
        let mut client = client_config();
        client.common.record_size_limit = Some(limit);
        let error = error.then_some(ConfigError::InvalidRecordSizeLimit { limit });
        assert_eq!(Connection::client(Arc::new(client), None, START).err(), error);
    }
}

/// RFC 8449 §4: a server does not mind a limit above that of its version; it keeps to its own.
#[test]
fn a_limit_that_cannot_be_known_is_borne() {
    let mut hello = ClientHello { cipher_suites: vec![CipherSuite(0x1301)], ..Default::default() };
    hello.extensions.record_size_limit = Some(u16::MAX);
    assert_eq!(ClientHello::decode_all(&hello.encoded()).unwrap().extensions.record_size_limit, Some(u16::MAX));
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    pair.b.records.set_size_limits(16_385, u16::MAX);
    assert_eq!(pair.b.records.max_plaintext(3, 70_000), 1 << 14);
}

#[test]
fn padding_hides_lengths_within_the_datagram_and_the_limit() {
    let sizes = [0, 1, 5, 200, 500, 1000, 1170, 1500];
    for padding in [Padding::Block(128), Padding::Block(4096), Padding::Buckets(vec![256, 1024])] {
        for limit in [16_385, 700] {
            let datagrams = sent(
                |case| {
                    for common in [&mut case.client.common, &mut case.server.common] {
                        common.padding = padding.clone();
                        common.record_size_limit = Some(limit);
                    }
                },
                &sizes,
            );
            for datagrams in datagrams {
                let allowed = |len: usize| match &padding {
                    Padding::Block(block) => len.is_multiple_of((*block).into()),
                    Padding::Buckets(buckets) => buckets.contains(&len.try_into().unwrap()) || len > 1024,
                    Padding::None => false,
                };
                for datagram in &datagrams {
                    assert!(datagram.len() <= 1200);
                    let lengths = record_lengths(core::slice::from_ref(datagram));
                    // Where the next length does not fit, the datagram or the limit is used up.
                    let is_full = |len: usize| len == usize::from(limit) || datagram.len() == 1200;
                    assert!(lengths.iter().all(|len| *len <= usize::from(limit)), "{lengths:?}");
                    assert!(lengths.iter().all(|len| allowed(*len) || is_full(*len)), "{lengths:?}");
                }
                let lengths = record_lengths(&datagrams);
                // Nobody can tell an empty datagram from one of five bytes.
                assert!(!lengths.contains(&1) && !lengths.contains(&2) && !lengths.contains(&6), "{lengths:?}");
            }
        }
    }
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
