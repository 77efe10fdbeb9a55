//! Certificates (RFC 5280 §4.1). DER is read by the crates `der` and `x509-cert`; here is only where each part lies.

use der::asn1::OctetString;
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber};
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::inspect::cursor::Cursor;
use crate::inspect::value;

/// Passes a certificate and says whose it is. None if it is not one: what was not passed is left to the caller.
pub(super) fn certificate(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut summary = String::new();
    sequence(cursor, "Certificate", "A statement about a key, and a signature of it (RFC 5280 §4.1).", |cursor| {
        sequence(cursor, "tbsCertificate", "What the issuer signs (RFC 5280 §4.1.2).", |cursor| {
            summary = to_be_signed(cursor)?;
            Some(summary.clone())
        })?;
        let note = "How the issuer signed (RFC 5280 §4.1.1.2).";
        element(cursor, "signatureAlgorithm", note, algorithm)?;
        element(cursor, "signatureValue", "The signature of the issuer (RFC 5280 §4.1.1.3).", content_hex)?;
        Some(String::new())
    })?;
    Some(summary)
}

/// Passes a bare public key. None if it is not one, and nothing was passed then.
pub(super) fn public_key(cursor: &mut Cursor<'_>) -> Option<String> {
    let key = SubjectPublicKeyInfoOwned::from_der(cursor.rest()).ok()?;
    public_key_info(cursor)?;
    Some(format!("a bare public key, {}", key.algorithm.oid))
}

fn public_key_info(cursor: &mut Cursor<'_>) -> Option<()> {
    sequence(cursor, "subjectPublicKeyInfo", "The key (RFC 5280 §4.1.2.7).", |cursor| {
        element(cursor, "algorithm", "What kind of key it is (RFC 5280 §4.1.2.7).", algorithm)?;
        element(cursor, "subjectPublicKey", "The key itself (RFC 5280 §4.1.2.7).", content_hex)?;
        Some(String::new())
    })
    .map(drop)
}

/// A distinguished name in DER, in the form of RFC 4514.
pub(super) fn name(der: &[u8]) -> Option<String> {
    let text = Name::from_der(der).ok()?.to_string();
    Some(if text.is_empty() { "empty".to_owned() } else { text })
}

fn to_be_signed(cursor: &mut Cursor<'_>) -> Option<String> {
    if next(cursor)?.tag == context(0) {
        element(cursor, "version", "Counted from 0: 2 is version 3, the usual one (RFC 5280 §4.1.2.1).", content_hex)?;
    }
    element(cursor, "serialNumber", "Tells the certificates of one issuer apart (RFC 5280 §4.1.2.2).", content_hex)?;
    element(cursor, "signature", "How the issuer signed, said once more inside (RFC 5280 §4.1.2.3).", algorithm)?;
    element(cursor, "issuer", "Who signed; the subject itself if it is self-signed (RFC 5280 §4.1.2.4).", name_or_hex)?;
    sequence(cursor, "validity", "From when to when the certificate is valid (RFC 5280 §4.1.2.5).", |cursor| {
        element(cursor, "notBefore", "Not valid before this time (RFC 5280 §4.1.2.5).", time)?;
        element(cursor, "notAfter", "Not valid after this time (RFC 5280 §4.1.2.5).", time)?;
        Some(String::new())
    })?;
    let mut subject = String::new();
    element(cursor, "subject", "Whose key this is (RFC 5280 §4.1.2.6).", |der| {
        subject = name_or_hex(der);
        subject.clone()
    })?;
    public_key_info(cursor)?;
    for (number, name) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if next(cursor).is_some_and(|part| part.tag == context(number)) {
            element(cursor, name, "Hardly ever used (RFC 5280 §4.1.2.8).", content_hex)?;
        }
    }
    if next(cursor).is_some_and(|part| part.tag == context(3)) {
        extensions(cursor)?;
    }
    Some(subject)
}

fn extensions(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "What goes beyond the fixed fields (RFC 5280 §4.1.2.9).";
    sequence(cursor, "extensions", note, |cursor| {
        sequence(cursor, "Extensions", note, |cursor| {
            while !cursor.is_empty() {
                element(cursor, "Extension", "One extension of the certificate (RFC 5280 §4.2).", extension)?;
            }
            Some(String::new())
        })?;
        Some(String::new())
    })
}

/// The next part: its tag, the length of tag and length, and the length of it all. None if it is not all here.
struct Part {
    tag: Tag,
    header_len: usize,
    len: usize,
}

fn next(cursor: &Cursor<'_>) -> Option<Part> {
    let mut reader = SliceReader::new(cursor.rest()).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let header_len = usize::try_from(reader.position()).ok()?;
    let len = header_len.checked_add(usize::try_from(header.length()).ok()?)?;
    (len <= cursor.rest().len()).then_some(Part { tag: header.tag(), header_len, len })
}

