//! How we prove who we are: the task that chooses credentials, Certificate, the task that signs, CertificateVerify
//! (RFC 9846 §4.5.1, §4.5.2).

use std::sync::Arc;

use super::compression::compress;
use super::{Signer, signed_content};
use crate::codec::Encode as _;
use crate::crypto::task::{Credentials, CredentialsRequest, Task, TaskError, TaskOutput};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::handshake::Context;
use crate::handshake::wait::{SelectedCredentials, Signature, output_of};
use crate::transcript::Transcript;
use crate::wire::certificate::{Certificate, CertificateEntry, CertificateRequest, CertificateVerify};
use crate::wire::client_hello::ClientExtensions;
use crate::wire::registry::{
    CertificateCompressionAlgorithm, CertificateType, ExtensionType, HandshakeType, SignatureScheme,
};

/// A message that is ready to be sent, and part of the transcript.
pub type Message = (HandshakeType, Vec<u8>);

/// What the peer asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `certificate_request_context`: empty in the handshake.
    pub request_context: Vec<u8>,
    /// What certificate it would accept.
    pub request: CredentialsRequest,
    /// How a Certificate may be compressed for it.
    pub compression: Vec<CertificateCompressionAlgorithm>,
    /// Whether it wants an OCSP response.
    pub ocsp: bool,
    /// Whether it wants signed certificate timestamps.
    pub timestamps: bool,
}

impl Asked {
    /// What a CertificateRequest asks for, if the client is to show a certificate of this type.
    pub fn by_request(request: CertificateRequest, certificate_type: CertificateType) -> Result<Self, Error> {
        if request.signature_algorithms.is_empty() {
            return Err(PeerMisbehaved::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS).into());
        }
        Ok(Self {
            request_context: request.request_context,
            request: CredentialsRequest {
                server_name: None,
                schemes: request.signature_algorithms,
                chain_schemes: request.signature_algorithms_cert.unwrap_or_default(),
                authorities: request.certificate_authorities,
                certificate_types: vec![certificate_type],
                delegated_schemes: request.delegated_credential.unwrap_or_default(),
                is_server: false,
            },
            compression: request.compress_certificate.unwrap_or_default(),
            ocsp: request.status_request,
            timestamps: request.signed_certificate_timestamp,
        })
    }

    /// What a ClientHello asks for, of a server that has certificates of the types `ours`.
    pub fn by_hello(extensions: &ClientExtensions, ours: &[CertificateType]) -> Result<Self, Error> {
        let theirs = offered_types(extensions.server_certificate_types.as_deref())?;
        Ok(Self {
            request_context: Vec::new(),
            request: CredentialsRequest {
                server_name: extensions.server_name.clone(),
                schemes: extensions.signature_algorithms.clone().unwrap_or_default(),
                chain_schemes: extensions.signature_algorithms_cert.clone().unwrap_or_default(),
                authorities: extensions.certificate_authorities.clone(),
                certificate_types: ours.iter().copied().filter(|own| theirs.contains(own)).collect(),
                delegated_schemes: extensions.delegated_credential.clone().unwrap_or_default(),
                is_server: true,
            },
            compression: extensions.compress_certificate.clone().unwrap_or_default(),
            ocsp: extensions.status_request,
            timestamps: extensions.signed_certificate_timestamp,
        })
    }

    /// The task that chooses credentials; fails if there can be none.
    pub fn selection(&self) -> Result<Task, Error> {
        if self.request.certificate_types.is_empty() {
            return Err(PeerIncompatible::NoCertificateType.into());
        }
        Ok(Task::SelectCredentials(self.request.clone()))
    }
}

/// The types of certificate that a client offers in one of its two lists.
//= https://www.rfc-editor.org/rfc/rfc7250#section-4.1
//# If the client has no remaining certificate types to send in the client
//# hello, other than the default X.509 type, it MUST omit the
//# client_certificate_type extension in the client hello.
pub fn offered_types(list: Option<&[CertificateType]>) -> Result<&[CertificateType], Error> {
    match list {
        None => Ok(&[CertificateType::X509]),
        Some([] | [CertificateType::X509]) => Err(PeerMisbehaved::PointlessCertificateTypes.into()),
        Some(list) => Ok(list),
    }
}

