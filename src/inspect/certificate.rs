//! Messages with certificates (RFC 9846 §4.4.2, §4.5, RFC 8879).

use crate::inspect::cursor::{Cursor, Prefix};
use crate::inspect::extension::{self, Place};
use crate::inspect::{value, x509};
use crate::wire::registry::SignatureScheme;

/// Passes a Certificate.
pub(super) fn certificate(cursor: &mut Cursor<'_>) -> Option<()> {
    request_context(cursor)?;
    let note = "The chain: the sender's own certificate, then the one that signed it, and so on; empty if a client \
        has none (RFC 9846 §4.5.1).";
    cursor.list(Prefix::Three, "certificate_list", note, "certificate", |cursor| {
        cursor.group("CertificateEntry", "One certificate with what belongs to it (RFC 9846 §4.5.1).", |cursor| {
            cursor.vector(
                Prefix::Three,
                "cert_data",
                "The certificate, or the bare public key, in DER (RFC 9846 §4.5.1).",
                der,
            )?;
            extension::block(cursor, Place::CertificateEntry)?;
            Some(String::new())
        })
    })
}

/// Passes a CertificateRequest.
pub(super) fn certificate_request(cursor: &mut Cursor<'_>) -> Option<()> {
    request_context(cursor)?;
    extension::block(cursor, Place::CertificateRequest)
}

/// Passes a CertificateVerify.
pub(super) fn certificate_verify(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "The scheme of the signature, one of those that the peer listed (RFC 9846 §4.5.2).";
    cursor.registered::<SignatureScheme>(2, "algorithm", note)?;
    let note = "The signature over the hash of all messages so far, with the key of the certificate (RFC 9846 §4.5.2).";
    cursor.opaque(Prefix::Two, "signature", note)
}

/// Passes a CompressedCertificate.
pub(super) fn compressed_certificate(cursor: &mut Cursor<'_>) -> Option<()> {
    extension::compression_algorithm(cursor)?;
    let note = "How many bytes the Certificate message has when it is unpacked (RFC 8879 §4).";
    cursor.number(3, "uncompressed_length", note)?;
    cursor.opaque(Prefix::Three, "compressed_certificate_message", "The Certificate message, compressed (RFC 8879 §4).")
}

/// Passes a DelegatedCredential (RFC 9345 §4).
pub(super) fn delegated_credential(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.group(
        "Credential",
        "A key that the owner of the certificate lends its authority to (RFC 9345 §4).",
        |cursor| {
            let note = "How many seconds after the certificate's notBefore it ends (RFC 9345 §4).";
            cursor.number(4, "valid_time", note)?;
            let note = "The scheme that this key signs CertificateVerify with (RFC 9345 §4).";
            cursor.registered::<SignatureScheme>(2, "dc_cert_verify_algorithm", note)?;
            let note = "The public key, in DER (RFC 9345 §4).";
            cursor.vector(Prefix::Three, "ASN1_subjectPublicKeyInfo", note, der)?;
            Some(String::new())
        },
    )?;
    let note = "The scheme that the certificate's key has signed this with (RFC 9345 §4).";
    cursor.registered::<SignatureScheme>(2, "algorithm", note)?;
    let note = "The signature by the certificate's key: whoever has the certificate wants this (RFC 9345 §4).";
    cursor.opaque(Prefix::Two, "signature", note)
}

fn request_context(cursor: &mut Cursor<'_>) -> Option<()> {
    let note = "Ties request and answer together after the handshake; empty during it (RFC 9846 §4.4.2, §4.5.1).";
    cursor.opaque(Prefix::One, "certificate_request_context", note)
}

/// A certificate, or bytes that are none.
fn der(cursor: &mut Cursor<'_>) -> Option<String> {
    let len = cursor.rest().len();
    if let Some(summary) = x509::public_key(cursor) {
        return Some(summary);
    }
    x509::certificate(cursor).or_else(|| {
        cursor.all("content", "What should be a certificate in DER (RFC 5280 §4.1).", value::hex);
        Some(value::bytes(len))
    })
}
