//! Raw public keys, delegated credentials and the choice of a certificate, with real keys and OpenSSL's certificates.
#![cfg(all(feature = "rustcrypto", feature = "sim"))]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::codec::Encode as _;
use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::rustcrypto::{LocalBackend, SeededRandom, credentials, provider_with_random};
use dtls_wasm::crypto::task::{
    Backend, Credentials, CredentialsRequest, PeerVerifier, PresentedIdentity, SigningKeyRef, Task, TaskError,
    TaskOutput,
};
use dtls_wasm::error::{CertificateError, Error, PeerMisbehaved};
use dtls_wasm::identity::{
    AcceptAnyVerifier, Fingerprint, FingerprintVerifier, KeyAlgorithm, PublicKeyVerifier, SelfSigned, WebPkiVerifier,
    pem, self_signed,
};
use dtls_wasm::sim::{Conditions, Network, Pair};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::delegated_credential::DelegatedCredential;
use dtls_wasm::wire::registry::{AlertDescription, CertificateType, SignatureScheme};

/// An hour after OpenSSL made `delegator.pem`.
const NOW: Instant = Instant::from_micros((NOT_BEFORE + 3600) * 1_000_000);

/// `notBefore` of `delegator.pem`, as `openssl x509 -startdate` prints it: Nov 23 20:53:17 2026 GMT.
const NOT_BEFORE: u64 = 1_795_467_197;

const DAY: u32 = 24 * 60 * 60;

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("tests/vectors/openssl-chains/{name}")).unwrap()
}

fn from_openssl(name: &str) -> Credentials {
    let chain = pem::certificates(&read(&format!("{name}.pem"))).unwrap();
    credentials(chain, &pem::private_key(&read(&format!("{name}.key"))).unwrap()).unwrap()
}

fn generated(algorithm: KeyAlgorithm) -> SelfSigned {
    self_signed(algorithm, &["example.org"], NOW, Duration::from_secs(DAY.into()), &SeededRandom::new(7)).unwrap()
}

/// A key without a certificate, and its SubjectPublicKeyInfo.
fn raw(algorithm: KeyAlgorithm) -> (Credentials, Vec<u8>) {
    let SigningKeyRef::Local(key) = generated(algorithm).to_credentials().unwrap().key else { panic!("not local") };
    let public_key = key.public_key();
    (Credentials::raw_public_key_of(key), public_key)
}

fn backend(seed: u64, own: Option<Credentials>, verifier: Arc<dyn PeerVerifier>) -> LocalBackend {
    let backend = LocalBackend::new(Arc::new(SeededRandom::new(seed))).with_verifier(verifier);
    match own {
        Some(own) => backend.with_credentials(own),
        None => backend,
    }
}

fn client(own: Option<Credentials>, verifier: Arc<dyn PeerVerifier>) -> ClientConfig {
    let provider = Arc::new(provider_with_random(Arc::new(SeededRandom::new(1))));
    ClientConfig::new(provider, Arc::new(backend(2, own, verifier)))
}

fn server(own: Credentials, verifier: Arc<dyn PeerVerifier>) -> ServerConfig {
    let provider = Arc::new(provider_with_random(Arc::new(SeededRandom::new(3))));
    ServerConfig::new(provider, Arc::new(backend(4, Some(own), verifier)))
}

fn run(client: ClientConfig, server: ServerConfig, now: Instant) -> Pair<Connection, Connection> {
    let client = Connection::client(Arc::new(client), Some("server.example"), now).unwrap();
    let server = Connection::server(Arc::new(server), now).unwrap();
    let conditions = Conditions { delay: Duration::from_millis(5), ..Conditions::default() };
    let mut pair = Pair::new(client, server, Network::new(1, conditions), now);
    pair.run(now + Duration::from_secs(10), |_, _| false);
    pair
}

