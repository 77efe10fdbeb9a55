//! How the peer proves who it is: Certificate, CertificateVerify, and the tasks that judge them (RFC 9846 §4.5.1, §4.5.2).

use super::compression::decompress;
use super::{Signer, signed_content};
use crate::codec::Decode as _;
use crate::config::{CertificateConfig, CommonConfig};
use crate::crypto::task::{Delegation, PresentedIdentity, Task, TaskError, TaskOutput};
use crate::error::{CertificateError, Error, InvalidMessage, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::wait::{Verified, output_of};
use crate::handshake::{Context, body_of};
use crate::transcript::Transcript;
use crate::wire::certificate::{Certificate, CertificateEntry, CertificateVerify};
use crate::wire::delegated_credential::DelegatedCredential;
use crate::wire::registry::{CertificateType, ExtensionType, HandshakeType};

/// What the peer's certificate has to be like.
#[derive(Debug)]
pub struct Terms {
    /// Whose certificate it is.
    pub signer: Signer,
    /// The type that was negotiated.
    pub certificate_type: CertificateType,
    /// Whether it may be missing. A server's may not.
    pub is_optional: bool,
    /// The name that a server should have.
    pub server_name: Option<String>,
    /// `certificate_request_context`: empty in the handshake.
    pub request_context: Vec<u8>,
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
    ExpectCertificateVerify(PresentedIdentity, Option<Box<DelegatedCredential>>),
    VerifyDelegation(Task, Box<AwaitDelegation>),
    VerifySignature(Task, PresentedIdentity),
    VerifyPeer(Task, PresentedIdentity),
}

/// A delegated credential is being judged.
#[derive(Debug)]
struct AwaitDelegation {
    presented: PresentedIdentity,
    /// The task that checks CertificateVerify with the credential's key.
    verify_signature: Task,
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

    /// Judges a chain again whose key the peer has proven to own in an earlier connection.
    pub fn again(terms: Terms, presented: PresentedIdentity) -> Self {
        Self { terms, stage: Stage::VerifyPeer(Task::VerifyPeer(presented.clone()), presented) }
    }

    /// The task that it waits for; `None`: it waits for a message.
    pub const fn task(&self) -> Option<&Task> {
        match &self.stage {
            Stage::VerifyDelegation(task, _) | Stage::VerifySignature(task, _) | Stage::VerifyPeer(task, _) => {
                Some(task)
            }
            Stage::ExpectCertificate | Stage::ExpectCertificateVerify(..) => None,
        }
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        match &self.stage {
            Stage::ExpectCertificate => "expect_certificate",
            Stage::ExpectCertificateVerify(..) => "expect_certificate_verify",
            Stage::VerifyDelegation(..) => "verify_delegation",
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
                let certificate = decode_certificate(message, cx.config)?;
                take_certificate(self.terms, &certificate, message, transcript, cx)
            }
            Stage::ExpectCertificateVerify(presented, credential) => {
                let body = body_of(message, HandshakeType::CERTIFICATE_VERIFY)?;
                let verify = CertificateVerify::decode_all(body)?;
                let content = signed_content(self.terms.signer, &transcript.current());
                transcript.add(HandshakeType::CERTIFICATE_VERIFY, body);
                let stage = match credential {
                    None => verify_signature(verify, content, presented, cx.config)?,
                    Some(credential) => verify_delegated(verify, content, presented, *credential, cx.config)?,
                };
                Ok(PeerStep::Waits(Self { terms: self.terms, stage }))
            }
            Stage::VerifyDelegation(..) | Stage::VerifySignature(..) | Stage::VerifyPeer(..) => {
                Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into())
            }
        }
    }

    /// Goes on with the result of its task.
    pub fn finish(self, result: Result<TaskOutput, TaskError>) -> Result<PeerStep, Error> {
        let stage = match self.stage {
            Stage::VerifyDelegation(task, next) => {
                let _: Verified = output_of(&task, result)?;
                Stage::VerifySignature(next.verify_signature, next.presented)
            }
            Stage::VerifySignature(task, presented) => {
                let _: Verified = output_of(&task, result)?;
                // Who has not proven to own a key is not worth a look at the chain.
                Stage::VerifyPeer(Task::VerifyPeer(presented.clone()), presented)
            }
            Stage::VerifyPeer(task, presented) => {
                let _: Verified = output_of(&task, result)?;
                return Ok(PeerStep::Done(Some(Box::new(presented))));
            }
            // It waits for no task, and was given no result: whoever drives it asks first.
            stage => stage,
        };
        Ok(PeerStep::Waits(Self { terms: self.terms, stage }))
    }
}

/// Reads Certificate, compressed or not.
pub fn decode_certificate(message: &ReceivedMessage, config: &CommonConfig) -> Result<Certificate, Error> {
    if message.msg_type == HandshakeType::COMPRESSED_CERTIFICATE {
        return Ok(Certificate::decode_all(&decompress(message, config)?)?);
    }
    Ok(Certificate::decode_all(body_of(message, HandshakeType::CERTIFICATE)?)?)
}

