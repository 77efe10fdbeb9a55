//! The key schedule, the transcript and the record keys against handshakes of other implementations.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use dtls_wasm::crypto::CipherSuiteImpl;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, TLS_AES_128_GCM_SHA256};
use dtls_wasm::crypto::secret::SecretBytes;
use dtls_wasm::crypto::task::{Backend, EphemeralKey, Task, TaskOutput};
use dtls_wasm::schedule::{EarlySecret, ExporterSecret, TrafficSecret};
use dtls_wasm::transcript::{Transcript, TranscriptBuffer};
use dtls_wasm::wire::registry::{HandshakeType, NamedGroup};

#[path = "support/flights.rs"]
mod flights;

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
