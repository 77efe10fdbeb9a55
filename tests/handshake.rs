//! Whole connections with real cryptography: every suite, group and kind of certificate with every other.
#![cfg(all(feature = "rustcrypto", feature = "sim"))]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::SecureRandom;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, provider_with_random};
use dtls_wasm::crypto::task::PeerVerifier;
use dtls_wasm::error::{CertificateError, Error};

use dtls_wasm::identity::{
    AcceptAnyVerifier, Fingerprint, FingerprintVerifier, KeyAlgorithm, SelfSigned, WebPkiVerifier, self_signed,
};
use dtls_wasm::sim::{Conditions, Network, Outcome, Pair};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::AlertDescription;

/// A day in 2027, for certificates that are valid then.
const START: Instant = Instant::from_micros(1_800_000_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn random(seed: u64) -> Arc<dyn SecureRandom> {
    Arc::new(SeededRandom::new(seed))
}

fn identity(algorithm: KeyAlgorithm, name: &str) -> SelfSigned {
    self_signed(algorithm, &[name], START, 30 * DAY, &*random(99)).unwrap()
}

fn client(verifier: Arc<dyn PeerVerifier>, own: Option<&SelfSigned>) -> ClientConfig {
    let random = random(1);
    let mut backend = LocalBackend::new(Arc::clone(&random)).with_verifier(verifier);
    if let Some(own) = own {
        backend = backend.with_credentials(own.to_credentials().unwrap());
    }
    ClientConfig::new(Arc::new(provider_with_random(random)), Arc::new(backend))
}

fn server(own: &SelfSigned, verifier: Option<Arc<dyn PeerVerifier>>) -> ServerConfig {
    let random = random(2);
    let mut backend = LocalBackend::new(Arc::clone(&random)).with_credentials(own.to_credentials().unwrap());
    let client_auth = if verifier.is_some() { ClientAuth::Required } else { ClientAuth::None };
    if let Some(verifier) = verifier {
        backend = backend.with_verifier(verifier);
    }
    let mut config = ServerConfig::new(Arc::new(provider_with_random(random)), Arc::new(backend));
    config.client_auth = client_auth;
    config
}

fn run(client: ClientConfig, server: ServerConfig, name: &str, now: Instant) -> Pair<Connection, Connection> {
    let client = Connection::client(Arc::new(client), Some(name), now).unwrap();
    let server = Connection::server(Arc::new(server), now).unwrap();
    let conditions = Conditions { delay: Duration::from_millis(5), ..Conditions::default() };
    let mut pair = Pair::new(client, server, Network::new(1, conditions), now);
    let settled = |connection: &Connection| connection.state() != ConnectionState::Connecting;
    let outcome = pair.run(now + Duration::from_secs(10), |a, b| settled(a) && settled(b));
    assert_eq!(outcome, Outcome::Done, "{:?} {:?}", pair.a, pair.b);
    pair
}

fn assert_connected(pair: &mut Pair<Connection, Connection>) {
    assert_eq!((pair.a.error(), pair.b.error()), (None, None));
    assert_eq!(pair.a.poll_event(), Some(ConnectionEvent::Connected));
    assert_eq!(pair.b.poll_event(), Some(ConnectionEvent::Connected));
    pair.a.send(b"over real keys").unwrap();
    let deadline = pair.now() + Duration::from_secs(1);
    pair.run(deadline, |_, _| false);
    assert_eq!(pair.b.poll_event(), Some(ConnectionEvent::Datagram(b"over real keys".to_vec())));
}

#[test]
fn every_suite_with_every_group_and_certificate() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Ed25519] {
        let own = identity(algorithm, "example.org");
        let verifier: Arc<dyn PeerVerifier> = Arc::new(FingerprintVerifier::new(vec![own.fingerprint()]));
        let defaults = client(Arc::clone(&verifier), None).common;
        for suite in &defaults.cipher_suites {
            for group in &defaults.groups {
                let mut client = client(Arc::clone(&verifier), None);
                client.common.cipher_suites = vec![*suite];
                client.common.groups = vec![*group];
                client.key_shares = vec![*group];
                let mut pair = run(client, server(&own, None), "example.org", START + DAY);
                assert_connected(&mut pair);
                let negotiated = pair.a.negotiated().unwrap();
                assert_eq!((negotiated.cipher_suite, negotiated.group), (*suite, Some(*group)));
                assert_eq!(pair.b.negotiated(), Some(negotiated));
                assert_eq!(pair.a.peer_certificates(), std::slice::from_ref(&own.certificate));
            }
        }
    }
}

