//! Certificate, CertificateVerify and Finished: what both roles do alike, in the handshake and after it (RFC 9846 §4.5).

use crate::config::{CommonConfig, ExtensionMessage};
use crate::crypto::HashOutput;
use crate::error::{Error, PeerMisbehaved};
use crate::schedule::v13::TrafficSecret;
use crate::transcript::Transcript;
use crate::wire::certificate::CertificateRequest;
use crate::wire::extension::OtherExtension;
use crate::wire::registry::{ExtensionType, HandshakeType, SignatureScheme};

use super::{Context, EPOCH_HANDSHAKE, custom};

mod compression;
mod own;
mod peer;

pub use own::{Asked, Message, OwnAuthentication, OwnStep, offered_types};
pub use peer::{PeerAuthentication, PeerStep, Terms, decode_certificate};

/// Whose signature a CertificateVerify carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// The bytes that a CertificateVerify signs (RFC 9846 §4.5.2).
fn signed_content(signer: Signer, transcript: &HashOutput) -> Vec<u8> {
    let context: &[u8] = match signer {
        Signer::Client => b"TLS 1.3, client CertificateVerify",
        Signer::Server => b"TLS 1.3, server CertificateVerify",
    };
    [&[0x20; 64][..], context, &[0], transcript.as_slice()].concat()
}

/// Our CertificateRequest, by which a server asks for a certificate.
pub fn certificate_request(config: &CommonConfig, request_context: Vec<u8>) -> Result<CertificateRequest, Error> {
    let ours = &config.certificates;
    let mut request = CertificateRequest {
        request_context,
        signature_algorithms: config.signature_schemes.clone(),
        signature_algorithms_cert: nonempty(&ours.chain_schemes),
        certificate_authorities: ours.authorities.clone(),
        status_request: ours.request_ocsp,
        signed_certificate_timestamp: ours.request_timestamps,
        compress_certificate: nonempty(&ours.compression),
        delegated_credential: nonempty(&ours.delegated_schemes),
        others: custom::ask(&config.custom_extensions, ExtensionMessage::CertificateRequest)?,
        ..CertificateRequest::default()
    };
    if let Some([scheme, extension]) = custom::grease(config)? {
        // RFC 8701 §4.1.
        request.signature_algorithms.insert(0, SignatureScheme(scheme));
        request.others.push(OtherExtension { extension_type: ExtensionType(extension), data: Vec::new() });
    }
    Ok(request)
}

/// The list, unless it is empty: such lists are not sent.
pub fn nonempty<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// Our Finished, which is part of `transcript` from now on.
pub fn finished(secret: &TrafficSecret, transcript: &mut Transcript) -> Message {
    let body = secret.finished(&transcript.current()).as_slice().to_vec();
    transcript.add(HandshakeType::FINISHED, &body);
    (HandshakeType::FINISHED, body)
}

/// Sends our Finished, in the handshake.
pub fn send_finished(secret: &TrafficSecret, transcript: &mut Transcript, cx: &mut Context<'_>) -> Result<(), Error> {
    send_all([finished(secret, transcript)], cx)
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
    send_all([(msg_type, body)], cx)
}

/// Sends messages of the handshake epoch that are part of the transcript already.
pub fn send_all(messages: impl IntoIterator<Item = Message>, cx: &mut Context<'_>) -> Result<(), Error> {
    messages.into_iter().try_for_each(|(msg_type, body)| cx.send(EPOCH_HANDSHAKE, msg_type, body).map(|_| ()))
}