/// The part of a handshake, or of an exchange after it, in which we authenticate ourselves: a machine in the machine.
/// It adds to the transcript what it hands out; sending is for whoever drives it.
#[derive(Debug)]
pub struct OwnAuthentication {
    signer: Signer,
    asked: Asked,
    task: Task,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Select,
    Sign(SignatureScheme),
}

/// What came of a step.
#[derive(Debug)]
pub enum OwnStep {
    /// It waits for its task.
    Waits(OwnAuthentication),
    /// All was said but Finished.
    Done,
}

impl OwnAuthentication {
    /// A client that was asked for a certificate, and chooses one.
    pub fn select(asked: Asked) -> Self {
        let task = Task::SelectCredentials(asked.request.clone());
        Self { signer: Signer::Client, asked, task, stage: Stage::Select }
    }

    /// Shows `credentials`, which were chosen already.
    pub fn show(
        credentials: &Arc<Credentials>,
        signer: Signer,
        asked: Asked,
        transcript: &mut Transcript,
        cx: &Context<'_>,
        out: &mut Vec<Message>,
    ) -> Result<Self, Error> {
        // Whoever chose may not have looked at what the peer can make use of.
        let scheme = credentials.scheme_for(&asked.request).ok_or(PeerIncompatible::NoCredentials)?;
        push(certificate(Some(credentials), &asked, cx), transcript, out);
        let content = signed_content(signer, &transcript.current());
        let task = Task::Sign { key: credentials.key.clone(), scheme, content };
        Ok(Self { signer, asked, task, stage: Stage::Sign(scheme) })
    }

    /// The task that it waits for.
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// Where it stands, as the trace tells it.
    pub const fn name(&self) -> &'static str {
        match self.stage {
            Stage::Select => "select_credentials",
            Stage::Sign(_) => "sign",
        }
    }

    /// Goes on with the result of its task.
    pub fn finish(
        self,
        result: Result<TaskOutput, TaskError>,
        transcript: &mut Transcript,
        cx: &Context<'_>,
        out: &mut Vec<Message>,
    ) -> Result<OwnStep, Error> {
        match self.stage {
            Stage::Select => match output_of(&self.task, result)? {
                SelectedCredentials(Some(credentials)) => {
                    Self::show(&credentials, self.signer, self.asked, transcript, cx, out).map(OwnStep::Waits)
                }
                SelectedCredentials(None) => {
                    push(certificate(None, &self.asked, cx), transcript, out);
                    Ok(OwnStep::Done)
                }
            },
            Stage::Sign(scheme) => {
                let Signature(signature) = output_of(&self.task, result)?;
                let body = CertificateVerify { scheme, signature }.encoded();
                push((HandshakeType::CERTIFICATE_VERIFY, body), transcript, out);
                Ok(OwnStep::Done)
            }
        }
    }
}

/// Our Certificate: a chain, or the empty one that says we have none; compressed if that helps.
fn certificate(credentials: Option<&Arc<Credentials>>, asked: &Asked, cx: &Context<'_>) -> Message {
    let chain = credentials.map(|credentials| credentials.chain.as_slice()).unwrap_or_default();
    let mut entries: Vec<_> =
        chain.iter().map(|der| CertificateEntry { der: der.clone(), extensions: Vec::new() }).collect();
    if let (Some(credentials), Some(own)) = (credentials, entries.first_mut()) {
        add_extensions(own, credentials, asked);
    }
    let certificate = Certificate { request_context: asked.request_context.clone(), entries };
    let message = (HandshakeType::CERTIFICATE, certificate.encoded());
    compress(message, &asked.compression, &cx.config.certificates.compression)
}

/// What the peer asked for besides the certificate itself. There is none of it for a raw public key.
fn add_extensions(own: &mut CertificateEntry, credentials: &Credentials, asked: &Asked) {
    if credentials.certificate_type != CertificateType::X509 {
        return;
    }
    if let Some(response) = credentials.ocsp_response.as_ref().filter(|_| asked.ocsp) {
        own.add_ocsp_response(response);
    }
    if let Some(list) = credentials.signed_certificate_timestamps.as_ref().filter(|_| asked.timestamps) {
        own.add(ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP, list.clone());
    }
    if let Some(credential) = &credentials.delegated_credential {
        own.add(ExtensionType::DELEGATED_CREDENTIAL, credential.encoded());
    }
}

fn push(message: Message, transcript: &mut Transcript, out: &mut Vec<Message>) {
    transcript.add(message.0, &message.1);
    out.push(message);
}