/// Both sides sign with keys that other tools made.
#[cfg(feature = "all-algorithms")]
#[test]
fn longer_curves_and_rsa_sign_on_both_sides() {
    use dtls_wasm::crypto::rustcrypto::credentials;
    use dtls_wasm::identity::pem;
    use dtls_wasm::wire::registry::SignatureScheme as S;
    let read = |name: &str| std::fs::read_to_string(format!("tests/vectors/openssl-chains/{name}")).unwrap();
    for (name, schemes) in [
        ("own-p384", &[S::ECDSA_SECP384R1_SHA384][..]),
        ("own-p521", &[S::ECDSA_SECP521R1_SHA512]),
        ("server-rsa", &[S::RSA_PSS_RSAE_SHA256, S::RSA_PSS_RSAE_SHA384, S::RSA_PSS_RSAE_SHA512]),
    ] {
        for scheme in schemes {
            let own = || {
                let key = pem::private_key(&read(&format!("{name}.key"))).unwrap();
                let chain = pem::certificates(&read(&format!("{name}.pem"))).unwrap();
                credentials(chain, &key).unwrap()
            };
            let backend = |seed| {
                let backend = LocalBackend::new(random(seed)).with_verifier(Arc::new(AcceptAnyVerifier));
                Arc::new(backend.with_credentials(own()))
            };
            let mut client = ClientConfig::new(Arc::new(provider_with_random(random(1))), backend(1));
            let mut server = ServerConfig::new(Arc::new(provider_with_random(random(2))), backend(2));
            server.client_auth = ClientAuth::Required;
            client.common.signature_schemes = vec![*scheme];
            server.common.signature_schemes = vec![*scheme];
            let mut pair = run(client, server, "example.org", START + DAY);
            assert_connected(&mut pair);
            assert_eq!(pair.a.peer_certificates(), pair.b.peer_certificates());
        }
    }
}

/// The short tag of CCM_8 works, records that are shorter than the sample of the mask included, if both ask for it.
#[cfg(feature = "ccm")]
#[test]
fn ccm_8_is_there_for_those_who_ask() {
    use dtls_wasm::wire::registry::CipherSuite;
    let own = identity(KeyAlgorithm::P256, "example.org");
    let suite = CipherSuite::TLS_AES_128_CCM_8_SHA256;
    for asked in [true, false] {
        let mut client = client(Arc::new(AcceptAnyVerifier), None);
        let mut server = server(&own, None);
        client.common.cipher_suites = vec![suite];
        if asked {
            server.common.cipher_suites = vec![suite];
        }
        let mut pair = run(client, server, "example.org", START + DAY);
        if !asked {
            assert_eq!(pair.a.error(), Some(&Error::AlertReceived(AlertDescription::HANDSHAKE_FAILURE)));
            continue;
        }
        assert_connected(&mut pair);
        pair.b.send(b"").unwrap();
        let deadline = pair.now() + Duration::from_secs(1);
        pair.run(deadline, |_, _| false);
        assert_eq!(pair.a.poll_event(), Some(ConnectionEvent::Datagram(Vec::new())));
    }
}

#[test]
fn both_sides_are_known_by_their_fingerprints() {
    let (ours, theirs) = (identity(KeyAlgorithm::P256, "a"), identity(KeyAlgorithm::Ed25519, "b"));
    let by =
        |known: &SelfSigned| -> Arc<dyn PeerVerifier> { Arc::new(FingerprintVerifier::new(vec![known.fingerprint()])) };
    let mut pair = run(client(by(&theirs), Some(&ours)), server(&theirs, Some(by(&ours))), "b", START + DAY);
    assert_connected(&mut pair);
    assert_eq!(Fingerprint::sha256(&pair.b.peer_certificates()[0]), ours.fingerprint());
}

#[test]
fn a_certificate_that_is_refused_says_which_check_failed() {
    let own = identity(KeyAlgorithm::P256, "example.org");
    let other = identity(KeyAlgorithm::P256, "other.example");
    let roots = |own: &SelfSigned| -> Arc<dyn PeerVerifier> {
        Arc::new(WebPkiVerifier::new(std::slice::from_ref(&own.certificate)).unwrap())
    };
    let fingerprint: Arc<dyn PeerVerifier> = Arc::new(FingerprintVerifier::new(vec![other.fingerprint()]));
    type Case<'a> = (Arc<dyn PeerVerifier>, &'a str, Instant, CertificateError, AlertDescription);
    let cases: [Case<'_>; 3] = [
        (
            fingerprint,
            "example.org",
            START + DAY,
            CertificateError::FingerprintMismatch,
            AlertDescription::BAD_CERTIFICATE,
        ),
        (roots(&other), "example.org", START + DAY, CertificateError::UnknownIssuer, AlertDescription::UNKNOWN_CA),
        (
            roots(&own),
            "wrong.example",
            START + DAY,
            CertificateError::NotValidForName,
            AlertDescription::BAD_CERTIFICATE,
        ),
    ];
    for (verifier, name, now, error, alert) in cases {
        let pair = run(client(verifier, None), server(&own, None), name, now);
        assert_eq!(pair.a.error(), Some(&Error::InvalidCertificate(error)));
        assert_eq!(pair.b.error(), Some(&Error::AlertReceived(alert)));
    }
}

#[test]
fn a_client_without_certificate_is_refused_where_one_is_required() {
    let own = identity(KeyAlgorithm::P256, "example.org");
    let any: Arc<dyn PeerVerifier> = Arc::new(AcceptAnyVerifier);
    let pair = run(client(Arc::clone(&any), None), server(&own, Some(any)), "example.org", START + DAY);
    assert_eq!(
        pair.b.error().map(ToString::to_string).unwrap(),
        "the peer broke the protocol: no certificate, though one is required"
    );
}
