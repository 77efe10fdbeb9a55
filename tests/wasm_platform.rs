//! Whole connections in WebAssembly, with the platform's own random numbers and clock. These tests name no place to run
//! in: `npm test` runs them in Node and in a browser.
#![cfg(all(target_arch = "wasm32", feature = "wasm", feature = "sim"))]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::SecureRandom;
use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, provider};
use dtls_wasm::identity::{FingerprintVerifier, KeyAlgorithm, SelfSigned, WebPkiVerifier, self_signed};
use dtls_wasm::sim::{Conditions, Network, Outcome, Pair};
use dtls_wasm::time::Instant;
use wasm_bindgen_test::wasm_bindgen_test;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NAME: &str = "wasm.example";

/// The platform's wall clock.
fn now() -> Instant {
    Instant::from_millis_f64(js_sys::Date::now())
}

fn identity(algorithm: KeyAlgorithm) -> SelfSigned {
    self_signed(algorithm, &[NAME], now(), 30 * DAY, &OsRandom).unwrap()
}

fn client(backend: LocalBackend) -> ClientConfig {
    ClientConfig::new(Arc::new(provider()), Arc::new(backend))
}

fn server(own: &SelfSigned) -> ServerConfig {
    let backend = LocalBackend::new(Arc::new(OsRandom)).with_credentials(own.to_credentials().unwrap());
    ServerConfig::new(Arc::new(provider()), Arc::new(backend))
}

fn trusting(own: &SelfSigned) -> LocalBackend {
    LocalBackend::new(Arc::new(OsRandom)).with_verifier(Arc::new(FingerprintVerifier::new(vec![own.fingerprint()])))
}

fn handshake(client: ClientConfig, server: ServerConfig) -> Pair<Connection, Connection> {
    let now = now();
    let client = Connection::client(Arc::new(client), Some(NAME), now).unwrap();
    let server = Connection::server(Arc::new(server), now).unwrap();
    let network = Network::new(1, Conditions { delay: Duration::from_millis(5), ..Conditions::default() });
    let mut pair = Pair::new(client, server, network, now);
    let connected = |connection: &Connection| connection.state() == ConnectionState::Connected;
    let outcome = pair.run(now + Duration::from_secs(10), |a, b| connected(a) && connected(b));
    assert_eq!(outcome, Outcome::Done, "{:?} {:?}", pair.a.error(), pair.b.error());
    pair
}

fn assert_carries(pair: &mut Pair<Connection, Connection>, data: &[u8]) {
    assert_eq!(pair.a.poll_event(), Some(ConnectionEvent::Connected));
    assert_eq!(pair.b.poll_event(), Some(ConnectionEvent::Connected));
    pair.a.send(data).unwrap();
    let deadline = pair.now() + Duration::from_secs(1);
    pair.run(deadline, |_, _| false);
    assert_eq!(pair.b.poll_event(), Some(ConnectionEvent::Datagram(data.to_vec())));
}

#[wasm_bindgen_test]
fn random_bytes_come_from_the_platform() {
    let mut first = [0; 32];
    let mut second = [0; 32];
    OsRandom.fill(&mut first).unwrap();
    OsRandom.fill(&mut second).unwrap();
    assert_ne!(first, [0; 32]);
    assert_ne!(first, second);
}

#[wasm_bindgen_test]
fn every_suite_with_every_group_and_certificate() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Ed25519] {
        let own = identity(algorithm);
        let defaults = client(trusting(&own)).common;
        for suite in &defaults.cipher_suites {
            for group in &defaults.groups {
                let mut client = client(trusting(&own));
                client.common.cipher_suites = vec![*suite];
                client.common.groups = vec![*group];
                client.key_shares = vec![*group];
                let mut pair = handshake(client, server(&own));
                assert_carries(&mut pair, b"sealed in wasm");
                let negotiated = pair.a.negotiated().unwrap();
                assert_eq!((negotiated.cipher_suite, negotiated.group), (*suite, Some(*group)));
            }
        }
    }
}

#[wasm_bindgen_test]
fn a_chain_is_checked_against_the_platforms_clock() {
    let own = identity(KeyAlgorithm::P256);
    let roots = WebPkiVerifier::new(std::slice::from_ref(&own.certificate)).unwrap();
    let backend = LocalBackend::new(Arc::new(OsRandom)).with_verifier(Arc::new(roots));
    assert_carries(&mut handshake(client(backend), server(&own)), b"known by its root");
}

#[wasm_bindgen_test]
fn keys_are_updated_by_both_sides_and_data_flows_on() {
    let own = identity(KeyAlgorithm::P256);
    let mut pair = handshake(client(trusting(&own)), server(&own));
    assert_carries(&mut pair, b"before");
    let before = pair.a.epochs();
    pair.a.update_keys(true, pair.now()).unwrap();
    let deadline = pair.now() + Duration::from_secs(5);
    pair.run(deadline, |_, _| false);
    let after = pair.a.epochs();
    assert_eq!((after.0, after.1), (before.0 + 1, before.1 + 1));
    pair.b.send(b"after").unwrap();
    let deadline = pair.now() + Duration::from_secs(1);
    pair.run(deadline, |_, _| false);
    let received =
        std::iter::from_fn(|| pair.a.poll_event()).any(|event| event == ConnectionEvent::Datagram(b"after".to_vec()));
    assert!(received);
}
