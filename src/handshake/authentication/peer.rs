//! How the peer proves who it is: Certificate, CertificateVerify, and the tasks that judge them (RFC 9846 §4.5.1, §4.5.2).

use super::{Signer, signed_content};
use crate::codec::Decode as _;
use crate::config::CommonConfig;
use crate::crypto::task::{PresentedIdentity, Task, TaskError, TaskOutput};
use crate::error::{CertificateError, Error, InvalidMessage, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::wait::{Verified, output_of};
use crate::handshake::{Context, body_of};
use crate::transcript::Transcript;
use crate::wire::certificate::{Certificate, CertificateVerify};
use crate::wire::registry::{HandshakeType, SignatureScheme};

/// What the peer's certificate has to be like.
#[derive(Debug)]
pub struct Terms {
    /// Whose certificate it is.
    pub signer: Signer,
    /// Whether it may be missing. A server's may not.
    pub is_optional: bool,
    /// The name that a server should have.
    pub server_name: Option<String>,
    /// `certificate_request_context`: empty in the handshake.
    pub request_context: Vec<u8>,
    /// The schemes that we offered for CertificateVerify.
    pub schemes: Vec<SignatureScheme>,
}

impl Terms {
    /// What a server's certificate has to be like, in the handshake.
    pub fn for_server(config: &CommonConfig, server_name: Option<String>) -> Self {
        Self {
            signer: Signer::Server,
            is_optional: false,
            server_name,
            request_context: Vec::new(),
            schemes: config.signature_schemes.clone(),
        }
    }

    /// What a client's certificate has to be like that was asked for by a CertificateRequest of this context.
    pub fn for_client(config: &CommonConfig, request_context: Vec<u8>, is_optional: bool) -> Self {
        let schemes = config.signature_schemes.clone();
        Self { signer: Signer::Client, is_optional, server_name: None, request_context, schemes }
    }
}

/// The part of a handshake, or of an exchange after it, in which the peer authenticates itself: a machine in the
/// machine. The transcript stays with whoever drives it.
#[derive(Debug)]
pub struct PeerAuthentication {
    terms: Terms,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    ExpectCertificate,
    ExpectCertificateVerify(PresentedIdentity),
    VerifySignature(Task, PresentedIdentity),
    VerifyPeer(Task, PresentedIdentity),
}

/// What came of a step.
#[derive(Debug)]
pub enum PeerStep {
    /// It waits for the next message, or for its task.
    Waits(PeerAuthentication),
    /// The peer is who it says; `None`: it has no certificate, and needs none.
    Done(Option<Box<PresentedIdentity>>),
}

impl PeerAuthentication {
    /// Waits for Certificate.
    pub const fn new(terms: Terms) -> Self {
        Self { terms, stage: Stage::ExpectCertificate }
    }

    /// The task that it waits for; `None`: it waits for a message.
    pub const fn task(&self) -> Option<&Task> {
        match &self.stage {
            Stage::VerifySignature(task, _) | Stage::VerifyPeer(task, _) => Some(task),
            Stage::ExpectCertificate | Stage::ExpectCertificateVerify(_) => None,
        }
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        match &self.stage {
            Stage::ExpectCertificate => "expect_certificate",
            Stage::ExpectCertificateVerify(_) => "expect_certificate_verify",
            Stage::VerifySignature(..) => "verify_signature",
            Stage::VerifyPeer(..) => "verify_peer",
        }
    }

    /// Takes Certificate or CertificateVerify.
    pub fn handle(
        self,
        message: &ReceivedMessage,
        transcript: &mut Transcript,
        cx: &Context<'_>,
    ) -> Result<PeerStep, Error> {
        match self.stage {
            Stage::ExpectCertificate => {
                let certificate = decode_certificate(message)?;
                Self::take(self.terms, certificate, message, transcript, cx)
            }
            Stage::ExpectCertificateVerify(presented) => {
                let body = body_of(message, HandshakeType::CERTIFICATE_VERIFY)?;
                let task = verification(body, &self.terms, &presented, transcript)?;
                transcript.add(HandshakeType::CERTIFICATE_VERIFY, body);
                Ok(PeerStep::Waits(Self { terms: self.terms, stage: Stage::VerifySignature(task, presented) }))
            }
            Stage::VerifySignature(..) | Stage::VerifyPeer(..) => {
                Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into())
            }
        }
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>) -> Result<PeerStep, Error> {
        Ok(match self.stage {
            Stage::VerifySignature(task, presented) => {
                let _: Verified = output_of(&task, result)?;
                // Who has not proven to own a key is not worth a look at the chain.
                let task = Task::VerifyPeer(presented.clone());
                PeerStep::Waits(Self { terms: self.terms, stage: Stage::VerifyPeer(task, presented) })
            }
            Stage::VerifyPeer(task, presented) => {
                let _: Verified = output_of(&task, result)?;
                PeerStep::Done(Some(Box::new(presented)))
            }
            // It waits for no task, and was given no result: whoever drives it asks first.
            stage => PeerStep::Waits(Self { terms: self.terms, stage }),
        })
    }

    /// Takes Certificate, which was decoded already.
    pub fn take_certificate(
        self,
        certificate: Certificate,
        message: &ReceivedMessage,
        transcript: &mut Transcript,
        cx: &Context<'_>,
    ) -> Result<PeerStep, Error> {
        match self.stage {
            Stage::ExpectCertificate => Self::take(self.terms, certificate, message, transcript, cx),
            _ => Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into()),
        }
    }

    fn take(
        terms: Terms,
        certificate: Certificate,
        message: &ReceivedMessage,
        transcript: &mut Transcript,
        cx: &Context<'_>,
    ) -> Result<PeerStep, Error> {
        // RFC 9846 §4.5.1: that of the request; in the handshake it has zero length.
        if certificate.request_context != terms.request_context {
            return Err(PeerMisbehaved::InvalidCertificateRequestContext.into());
        }
        if certificate.entries.len() > cx.config.limits.certificate_chain {
            return Err(CertificateError::ChainTooLong.into());
        }
        // Extensions of a certificate answer extensions that we sent, and we send none of that kind.
        if let Some(extension) = certificate.entries.iter().flat_map(|entry| &entry.present).next() {
            return Err(PeerMisbehaved::UnsolicitedExtension(*extension).into());
        }
        transcript.add(message.msg_type, &message.body);
        let is_server = terms.signer == Signer::Server;
        let chain: Vec<_> = certificate.entries.into_iter().map(|entry| entry.der).collect();
        match (chain.is_empty(), is_server) {
            (false, _) => {}
            // RFC 9846 §4.5.1.2: an empty chain from the server is a decode_error.
            (true, true) => return Err(InvalidMessage::EmptyVector.into()),
            (true, false) if terms.is_optional => return Ok(PeerStep::Done(None)),
            (true, false) => return Err(PeerMisbehaved::NoCertificate.into()),
        }
        let server_name = terms.server_name.clone();
        let presented = PresentedIdentity { chain, server_name, is_server, now: cx.now };
        Ok(PeerStep::Waits(Self { terms, stage: Stage::ExpectCertificateVerify(presented) }))
    }
}

/// Reads Certificate.
pub fn decode_certificate(message: &ReceivedMessage) -> Result<Certificate, Error> {
    Ok(Certificate::decode_all(body_of(message, HandshakeType::CERTIFICATE)?)?)
}

/// The task that checks the peer's CertificateVerify.
fn verification(
    body: &[u8],
    terms: &Terms,
    presented: &PresentedIdentity,
    transcript: &Transcript,
) -> Result<Task, Error> {
    let verify = CertificateVerify::decode_all(body)?;
    //= RFC 9846 §4.5.2: the scheme must be one of those offered.
    if !terms.schemes.contains(&verify.scheme) {
        return Err(PeerMisbehaved::SignedWithUnofferedScheme.into());
    }
    Ok(Task::VerifySignature {
        scheme: verify.scheme,
        certificate: presented.chain.first().cloned().unwrap_or_default(),
        content: signed_content(terms.signer, &transcript.current()),
        signature: verify.signature,
    })
}