fn take_certificate(
    terms: Terms,
    certificate: &Certificate,
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
    transcript.add(message.msg_type, &message.body);
    let is_server = terms.signer == Signer::Server;
    let Some(own) = certificate.entries.first() else {
        return match is_server {
            // RFC 9846 §4.5.1.2: an empty chain from the server is a decode_error.
            true => Err(InvalidMessage::EmptyVector.into()),
            false if terms.is_optional => Ok(PeerStep::Done(None)),
            false => Err(PeerMisbehaved::NoCertificate.into()),
        };
    };
    let is_raw = terms.certificate_type == CertificateType::RAW_PUBLIC_KEY;
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.5.1
    //# If the RawPublicKey certificate type was negotiated, then the
    //# certificate_list MUST contain no more than one CertificateEntry
    if is_raw && certificate.entries.len() > 1 {
        return Err(PeerMisbehaved::SeveralRawPublicKeys.into());
    }
    for entry in &certificate.entries {
        check_extensions(entry, is_raw, &cx.config.certificates)?;
    }
    let credential = own.delegated_credential()?;
    let chain = certificate.entries.iter().map(|entry| entry.der.clone()).collect();
    let presented = PresentedIdentity {
        certificate_type: terms.certificate_type,
        ocsp_response: own.ocsp_response()?,
        signed_certificate_timestamps: own.signed_certificate_timestamps()?,
        is_delegated: credential.is_some(),
        ..PresentedIdentity::new(chain, terms.server_name.clone(), is_server, cx.now)
    };
    let stage = Stage::ExpectCertificateVerify(presented, credential.map(Box::new));
    Ok(PeerStep::Waits(PeerAuthentication { terms, stage }))
}

/// Extensions of a certificate answer extensions that we sent. There is none that says anything of a raw public key.
fn check_extensions(entry: &CertificateEntry, is_raw: bool, ours: &CertificateConfig) -> Result<(), Error> {
    use ExtensionType as E;
    for extension in &entry.extensions {
        let asked = match extension.extension_type {
            E::STATUS_REQUEST => ours.request_ocsp,
            E::SIGNED_CERTIFICATE_TIMESTAMP => ours.request_timestamps,
            //= https://www.rfc-editor.org/rfc/rfc9345#section-4.1.1
            //# If the client receives a delegated credential without having indicated support
            //# in its ClientHello,
            //# then the client MUST abort the handshake with an "unexpected_message" alert.
            E::DELEGATED_CREDENTIAL if ours.delegated_schemes.is_empty() => {
                return Err(PeerMisbehaved::UnsolicitedDelegatedCredential.into());
            }
            E::DELEGATED_CREDENTIAL => true,
            _ => false,
        };
        if !asked || is_raw {
            return Err(PeerMisbehaved::UnsolicitedExtension(extension.extension_type).into());
        }
    }
    // Whatever stands in it is well-formed, even where nobody reads it.
    entry.ocsp_response()?;
    entry.signed_certificate_timestamps()?;
    Ok(())
}

/// CertificateVerify is checked by the key of the certificate.
fn verify_signature(
    verify: CertificateVerify,
    content: Vec<u8>,
    presented: PresentedIdentity,
    config: &CommonConfig,
) -> Result<Stage, Error> {
    // RFC 9846 §4.5.2: the scheme must be one of those offered.
    if !config.signature_schemes.contains(&verify.scheme) {
        return Err(PeerMisbehaved::SignedWithUnofferedScheme.into());
    }
    let task = Task::VerifySignature {
        scheme: verify.scheme,
        certificate_type: presented.certificate_type,
        certificate: presented.chain.first().cloned().unwrap_or_default(),
        content,
        signature: verify.signature,
    };
    Ok(Stage::VerifySignature(task, presented))
}

/// CertificateVerify is checked by the key of the credential, once that is known to be good.
fn verify_delegated(
    verify: CertificateVerify,
    content: Vec<u8>,
    presented: PresentedIdentity,
    credential: DelegatedCredential,
    config: &CommonConfig,
) -> Result<Stage, Error> {
    //= https://www.rfc-editor.org/rfc/rfc9345#section-4.1.1
    //# The algorithm field MUST be of a type advertised by the client in the
    //# "signature_algorithms" extension of the ClientHello message and
    //# the dc_cert_verify_algorithm field MUST be of a
    //# type advertised by the client in the SignatureSchemeList and is
    //# considered not valid otherwise.
    let is_valid = config.certificates.delegated_schemes.contains(&credential.scheme)
        && config.signature_schemes.contains(&credential.algorithm)
        && verify.scheme == credential.scheme;
    if !is_valid {
        return Err(PeerMisbehaved::InvalidDelegatedCredential.into());
    }
    let verify_signature = Task::VerifySignature {
        scheme: verify.scheme,
        certificate_type: CertificateType::RAW_PUBLIC_KEY,
        certificate: credential.public_key.clone(),
        content,
        signature: verify.signature,
    };
    let delegation = Delegation {
        certificate: presented.chain.first().cloned().unwrap_or_default(),
        credential,
        is_server: presented.is_server,
        now: presented.now,
    };
    let task = Task::VerifyDelegation(Box::new(delegation));
    Ok(Stage::VerifyDelegation(task, Box::new(AwaitDelegation { presented, verify_signature })))
}
