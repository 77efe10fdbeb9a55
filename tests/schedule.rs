//! The key schedule, the transcript and the record keys against handshakes of other implementations.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use dtls_wasm::codec::Decode as _;
use dtls_wasm::crypto::psk::PskKind;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384};
use dtls_wasm::crypto::secret::SecretBytes;
use dtls_wasm::crypto::task::{Backend, EphemeralKey, Task, TaskOutput};
use dtls_wasm::crypto::{AeadAlgorithm, AeadError, AeadKey, AeadLimits, CipherSuiteImpl, RecordNumberKey};
use dtls_wasm::schedule::{EarlySecret, ExporterSecret, TrafficSecret};
use dtls_wasm::transcript::{Transcript, TranscriptBuffer, hash_truncated_hello};
use dtls_wasm::wire::client_hello::ClientHello;
use dtls_wasm::wire::registry::{HandshakeType, NamedGroup};

#[path = "support/flights.rs"]
mod flights;
#[path = "support/pcap.rs"]
mod pcap;

use flights::{hex, vectors};

/// Opens a record whose header has the form 001 0 1 1 EE: a sequence number of 16 bits, and a length. Gives back the
/// low bits of its sequence number, and its content with the type behind it.
fn open(secret: &TrafficSecret, record: &[u8]) -> (u16, Vec<u8>) {
    assert_eq!(record[0] & 0b1111_1100, 0b0010_1100);
    assert_eq!(usize::from(u16::from_be_bytes([record[3], record[4]])), record.len() - 5);
    let keys = secret.keys();
    let mask = keys.record_number.mask(record[5..21].try_into().unwrap());
    let header = [record[0], record[1] ^ mask[0], record[2] ^ mask[1], record[3], record[4]];
    let mut nonce = keys.iv;
    nonce[10] ^= header[1];
    nonce[11] ^= header[2];
    let mut content = record[5..].to_vec();
    let opened = keys.aead.open(&nonce, &header, &mut content).expect("the record authenticates");
    (u16::from_be_bytes([header[1], header[2]]), opened.to_vec())
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.9
//# For DTLS 1.3, that label SHALL be "dtls13".
#[test]
fn records_of_wolfssl_open() {
    let path = vectors("wolfssl-records-purecrypto").join("wolfssl-5.9.4-dtls13-records.json");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let bytes = |name: &str| hex(json[name].as_str().unwrap());

    let handshake = TrafficSecret::new(&TLS_AES_128_GCM_SHA256, &bytes("client_handshake_traffic_secret"));
    let (_, finished) = open(&handshake, &bytes("client_finished_record_epoch2"));
    assert_eq!(finished[..12], hex(json["expect"]["finished"]["handshake_header"].as_str().unwrap()));
    assert_eq!(finished.len() - 1, json["expect"]["finished"]["len"].as_u64().unwrap() as usize);
    assert_eq!(finished.last(), Some(&22));

    let application = TrafficSecret::new(&TLS_AES_128_GCM_SHA256, &bytes("client_traffic_secret_0"));
    let (_, data) = open(&application, &bytes("client_appdata_record_epoch3"));
    assert_eq!(data, b"hello wolfssl!\x17");
}

/// A handshake whose two private X25519 keys are published (the client's is 20 21 … 3f, the server's 90 91 … af), so
/// that every secret can be computed from the start and compared with the key log.
#[test]
fn the_illustrated_handshake_is_computed_from_its_private_keys() {
    let suite: &'static CipherSuiteImpl = &TLS_AES_128_GCM_SHA256;
    let file = |name: &str| std::fs::read(vectors("illustrated-dtls13").join("caps").join(name)).unwrap();
    let keylog = std::fs::read_to_string(vectors("illustrated-dtls13").join("keylog.txt")).unwrap();
    let logged = |label: &str| {
        let line = keylog.lines().find(|line| line.split(' ').next() == Some(label)).unwrap();
        hex(line.rsplit(' ').next().unwrap().trim())
    };

    // A plaintext record has 13 bytes of header, a fragment 12; each message here is one fragment.
    let (client_hello, server_hello) = (file("record-chello"), file("record-shello"));
    let client_private: Vec<u8> = (0x20..0x40).collect();
    let agree = Task::AgreeKey {
        group: NamedGroup::X25519,
        key: EphemeralKey::Held(SecretBytes::new(client_private)),
        peer: hex("9fd7ad6dcff4298dd3f96d5b1b2af910a0535b1488d7f8fabb349a982880b615"),
    };
    assert!(server_hello.windows(32).any(|window| matches!(&agree, Task::AgreeKey { peer, .. } if window == peer)));
    let backend = LocalBackend::new(std::sync::Arc::new(OsRandom));
    let Some(Ok(TaskOutput::SharedSecret(shared))) = backend.perform(&agree) else { panic!("no shared secret") };

    let mut messages = TranscriptBuffer::new();
    messages.add(HandshakeType::CLIENT_HELLO, &client_hello[25..]);
    let mut transcript = messages.into_transcript(suite);
    transcript.add(HandshakeType::SERVER_HELLO, &server_hello[25..]);

    let handshake = EarlySecret::new(suite).into_handshake(shared.expose());
    let client = handshake.client_traffic(&transcript.current());
    let server = handshake.server_traffic(&transcript.current());
    assert_eq!(client.expose(), logged("CLIENT_HANDSHAKE_TRAFFIC_SECRET"));
    assert_eq!(server.expose(), logged("SERVER_HANDSHAKE_TRAFFIC_SECRET"));

    let check = |secret: &TrafficSecret, number: u16, sealed: &str, plain: &str| {
        let (sequence_number, content) = open(secret, &file(sealed));
        assert_eq!((sequence_number, &content), (number, &file(plain)), "{sealed}");
        content
    };
    let add = |transcript: &mut Transcript, content: &[u8]| {
        transcript.add(HandshakeType(content[0]), &content[12..content.len() - 1]);
    };
    add(&mut transcript, &check(&server, 0, "03-encext-shs-prot", "record-encext"));
    add(&mut transcript, &check(&server, 1, "04-cert-shs-prot", "record-cert"));
    add(&mut transcript, &check(&server, 2, "05-cverify-shs-prot", "record-cverify"));

    let finished = check(&server, 3, "06-fin-shs-prot", "record-sfin");
    assert!(server.finished(&transcript.current()).ct_eq(&finished[12..44]));
    add(&mut transcript, &finished);
    let finished = check(&client, 0, "07-fin-chs-prot", "record-cfin");
    assert!(client.finished(&transcript.current()).ct_eq(&finished[12..44]));
    assert!(!server.finished(&transcript.current()).ct_eq(&finished[12..44]));

    let master = handshake.into_master();
    let client = master.client_traffic(&transcript.current());
    let server = master.server_traffic(&transcript.current());
    assert_eq!(client.expose(), logged("CLIENT_TRAFFIC_SECRET"));
    assert_eq!(server.expose(), logged("SERVER_TRAFFIC_SECRET"));
    check(&server, 0, "08-ack-sap-prot", "record-sack");
    check(&client, 0, "09-data-cap-prot", "record-cdata");
    check(&server, 1, "10-data-sap-prot", "record-sdata");
    check(&server, 2, "11-bye-sap-prot", "record-sbye");
}

/// What wolfSSL's example programs printed (vectors/wolfssl-5.9.2-traces/README.md).
#[test]
fn keying_material_for_srtp_is_that_of_wolfssl() {
    let keylog = std::fs::read_to_string(vectors("wolfssl-5.9.2-traces").join("dtls13-srtp.keys")).unwrap();
    let line = keylog.lines().find(|line| line.starts_with("EXPORTER_SECRET ")).unwrap();
    let exporter = ExporterSecret::new(&TLS_AES_128_GCM_SHA256, &hex(line.rsplit(' ').next().unwrap().trim()));
    let mut material = [0; 60];
    exporter.export("EXTRACTOR-dtls_srtp", &[], &mut material).unwrap();
    assert_eq!(
        material[..],
        hex(
            "2F19D276ACD3073619934D295970F3D4BA1DE48FFDE3D56DB9E0CBA62F904B1C0C2D3EF0265301E76E3B2FDAF73840CB96BC82E54758C01F8FFE360F"
        )
    );
}

/// The answers were computed by a script over Python's `cryptography` 48.0.0, which follows RFC 9846 §7.1 with the label
/// prefix of RFC 9147 §5.9 and shares nothing with this crate.
#[test]
fn a_pre_shared_key_gives_the_known_secrets() {
    let cases: [(&'static CipherSuiteImpl, [&str; 7]); 2] = [
        (
            &TLS_AES_128_GCM_SHA256,
            [
                "c51e27508307c4ab8bc957840b62414a41b55e9161e6904666e25d2f820ad9a4",
                "c15d1c7ffb8a43c147c00600ad07f5c1dc800659f9ed09311e7c33cf50c4ff5f",
                "cb94291c9f53a53fdf8d9cd366475ba6db6e4daa1084e426f343d3cee145d83d",
                "ce91e084aea05f46706fe8583a022df23999c3026d817167493cdd11e6939668",
                "766f69f3b6b6d7a6a41acec48ccab3ce2c9e3bf246f0801bd611fcf6da00e05d",
                "b17ead5e63dea56abe0cc3923de450368e7b12716461c708cb7d6feed2142bfa",
                "109d3929e3ebc2d33b9c8df53699216aaf8c12484c26bea6f05e70d53419f6c9",
            ],
        ),
        (
            &TLS_AES_256_GCM_SHA384,
            [
                "b9a17f099f713ead9dfc73d4670655ac8e401de56b348be8e6d36d93082cdc843b752678a232efa8d50d696c1cd223c3",
                "9f8c71baf8b3fa20458f697ad51fdeb58b9be56aebd237b3e88b007ad96726ce35f50220200842bf9707d3cf892138c1",
                "4efa412fe8b9a82edbac545d637d0905c605d16a4eb67be24728b336f886f0a39817e0e6d69fe4fbb676baf038d3cd9b",
                "346c1b55b63312efbd201d5bd85800eac02bb4c6c0ec5ab687fd833162fee7c10da190841cd9a282c520657f952cadb0",
                "ddabcc4c881efa8d8044fc67613329a1c4b6c3efa75ff3f1e4f9aaeb36070721a2abdddae5b1dfa1201d6ea34a86dcb6",
                "8b97c658dc822906068898a8d19f55bdd78dfb641740040ae2101667b79bb54490fb61390226de1cd07ec31140b6edb6",
                "dc9c3282d7d6de1dcef26a5dcef7e38ac0f5d61d73ca0fc9e45b94f29dc0f6ad5f89d990ec357e2ab9c9276a7a1d86f3",
            ],
        ),
    ];
    for (suite, answers) in cases {
        let psk: Vec<u8> = (0..u8::try_from(suite.hash.output_len()).unwrap()).collect();
        let hash = suite.hash.hash(b"partial hello");
        let early = EarlySecret::with_psk(suite, &psk);
        let binder = |kind| early.binder(kind, &hash).as_slice().to_vec();
        let mut computed = vec![
            binder(PskKind::External),
            binder(PskKind::Imported),
            binder(PskKind::Resumption),
            early.client_traffic(&hash).expose().to_vec(),
            early.exporter(&hash).expose().to_vec(),
        ];
        let handshake = early.into_handshake_without_exchange();
        computed.push(handshake.client_traffic(&hash).expose().to_vec());
        computed.push(handshake.into_master().resumption(&hash).psk(&[0, 1]).expose().to_vec());
        assert_eq!(computed, answers.map(hex), "{suite:?}");
    }
}

/// wolfSSL's example programs and their documented test key. The binders of both hellos verify, and so the transcripts
/// that they cover are the ones that wolfSSL computed.
#[test]
fn the_binders_of_wolfssl_verify() {
    // `my_psk_client_cs_cb` of wolfSSL's `test.h`: 01 23 45 67 89 ab cd ef, four times.
    let key = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(4);
    let suite: &'static CipherSuiteImpl = &TLS_AES_128_GCM_SHA256;
    let mut messages = Vec::new();
    for datagram in pcap::read_file(vectors("wolfssl-5.9.2-traces").join("dtls13-psk-dhe.pcap")) {
        // A hello in one record of one fragment, as wolfSSL sends it: 13 bytes of record header, 12 of the fragment's.
        if let ([22, ..], Some([msg_type @ (1 | 2), ..])) = (&datagram.payload[..], datagram.payload.get(13..)) {
            let len = usize::from(u16::from_be_bytes([datagram.payload[23], datagram.payload[24]]));
            messages.push((HandshakeType(*msg_type), datagram.payload[25..25 + len].to_vec()));
        }
    }
    let [(_, first), (_, retry), (_, second), ..] = &messages[..] else { panic!("{} hellos", messages.len()) };
    let mut buffer = TranscriptBuffer::new();
    buffer.add(HandshakeType::CLIENT_HELLO, first);
    let mut transcript = buffer.into_transcript_after_retry(suite);
    transcript.add(HandshakeType::SERVER_HELLO, retry);
    for (body, is_second) in [(first, false), (second, true)] {
        let hello = ClientHello::decode_all(body).unwrap();
        assert_eq!(hello.extensions.cookie.is_some(), is_second);
        let offered = hello.extensions.pre_shared_key.unwrap();
        let hash = if is_second {
            transcript.with_truncated_hello(body, offered.binders_len())
        } else {
            hash_truncated_hello(suite.hash, body, offered.binders_len())
        };
        let binder = EarlySecret::with_psk(suite, &key).binder(PskKind::External, &hash);
        assert_eq!(offered.identities[0].identity, b"Client_identitySHA256");
        assert_eq!(binder.as_slice(), offered.binders[0]);
    }
}

/// Names a length of keys, and then refuses keys of it.
struct Contradiction;

impl AeadAlgorithm for Contradiction {
    fn key_len(&self) -> usize {
        16
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn limits(&self) -> AeadLimits {
        AeadLimits { confidentiality: 1000, integrity: 1000 }
    }

    fn aead_key(&self, _: &[u8]) -> Option<Box<dyn AeadKey>> {
        None
    }

    fn record_number_key(&self, _: &[u8]) -> Option<Box<dyn RecordNumberKey>> {
        None
    }
}

#[test]
fn keys_that_an_algorithm_refuses_protect_nothing_and_open_nothing() {
    static SUITE: CipherSuiteImpl =
        CipherSuiteImpl { id: TLS_AES_128_GCM_SHA256.id, hash: TLS_AES_128_GCM_SHA256.hash, aead: &Contradiction };
    let keys = TrafficSecret::new(&SUITE, &[7; 32]).keys();
    let mut content = *b"what must not leave in the clear";
    let (text, tag) = content.split_at_mut(16);
    assert_eq!(keys.aead.seal(&keys.iv, b"", text, tag), Err(AeadError));
    assert_eq!(keys.aead.open(&keys.iv, b"", &mut content).err(), Some(AeadError));
    assert_eq!(keys.record_number.mask(&[7; 16]), [0, 0]);
}
