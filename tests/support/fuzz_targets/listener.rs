//! The stateless listener, met by clients at several addresses that do what they like.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::codec::{Decode, Encode, Reader};
use dtls_wasm::endpoint::PeerAddress;
use dtls_wasm::endpoint::limits::{ListenerLimits, MAX_SURPLUS};
use dtls_wasm::endpoint::listener::{Listener, ListenerAction};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::client_hello::{ClientExtensions, ClientHello, KeyShareEntry};
use dtls_wasm::wire::fragment::{FRAGMENT_HEADER_LEN, FragmentHeader};
use dtls_wasm::wire::record::PlaintextHeader;
use dtls_wasm::wire::registry::{
    CipherSuite, ContentType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use dtls_wasm::wire::server_hello::ServerHello;

use super::input::Input;
use super::null::{self, START};

/// Small enough that every bound is met.
fn limits() -> ListenerLimits {
    ListenerLimits { partial_hellos: 3, partial_bytes: 2500, hello: 1900, pieces: 4, ..ListenerLimits::default() }
}

/// What IPv4 and UDP add to a datagram.
const HEADERS: usize = 28;

/// What each address has sent and received, and the cookies that it got.
#[derive(Default)]
struct Client {
    /// Bytes of datagrams, and how many there were.
    sent: (usize, usize),
    received: (usize, usize),
    cookies: Vec<(Vec<u8>, Instant)>,
    sequence_number: u64,
}

/// No address is sent more than one and a half times what came from it, nor longer answers than [`MAX_SURPLUS`] allows.
/// Nobody comes in but with a cookie that was given to its address and is not too old. What is held stays within its
/// bounds.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let limits = limits();
    let mut listener = Listener::with_limits(Arc::new(null::server(1)), limits.clone(), START).unwrap();
    let mut clients: BTreeMap<u8, Client> = BTreeMap::new();
    let mut now = START;
    while !input.is_empty() {
        let kind = input.byte();
        let number = input.byte() % 6;
        let client = clients.entry(number).or_default();
        let datagrams = match kind % 6 {
            0 => {
                let len = usize::from(input.wide() % 1500);
                vec![input.bytes(len).to_vec()]
            }
            1 => vec![datagram(client, &first_hello(&mut input), 0, 0..usize::MAX)],
            2 => {
                let body = first_hello(&mut input);
                let split = input.below(body.len());
                let mut halves =
                    vec![datagram(client, &body, 0, 0..split), datagram(client, &body, 0, split..usize::MAX)];
                if input.byte() & 1 == 1 {
                    halves.reverse();
                }
                halves
            }
            3 => {
                let body = first_hello(&mut input);
                let start = input.below(body.len());
                let len = input.below(body.len());
                let message_seq = u16::from(input.byte() % 3);
                vec![datagram(client, &body, message_seq, start..start.saturating_add(len))]
            }
            4 => {
                now = now + Duration::from_millis(u64::from(input.wide()));
                continue;
            }
            _ => {
                let whose = input.byte() % 6;
                let cookie =
                    clients.get(&whose).and_then(|other| other.cookies.last()).map(|(cookie, _)| cookie.clone());
                let Some(mut cookie) = cookie else { continue };
                if input.byte().is_multiple_of(4) {
                    let at = input.below(cookie.len());
                    cookie[at] ^= input.byte();
                }
                let mut hello = ClientHello::decode_all(&template(input.byte())).unwrap();
                hello.extensions.cookie = Some(cookie);
                let client = clients.entry(number).or_default();
                let body = hello.encoded();
                let split = if input.byte() & 1 == 1 { input.below(body.len()) } else { 0 };
                if split == 0 {
                    vec![datagram(client, &body, 1, 0..usize::MAX)]
                } else {
                    vec![datagram(client, &body, 1, 0..split), datagram(client, &body, 1, split..usize::MAX)]
                }
            }
        };
        let address = PeerAddress::new(&[number]).unwrap();
        for datagram in datagrams {
            let client = clients.entry(number).or_default();
            client.sent = (client.sent.0 + datagram.len(), client.sent.1 + 1);
            match listener.handle(&address, &datagram, now) {
                ListenerAction::Ignore => {}
                ListenerAction::Reply(reply) => {
                    client.received = (client.received.0 + reply.len(), client.received.1 + 1);
                    let [(sent, questions), (received, answers)] = [client.sent, client.received];
                    assert!(received <= sent + answers * MAX_SURPLUS, "{received} for {sent}");
                    let on_the_wire = [sent + questions * HEADERS, received + answers * HEADERS];
                    assert!(on_the_wire[1] * 2 <= on_the_wire[0] * 3, "{received} for {sent}");
                    if let Some(cookie) = cookie_of(&reply) {
                        client.cookies.push((cookie, now));
                    }
                }
                ListenerAction::Accept(accepted) => {
                    let hello = ClientHello::decode_all(&accepted.client_hello).unwrap();
                    let retry = accepted.retry.unwrap();
                    let shown = hello.extensions.cookie.unwrap();
                    let given = client.cookies.iter().filter(|(cookie, _)| *cookie == shown).map(|(_, at)| *at).max();
                    let age =
                        now.saturating_duration_since(given.expect("a cookie that was not given to this address"));
                    // A cookie counts in whole seconds.
                    assert!(age < limits.cookie_age + Duration::from_secs(1), "a cookie of {age:?}");
                    let request = ServerHello::decode_all(&retry.hello_retry_request).unwrap();
                    assert!(request.is_hello_retry_request());
                    assert_eq!(request.extensions.cookie, Some(shown));
                    assert_eq!(accepted.message_seq, 1);
                }
            }
            assert!(listener.partial_hellos() <= limits.partial_hellos);
            assert!(listener.partial_bytes() <= limits.partial_bytes);
        }
    }
}

