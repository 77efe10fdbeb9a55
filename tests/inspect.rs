//! The dissector on everything that was ever recorded, on every part of it, and on what becomes of it when bytes change.
#![cfg(all(feature = "inspect", feature = "rustcrypto", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/captures.rs"]
mod captures;
#[path = "support/fuzz_targets/decode.rs"]
mod decode;

use captures::flights;
use decode::{check_content, check_datagram, check_message};
use dtls_wasm::inspect::{self, CONTINUED, Field, MALFORMED, UNEXPECTED};
use dtls_wasm::wire::registry::{ContentType, HandshakeType};

/// Something to dissect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fixture {
    Datagram { bytes: Vec<u8>, cid_len: usize },
    Content { content_type: ContentType, bytes: Vec<u8> },
    Message { msg_type: HandshakeType, bytes: Vec<u8> },
}

impl Fixture {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Datagram { bytes, .. } | Self::Content { bytes, .. } | Self::Message { bytes, .. } => bytes,
        }
    }

    fn with(&self, bytes: Vec<u8>) -> Self {
        match *self {
            Self::Datagram { cid_len, .. } => Self::Datagram { bytes, cid_len },
            Self::Content { content_type, .. } => Self::Content { content_type, bytes },
            Self::Message { msg_type, .. } => Self::Message { msg_type, bytes },
        }
    }

    fn check(&self) {
        match self {
            Self::Datagram { bytes, cid_len } => check_datagram(bytes, *cid_len),
            Self::Content { content_type, bytes } => check_content(*content_type, bytes),
            Self::Message { msg_type, bytes } => check_message(*msg_type, bytes),
        }
    }

    fn tree(&self) -> Field {
        match self {
            Self::Datagram { bytes, cid_len } => inspect::datagram_with_connection_id(bytes, *cid_len),
            Self::Content { content_type, bytes } => inspect::content(*content_type, bytes),
            Self::Message { msg_type, bytes } => inspect::message(*msg_type, bytes),
        }
    }
}

/// Every datagram of every recording, and every content and message of those whose secrets are known.
fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for name in flights::NAMES {
        let datagrams = flights::read(name).datagrams.into_iter();
        fixtures.extend(datagrams.map(|datagram| Fixture::Datagram { bytes: datagram.payload, cid_len: 0 }));
    }
    for entry in std::fs::read_dir(captures::vectors("browser-clienthello-captures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pcap") {
            let datagrams = captures::pcap::read_file(path).into_iter();
            fixtures.extend(datagrams.map(|datagram| Fixture::Datagram { bytes: datagram.payload, cid_len: 0 }));
        }
    }
    for capture in captures::all() {
        for datagram in &capture.datagrams {
            let cid_len = capture.connection_ids[usize::from(!datagram.from_client)].len();
            fixtures.push(Fixture::Datagram { bytes: datagram.payload.clone(), cid_len });
        }
        let transcribed = captures::transcribe(&capture);
        for record in transcribed.records {
            fixtures.push(Fixture::Content { content_type: record.content_type, bytes: record.content });
        }
        for message in transcribed.messages.into_iter().flatten() {
            fixtures.push(Fixture::Message { msg_type: message.msg_type, bytes: message.body });
        }
    }
    // Flights that were sent again.
    fixtures.sort();
    fixtures.dedup();
    fixtures
}

/// SplitMix64 (Steele, Lea and Flood): the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

#[test]
fn everything_recorded_is_dissected_to_the_last_byte() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 800, "{} fixtures", fixtures.len());
    for fixture in &fixtures {
        fixture.check();
        let tree = fixture.tree();
        for leaf in tree.leaves() {
            assert!(leaf.name != MALFORMED && leaf.name != UNEXPECTED, "{leaf:?} in {fixture:?}");
            assert!(leaf.note.is_some_and(|note| note.ends_with('.')) || leaf.range.is_empty(), "{leaf:?}");
        }
    }
}

#[test]
fn every_kind_of_message_is_among_the_fixtures() {
    let fixtures = fixtures();
    for expected in [
        HandshakeType::CLIENT_HELLO,
        HandshakeType::SERVER_HELLO,
        HandshakeType::ENCRYPTED_EXTENSIONS,
        HandshakeType::CERTIFICATE_REQUEST,
        HandshakeType::CERTIFICATE,
        HandshakeType::CERTIFICATE_VERIFY,
        HandshakeType::FINISHED,
        HandshakeType::NEW_SESSION_TICKET,
        HandshakeType::KEY_UPDATE,
    ] {
        let is_there =
            |fixture: &Fixture| matches!(fixture, Fixture::Message { msg_type, .. } if *msg_type == expected);
        assert!(fixtures.iter().any(is_there), "{expected}");
    }
}