fn pinned(key: &[u8]) -> Arc<dyn PeerVerifier> {
    Arc::new(PublicKeyVerifier::new(vec![key.to_vec()]))
}

/// Both sides show raw keys; each pins the other's.
fn raw_keys(client_pins: Arc<dyn PeerVerifier>, server_pins: Arc<dyn PeerVerifier>) -> Pair<Connection, Connection> {
    let raw_only = vec![CertificateType::RAW_PUBLIC_KEY];
    let mut client = client(Some(raw(KeyAlgorithm::Ed25519).0), client_pins);
    let mut server = server(raw(KeyAlgorithm::P256).0, server_pins);
    server.client_auth = ClientAuth::Required;
    for common in [&mut client.common, &mut server.common] {
        common.certificates.own_types.clone_from(&raw_only);
        common.certificates.peer_types.clone_from(&raw_only);
    }
    run(client, server, NOW)
}

#[test]
fn raw_public_keys_prove_both_sides_to_whoever_knows_them() {
    let (ours, theirs) = (raw(KeyAlgorithm::Ed25519).1, raw(KeyAlgorithm::P256).1);
    let by_fingerprint = PublicKeyVerifier::from_fingerprints(vec![Fingerprint::sha256(&ours)]);
    let pair = raw_keys(pinned(&theirs), Arc::new(by_fingerprint));
    assert_eq!((pair.a.error(), pair.b.error()), (None, None));
    assert_eq!(pair.a.peer_identity().unwrap().chain, core::slice::from_ref(&theirs));
    assert_eq!(pair.b.peer_identity().unwrap().chain, core::slice::from_ref(&ours));

    let stranger = raw_keys(pinned(&ours), pinned(&ours));
    assert_eq!(stranger.a.error(), Some(&Error::InvalidCertificate(CertificateError::UnknownPublicKey)));
    assert_eq!(stranger.b.error(), Some(&Error::AlertReceived(AlertDescription::UNKNOWN_CA)));
    let unknown = raw_keys(pinned(&theirs), pinned(&theirs));
    assert_eq!(unknown.b.error(), Some(&Error::InvalidCertificate(CertificateError::UnknownPublicKey)));
    assert_eq!(unknown.a.error(), Some(&Error::AlertReceived(AlertDescription::UNKNOWN_CA)));
}

#[test]
fn no_verifier_takes_a_key_for_a_certificate_or_a_certificate_for_a_key() {
    let (_, key) = raw(KeyAlgorithm::P256);
    let own = generated(KeyAlgorithm::P256);
    let certificate = PresentedIdentity::new(vec![own.certificate.clone()], Some("example.org".into()), true, NOW);
    let bare = PresentedIdentity {
        certificate_type: CertificateType::RAW_PUBLIC_KEY,
        chain: vec![key.clone()],
        ..certificate.clone()
    };
    let unexpected = Some(Err(CertificateError::UnexpectedType));
    assert_eq!(WebPkiVerifier::new(core::slice::from_ref(&own.certificate)).unwrap().verify(&bare), unexpected);
    assert_eq!(FingerprintVerifier::new(vec![Fingerprint::sha256(&key)]).verify(&bare), unexpected);
    assert_eq!(pinned(&key).verify(&certificate), unexpected);
    assert_eq!(pinned(&key).verify(&bare), Some(Ok(())));
    assert_eq!(PublicKeyVerifier::default().verify(&bare), Some(Err(CertificateError::UnknownPublicKey)));
    assert_eq!(AcceptAnyVerifier.verify(&bare), Some(Ok(())));
    // A back end without a verifier accepts neither.
    let alone = LocalBackend::new(Arc::new(SeededRandom::new(1)));
    assert!(matches!(alone.perform(&Task::VerifyPeer(bare)), Some(Err(TaskError::InvalidCertificate(_)))));
}

