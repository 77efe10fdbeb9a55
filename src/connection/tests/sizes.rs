//! How long records are: record_size_limit (RFC 8449) and padding (RFC 9846 §5.4).

use super::misbehaviour::Case;
use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConfigError, Padding};
use crate::error::PeerMisbehaved;
use crate::wire::client_hello::ClientHello;
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::registry::{AlertDescription as Alert, CipherSuite, ExtensionType, HandshakeType};

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
