//! Client authentication after the handshake (RFC 9846 §4.7.2).
//!
//! Its transcript is that of the handshake, and then the messages of this one exchange: those of others are no part of it.

use core::fmt;

use super::{Exchange, ExchangeId, Exchanges, Outcome, Step};
use crate::codec::{Decode as _, Encode as _, put_u16};
use crate::config::ExtensionMessage;
use crate::crypto::task::{Task, TaskError, TaskOutput};
use crate::error::{Error, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{
    self, Asked, Message, OwnAuthentication, OwnStep, PeerAuthentication, PeerStep, Signer, Terms,
};
use crate::handshake::custom;
use crate::handshake::{Context, Established, body_of};
use crate::schedule::v13::TrafficSecret;
use crate::transcript::Transcript;
use crate::wire::certificate::CertificateRequest;
use crate::wire::registry::{CertificateType, HandshakeType};

/// How many bytes of a `certificate_request_context` are random: so many that nobody, with the client's key in hand for
/// an hour, can sign in advance for the context of tomorrow (RFC 9846 §4.4.2).
const RANDOM_LEN: usize = 16;

/// Client: the answer to one request.
#[derive(Debug)]
pub struct Answer {
    request_context: Vec<u8>,
    transcript: Transcript,
    stage: AnswerStage,
}

#[derive(Debug)]
enum AnswerStage {
    /// Credentials are being chosen, or CertificateVerify is being signed.
    Deciding(OwnAuthentication, Vec<Message>),
    /// All is there but Finished, whose key is that of the epoch in which it is sent.
    Ready(Vec<Message>),
    /// All was sent, and is not acknowledged yet.
    Sent,
}

impl Answer {
    fn new(asked: Asked, transcript: Transcript) -> Self {
        let request_context = asked.request_context.clone();
        let machine = OwnAuthentication::select(asked);
        Self { request_context, transcript, stage: AnswerStage::Deciding(machine, Vec::new()) }
    }

    /// The task that it waits for.
    pub const fn task(&self) -> Option<&Task> {
        match &self.stage {
            AnswerStage::Deciding(machine, _) => Some(machine.task()),
            AnswerStage::Ready(_) | AnswerStage::Sent => None,
        }
    }

    /// Whether it waits for nothing but its turn to be sent.
    pub const fn is_ready(&self) -> bool {
        matches!(self.stage, AnswerStage::Ready(_))
    }

    /// Whether it was sent.
    pub const fn is_sent(&self) -> bool {
        matches!(self.stage, AnswerStage::Sent)
    }

    pub(super) fn finish(self, result: Result<TaskOutput, TaskError>, cx: &Context<'_>) -> Result<Step, Error> {
        let Self { request_context, mut transcript, stage } = self;
        let stage = match stage {
            AnswerStage::Deciding(machine, mut out) => match machine.finish(result, &mut transcript, cx, &mut out)? {
                OwnStep::Waits(machine) => AnswerStage::Deciding(machine, out),
                OwnStep::Done => AnswerStage::Ready(out),
            },
            other => other,
        };
        Ok(Step::Waits(Exchange::Answer(Self { request_context, transcript, stage })))
    }

    /// Sends all of it.
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.2
    //# All of the client's messages for a given response
    //# MUST appear consecutively on the wire with no intervening messages of other type
    //# or from other responses.
    pub(super) fn send(&mut self, epoch: u16, secret: &TrafficSecret, cx: &mut Context<'_>) -> Result<(), Error> {
        if let AnswerStage::Ready(mut messages) = core::mem::replace(&mut self.stage, AnswerStage::Sent) {
            messages.push(authentication::finished(secret, &mut self.transcript));
            for (msg_type, body) in messages {
                cx.send(epoch, msg_type, body)?;
            }
        }
        Ok(())
    }
}

/// Server: one request.
#[derive(Debug)]
pub struct Request {
    context: Vec<u8>,
    transcript: Transcript,
    stage: RequestStage,
}

#[derive(Debug)]
enum RequestStage {
    /// The CertificateRequest may not be sent yet.
    ToSend(Vec<u8>, PeerAuthentication),
    /// It was sent under this message_seq, and nothing came yet.
    Sent(u16, PeerAuthentication),
    /// Certificate came; what follows it follows at once.
    Receiving(PeerStep),
    /// Finished came, and the client's signature and chain are being judged.
    Judging(PeerAuthentication),
}

impl Request {
    fn new(
        context: Vec<u8>,
        certificate_type: CertificateType,
        is_optional: bool,
        mut transcript: Transcript,
        cx: &Context<'_>,
    ) -> Result<Self, Error> {
        let body = authentication::certificate_request(cx.config, context.clone())?.encoded();
        transcript.add(HandshakeType::CERTIFICATE_REQUEST, &body);
        let machine = PeerAuthentication::new(Terms {
            signer: Signer::Client,
            certificate_type,
            is_optional,
            server_name: None,
            request_context: context.clone(),
        });
        Ok(Self { context, transcript, stage: RequestStage::ToSend(body, machine) })
    }

    /// The task that it waits for. Until Finished came it waits for messages alone.
    pub const fn task(&self) -> Option<&Task> {
        match &self.stage {
            RequestStage::Judging(machine) => machine.task(),
            _ => None,
        }
    }

    pub(super) fn finish(self, result: Result<TaskOutput, TaskError>) -> Result<Step, Error> {
        let Self { context, transcript, stage } = self;
        let stage = match stage {
            RequestStage::Judging(machine) => match machine.finish(result)? {
                PeerStep::Waits(machine) => RequestStage::Judging(machine),
                PeerStep::Done(peer) => return Ok(Step::Done(outcome(PeerStep::Done(peer)))),
            },
            other => other,
        };
        Ok(Step::Waits(Exchange::Request(Self { context, transcript, stage })))
    }

    pub(super) fn send(&mut self, epoch: u16, cx: &mut Context<'_>) -> Result<(), Error> {
        let placeholder = RequestStage::Receiving(PeerStep::Done(None));
        self.stage = match core::mem::replace(&mut self.stage, placeholder) {
            RequestStage::ToSend(body, machine) => {
                let message_seq = cx.send(epoch, HandshakeType::CERTIFICATE_REQUEST, body)?;
                RequestStage::Sent(message_seq, machine)
            }
            other => other,
        };
        Ok(())
    }

    /// Takes a message of the client's answer. Signature and chain are judged when Finished came, so that no message
    /// waits for a task.
    fn handle(self, message: &ReceivedMessage, secret: &TrafficSecret, cx: &mut Context<'_>) -> Result<Step, Error> {
        let Self { context, mut transcript, stage } = self;
        let stage = match stage {
            RequestStage::Sent(message_seq, machine) => {
                //= https://www.rfc-editor.org/rfc/rfc9147#section-7.1
                //# In general, flights MUST be ACKed unless they are implicitly acknowledged.
                // The server's post-handshake CertificateRequest is acknowledged by the answer.
                cx.outgoing.acknowledge_message(message_seq);
                RequestStage::Receiving(machine.handle(message, &mut transcript, cx)?)
            }
            RequestStage::Receiving(PeerStep::Waits(machine)) if machine.task().is_none() => {
                RequestStage::Receiving(machine.handle(message, &mut transcript, cx)?)
            }
            RequestStage::Receiving(step) => {
                let body = body_of(message, HandshakeType::FINISHED)?;
                authentication::verify_finished(secret, body, &mut transcript)?;
                match step {
                    PeerStep::Waits(machine) => RequestStage::Judging(machine),
                    done => return Ok(Step::Done(outcome(done))),
                }
            }
            RequestStage::ToSend(..) | RequestStage::Judging(_) => {
                return Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into());
            }
        };
        Ok(Step::Waits(Exchange::Request(Self { context, transcript, stage })))
    }

    /// Whether the client may begin to answer it.
    const fn is_open(&self) -> bool {
        matches!(self.stage, RequestStage::Sent(..))
    }

    /// Whether more messages of its answer are to come at once.
    const fn is_receiving(&self) -> bool {
        matches!(self.stage, RequestStage::Receiving(_))
    }
}