/// Passes a part whose content `inside` passes.
fn sequence(
    cursor: &mut Cursor<'_>,
    name: &'static str,
    note: &'static str,
    inside: impl FnOnce(&mut Cursor<'_>) -> Option<String>,
) -> Option<()> {
    let part = next(cursor)?;
    cursor.group(name, note, |cursor| {
        let header_note = "The tag and the length of the part behind it, in DER.";
        cursor.leaf(part.header_len, "tag and length", header_note, value::hex)?;
        cursor.content(part.len.checked_sub(part.header_len)?, |cursor| {
            let value = inside(cursor);
            if value.is_none() {
                cursor.all("content", "A part of a certificate that has another form than expected.", value::hex);
            }
            value
        })
    })
}

/// Passes a part as one leaf.
fn element(
    cursor: &mut Cursor<'_>,
    name: &'static str,
    note: &'static str,
    describe: impl FnOnce(&[u8]) -> String,
) -> Option<()> {
    let part = next(cursor)?;
    cursor.leaf(part.len, name, note, describe).map(drop)
}

const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The content of a part, without tag and length.
fn content_hex(der: &[u8]) -> String {
    let header_len = SliceReader::new(der).ok().and_then(|mut reader| {
        Header::decode(&mut reader).ok()?;
        usize::try_from(reader.position()).ok()
    });
    value::hex(header_len.and_then(|len| der.get(len..)).unwrap_or(der))
}

fn name_or_hex(der: &[u8]) -> String {
    name(der).unwrap_or_else(|| value::hex(der))
}

fn time(der: &[u8]) -> String {
    Time::from_der(der).map_or_else(|_| value::hex(der), |time| time.to_string())
}

fn algorithm(der: &[u8]) -> String {
    let Ok(algorithm) = AlgorithmIdentifierOwned::from_der(der) else { return value::hex(der) };
    let curve = algorithm.parameters.as_ref().and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
    match curve {
        Some(curve) => format!("{}, {}", identifier(algorithm.oid), identifier(curve)),
        None => identifier(algorithm.oid),
    }
}

fn extension(der: &[u8]) -> String {
    let Ok(extension) = x509_cert::ext::Extension::from_der(der) else { return value::hex(der) };
    let critical = if extension.critical { ", critical" } else { "" };
    let bytes = extension.extn_value.as_bytes();
    let value = match identifier(extension.extn_id).as_str() {
        "subjectAltName" => SubjectAltName::from_der(bytes).ok().map(|names| alternative_names(&names.0)),
        "basicConstraints" => BasicConstraints::from_der(bytes)
            .ok()
            .map(|constraints| if constraints.ca { "CA" } else { "no CA" }.to_owned()),
        "subjectKeyIdentifier" => OctetString::from_der(bytes).ok().map(|id| value::hex(id.as_bytes())),
        _ => None,
    };
    format!("{}{critical}: {}", identifier(extension.extn_id), value.unwrap_or_else(|| value::hex(bytes)))
}

fn alternative_names(names: &[GeneralName]) -> String {
    let one = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => name.to_string(),
        GeneralName::Rfc822Name(name) => name.to_string(),
        GeneralName::UniformResourceIdentifier(name) => name.to_string(),
        GeneralName::IpAddress(address) => match <[u8; 4]>::try_from(address.as_bytes()) {
            Ok(address) => core::net::Ipv4Addr::from(address).to_string(),
            Err(_) => match <[u8; 16]>::try_from(address.as_bytes()) {
                Ok(address) => core::net::Ipv6Addr::from(address).to_string(),
                Err(_) => value::hex(address.as_bytes()),
            },
        },
        _ => "a name of another kind".to_owned(),
    };
    names.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The object identifiers that stand in usual certificates.
fn identifier(oid: ObjectIdentifier) -> String {
    let text = oid.to_string();
    let name = match text.as_str() {
        "1.2.840.10045.2.1" => "ecPublicKey",
        "1.2.840.10045.3.1.7" => "secp256r1",
        "1.3.132.0.34" => "secp384r1",
        "1.3.132.0.35" => "secp521r1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "id-RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.3.101.112" => "id-Ed25519",
        "1.3.101.113" => "id-Ed448",
        "2.5.29.14" => "subjectKeyIdentifier",
        "2.5.29.15" => "keyUsage",
        "2.5.29.17" => "subjectAltName",
        "2.5.29.18" => "issuerAltName",
        "2.5.29.19" => "basicConstraints",
        "2.5.29.31" => "cRLDistributionPoints",
        "2.5.29.32" => "certificatePolicies",
        "2.5.29.35" => "authorityKeyIdentifier",
        "2.5.29.37" => "extKeyUsage",
        "1.3.6.1.5.5.7.1.1" => "authorityInfoAccess",
        _ => return text,
    };
    name.to_owned()
}
