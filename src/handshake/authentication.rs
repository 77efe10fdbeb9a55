//! Certificate, CertificateVerify and Finished: what both roles do alike (RFC 9846 §4.5).

use crate::codec::{Decode as _, Encode as _};
use crate::config::Limits;
use crate::crypto::HashOutput;
use crate::crypto::task::{Credentials, SigningKeyRef, Task};
use crate::error::{CertificateError, Error, PeerIncompatible, PeerMisbehaved};
use crate::schedule::v13::TrafficSecret;
use crate::transcript::Transcript;
use crate::wire::certificate::{Certificate, CertificateEntry, CertificateVerify};
use crate::wire::registry::{HandshakeType, SignatureScheme};

use super::{Context, EPOCH_HANDSHAKE};

/// Whose signature a CertificateVerify carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// The bytes that a CertificateVerify signs (RFC 9846 §4.5.2).
pub fn signed_content(signer: Signer, transcript: &HashOutput) -> Vec<u8> {
    let context: &[u8] = match signer {
        Signer::Client => b"TLS 1.3, client CertificateVerify",
        Signer::Server => b"TLS 1.3, server CertificateVerify",
    };
    [&[0x20; 64][..], context, &[0], transcript.as_slice()].concat()
}

/// Reads the peer's Certificate; an empty chain is for the caller to judge.
pub fn read_certificate(body: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, Error> {
    let certificate = Certificate::decode_all(body)?;
    // RFC 9846 §4.5.1: in the handshake the context has zero length.
    if !certificate.request_context.is_empty() {
        return Err(PeerMisbehaved::InvalidCertificateRequestContext.into());
    }
    if certificate.entries.len() > limits.certificate_chain {
        return Err(CertificateError::ChainTooLong.into());
    }
    // Extensions of a certificate answer extensions that we sent, and we send none of that kind.
    if let Some(extension) = certificate.entries.iter().flat_map(|entry| &entry.present).next() {
        return Err(PeerMisbehaved::UnsolicitedExtension(*extension).into());
    }
    Ok(certificate.entries.into_iter().map(|entry| entry.der).collect())
}

/// The task that checks the peer's CertificateVerify.
pub fn verification(
    body: &[u8],
    signer: Signer,
    chain: &[Vec<u8>],
    offered: &[SignatureScheme],
    transcript: &Transcript,
) -> Result<Task, Error> {
    let verify = CertificateVerify::decode_all(body)?;
    //= RFC 9846 §4.5.2: the scheme must be one of those offered.
    if !offered.contains(&verify.scheme) {
        return Err(PeerMisbehaved::SignedWithUnofferedScheme.into());
    }
    Ok(Task::VerifySignature {
        scheme: verify.scheme,
        certificate: chain.first().cloned().unwrap_or_default(),
        content: signed_content(signer, &transcript.current()),
        signature: verify.signature,
    })
}

/// Sends our Certificate: a chain, or the empty one that says we have none.
pub fn send_certificate(
    credentials: Option<&Credentials>,
    request_context: Vec<u8>,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let chain = credentials.map(|credentials| credentials.chain.as_slice()).unwrap_or_default();
    let entries = chain.iter().map(|der| CertificateEntry { der: der.clone(), present: Vec::new() }).collect();
    send(HandshakeType::CERTIFICATE, Certificate { request_context, entries }.encoded(), transcript, cx)
}

/// The task that signs our CertificateVerify, and its scheme.
pub fn signing(
    credentials: &Credentials,
    signer: Signer,
    peer_schemes: &[SignatureScheme],
    transcript: &Transcript,
) -> Result<(Task, SignatureScheme), Error> {
    let scheme = credentials
        .schemes
        .iter()
        .copied()
        .find(|scheme| peer_schemes.contains(scheme))
        .ok_or(PeerIncompatible::NoCredentials)?;
    let key: SigningKeyRef = credentials.key.clone();
    Ok((Task::Sign { key, scheme, content: signed_content(signer, &transcript.current()) }, scheme))
}

/// Sends our CertificateVerify.
pub fn send_certificate_verify(
    scheme: SignatureScheme,
    signature: Vec<u8>,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    let body = CertificateVerify { scheme, signature }.encoded();
    send(HandshakeType::CERTIFICATE_VERIFY, body, transcript, cx)
}

/// Sends our Finished.
pub fn send_finished(secret: &TrafficSecret, transcript: &mut Transcript, cx: &mut Context<'_>) -> Result<(), Error> {
    let body = secret.finished(&transcript.current()).as_slice().to_vec();
    send(HandshakeType::FINISHED, body, transcript, cx)
}

/// Checks the peer's Finished (RFC 9846 §4.5.3), and adds it to the transcript.
pub fn verify_finished(secret: &TrafficSecret, body: &[u8], transcript: &mut Transcript) -> Result<(), Error> {
    if !secret.finished(&transcript.current()).ct_eq(body) {
        return Err(PeerMisbehaved::FinishedMismatch.into());
    }
    transcript.add(HandshakeType::FINISHED, body);
    Ok(())
}

/// Sends a message of the handshake epoch and adds it to the transcript.
pub fn send(
    msg_type: HandshakeType,
    body: Vec<u8>,
    transcript: &mut Transcript,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    transcript.add(msg_type, &body);
    cx.send(EPOCH_HANDSHAKE, msg_type, body)?;
    Ok(())
}
