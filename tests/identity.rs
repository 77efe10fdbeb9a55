//! Certificates, keys and fingerprints, most of them made by OpenSSL.
#![cfg(feature = "rustcrypto")]
#![allow(clippy::unwrap_used, clippy::string_slice)]

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::crypto::rustcrypto::{LocalBackend, OsRandom, SeededRandom, credentials};
use dtls_wasm::crypto::task::{
    Backend, CredentialsRequest, PeerVerifier, PresentedIdentity, SigningKeyRef, Task, TaskError, TaskOutput,
};
use dtls_wasm::error::{CertificateError, IdentityError};
use dtls_wasm::identity::{
    AcceptAnyVerifier, Fingerprint, FingerprintAlgorithm, FingerprintVerifier, KeyAlgorithm, WebPkiVerifier, pem,
    self_signed,
};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::{CertificateType, SignatureScheme};

#[path = "support/flights.rs"]
mod flights;

use flights::vectors;

/// A time in the year 2028, when the certificates of OpenSSL are valid.
const NOW: Instant = Instant::from_micros(1_830_000_000_000_000);

fn text(name: &str) -> String {
    std::fs::read_to_string(vectors("openssl-chains").join(name)).unwrap()
}

fn certificate(name: &str) -> Vec<u8> {
    let mut found = pem::certificates(&text(&format!("{name}.pem"))).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn presented(chain: &[&str]) -> PresentedIdentity {
    let chain = chain.iter().map(|name| certificate(name)).collect();
    PresentedIdentity::new(chain, Some("server.example".into()), true, NOW)
}

fn verdict(roots: &[&str], presented: &PresentedIdentity) -> Result<(), CertificateError> {
    let roots: Vec<_> = roots.iter().map(|name| certificate(name)).collect();
    WebPkiVerifier::new(&roots).unwrap().verify(presented).unwrap()
}

#[test]
fn chains_of_every_algorithm_lead_to_their_root() {
    for algorithm in ["p256", "ed25519", "rsa"] {
        let (root, middle, server) =
            (format!("root-{algorithm}"), format!("middle-{algorithm}"), format!("server-{algorithm}"));
        assert_eq!(verdict(&["root-p384", &root], &presented(&[&server, &middle])), Ok(()), "{algorithm}");
        assert_eq!(verdict(&[&root], &presented(&[&server])), Err(CertificateError::UnknownIssuer));
        assert_eq!(verdict(&["alone"], &presented(&[&server, &middle])), Err(CertificateError::UnknownIssuer));
    }
    assert_eq!(verdict(&["root-rsa"], &presented(&["server-pss"])), Ok(()));
    let of_p384 = if cfg!(feature = "p384") { Ok(()) } else { Err(CertificateError::UnsupportedAlgorithm) };
    assert_eq!(verdict(&["root-p384"], &presented(&["server-p384"])), of_p384);
    assert_eq!(verdict(&["root-p256"], &presented(&["plain"])), Ok(()));
}

#[test]
fn what_is_too_weak_or_unknown_is_refused() {
    assert_eq!(verdict(&["root-rsa"], &presented(&["server-sha1"])), Err(CertificateError::UnsupportedAlgorithm));
    assert_eq!(verdict(&["root-p256"], &presented(&["version1"])), Err(CertificateError::BadEncoding));
    let not_der = PresentedIdentity { chain: vec![b"certificate".to_vec()], ..presented(&["plain"]) };
    assert_eq!(verdict(&["root-p256"], &not_der), Err(CertificateError::BadEncoding));
}

#[test]
fn a_damaged_signature_is_noticed() {
    let mut damaged = presented(&["plain"]);
    *damaged.chain[0].last_mut().unwrap() ^= 1;
    assert_eq!(verdict(&["root-p256"], &damaged), Err(CertificateError::BadSignature));
}

#[test]
fn a_leaf_issues_nothing() {
    let chain = presented(&["below-leaf", "server-p256", "middle-p256"]);
    assert!(verdict(&["root-p256"], &chain).is_err());
}

#[test]
fn names_are_compared() {
    for (name, expected) in [
        ("server.example", Ok(())),
        ("SERVER.example", Ok(())),
        ("a.wild.example", Ok(())),
        ("127.0.0.1", Ok(())),
        ("::1", Ok(())),
        ("a.b.wild.example", Err(CertificateError::NotValidForName)),
        ("wild.example", Err(CertificateError::NotValidForName)),
        ("example", Err(CertificateError::NotValidForName)),
        ("127.0.0.2", Err(CertificateError::NotValidForName)),
        ("::2", Err(CertificateError::NotValidForName)),
        ("no name", Err(CertificateError::NotValidForName)),
    ] {
        let named = PresentedIdentity { server_name: Some(name.into()), ..presented(&["server-p256", "middle-p256"]) };
        assert_eq!(verdict(&["root-p256"], &named), expected, "{name}");
    }
    let nameless = PresentedIdentity { server_name: None, ..presented(&["server-p256", "middle-p256"]) };
    assert!(matches!(verdict(&["root-p256"], &nameless), Err(CertificateError::Other(_))));
}

#[test]
fn purpose_is_compared() {
    let as_client = |chain: &[&str]| PresentedIdentity { server_name: None, is_server: false, ..presented(chain) };
    assert_eq!(verdict(&["root-p256"], &as_client(&["client"])), Ok(()));
    assert_eq!(verdict(&["root-p256"], &as_client(&["plain"])), Ok(()));
    assert_eq!(verdict(&["root-p256"], &presented(&["client"])), Err(CertificateError::InvalidPurpose));
    assert_eq!(
        verdict(&["root-p256"], &as_client(&["server-p256", "middle-p256"])),
        Err(CertificateError::InvalidPurpose)
    );
}

#[test]
fn time_is_compared() {
    for chain in [&["plain"][..], &["alone"]] {
        for (seconds, expected) in [
            (1_700_000_000, Err(CertificateError::NotValidYet)),
            (1_830_000_000, Ok(())),
            (2_200_000_000, Err(CertificateError::Expired)),
        ] {
            let at = PresentedIdentity { now: Instant::from_micros(seconds * 1_000_000), ..presented(chain) };
            assert_eq!(verdict(&["root-p256", "alone"], &at), expected, "{chain:?} at {seconds}");
        }
    }
}

#[test]
fn a_root_may_serve_as_its_own_leaf() {
    assert_eq!(verdict(&["alone"], &presented(&["alone"])), Ok(()));
    assert_eq!(verdict(&["root-p256"], &presented(&["alone"])), Err(CertificateError::InvalidPurpose));
    let other = PresentedIdentity { server_name: Some("other.example".into()), ..presented(&["alone"]) };
    assert_eq!(verdict(&["alone"], &other), Err(CertificateError::NotValidForName));
}

#[test]
fn roots_that_cannot_be_used_are_named() {
    assert_eq!(WebPkiVerifier::new(&[]).unwrap_err(), IdentityError::NoRoots);
    let error = WebPkiVerifier::new(&[certificate("alone"), vec![1, 2, 3]]).unwrap_err();
    assert!(error.to_string().starts_with("certificate 2 of the list cannot be read"), "{error}");
}

#[test]
fn fingerprints_are_those_of_openssl() {
    for name in ["server-p256", "server-ed25519", "server-rsa"] {
        for (algorithm, suffix) in [(FingerprintAlgorithm::Sha256, "sha256"), (FingerprintAlgorithm::Sha512, "sha512")]
        {
            let printed = text(&format!("{name}.{suffix}"));
            let (_, hex) = printed.trim().split_once('=').unwrap();
            let fingerprint = algorithm.fingerprint(&certificate(name));
            assert_eq!(fingerprint.to_string(), format!("{} {hex}", algorithm.name()));
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint.clone()));
            assert_eq!(fingerprint.to_string().to_lowercase().parse(), Ok(fingerprint));
        }
    }
}

