//! Whatever holds a secret can be printed with `{:?}`, as every log does sooner or later, and does not show it.
#![cfg(all(feature = "rustcrypto", feature = "sim"))]

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{ClientOffer, Connection};
use dtls_wasm::crypto::SecureRandom as _;
use dtls_wasm::crypto::psk::{ExternalKey, HashAlgorithm, Psk};
use dtls_wasm::crypto::resumption::{ResumptionState, Session};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, provider_with_random};
use dtls_wasm::crypto::secret::{Secret, SecretBytes};
use dtls_wasm::crypto::task::{Delegation, EphemeralKey, PresentedIdentity, Task, TaskOutput};
use dtls_wasm::endpoint::Endpoint;
use dtls_wasm::identity::{AcceptAnyVerifier, KeyAlgorithm, WebPkiVerifier, self_signed};
use dtls_wasm::schedule::{EarlySecret, ExporterSecret, ResumptionSecret, TrafficSecret};
use dtls_wasm::sim::{Conditions, Network, Pair};
use dtls_wasm::ticket::{CachedTickets, LocalStrikeRegister, SealedTickets, TicketKey};
use dtls_wasm::time::Instant;
use dtls_wasm::transcript::{Transcript, TranscriptBuffer};
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
use dtls_wasm::wire::registry::{CipherSuite, HandshakeType, NamedGroup, SignatureScheme, SrtpProfile};

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

/// Text, so that it is found as such, as numbers and as hexadecimal digits.
const SECRET: &[u8; 48] = b"Zq9xWv7kTj5yRh3uPm1gNf8eLd6cKb4aJz2sHx0tGw7vFu5r";

/// How many bytes of it in a row are taken for a leak: by chance none of the forms of three is there.
const PIECE: usize = 3;

/// The forms in which a piece of a secret could be printed.
fn forms(piece: &[u8]) -> Vec<String> {
    let joined = |each: fn(&u8) -> String, between: &str| piece.iter().map(each).collect::<Vec<_>>().join(between);
    let mut forms = vec![
        joined(|byte| format!("{byte:02x}"), ""),
        joined(|byte| format!("{byte:02X}"), ""),
        joined(|byte| format!("{byte:02x}"), ":"),
        joined(|byte| format!("{byte}"), ", "),
        joined(|byte| format!("{byte}"), ",\n    "),
    ];
    forms.extend(String::from_utf8(piece.to_vec()).ok().filter(|text| text.is_ascii()));
    forms
}

/// The first piece of `secret` that `text` shows.
fn leak(text: &str, secret: &[u8]) -> Option<String> {
    secret.windows(PIECE).flat_map(forms).find(|form| text.contains(form))
}

/// What is printed of `value` has `part` in it, which is no secret, and nothing of `secret`.
fn hides(value: &impl Debug, part: &str, secret: &[u8]) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(text.contains(part), "{part} in: {text}");
        assert_eq!(leak(&text, secret), None, "{text}");
    }
}

#[test]
fn a_leak_would_be_found() {
    assert!(leak(&format!("{SECRET:?}"), SECRET).is_some());
    assert!(leak(&format!("{:02x?}", &SECRET[7..10]).replace(", ", ""), SECRET).is_some());
    assert!(leak(&String::from_utf8_lossy(SECRET), SECRET).is_some());
    assert!(leak(&format!("{:#?}", Some(SECRET.to_vec())).replace("        ", "    "), SECRET).is_some());
    assert_eq!(leak("Secret(48 bytes)", SECRET), None);
}

fn state() -> ResumptionState {
    ResumptionState {
        cipher_suite: CipherSuite::TLS_AES_256_GCM_SHA384,
        secret: SecretBytes::new(SECRET.to_vec()),
        issued_at: NOW,
        authenticated_at: NOW,
        lifetime: 3600,
        age_add: 1,
        server_name: None,
        alpn_protocol: None,
        peer_certificates: Vec::new(),
        psk_identity: None,
        max_early_data: 0,
    }
}

#[test]
fn secrets_of_the_schedule_are_not_printed() {
    let provider = provider_with_random(Arc::new(SeededRandom::new(1)));
    let suite = provider.suite(CipherSuite::TLS_AES_256_GCM_SHA384).unwrap();
    hides(&Secret::new(SECRET), "48 bytes", SECRET);
    hides(&SecretBytes::new(SECRET.to_vec()), "48 bytes", SECRET);
    hides(&EphemeralKey::Held(SecretBytes::new(SECRET.to_vec())), "Held", SECRET);
    hides(&TaskOutput::SharedSecret(SecretBytes::new(SECRET.to_vec())), "SharedSecret", SECRET);
    let agree = Task::AgreeKey {
        group: NamedGroup::X25519,
        key: EphemeralKey::Held(SecretBytes::new(SECRET.to_vec())),
        peer: vec![0; 32],
    };
    hides(&agree, "X25519".to_lowercase().as_str(), SECRET);
    let id = CipherSuite::TLS_AES_256_GCM_SHA384.name().unwrap();
    hides(&TrafficSecret::new(suite, SECRET), id, SECRET);
    hides(&ResumptionSecret::new(suite, SECRET), id, SECRET);
    hides(&ExporterSecret::new(suite, SECRET), "48 bytes", SECRET);
    let early = EarlySecret::with_psk(suite, SECRET);
    hides(&early, id, SECRET);
    let keys = TrafficSecret::new(suite, SECRET).keys();
    hides(&keys, id, &keys.iv);
    // What went into a transcript is not printed, for early messages may be long.
    let mut buffer = TranscriptBuffer::new();
    buffer.add(HandshakeType::CLIENT_HELLO, SECRET);
    hides(&buffer, "52 bytes", SECRET);
    let transcript: Transcript = buffer.into_transcript(suite);
    hides(&transcript, &format!("{:?}", transcript.current()), SECRET);
}