#[test]
fn every_front_of_everything_recorded_is_dissected() {
    // Most of a long fixture is one opaque field: every 29th length is enough there.
    for fixture in fixtures() {
        let step = if fixture.bytes().len() > 64 { 29 } else { 1 };
        for len in (0..fixture.bytes().len()).step_by(step) {
            fixture.with(fixture.bytes()[..len].to_vec()).check();
        }
    }
}

#[test]
fn everything_recorded_is_dissected_with_any_byte_changed() {
    let mut random = Random(1);
    for fixture in fixtures() {
        for _ in 0..24 {
            let mut bytes = fixture.bytes().to_vec();
            for _ in 0..=random.below(3) {
                match random.below(4) {
                    0 if !bytes.is_empty() => {
                        let at = random.below(bytes.len());
                        bytes[at] = random.next().to_be_bytes()[0];
                    }
                    1 if !bytes.is_empty() => {
                        let at = random.below(bytes.len());
                        bytes[at] ^= 1 << random.below(8);
                    }
                    2 if !bytes.is_empty() => {
                        bytes.remove(random.below(bytes.len()));
                    }
                    _ => {
                        let at = random.below(bytes.len() + 1);
                        bytes.insert(at, random.next().to_be_bytes()[0]);
                    }
                }
            }
            fixture.with(bytes).check();
        }
    }
}

#[test]
fn noise_is_dissected() {
    let mut random = Random(2);
    for _ in 0..20_000 {
        let len = random.below(200);
        let mut input: Vec<u8> = (0..len).map(|_| random.next().to_be_bytes()[0]).collect();
        // Small numbers are likely lengths and types.
        for byte in &mut input {
            if random.below(2) == 0 {
                *byte %= 28;
            }
        }
        decode::run(&input);
    }
}

#[test]
fn the_front_of_a_message_in_fragments_is_dissected_too() {
    let recording = flights::read("cc");
    let first = inspect::datagram(&recording.datagrams[0].payload);
    let hello = first.find("ClientHello").unwrap();
    assert_eq!(hello.find("cipher_suites").unwrap().children.len(), 15);
    assert_eq!(first.leaves().last().unwrap().name, CONTINUED);
    assert_eq!(first.find("DTLSHandshake").unwrap().value, "client_hello (1), message 0, bytes 0 to 1175 of 1413");
    let second = inspect::datagram(&recording.datagrams[1].payload);
    assert_eq!(second.leaves().last().unwrap().name, "fragment");
}

#[test]
fn a_certificate_says_whose_it_is() {
    let certificate = std::fs::read(captures::vectors("illustrated-dtls13").join("caps/record-cert")).unwrap();
    let tree = inspect::content(ContentType::HANDSHAKE, &certificate[..certificate.len() - 1]);
    let value = |name: &str| tree.find(name).unwrap_or_else(|| panic!("{name} in {tree:#?}")).value.clone();
    assert_eq!(value("cert_data"), "CN=example.ulfheim.net,C=US");
    assert_eq!(value("issuer"), "O=Example CA,C=US");
    assert_eq!(value("subject"), "CN=example.ulfheim.net,C=US");
    assert_eq!(value("notBefore"), "2018-10-05T01:38:17Z");
    assert_eq!(value("algorithm"), "rsaEncryption");
    assert_eq!(value("signatureAlgorithm"), "sha256WithRSAEncryption");
}

#[test]
fn json_is_json() {
    for fixture in fixtures().iter().step_by(5) {
        let tree = fixture.tree();
        let json: serde_json::Value = serde_json::from_str(&tree.to_json()).unwrap();
        same(&json, &tree);
    }
    fn same(json: &serde_json::Value, field: &Field) {
        assert_eq!(json["name"], field.name.as_ref());
        assert_eq!(json["start"], field.range.start);
        assert_eq!(json["end"], field.range.end);
        assert_eq!(json["value"], field.value);
        assert_eq!(json.get("note").and_then(|note| note.as_str()), field.note);
        let children = json.get("children").and_then(|children| children.as_array());
        assert_eq!(children.map_or(0, Vec::len), field.children.len());
        children.into_iter().flatten().zip(&field.children).for_each(|(json, child)| same(json, child));
    }
}