#[test]
fn what_is_no_fingerprint_is_refused() {
    let valid = Fingerprint::sha256(b"x").to_string();
    for text in [
        "",
        "sha-256",
        "sha-256 ",
        "md5 00:11",
        "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB",
        &valid[..valid.len() - 3],
        &format!("{valid}:00"),
        &valid.replace(':', ""),
        &valid.replacen(':', ":+", 1),
        &valid.replace("sha-256", "sha-384"),
    ] {
        let parsed: Result<Fingerprint, _> = text.parse();
        assert!(matches!(parsed, Err(IdentityError::InvalidFingerprint { .. })), "{text}");
    }
}

#[test]
fn only_the_strongest_fingerprints_count() {
    let identity = presented(&["server-p256"]);
    let own = &identity.chain[0];
    let verify =
        |fingerprints: &[Fingerprint]| FingerprintVerifier::new(fingerprints.to_vec()).verify(&identity).unwrap();
    let mismatch = Err(CertificateError::FingerprintMismatch);
    let (right, wrong) = (Fingerprint::sha256(own), Fingerprint::sha256(b"another"));
    assert_eq!(verify(std::slice::from_ref(&right)), Ok(()));
    assert_eq!(verify(&[wrong.clone(), right.clone()]), Ok(()));
    assert_eq!(verify(std::slice::from_ref(&wrong)), mismatch);
    assert_eq!(verify(&[]), mismatch);
    assert_eq!(verify(&[right, FingerprintAlgorithm::Sha512.fingerprint(b"another")]), mismatch);
    assert_eq!(verify(&[wrong, FingerprintAlgorithm::Sha512.fingerprint(own)]), Ok(()));
}

