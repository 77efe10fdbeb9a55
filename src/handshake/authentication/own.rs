//! How we prove who we are: the task that chooses credentials, Certificate, the task that signs, CertificateVerify
//! (RFC 9846 §4.5.1, §4.5.2).

use std::sync::Arc;

use super::{Signer, signed_content};
use crate::codec::Encode as _;
use crate::crypto::task::{Credentials, CredentialsRequest, Task, TaskError, TaskOutput};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::handshake::wait::{SelectedCredentials, Signature, output_of};
use crate::transcript::Transcript;
use crate::wire::certificate::{Certificate, CertificateEntry, CertificateRequest, CertificateVerify};
use crate::wire::registry::{ExtensionType, HandshakeType, SignatureScheme};

/// A message that is ready to be sent, and part of the transcript.
pub type Message = (HandshakeType, Vec<u8>);

/// What the peer asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `certificate_request_context`: empty in the handshake.
    pub request_context: Vec<u8>,
    /// The schemes that it can verify.
    pub schemes: Vec<SignatureScheme>,
}

impl Asked {
    /// What a CertificateRequest asks for.
    pub fn by(request: CertificateRequest) -> Result<Self, Error> {
        if request.signature_algorithms.is_empty() {
            return Err(PeerMisbehaved::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS).into());
        }
        Ok(Self { request_context: request.request_context, schemes: request.signature_algorithms })
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
        let task = Task::SelectCredentials(CredentialsRequest {
            server_name: None,
            schemes: asked.schemes.clone(),
            is_server: false,
        });
        Self { signer: Signer::Client, asked, task, stage: Stage::Select }
    }

    /// Shows `credentials`, which were chosen already.
    pub fn show(
        credentials: &Arc<Credentials>,
        signer: Signer,
        asked: Asked,
        transcript: &mut Transcript,
        out: &mut Vec<Message>,
    ) -> Result<Self, Error> {
        push(certificate(Some(credentials), &asked), transcript, out);
        let scheme = credentials
            .schemes
            .iter()
            .copied()
            .find(|scheme| asked.schemes.contains(scheme))
            .ok_or(PeerIncompatible::NoCredentials)?;
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
        out: &mut Vec<Message>,
    ) -> Result<OwnStep, Error> {
        match self.stage {
            Stage::Select => match output_of(&self.task, result)? {
                SelectedCredentials(Some(credentials)) => {
                    Self::show(&credentials, self.signer, self.asked, transcript, out).map(OwnStep::Waits)
                }
                SelectedCredentials(None) => {
                    push(certificate(None, &self.asked), transcript, out);
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

/// Our Certificate: a chain, or the empty one that says we have none.
fn certificate(credentials: Option<&Arc<Credentials>>, asked: &Asked) -> Message {
    let chain = credentials.map(|credentials| credentials.chain.as_slice()).unwrap_or_default();
    let entries = chain.iter().map(|der| CertificateEntry { der: der.clone(), present: Vec::new() }).collect();
    let certificate = Certificate { request_context: asked.request_context.clone(), entries };
    (HandshakeType::CERTIFICATE, certificate.encoded())
}

fn push(message: Message, transcript: &mut Transcript, out: &mut Vec<Message>) {
    transcript.add(message.0, &message.1);
    out.push(message);
}
