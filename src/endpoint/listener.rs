//! What a server does before it knows that a client is where it says it is: nothing that costs more than an answer.

use std::sync::Arc;

use super::address::PeerAddress;
use super::cookie::{Baker, Binding, Cookie};
use super::hello::{HelloFragment, hello_fragments, invariants};
use super::limits::{ListenerLimits, MAX_SURPLUS};
use super::partial::PartialHellos;
use crate::codec::{Decode as _, Encode as _};
use crate::config::{ConfigError, CookiePolicy, ServerConfig};
use crate::error::{Error, PeerMisbehaved};
use crate::handshake::server::hello::{Accepted, Retry};
use crate::handshake::server::negotiate::{hello_retry_request, negotiate};
use crate::time::Instant;
use crate::transcript::TranscriptBuffer;
use crate::wire::alert::Alert;
use crate::wire::client_hello::ClientHello;
use crate::wire::fragment::FragmentHeader;
use crate::wire::record::PlaintextHeader;
use crate::wire::registry::{ContentType, HandshakeType, ProtocolVersion};

/// Answers first ClientHellos, and lets in whoever comes back with a cookie (RFC 9147 §5.1).
///
/// It holds two keys for its cookies, and nothing per client, but for hellos that came in fragments (see
/// [`ListenerLimits`]). It sends nothing of its own accord, and its answers are hardly ever longer than the question (see
/// [`MAX_SURPLUS`]).
///
/// What a listener answers:
///
/// | ClientHello | answer |
/// |---|---|
/// | cannot be decoded, too long, of an impossible number | none; counted |
/// | without cookie, without anything in common with us | a fatal alert |
/// | without cookie | a HelloRetryRequest with a cookie, again and again |
/// | with a cookie that is valid | accepted |
/// | with any other cookie | the alert illegal_parameter, so that the client can begin anew (RFC 9147 §5.1) |
pub struct Listener {
    config: Arc<ServerConfig>,
    limits: ListenerLimits,
    baker: Baker,
    partial: PartialHellos,
    stats: ListenerStats,
}

/// What to do about a datagram.
#[derive(Clone, Debug)]
pub enum ListenerAction {
    /// Nothing.
    Ignore,
    /// Send this to where the datagram came from.
    Reply(Vec<u8>),
    /// Make a connection: the client has shown that it receives what is sent to its address, or need not show it.
    Accept(Accepted),
}

/// What a listener has done. Every datagram counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenerStats {
    /// Datagrams without any fragment of a ClientHello.
    pub foreign: u64,
    /// Datagrams that brought a part of a hello.
    pub partial: u64,
    /// Hellos that could not be read, or stood where they may not.
    pub malformed: u64,
    /// HelloRetryRequests that were sent.
    pub retries: u64,
    /// Alerts that were sent.
    pub refused: u64,
    /// Hellos whose answer would have been too much longer than what came, so that there was none.
    pub unanswerable: u64,
    /// Hellos that were accepted.
    pub accepted: u64,
}

impl Listener {
    /// A listener with the default limits.
    pub fn new(config: Arc<ServerConfig>, now: Instant) -> Result<Self, ConfigError> {
        Self::with_limits(config, ListenerLimits::default(), now)
    }

    /// A listener with limits of your own.
    pub fn with_limits(config: Arc<ServerConfig>, limits: ListenerLimits, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let baker = Baker::new(&config.common.provider, limits.cookie_key_age, limits.cookie_age, now)
            .map_err(|_| ConfigError::NoRandomBytes)?;
        Ok(Self { config, limits, baker, partial: PartialHellos::default(), stats: ListenerStats::default() })
    }

    /// What the connections that are accepted are made of.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// What has happened until now.
    pub const fn stats(&self) -> &ListenerStats {
        &self.stats
    }

    /// How many hellos are held of which a part is missing.
    pub fn partial_hellos(&self) -> usize {
        self.partial.len()
    }

    /// How many bytes of such hellos are held.
    pub const fn partial_bytes(&self) -> usize {
        self.partial.bytes()
    }

    /// How many such hellos had to go, for their age or for want of room.
    pub const fn evicted_hellos(&self) -> u64 {
        self.partial.evicted()
    }