fn outcome(step: PeerStep) -> Outcome {
    match step {
        PeerStep::Done(Some(peer)) => Outcome::PeerAuthenticated(peer),
        PeerStep::Done(None) | PeerStep::Waits(_) => Outcome::PeerDeclined,
    }
}

impl Exchanges {
    /// How many answers were sent and are not acknowledged.
    pub(super) fn sent_answers(&self) -> usize {
        self.list
            .iter()
            .filter(|(_, exchange)| matches!(exchange, Exchange::Answer(answer) if answer.is_sent()))
            .count()
    }

    pub(super) fn unsent_answers(&self) -> impl Iterator<Item = &Answer> {
        self.list.iter().filter_map(|(_, exchange)| match exchange {
            Exchange::Answer(answer) if !answer.is_sent() => Some(answer),
            _ => None,
        })
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = (ExchangeId, &Request)> {
        self.list.iter().filter_map(|(id, exchange)| match exchange {
            Exchange::Request(request) => Some((*id, request)),
            Exchange::Answer(_) | Exchange::Update(_) => None,
        })
    }
}

impl Established {
    /// Server: asks the client for a certificate. It is sent as soon as messages may be sent.
    pub fn request_client_auth(
        &mut self,
        is_optional: bool,
        cx: &mut Context<'_>,
    ) -> Result<ExchangeId, RequestAuthenticationError> {
        use RequestAuthenticationError as E;
        if !self.is_server {
            return Err(E::NotServer);
        }
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.6
        //# Servers
        //# MUST NOT send a post-handshake CertificateRequest to clients which do not
        //# offer this extension.
        let transcript = self.post_handshake_auth.as_ref().ok_or(E::NotOffered)?.fork();
        // draft-ietf-tls-extended-key-update §9.3.1.
        if self.exchanges.update().is_some() {
            return Err(E::KeyUpdateInProgress);
        }
        if self.exchanges.requests().count() >= cx.config.limits.authentication_requests {
            return Err(E::TooMany);
        }
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.4.2
        //# The
        //# certificate_request_context MUST be unique within the scope
        //# of this connection (thus preventing replay of client
        //# CertificateVerify messages).
        // So it begins with a number. The rest makes it unpredictable.
        let number = u16::try_from(self.exchanges.next_id).map_err(|_| E::Exhausted)?;
        let mut random = [0; RANDOM_LEN];
        cx.config.provider.random.fill(&mut random).map_err(|_| E::NoRandomBytes)?;
        let mut context = Vec::new();
        put_u16(&mut context, number);
        context.extend_from_slice(&random);
        let certificate_type = self.negotiated.client_certificate_type;
        let request =
            Request::new(context, certificate_type, is_optional, transcript, cx).map_err(|_| E::NoRandomBytes)?;
        let id = self.exchanges.begin(Exchange::Request(request));
        self.send_exchanges(cx).map_err(|_| E::Exhausted)?;
        Ok(id)
    }