#[test]
fn keys_of_the_application_are_not_printed() {
    let psk = Psk::external(b"a device", SECRET, HashAlgorithm::Sha384).unwrap();
    hides(&psk, "a device", SECRET);
    let external = ExternalKey { identity: b"a device", context: b"", secret: SECRET, hash: HashAlgorithm::Sha384 };
    hides(&external, "Sha384", SECRET);
    hides(&TicketKey::new(SECRET), "5a7139", &SECRET[16..]);
    let provider = provider_with_random(Arc::new(SeededRandom::new(1)));
    let tickets = SealedTickets::with_keys(&provider, vec![TicketKey::new(SECRET)]).unwrap();
    hides(&tickets, "5a7139", &SECRET[16..]);

    let own = self_signed(KeyAlgorithm::P256, &["example.org"], NOW, Duration::from_secs(60), &SeededRandom::new(7));
    let own = own.unwrap();
    hides(&own, "sha-256", &own.private_key);
    let credentials = own.to_credentials().unwrap();
    hides(&credentials.key, "Local(_)", &own.private_key);

    let random = SeededRandom::new(5);
    let mut bytes = [0; 32];
    SeededRandom::new(5).fill(&mut bytes).unwrap();
    hides(&random, "SeededRandom(_)", &bytes);

    let backend = LocalBackend::new(Arc::new(random))
        .with_verifier(Arc::new(AcceptAnyVerifier))
        .with_credentials(credentials)
        .with_psk(Arc::new(psk));
    hides(&backend, "credentials: 1", SECRET);
    assert_eq!(leak(&format!("{backend:?}"), &own.private_key), None);
    hides(&WebPkiVerifier::new(std::slice::from_ref(&own.certificate)).unwrap(), "1 roots", &own.certificate);
}

#[test]
fn what_is_kept_for_resumption_is_not_printed() {
    let session = Session { ticket: b"ticket".to_vec(), state: state() };
    hides(&session, "SecretBytes(48 bytes)", SECRET);
    let offer = ClientOffer { session: Some(session), ..ClientOffer::default() };
    hides(&offer, "SecretBytes(48 bytes)", SECRET);
    let cached = CachedTickets::new(10);
    dtls_wasm::crypto::resumption::TicketStore::issue(&cached, &state(), &SeededRandom::new(1)).unwrap();
    hides(&cached, "len: 1", SECRET);
    hides(&LocalStrikeRegister::new(NOW), "len: 0", SECRET);
    let credential = DelegatedCredential {
        valid_time: 1,
        scheme: SignatureScheme::ED25519,
        public_key: vec![1],
        algorithm: SignatureScheme::ED25519,
        signature: vec![1],
    };
    let delegation = Delegation { certificate: SECRET.to_vec(), credential, is_server: true, now: NOW };
    // No secret, but long.
    hides(&delegation, "ed25519", SECRET);
}

#[test]
fn neither_configurations_nor_connections_print_their_keys() {
    let provider = Arc::new(provider_with_random(Arc::new(SeededRandom::new(1))));
    let own = self_signed(KeyAlgorithm::P256, &["example.org"], NOW, Duration::from_secs(60), &SeededRandom::new(7));
    let own = own.unwrap();
    let backend = || {
        let backend = LocalBackend::new(Arc::new(SeededRandom::new(2))).with_verifier(Arc::new(AcceptAnyVerifier));
        Arc::new(backend.with_credentials(own.to_credentials().unwrap()))
    };
    let mut client = ClientConfig::new(Arc::clone(&provider), backend());
    client.psks = vec![Arc::new(Psk::external(b"a device", SECRET, HashAlgorithm::Sha384).unwrap())];
    let mut server = ServerConfig::new(provider, backend());
    server.tickets =
        Some(Arc::new(SealedTickets::with_keys(&server.common.provider, vec![TicketKey::new(SECRET)]).unwrap()));
    for common in [&mut client.common, &mut server.common] {
        common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
    }
    hides(&client, "a device", SECRET);
    hides(&server, "has_tickets: true", SECRET);
    hides(&*server.common.provider, "suites", SECRET);

    let server = Arc::new(server);
    hides(&Endpoint::new(Some(Arc::clone(&server)), NOW).unwrap(), "half_open: 0", SECRET);
    let client = Connection::client(Arc::new(client), Some("example.org"), NOW).unwrap();
    let server = Connection::server(server, NOW).unwrap();
    let mut pair = Pair::new(client, server, Network::new(1, Conditions::default()), NOW);
    pair.run(NOW + Duration::from_secs(10), |client, server| {
        client.negotiated().is_some() && server.negotiated().is_some()
    });
    assert_eq!((pair.a.error(), pair.b.error()), (None, None));
    let keys = pair.a.srtp_keys().unwrap();
    let mut exported = [0; 32];
    pair.a.export_keying_material("EXPORTER-test", b"", &mut exported).unwrap();
    for secret in [&keys.client_key, &keys.server_key, &keys.client_salt, &keys.server_salt] {
        hides(&keys, "profile", secret);
    }
    hides(&pair.a, "Connected", &exported);
    hides(&pair.b, "is_server: true", &exported);
    let identity: &PresentedIdentity = pair.a.peer_identity().unwrap();
    assert_eq!(identity.chain, std::slice::from_ref(&own.certificate));
}
