//! Whole connections: handshakes, records, and what they consist of; with the allocations of each.
//!
//! `cargo bench --bench core`. The figures move from machine to machine: compare those of one run. What the same costs
//! in other implementations is measured by `benches/peers`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, TLS_AES_128_GCM_SHA256};
use dtls_wasm::crypto::task::{Backend, Task, TaskOutput};
use dtls_wasm::crypto::{HashOutput, SecureRandom};
use dtls_wasm::identity::{KeyAlgorithm, self_signed};
use dtls_wasm::schedule::EarlySecret;
use dtls_wasm::wire::registry::{CertificateType, CipherSuite, NamedGroup, SignatureScheme};

#[path = "support/pair.rs"]
mod pair;

use pair::{Configs, NOW, Pair};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Room for the largest datagram that is sent here.
const DATAGRAM: usize = 2048;

const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::X25519MLKEM768];

const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_AES_256_GCM_SHA384,
    CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
];

fn main() {
    let mut datagram = Vec::with_capacity(DATAGRAM);
    println!("size of a connection without its heap: {} bytes", size_of::<dtls_wasm::connection::Connection>());
    for group in GROUPS {
        let configs = Configs::new(CipherSuite::TLS_AES_128_GCM_SHA256, group, KeyAlgorithm::P256);
        let (_, traffic) = Pair::connect(&configs, &mut datagram);
        println!("a handshake with {group}: {} datagrams, {} bytes", traffic.datagrams, traffic.bytes);
    }
    divan::main();
}

/// Both ends of a handshake with a P-256 certificate.
#[divan::bench(args = GROUPS)]
fn handshake(bencher: Bencher<'_, '_>, group: &NamedGroup) {
    handshakes(bencher, *group, KeyAlgorithm::P256);
}

/// Both ends of a handshake with an Ed25519 certificate.
#[divan::bench]
fn handshake_ed25519(bencher: Bencher<'_, '_>) {
    handshakes(bencher, NamedGroup::X25519, KeyAlgorithm::Ed25519);
}

fn handshakes(bencher: Bencher<'_, '_>, group: NamedGroup, certificate: KeyAlgorithm) {
    let configs = Configs::new(CipherSuite::TLS_AES_128_GCM_SHA256, group, certificate);
    let mut datagram = Vec::with_capacity(DATAGRAM);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| Pair::connect(&configs, &mut datagram));
}

/// The public-key operations of both ends, which a handshake cannot be faster than.
#[divan::bench(args = GROUPS)]
fn public_key_operations(bencher: Bencher<'_, '_>, group: &NamedGroup) {
    let random: Arc<dyn SecureRandom> = Arc::new(SeededRandom::new(1));
    let identity = self_signed(KeyAlgorithm::P256, &[], NOW, Duration::from_secs(60), &*random).unwrap();
    let key = identity.to_credentials().unwrap().key;
    let backend = LocalBackend::new(random);
    let perform = |task: Task| backend.perform(&task).unwrap().unwrap();
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    let content = vec![0x20; 130];
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let TaskOutput::KeyShare { key: private, public } = perform(Task::GenerateKeyShare { group: *group }) else {
            panic!("no key share")
        };
        let TaskOutput::KeyShareResponse { public, .. } =
            perform(Task::RespondKeyShare { group: *group, peer: public })
        else {
            panic!("no response")
        };
        let TaskOutput::Signature(signature) =
            perform(Task::Sign { key: key.clone(), scheme, content: content.clone() })
        else {
            panic!("no signature")
        };
        black_box(perform(Task::AgreeKey { group: *group, key: private, peer: public }));
        let certificate = identity.certificate.clone();
        black_box(perform(Task::VerifySignature {
            scheme,
            certificate_type: CertificateType::X509,
            certificate,
            content: content.clone(),
            signature,
        }));
    });
}

/// The key schedule of one end: from the shared secret to the keys of both epochs, both Finished, and the exporter.
#[divan::bench]
fn key_schedule(bencher: Bencher<'_, '_>) {
    let transcript = HashOutput::new(&[7; 32]);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        let handshake = EarlySecret::new(&TLS_AES_128_GCM_SHA256).into_handshake(&[9; 32]);
        let (client, server) = (handshake.client_traffic(&transcript), handshake.server_traffic(&transcript));
        black_box((client.keys(), server.keys(), client.finished(&transcript), server.finished(&transcript)));
        let master = handshake.into_master();
        let (client, server) = (master.client_traffic(&transcript), master.server_traffic(&transcript));
        black_box((client.keys(), server.keys(), master.exporter(&transcript)));
    });
}

/// One datagram from one application to the other: queued, sealed, opened, delivered.
#[divan::bench(args = SUITES)]
fn datagram_64(bencher: Bencher<'_, '_>, suite: &CipherSuite) {
    datagrams(bencher, *suite, 64);
}

/// As above, with 1,200 bytes.
#[divan::bench(args = SUITES)]
fn datagram_1200(bencher: Bencher<'_, '_>, suite: &CipherSuite) {
    datagrams(bencher, *suite, 1200);
}

fn datagrams(bencher: Bencher<'_, '_>, suite: CipherSuite, len: usize) {
    let mut datagram = Vec::with_capacity(DATAGRAM);
    let configs = Configs::new(suite, NamedGroup::X25519, KeyAlgorithm::P256);
    let (mut pair, _) = Pair::connect(&configs, &mut datagram);
    let content = vec![0x5a; len];
    bencher.counter(ItemsCount::new(1u32)).counter(BytesCount::new(len)).bench_local(|| {
        pair::seal(&mut pair.client, &content, &mut datagram);
        assert_eq!(pair::open(&mut pair.server, &mut datagram).len(), len);
    });
}