    /// Client: takes a CertificateRequest.
    pub(in crate::handshake) fn take_certificate_request(
        &mut self,
        message: &ReceivedMessage,
        cx: &Context<'_>,
    ) -> Result<(), Error> {
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.2
        //# A client that receives a post-handshake CertificateRequest message
        //# without having sent the "post_handshake_auth" extension MUST send an
        //# "unexpected_message" fatal alert.
        let unexpected = PeerMisbehaved::UnexpectedMessage(message.msg_type);
        let mut transcript = self.post_handshake_auth.as_ref().filter(|_| !self.is_server).ok_or(unexpected)?.fork();
        let request = CertificateRequest::decode_all(&message.body)?;
        custom::receive(&cx.config.custom_extensions, ExtensionMessage::CertificateRequest, &request.others)?;
        let asked = Asked::by_request(request, self.negotiated.client_certificate_type)?;
        if self.exchanges.unsent_answers().any(|answer| answer.request_context == asked.request_context) {
            return Err(PeerMisbehaved::InvalidCertificateRequestContext.into());
        }
        if self.exchanges.unsent_answers().count() >= cx.config.limits.authentication_requests {
            return Err(PeerMisbehaved::TooManyCertificateRequests.into());
        }
        transcript.add(HandshakeType::CERTIFICATE_REQUEST, &message.body);
        self.exchanges.begin(Exchange::Answer(Answer::new(asked, transcript)));
        Ok(())
    }

    /// Server: takes a message of an answer to a CertificateRequest.
    pub(in crate::handshake) fn take_answer(
        &mut self,
        message: &ReceivedMessage,
        cx: &mut Context<'_>,
    ) -> Result<Option<(ExchangeId, Outcome)>, Error> {
        let id = match self.exchanges.being_answered {
            Some(id) => id,
            None => self.which_is_answered(message, cx)?,
        };
        let secret = &self.read_secret;
        let outcome = self.exchanges.step(id, |exchange| match exchange {
            Exchange::Request(request) => request.handle(message, secret, cx),
            other => Ok(Step::Waits(other)),
        })?;
        let goes_on = self.exchanges.requests().any(|(other, request)| other == id && request.is_receiving());
        self.exchanges.being_answered = goes_on.then_some(id);
        Ok(outcome.map(|outcome| (id, outcome)))
    }

    /// Whether the client is in the middle of an answer, so that nothing else may come.
    pub(in crate::handshake) const fn is_being_answered(&self) -> bool {
        self.exchanges.being_answered.is_some()
    }

    fn which_is_answered(&self, message: &ReceivedMessage, cx: &Context<'_>) -> Result<ExchangeId, Error> {
        let open = || self.exchanges.requests().filter(|(_, request)| request.is_open());
        if open().next().is_none() {
            return Err(PeerMisbehaved::UnexpectedMessage(message.msg_type).into());
        }
        let certificate = authentication::decode_certificate(message, cx.config)?;
        let asked = open().find(|(_, request)| request.context == certificate.request_context);
        let (id, _) = asked.ok_or(PeerMisbehaved::InvalidCertificateRequestContext)?;
        Ok(id)
    }
}

/// Why the client was not asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestAuthenticationError {
    /// The handshake is not complete, or the connection is over.
    NotConnected,
    /// We are the client: only servers ask.
    NotServer,
    /// The client did not offer to answer (post_handshake_auth).
    NotOffered,
    /// An Extended Key Update is going on.
    KeyUpdateInProgress,
    /// As many requests as [`Limits::authentication_requests`](crate::config::Limits) allows are unanswered.
    TooMany,
    /// The message numbers of this connection are used up.
    Exhausted,
    /// The platform gave no random bytes.
    NoRandomBytes,
}

impl fmt::Display for RequestAuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "a certificate can be asked for only while connected",
            Self::NotServer => "only a server asks for certificates",
            Self::NotOffered => "the client did not offer to authenticate after the handshake",
            Self::KeyUpdateInProgress => "an extended key update is going on; wait for it",
            Self::TooMany => "as many requests as allowed are unanswered; wait for an answer",
            Self::Exhausted => "the message numbers of this connection are used up; make a new one",
            Self::NoRandomBytes => "the platform gave no random bytes",
        })
    }
}

impl core::error::Error for RequestAuthenticationError {}