    /// Takes a datagram that belongs to no connection.
    pub fn handle(&mut self, from: &PeerAddress, datagram: &[u8], now: Instant) -> ListenerAction {
        match self.judge(from, datagram, now) {
            Verdict::Foreign | Verdict::Partial | Verdict::Malformed | Verdict::Unanswerable => ListenerAction::Ignore,
            Verdict::Retry(reply) | Verdict::Refuse(reply) => ListenerAction::Reply(reply),
            Verdict::Accept(accepted) => ListenerAction::Accept(accepted),
        }
    }

    /// [`Listener::handle`], with the reason for the action.
    pub(super) fn judge(&mut self, from: &PeerAddress, datagram: &[u8], now: Instant) -> Verdict {
        let mut verdict = Verdict::Foreign;
        for fragment in hello_fragments(datagram) {
            verdict = match self.assemble(from, &fragment, now) {
                Assembled::Malformed => Verdict::Malformed,
                Assembled::Part => Verdict::Partial,
                Assembled::Whole { body, sent } => {
                    let sent = sent.max(datagram.len());
                    self.answer(from, &fragment, body, now).within(sent)
                }
            };
            // One datagram gets one answer.
            if verdict.is_final() {
                break;
            }
        }
        let counter = match &verdict {
            Verdict::Foreign => &mut self.stats.foreign,
            Verdict::Partial => &mut self.stats.partial,
            Verdict::Malformed => &mut self.stats.malformed,
            Verdict::Retry(_) => &mut self.stats.retries,
            Verdict::Refuse(_) => &mut self.stats.refused,
            Verdict::Unanswerable => &mut self.stats.unanswerable,
            Verdict::Accept(_) => &mut self.stats.accepted,
        };
        *counter = counter.saturating_add(1);
        verdict
    }

    fn assemble(&mut self, from: &PeerAddress, fragment: &HelloFragment<'_>, now: Instant) -> Assembled {
        let HelloFragment { header, body, .. } = *fragment;
        let end = header.fragment_offset.saturating_add(header.fragment_length);
        // A first message has the number 0, and a second one, which answers our only one, the number 1 (RFC 9147 §5.2).
        if header.message_seq > 1
            || body.is_empty()
            || end > header.length
            || usize::try_from(header.length).map_or(true, |length| length > self.limits.hello)
        {
            return Assembled::Malformed;
        }
        if header.fragment_length == header.length {
            self.partial.forget(from);
            return Assembled::Whole { body: body.to_vec(), sent: 0 };
        }
        match self.partial.insert(from, &header, body, &self.limits, now) {
            Some(whole) => Assembled::Whole { body: whole.body, sent: whole.sent },
            None => Assembled::Part,
        }
    }

    fn answer(&mut self, from: &PeerAddress, fragment: &HelloFragment<'_>, body: Vec<u8>, now: Instant) -> Verdict {
        let message_seq = fragment.header.message_seq;
        let sequence_number = fragment.sequence_number;
        let Ok(hello) = ClientHello::decode_all(&body) else { return Verdict::Malformed };
        let accept = |retry| {
            Verdict::Accept(Accepted {
                client_hello: body.clone(),
                message_seq,
                next_record_sequence: sequence_number,
                retry,
            })
        };
        match (self.config.cookie, &hello.extensions.cookie) {
            (CookiePolicy::Never, None) if message_seq == 0 => accept(None),
            (CookiePolicy::Always, Some(cookie)) if message_seq == 1 => match self.open(from, &body, cookie, now) {
                Some(retry) => accept(Some(retry)),
                None => refuse(&PeerMisbehaved::InvalidCookie.into(), sequence_number),
            },
            (CookiePolicy::Always, None) if message_seq == 0 => match self.retry(from, &body, &hello, now) {
                Ok(message) => Verdict::Retry(plaintext_message(sequence_number, &message)),
                Err(error) => refuse(&error, sequence_number),
            },
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
            //# If a server receives a ClientHello with an invalid cookie, it MUST
            //# terminate the handshake with an "illegal_parameter" alert.
            (_, Some(_)) => refuse(&PeerMisbehaved::InvalidCookie.into(), sequence_number),
            // It answers a HelloRetryRequest without a cookie, which is none of ours.
            (_, None) => Verdict::Malformed,
        }
    }