/// The cookie of a HelloRetryRequest, if `reply` is one.
fn cookie_of(reply: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(reply);
    let header = PlaintextHeader::decode(&mut reader).unwrap();
    assert_eq!(usize::from(header.length), reader.len());
    if header.content_type != ContentType::HANDSHAKE {
        assert_eq!(header.content_type, ContentType::ALERT);
        return None;
    }
    let fragment = FragmentHeader::decode(&mut reader).unwrap();
    assert_eq!((fragment.msg_type, fragment.fragment_length), (HandshakeType::SERVER_HELLO, fragment.length));
    let hello = ServerHello::decode_all(reader.rest()).unwrap();
    assert!(hello.is_hello_retry_request());
    hello.extensions.cookie
}

/// A hello that the listener understands, one byte of it changed in some.
fn first_hello(input: &mut Input<'_>) -> Vec<u8> {
    let kind = input.byte();
    let mut body = template(kind);
    if kind & 0x80 != 0 {
        let at = input.below(body.len());
        body[at] ^= input.byte();
    }
    body
}

/// One of a few hellos.
fn template(kind: u8) -> Vec<u8> {
    let share = |group, len| KeyShareEntry { group, key_exchange: vec![4; len] };
    let key_share = match kind % 4 {
        0 => vec![share(NamedGroup::X25519MLKEM768, 1216), share(NamedGroup::X25519, 32)],
        1 => vec![share(NamedGroup::X25519, 32)],
        2 => vec![share(NamedGroup::SECP384R1, 97)],
        _ => Vec::new(),
    };
    let hello = ClientHello {
        random: [kind & 0x0c; 32],
        cipher_suites: vec![CipherSuite::TLS_AES_128_GCM_SHA256],
        extensions: ClientExtensions {
            supported_versions: Some(vec![ProtocolVersion::DTLS_1_3]),
            supported_groups: Some(vec![NamedGroup::X25519MLKEM768, NamedGroup::SECP384R1, NamedGroup::X25519]),
            signature_algorithms: Some(vec![SignatureScheme::ECDSA_SECP256R1_SHA256]),
            key_share: Some(key_share),
            ..ClientExtensions::default()
        },
        ..ClientHello::default()
    };
    hello.encoded()
}

/// The part of a ClientHello that lies in `range`, as a datagram.
fn datagram(client: &mut Client, body: &[u8], message_seq: u16, range: std::ops::Range<usize>) -> Vec<u8> {
    let range = range.start.min(body.len())..range.end.min(body.len());
    let header = FragmentHeader {
        msg_type: HandshakeType::CLIENT_HELLO,
        length: u32::try_from(body.len()).unwrap(),
        message_seq,
        fragment_offset: u32::try_from(range.start).unwrap(),
        fragment_length: u32::try_from(range.len()).unwrap(),
    };
    let mut datagram = PlaintextHeader {
        content_type: ContentType::HANDSHAKE,
        version: ProtocolVersion::DTLS_1_2,
        epoch: 0,
        sequence_number: client.sequence_number,
        length: u16::try_from(FRAGMENT_HEADER_LEN + range.len()).unwrap(),
    }
    .encoded();
    header.encode(&mut datagram);
    datagram.extend_from_slice(&body[range]);
    client.sequence_number += 1;
    datagram
}