#[test]
fn keys_are_read_in_the_forms_that_people_have() {
    for (certificate_name, key, schemes, lacks) in [
        ("server-p256", "server-p256.key", 1, None),
        ("server-p256", "server-p256.sec1.key", 1, None),
        ("server-ed25519", "server-ed25519.key", 1, None),
        ("own-p384", "own-p384.key", 1, (!cfg!(feature = "p384")).then_some("p384")),
        ("own-p384", "own-p384.sec1.key", 1, (!cfg!(feature = "p384")).then_some("p384")),
        ("own-p521", "own-p521.key", 1, (!cfg!(feature = "p521")).then_some("p521")),
        ("own-p521", "own-p521.sec1.key", 1, (!cfg!(feature = "p521")).then_some("p521")),
        ("server-rsa", "server-rsa.key", 3, (!cfg!(feature = "rsa-sign")).then_some("rsa-sign")),
        ("server-rsa", "server-rsa.pkcs1.key", 3, (!cfg!(feature = "rsa-sign")).then_some("rsa-sign")),
    ] {
        let der = pem::private_key(&text(key)).unwrap();
        let read = credentials(vec![certificate(certificate_name)], &der);
        match (read, lacks) {
            (Ok(credentials), None) => assert_eq!(credentials.schemes.len(), schemes, "{key}"),
            (Err(IdentityError::MissingFeature { feature, .. }), Some(lacks)) => assert_eq!(feature, lacks, "{key}"),
            (read, lacks) => panic!("{key}: {read:?}, lacks {lacks:?}"),
        }
        // A certificate of another key.
        if lacks.is_none() {
            assert_eq!(
                credentials(vec![certificate("client")], &der).unwrap_err(),
                IdentityError::KeyMismatch,
                "{key}"
            );
        }
    }
}

#[test]
fn keys_that_cannot_be_used_are_explained() {
    let read = |name: &str| pem::private_key(&text(name));
    let message = |error: IdentityError| error.to_string();
    assert!(message(read("server-p256.pem").unwrap_err()).contains("found only CERTIFICATE"));
    assert!(message(pem::private_key("").unwrap_err()).contains("no PEM block was found"));
    assert_eq!(read("server-p256.encrypted.key"), Err(IdentityError::EncryptedPrivateKey));
    assert!(message(pem::certificates(&text("server-p256.key")).unwrap_err()).contains("found only PRIVATE KEY"));
    let cut = text("server-p256.key").replace("-----END PRIVATE KEY-----", "");
    assert!(matches!(pem::private_key(&cut), Err(IdentityError::MalformedPem(_))));
    let garbled = text("server-p256.key").replace('M', "!");
    assert!(matches!(pem::private_key(&garbled), Err(IdentityError::MalformedPem(_))));

    let key = |name: &str| read(name).unwrap();
    let own = vec![certificate("server-p256")];
    if !cfg!(feature = "rsa-sign") {
        let rsa = credentials(vec![certificate("server-rsa")], &key("server-rsa.key")).unwrap_err();
        assert!(message(rsa).contains("type RSA needs a build with the Cargo feature \"rsa-sign\""));
    }
    assert_eq!(credentials(own.clone(), &key("server-ed25519.key")).unwrap_err(), IdentityError::KeyMismatch);
    assert_eq!(credentials(vec![], &key("server-p256.key")).unwrap_err(), IdentityError::EmptyChain);
    assert_eq!(credentials(own, b"not a key").unwrap_err(), IdentityError::InvalidPrivateKey);
    let unreadable = credentials(vec![b"no certificate".to_vec()], &key("server-p256.key")).unwrap_err();
    assert!(matches!(unreadable, IdentityError::InvalidCertificate { index: 0, .. }));
}

