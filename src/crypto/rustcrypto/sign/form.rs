//! What kind of private key some bytes are, found without reading more of it than that.

use der::asn1::{ContextSpecific, IntRef, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag};
use p256::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A kind of private key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa,
    OtherCurve(ObjectIdentifier),
    Other(ObjectIdentifier),
}

impl Form {
    /// The kind of `der`, which is PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017), or `None`.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let Ok(info) = PrivateKeyInfoRef::from_der(der) else {
            return if is_pkcs1(der) { Some(Self::Rsa) } else { Self::of_sec1(der).ok() };
        };
        Some(match info.algorithm.oid {
            EC_PUBLIC_KEY => Self::of_curve(info.algorithm.parameters_oid().ok()?),
            ED25519 => Self::Ed25519,
            RSA_ENCRYPTION => Self::Rsa,
            other => Self::Other(other),
        })
    }

    fn of_curve(curve: ObjectIdentifier) -> Self {
        match curve {
            SECP256R1 => Self::P256,
            SECP384R1 => Self::P384,
            SECP521R1 => Self::P521,
            other => Self::OtherCurve(other),
        }
    }

    /// ```text
    /// ECPrivateKey ::= SEQUENCE {
    ///     version        INTEGER { ecPrivkeyVer1(1) } (ecPrivkeyVer1),
    ///     privateKey     OCTET STRING,
    ///     parameters [0] ECParameters {{ NamedCurve }} OPTIONAL,
    ///     publicKey  [1] BIT STRING OPTIONAL
    /// }
    /// ```
    ///
    /// RFC 5915 §3. Without parameters, which it wants to be there, the length says which curve it is.
    fn of_sec1(der: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        reader.sequence(|inner| {
            u8::decode(inner)?;
            let private = <&OctetStringRef>::decode(inner)?.as_bytes().len();
            let parameters: Option<ContextSpecific<ObjectIdentifier>> =
                ContextSpecific::decode_explicit(inner, der::TagNumber(0))?;
            inner.drain(inner.remaining_len())?;
            Ok(match parameters {
                Some(curve) => Self::of_curve(curve.value),
                None if private == 48 => Self::P384,
                None if private == 66 => Self::P521,
                None => Self::P256,
            })
        })
    }
}

/// Whether `der` is `RSAPrivateKey ::= SEQUENCE { version, modulus, … }` (RFC 8017 appendix A.1.2), which begins with two
/// integers, as no other form does.
fn is_pkcs1(der: &[u8]) -> bool {
    let read = || -> der::Result<bool> {
        let mut reader = SliceReader::new(der)?;
        reader.sequence(|inner| {
            IntRef::decode(inner)?;
            let is_integer = Tag::peek(inner)? == Tag::Integer;
            inner.drain(inner.remaining_len())?;
            Ok(is_integer)
        })
    };
    read().unwrap_or(false)
}
