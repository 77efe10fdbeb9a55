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
        SignatureScheme::ED25519 => ED25519,
        SignatureScheme::RSA_PSS_RSAE_SHA256 => RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384 => RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => RSA_PSS_SHA512,
        _ => return None,
    })
}

#[derive(Debug)]
struct EcdsaP256<D> {
    signature: AlgorithmIdentifier,
    hash: PhantomData<D>,
}

impl<D: Digest + core::fmt::Debug + Send + Sync> SignatureVerificationAlgorithm for EcdsaP256<D> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify_prehash(&D::digest(message), &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

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

/// RSA with keys of 2,048 to 8,192 bits, the bounds of the crate: shorter ones are forged, longer ones cost whoever
/// verifies more than a peer should be able to ask for.
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
    RsaPublicKey::new(
        BoxedUint::from_be_slice_vartime(modulus.as_bytes()),
        BoxedUint::from_be_slice_vartime(exponent.as_bytes()),
    )
    .ok()
}