#[test]
fn a_self_signed_certificate_is_accepted_for_its_names() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Ed25519] {
        let names = ["server.example", "*.wild.example", "127.0.0.1", "::1"];
        let own = self_signed(algorithm, &names, NOW, Duration::from_secs(3600), &OsRandom).unwrap();
        let verifier = WebPkiVerifier::new(std::slice::from_ref(&own.certificate)).unwrap();
        let at = |name: &str, seconds| {
            let (chain, now) = (vec![own.certificate.clone()], NOW + Duration::from_secs(seconds));
            let presented = PresentedIdentity::new(chain, Some(name.into()), true, now);
            verifier.verify(&presented).unwrap()
        };
        for name in ["server.example", "a.wild.example", "127.0.0.1", "::1"] {
            assert_eq!(at(name, 1), Ok(()), "{algorithm:?} {name}");
        }
        assert_eq!(at("other.example", 1), Err(CertificateError::NotValidForName));
        assert_eq!(at("server.example", 3601), Err(CertificateError::Expired));

        assert_eq!(pem::certificates(&own.certificate_pem()), Ok(vec![own.certificate.clone()]));
        assert_eq!(pem::private_key(&own.private_key_pem()).unwrap(), own.private_key[..]);
        let credentials = own.to_credentials().unwrap();
        assert_eq!(credentials.chain, std::slice::from_ref(&own.certificate));
        assert_eq!(own.fingerprint(), Fingerprint::sha256(&own.certificate));
        assert!(!format!("{own:?} {credentials:?}").contains("private_key"));
    }
}

#[test]
fn a_self_signed_certificate_needs_names_and_times_that_can_be_written() {
    let make = |names: &[&str], begin, duration| {
        self_signed(KeyAlgorithm::P256, names, begin, Duration::from_secs(duration), &OsRandom)
    };
    assert!(make(&[], NOW, 1).is_ok());
    // UTCTime ends with the year 2049, GeneralizedTime with 9999.
    assert!(make(&[], NOW, 100 * 366 * 86_400).is_ok());
    assert_eq!(make(&[], NOW, 10_000 * 366 * 86_400).unwrap_err(), IdentityError::InvalidValidity);
    assert_eq!(make(&[], NOW, 0).unwrap_err(), IdentityError::InvalidValidity);
    for name in ["", "no name", "a..b", "*", "a.*.b", "http://server.example"] {
        assert_eq!(make(&[name], NOW, 1).unwrap_err(), IdentityError::InvalidName(name.into()), "{name}");
    }
    let long = format!("{}.example", ["abcdefghij"; 20].join("."));
    assert!(make(&[&long], NOW, 1).is_ok());
}

/// OpenSSL 3.0 reads no other form of an Ed25519 key than the one it writes: version 1, without the public key.
#[test]
fn private_keys_have_the_form_that_openssl_writes() {
    for (algorithm, name, secret) in
        [(KeyAlgorithm::P256, "server-p256.key", 36..68), (KeyAlgorithm::Ed25519, "server-ed25519.key", 16..48)]
    {
        let own = self_signed(algorithm, &[], NOW, Duration::from_secs(1), &OsRandom).unwrap();
        let theirs = pem::private_key(&text(name)).unwrap();
        assert_eq!(own.private_key.len(), theirs.len());
        assert_eq!(own.private_key[..secret.start], theirs[..secret.start]);
    }
}

#[test]
fn the_same_seed_makes_the_same_certificate() {
    let make = |seed| {
        self_signed(KeyAlgorithm::P256, &["a.example"], NOW, Duration::from_secs(1), &SeededRandom::new(seed)).unwrap()
    };
    assert_eq!(make(7).certificate, make(7).certificate);
    assert_ne!(make(7).certificate, make(8).certificate);
}