    /// The body of the HelloRetryRequest for a first hello.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.2
    //# DTLS 1.3-compliant implementations MUST NOT use the HelloVerifyRequest to execute a return-routability
    //# check.
    fn retry(&mut self, from: &PeerAddress, body: &[u8], hello: &ClientHello, now: Instant) -> Result<Vec<u8>, Error> {
        let selection = negotiate(&self.config, hello, None)?;
        let mut transcript = TranscriptBuffer::new();
        transcript.add(HandshakeType::CLIENT_HELLO, body);
        let cookie = Cookie {
            suite: selection.suite.id,
            group: selection.missing_share(),
            client_hello1_hash: transcript.hash_client_hello(selection.suite),
        };
        let invariants = invariants(body, self.baker.hash())?;
        let bytes = self.baker.issue(&cookie, Binding { from, invariants: &invariants }, now);
        Ok(hello_retry_request(cookie.suite, cookie.group, Some(bytes)))
    }

    /// The HelloRetryRequest that a second hello answers, if its cookie is valid.
    fn open(&mut self, from: &PeerAddress, body: &[u8], bytes: &[u8], now: Instant) -> Option<Retry> {
        let invariants = invariants(body, self.baker.hash()).ok()?;
        let cookie = self.baker.open(bytes, Binding { from, invariants: &invariants }, now).ok()?;
        Some(Retry {
            client_hello1_hash: cookie.client_hello1_hash,
            suite: cookie.suite,
            group: cookie.group,
            hello_retry_request: hello_retry_request(cookie.suite, cookie.group, Some(bytes.to_vec())),
        })
    }
}

/// What a listener makes of a datagram.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It holds no fragment of a ClientHello.
    Foreign,
    /// It holds a part of one.
    Partial,
    /// It holds one that cannot be one.
    Malformed,
    /// It holds one to which the answer would be too much longer than the question.
    Unanswerable,
    /// It gets a HelloRetryRequest.
    Retry(Vec<u8>),
    /// It gets an alert.
    Refuse(Vec<u8>),
    /// It may come in.
    Accept(Accepted),
}

impl Verdict {
    /// No reply is longer by more than [`MAX_SURPLUS`] than what was `sent` for it.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
    //# A server SHOULD limit the
    //# amount of data it sends toward a client address to three times the
    //# amount of data sent by the client before it verifies that the client
    //# is able to receive data at that address.
    pub(super) fn within(self, sent: usize) -> Self {
        match self {
            Self::Retry(reply) | Self::Refuse(reply) if reply.len() > sent.saturating_add(MAX_SURPLUS) => {
                Self::Unanswerable
            }
            other => other,
        }
    }

    const fn is_final(&self) -> bool {
        matches!(self, Self::Retry(_) | Self::Refuse(_) | Self::Accept(_) | Self::Unanswerable)
    }
}

enum Assembled {
    Malformed,
    Part,
    Whole { body: Vec<u8>, sent: usize },
}

fn refuse(error: &Error, sequence_number: u64) -> Verdict {
    let Some(description) = error.alert() else { return Verdict::Malformed };
    let alert = Alert { level: Alert::FATAL, description };
    Verdict::Refuse(plaintext_record(ContentType::ALERT, sequence_number, &alert.encoded()))
}

/// A whole ServerHello as the first message of a server, in a record of its own.
fn plaintext_message(sequence_number: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut content = FragmentHeader {
        msg_type: HandshakeType::SERVER_HELLO,
        length,
        message_seq: 0,
        fragment_offset: 0,
        fragment_length: length,
    }
    .encoded();
    content.extend_from_slice(body);
    plaintext_record(ContentType::HANDSHAKE, sequence_number, &content)
}

/// A record with the number of the one that it answers. The client counts its own records, so that no number is used
/// twice, though we keep no count: RFC 6347 §4.2.1 demands it for HelloVerifyRequest, and what it says there holds here.
fn plaintext_record(content_type: ContentType, sequence_number: u64, content: &[u8]) -> Vec<u8> {
    let mut record = PlaintextHeader {
        content_type,
        version: ProtocolVersion::DTLS_1_2,
        epoch: 0,
        sequence_number,
        length: u16::try_from(content.len()).unwrap_or(u16::MAX),
    }
    .encoded();
    record.extend_from_slice(content);
    record
}