/// What the owner of `delegator` lends to an Ed25519 key, valid for so many seconds from notBefore on.
fn lent_by(delegator: &str, is_server: bool, valid_time: u32) -> Credentials {
    let owner = from_openssl(delegator);
    let SigningKeyRef::Local(lent) = generated(KeyAlgorithm::Ed25519).to_credentials().unwrap().key else {
        panic!("not local")
    };
    let mut credential = DelegatedCredential {
        valid_time,
        scheme: SignatureScheme::ED25519,
        public_key: lent.public_key(),
        algorithm: SignatureScheme::ECDSA_SECP256R1_SHA256,
        signature: Vec::new(),
    };
    let content = credential.signed_content(is_server, &owner.chain[0]);
    let sign = Task::Sign { key: owner.key.clone(), scheme: credential.algorithm, content };
    let signer = LocalBackend::new(Arc::new(SeededRandom::new(5)));
    let Some(Ok(TaskOutput::Signature(signature))) = signer.perform(&sign) else { panic!("no signature") };
    credential.signature = signature;
    owner.with_delegated_credential(credential, SigningKeyRef::Local(lent))
}

fn delegate(own: Credentials) -> Pair<Connection, Connection> {
    let known = FingerprintVerifier::new(vec![Fingerprint::sha256(&own.chain[0])]);
    let mut client = client(None, Arc::new(known));
    client.common.certificates.delegated_schemes = vec![SignatureScheme::ED25519];
    run(client, server(own, Arc::new(AcceptAnyVerifier)), NOW)
}

#[test]
fn a_delegated_credential_stands_for_its_certificate_while_it_lasts() {
    let pair = delegate(lent_by("delegator", true, DAY));
    assert_eq!((pair.a.error(), pair.b.error()), (None, None));
    assert!(pair.a.peer_identity().unwrap().is_delegated);
    assert_eq!(pair.a.peer_certificates(), from_openssl("delegator").chain);

    let is_refused = |own: Credentials| {
        let pair = delegate(own);
        assert_eq!(pair.a.error(), Some(&PeerMisbehaved::InvalidDelegatedCredential.into()));
        assert_eq!(pair.b.error(), Some(&Error::AlertReceived(AlertDescription::ILLEGAL_PARAMETER)));
    };
    // Over since a second; and for more than seven days from now on, by a second.
    is_refused(lent_by("delegator", true, 3599));
    is_refused(lent_by("delegator", true, 3600 + 7 * DAY + 1));
    assert_eq!(delegate(lent_by("delegator", true, 3600 + 7 * DAY)).a.error(), None);
    // For the other role; by a certificate that may not sign; by one that may not delegate.
    is_refused(lent_by("delegator", false, DAY));
    is_refused(lent_by("mute-delegator", true, DAY));
    is_refused(lent_by("server-p256", true, DAY));
}

#[test]
fn a_certificate_that_may_not_sign_does_not() {
    let own = from_openssl("mute");
    let known = FingerprintVerifier::new(vec![Fingerprint::sha256(&own.chain[0])]);
    let pair = run(client(None, Arc::new(known)), server(own, Arc::new(AcceptAnyVerifier)), NOW);
    assert_eq!(pair.a.error(), Some(&PeerMisbehaved::CertificateKeyMismatch.into()));
    assert_eq!(pair.b.error(), Some(&Error::AlertReceived(AlertDescription::ILLEGAL_PARAMETER)));
}

/// The distinguished name `CN = name`, as OpenSSL writes it.
fn common_name(name: &str) -> Vec<u8> {
    let text = u8::try_from(name.len()).unwrap();
    let head = [0x30, 11 + text, 0x31, 9 + text, 0x30, 7 + text, 6, 3, 0x55, 4, 3, 0x0c, text];
    [&head[..], name.as_bytes()].concat()
}