#[test]
fn credentials_are_chosen_by_scheme_and_then_by_name() {
    let own = |algorithm, name: &str| {
        self_signed(algorithm, &[name], NOW, Duration::from_secs(60), &OsRandom).unwrap().to_credentials().unwrap()
    };
    let (first, second, third) = (
        own(KeyAlgorithm::P256, "first.example"),
        own(KeyAlgorithm::P256, "second.example"),
        own(KeyAlgorithm::Ed25519, "third.example"),
    );
    let backend = LocalBackend::new(Arc::new(OsRandom))
        .with_credentials(first.clone())
        .with_credentials(second.clone())
        .with_credentials(third.clone());
    let selected = |name: Option<&str>, schemes: &[SignatureScheme]| {
        let request = CredentialsRequest::new(name.map(str::to_owned), schemes.to_vec(), true);
        match backend.perform(&Task::SelectCredentials(request)) {
            Some(Ok(TaskOutput::Credentials(selected))) => selected.map(|credentials| credentials.chain.clone()),
            other => panic!("{other:?}"),
        }
    };
    let both = [SignatureScheme::ED25519, SignatureScheme::ECDSA_SECP256R1_SHA256];
    assert_eq!(selected(None, &both), Some(first.chain.clone()));
    assert_eq!(selected(Some("second.example"), &both), Some(second.chain));
    assert_eq!(selected(Some("third.example"), &both), Some(third.chain.clone()));
    assert_eq!(selected(Some("third.example"), &both[1..]), Some(first.chain.clone()));
    assert_eq!(selected(Some("unknown.example"), &both), Some(first.chain));
    assert_eq!(selected(Some("first.example"), &both[..1]), Some(third.chain));
    assert_eq!(selected(None, &[SignatureScheme::RSA_PSS_RSAE_SHA256]), None);
}

#[test]
fn a_back_end_leaves_foreign_keys_and_trusts_nobody_by_itself() {
    let backend = LocalBackend::new(Arc::new(OsRandom));
    let sign = Task::Sign { key: SigningKeyRef::Foreign(1), scheme: SignatureScheme::ED25519, content: vec![] };
    assert!(backend.perform(&sign).is_none());
    let verify = Task::VerifyPeer(presented(&["server-p256", "middle-p256"]));
    let refused = backend.perform(&verify).unwrap().unwrap_err();
    assert_eq!(refused, TaskError::InvalidCertificate(CertificateError::UnknownIssuer));
    let trusting = backend.with_verifier(Arc::new(AcceptAnyVerifier));
    assert!(matches!(trusting.perform(&verify), Some(Ok(TaskOutput::Verified))));
}

#[test]
fn certificate_verify_needs_the_certificate_s_own_key() {
    let backend = LocalBackend::new(Arc::new(OsRandom));
    let content = b"what CertificateVerify signs".to_vec();
    for (name, other, verdict, scheme) in [
        ("server-p256", "client", TaskError::Rejected, SignatureScheme::ECDSA_SECP256R1_SHA256),
        // An authority that signs certificates alone (keyUsage).
        ("server-ed25519", "middle-ed25519", TaskError::KeyMismatch, SignatureScheme::ED25519),
    ] {
        let key = pem::private_key(&text(&format!("{name}.key"))).unwrap();
        let key = credentials(vec![certificate(name)], &key).unwrap().key;
        let sign = Task::Sign { key, scheme, content: content.clone() };
        let Some(Ok(TaskOutput::Signature(signature))) = backend.perform(&sign) else { panic!("no signature") };
        let verify = |name: &str, scheme, content: &[u8], signature: &[u8]| {
            let task = Task::VerifySignature {
                scheme,
                certificate_type: CertificateType::X509,
                certificate: certificate(name),
                content: content.to_vec(),
                signature: signature.to_vec(),
            };
            backend.perform(&task).unwrap().map(|_| ())
        };
        assert_eq!(verify(name, scheme, &content, &signature), Ok(()));
        assert_eq!(verify(other, scheme, &content, &signature), Err(verdict));
        assert_eq!(verify("server-rsa", scheme, &content, &signature), Err(TaskError::KeyMismatch));
        assert_eq!(verify(name, scheme, b"something else", &signature), Err(TaskError::Rejected));
        assert_eq!(
            verify(name, SignatureScheme::RSA_PSS_RSAE_SHA256, &content, &signature),
            Err(TaskError::KeyMismatch)
        );
    }
}