#[test]
fn the_certificate_is_chosen_by_all_that_the_peer_says() {
    let chosen = |own: Vec<Credentials>, change: &dyn Fn(&mut CredentialsRequest)| {
        let empty = LocalBackend::new(Arc::new(SeededRandom::new(1)));
        let backend = own.iter().cloned().fold(empty, LocalBackend::with_credentials);
        let schemes = vec![SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP256R1_SHA256];
        let mut request = CredentialsRequest::new(None, schemes, false);
        change(&mut request);
        match backend.perform(&Task::SelectCredentials(request)) {
            Some(Ok(TaskOutput::Credentials(selected))) => selected
                .map(|selected| own.iter().position(|one| one.encoded_chain() == selected.encoded_chain()).unwrap()),
            other => panic!("{other:?}"),
        }
    };
    let all = || vec![from_openssl("server-p256"), from_openssl("delegator"), raw(KeyAlgorithm::Ed25519).0];
    assert_eq!(chosen(all(), &|_| ()), Some(0));
    let trusting = |name: &'static str| move |m: &mut CredentialsRequest| m.authorities = vec![common_name(name)];
    assert_eq!(chosen(all(), &trusting("middle-p256")), Some(0));
    assert_eq!(chosen(all(), &trusting("delegator")), Some(1));
    assert_eq!(chosen(all(), &trusting("nobody")), Some(0), "an authority is a wish");
    let raw_only = |m: &mut CredentialsRequest| m.certificate_types = vec![CertificateType::RAW_PUBLIC_KEY];
    assert_eq!(chosen(all(), &raw_only), Some(2));
    assert_eq!(chosen(all()[..2].to_vec(), &raw_only), None);

    let strict = || {
        let mut own = all();
        own[0].must_match_issuer = true;
        own
    };
    assert_eq!(chosen(strict(), &|_| ()), Some(1));
    assert_eq!(chosen(strict(), &trusting("nobody")), Some(1));
    assert_eq!(chosen(strict(), &trusting("middle-p256")), Some(0));

    let lent = || vec![lent_by("delegator", false, DAY), from_openssl("delegator")];
    assert_eq!(chosen(lent(), &|_| ()), Some(1));
    assert_eq!(chosen(lent(), &|m| m.delegated_schemes = vec![SignatureScheme::ED25519]), Some(0));
    let without_owner = |m: &mut CredentialsRequest| {
        m.delegated_schemes = vec![SignatureScheme::ED25519];
        m.schemes = vec![SignatureScheme::ED25519];
    };
    assert_eq!(chosen(lent(), &without_owner), None);
}

/// Tells credentials apart that share a certificate.
trait EncodedChain {
    fn encoded_chain(&self) -> Vec<u8>;
}

impl EncodedChain for Credentials {
    fn encoded_chain(&self) -> Vec<u8> {
        let lent = self.delegated_credential.as_ref().map(DelegatedCredential::encoded).unwrap_or_default();
        [self.chain.concat(), lent].concat()
    }
}

#[test]
fn a_client_shows_another_certificate_when_it_is_asked_later() {
    let own = from_openssl("delegator");
    let mut asking = server(from_openssl("server-p256"), Arc::new(AcceptAnyVerifier));
    asking.client_auth = ClientAuth::Optional;
    let mut willing = client(Some(own.clone()), Arc::new(AcceptAnyVerifier));
    willing.post_handshake_auth = true;
    let mut pair = run(willing, asking, NOW);
    assert_eq!(pair.b.state(), ConnectionState::Connected);
    assert_eq!(pair.b.peer_certificates(), own.chain);
    let now = pair.now();
    let request = pair.b.request_client_authentication(false, now).unwrap();
    pair.run(now + Duration::from_secs(5), |_, _| false);
    let events: Vec<_> = std::iter::from_fn(|| pair.b.poll_event()).collect();
    let answered = events.iter().find_map(|event| match event {
        ConnectionEvent::PeerAuthenticated { request, peer } => Some((*request, peer.chain.clone())),
        _ => None,
    });
    assert_eq!(answered, Some((request, own.chain)));
}
