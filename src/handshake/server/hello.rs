//! ClientHello and HelloRetryRequest (RFC 9147 §5.1 to §5.3, RFC 9846 §4.2).

use std::sync::Arc;

use crate::codec::Decode as _;
use crate::config::{ExtensionMessage, ServerConfig};
use crate::crypto::task::Task;
use crate::crypto::{CipherSuiteImpl, HashOutput};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::{Asked, offered_types};
use crate::handshake::connected::SrtpSelection;
use crate::handshake::connection_ids::OfferedId;
use crate::handshake::custom::{self, PeerExtension};
use crate::handshake::ticket::ticket_count;
use crate::handshake::wait::{Resume, SelectedCredentials, Wait};
use crate::handshake::{Context, EPOCH_PLAINTEXT, State, body_of};
use crate::ticket::EarlyDataRefusal;
use crate::trace::Event;
use crate::transcript::{Transcript, TranscriptBuffer};
use crate::wire::client_hello::{ClientHello, Random, TicketRequest};
use crate::wire::extensions::flags::Flags;
use crate::wire::registry::{CertificateType, CipherSuite, HandshakeType, NamedGroup};

use super::negotiate::{Selection, hello_retry_request, negotiate};
use super::psk::SelectedPsk;
use super::v13::{Authentication, AwaitKeyShare, Reply};

/// A ClientHello that a listener let in.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its body.
    pub client_hello: Vec<u8>,
    /// Its message_seq: 0, or 1 after a HelloRetryRequest.
    pub message_seq: u16,
    /// The number of our next plaintext record, so that none is used twice after a stateless reply.
    pub next_record_sequence: u64,
    /// The HelloRetryRequest that it answers, if the listener sent one.
    pub retry: Option<Retry>,
}

/// A HelloRetryRequest that was sent without keeping anything, as its cookie tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The hash of the first ClientHello, by the hash of `suite`.
    pub client_hello1_hash: HashOutput,
    /// The suite that the HelloRetryRequest selected.
    pub suite: CipherSuite,
    /// The group for which it asked a share, if it did.
    pub group: Option<NamedGroup>,
    /// The body of the HelloRetryRequest.
    pub hello_retry_request: Vec<u8>,
}

/// Nothing arrived yet, or a HelloRetryRequest was sent.
pub struct ExpectClientHello {
    config: Arc<ServerConfig>,
    retried: Option<Retried>,
}

/// A HelloRetryRequest was sent.
pub struct Retried {
    suite: &'static CipherSuiteImpl,
    group: Option<NamedGroup>,
    /// Ends with the HelloRetryRequest.
    pub(super) transcript: Transcript,
    /// The first ClientHello, if we still have it.
    first: Option<ClientHello>,
    /// The pre-shared key that was accepted before.
    pub(super) psk: Option<SelectedPsk>,
}

impl ExpectClientHello {
    /// A server to which nothing has been sent yet.
    pub const fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, retried: None }
    }

    /// A server whose listener sent `retry`.
    pub fn after_retry(config: Arc<ServerConfig>, retry: &Retry) -> Result<Self, Error> {
        let suite = config.common.provider.suite(retry.suite).ok_or(PeerIncompatible::NoCipherSuite)?;
        let mut transcript = Transcript::after_retry(suite, &retry.client_hello1_hash);
        transcript.add(HandshakeType::SERVER_HELLO, &retry.hello_retry_request);
        Ok(Self { config, retried: Some(Retried { suite, group: retry.group, transcript, first: None, psk: None }) })
    }

    /// Whether a HelloRetryRequest was sent.
    pub const fn was_retried(&self) -> bool {
        self.retried.is_some()
    }

    /// Takes a ClientHello.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { config, retried } = self;
        let body = body_of(message, HandshakeType::CLIENT_HELLO)?;
        let hello = ClientHello::decode_all(body)?;
        let selection = negotiate(&config, &hello, retried.as_ref().map(|retried| retried.suite))?;
        if let Some(retried) = &retried {
            check_second(retried, &hello)?;
        }
        Arrival { config, hello, body: body.to_vec(), selection, retried }.look_for_psk(cx)
    }
}

/// A ClientHello that keeps to the rules.
pub struct Arrival {
    pub(super) config: Arc<ServerConfig>,
    pub(super) hello: ClientHello,
    /// The bytes that it was read from.
    pub(super) body: Vec<u8>,
    pub(super) selection: Selection,
    /// The HelloRetryRequest that it answers.
    pub(super) retried: Option<Retried>,
}

impl Arrival {
    /// Goes on without a pre-shared key: by certificate.
    pub(super) fn without_psk(self, cx: &mut Context<'_>) -> Result<State, Error> {
        if self.config.psk_only || self.hello.extensions.signature_algorithms.is_none() {
            let looked = self.selection.psk_mode.is_some();
            return Err(if looked { PeerIncompatible::UnknownPskIdentity } else { PeerIncompatible::NoPsk }.into());
        }
        let group = self.selection.group.ok_or(PeerIncompatible::NoGroup)?;
        if self.selection.key_share.is_none() {
            return self.retry(None, cx);
        }
        self.refuse_early_data(EarlyDataRefusal::NotFirstPsk, cx);
        let Chosen { config, suite, key_share, offered, transcript, .. } = self.choose(Some(group), false, cx)?;
        let key_share = key_share.ok_or(PeerMisbehaved::KeyShareOfWrongGroup)?;
        let task = offered.asked.selection()?;
        let next = AwaitCredentials { config, suite, group, key_share, offered, transcript };
        Ok(State::SelectServerCredentials(Wait::new(task, Box::new(next))))
    }

    /// Asks for a share of the selected group, keeping state: nothing proves the address but what lies below us. `psk` is
    /// the key that was accepted.
    pub(super) fn retry(self, psk: Option<SelectedPsk>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { config, hello, body, selection, retried } = self;
        if retried.is_some() {
            // RFC 9846 §4.2.4: there is no second HelloRetryRequest.
            return Err(PeerMisbehaved::KeyShareOfWrongGroup.into());
        }
        let Selection { suite, group, .. } = selection;
        if hello.extensions.early_data {
            cx.refuse_early_data(EarlyDataRefusal::Retried);
        }
        let mut buffer = TranscriptBuffer::new();
        buffer.add(HandshakeType::CLIENT_HELLO, &body);
        let mut transcript = buffer.into_transcript_after_retry(suite);
        let body = hello_retry_request(suite.id, group, None);
        transcript.add(HandshakeType::SERVER_HELLO, &body);
        cx.send(EPOCH_PLAINTEXT, HandshakeType::SERVER_HELLO, body)?;
        let retried = Some(Retried { suite, group, transcript, first: Some(hello), psk });
        Ok(State::ExpectClientHello(Box::new(ExpectClientHello { config, retried })))
    }

    /// Chooses what is left to choose; keys will be agreed on in `group`, if at all.
    pub(super) fn choose(
        self,
        group: Option<NamedGroup>,
        is_resumed: bool,
        cx: &mut Context<'_>,
    ) -> Result<Chosen, Error> {
        let Self { config, hello, body, selection, retried } = self;
        let Selection { suite, key_share, .. } = selection;
        let mut transcript = match retried {
            None => TranscriptBuffer::new().into_transcript(suite),
            Some(retried) => retried.transcript,
        };
        transcript.add(HandshakeType::CLIENT_HELLO, &body);
        let offered = Offered::read(&config, hello, is_resumed)?;
        cx.tracer.tell(cx.now, || Event::Negotiated { cipher_suite: suite.id, group });
        Ok(Chosen { config, suite, key_share, offered, transcript })
    }
}

/// What was chosen from a ClientHello.
pub(super) struct Chosen {
    pub(super) config: Arc<ServerConfig>,
    pub(super) suite: &'static CipherSuiteImpl,
    /// The client's share of the selected group.
    pub(super) key_share: Option<Vec<u8>>,
    pub(super) offered: Offered,
    pub(super) transcript: Transcript,
}

/// The rules for a ClientHello that answers a HelloRetryRequest (RFC 9846 §4.2.2).
fn check_second(retried: &Retried, hello: &ClientHello) -> Result<(), Error> {
    // RFC 9846 §4.3.10: a HelloRetryRequest refuses early data.
    if hello.extensions.early_data {
        return Err(PeerMisbehaved::EarlyDataAfterRetry.into());
    }
    if let Some(group) = retried.group {
        // RFC 9846 §4.3.8: a single share, of the group asked for.
        let shares = hello.extensions.key_share.as_deref().unwrap_or(&[]);
        if !matches!(shares, [share] if share.group == group) {
            return Err(PeerMisbehaved::KeyShareOfWrongGroup.into());
        }
    }
    // The stateless listener has forgotten the first hello: there the transcript alone binds the two.
    match &retried.first {
        Some(first) if !is_same_offer(first, hello) => Err(PeerMisbehaved::SecondClientHelloDiffers.into()),
        _ => Ok(()),
    }
}

fn is_same_offer(first: &ClientHello, second: &ClientHello) -> bool {
    let (a, b) = (&first.extensions, &second.extensions);
    first.random == second.random
        && first.legacy_session_id == second.legacy_session_id
        && first.cipher_suites == second.cipher_suites
        && a.supported_versions == b.supported_versions
        && a.supported_groups == b.supported_groups
        && a.signature_algorithms == b.signature_algorithms
        && a.signature_algorithms_cert == b.signature_algorithms_cert
        && a.certificate_authorities == b.certificate_authorities
        && a.status_request == b.status_request
        && a.signed_certificate_timestamp == b.signed_certificate_timestamp
        && a.client_certificate_types == b.client_certificate_types
        && a.server_certificate_types == b.server_certificate_types
        && a.compress_certificate == b.compress_certificate
        && a.delegated_credential == b.delegated_credential
        && a.post_handshake_auth == b.post_handshake_auth
        && a.server_name == b.server_name
        && a.alpn == b.alpn
        && a.use_srtp == b.use_srtp
        && a.connection_id == b.connection_id
        && a.return_routability == b.return_routability
        && a.ticket_request == b.ticket_request
        && a.psk_key_exchange_modes == b.psk_key_exchange_modes
}

/// What the client offered beyond suite and group, and what we chose from it.
pub struct Offered {
    /// Its random.
    pub random: Random,
    /// The name it asked for.
    pub server_name: Option<String>,
    /// What it asks of our certificate.
    pub asked: Asked,
    /// The types of certificate that it can show and we accept, best first; empty: none.
    pub client_certificate_types: Vec<CertificateType>,
    /// Which of the two extensions of RFC 7250 it sent, and so expects an answer to: for the client's, for the server's.
    pub negotiates_types: (bool, bool),
    /// The application protocol that we chose.
    pub alpn_protocol: Option<Vec<u8>>,
    /// The SRTP profile that we chose.
    pub srtp: Option<SrtpSelection>,
    /// Whether its early data is taken.
    pub early_data: bool,
    /// The connection ID that it wants to receive.
    pub connection_id: OfferedId,
    /// How many tickets it asked for, if it did.
    pub ticket_request: Option<TicketRequest>,
    /// How many tickets it is to get.
    pub tickets: u8,
    /// Whether it answers requests for a certificate after the handshake (RFC 9846 §4.3.6).
    pub post_handshake_auth: bool,
    /// Whether it offers Extended Key Update.
    pub extended_key_update: bool,
    /// The longest plaintext that it accepts, if it says so.
    pub record_size_limit: Option<u16>,
    /// Its custom extensions.
    pub custom: Vec<PeerExtension>,
}

impl Offered {
    fn read(config: &ServerConfig, hello: ClientHello, is_resumed: bool) -> Result<Self, Error> {
        let common = &config.common;
        let extensions = hello.extensions;
        let alpn_protocol = match &extensions.alpn {
            Some(offered) if !common.alpn_protocols.is_empty() => Some(
                common
                    .alpn_protocols
                    .iter()
                    .find(|protocol| offered.contains(protocol))
                    .cloned()
                    // RFC 7301 §3.2: a server with no protocol in common says so.
                    .ok_or(PeerIncompatible::NoApplicationProtocol)?,
            ),
            _ => None,
        };
        let srtp = extensions.use_srtp.as_ref().and_then(|offered| {
            let profile = common.srtp_profiles.iter().find(|profile| offered.profiles.contains(profile))?;
            // RFC 5764 §4.1.3: the server sends the client's MKI back, or an empty one if it will not use it.
            let mki = if config.accept_srtp_mki { offered.mki.clone() } else { Vec::new() };
            Some(SrtpSelection { profile: *profile, mki })
        });
        if srtp.is_none() && common.require_srtp {
            return Err(PeerIncompatible::NoSrtpProfile.into());
        }
        let custom = custom::receive(&common.custom_extensions, ExtensionMessage::ClientHello, &extensions.others)?;
        // RFC 9846 §4.7.1: tickets are for clients that could use them.
        let modes = extensions.psk_key_exchange_modes.as_deref().unwrap_or(&[]);
        let takes_tickets = config.psk_modes.iter().any(|mode| modes.contains(&mode.number()));
        let tickets = if takes_tickets { ticket_count(config, extensions.ticket_request, is_resumed) } else { 0 };
        let certificates = &common.certificates;
        let asked = Asked::by_hello(&extensions, &certificates.own_types)?;
        let theirs = offered_types(extensions.client_certificate_types.as_deref())?;
        let ours = certificates.peer_types.iter().copied();
        let client_certificate_types: Vec<_> = ours.filter(|own| theirs.contains(own)).collect();
        let negotiates_types =
            (extensions.client_certificate_types.is_some(), extensions.server_certificate_types.is_some());
        Ok(Self {
            random: hello.random,
            connection_id: OfferedId::read(&extensions),
            server_name: extensions.server_name,
            asked,
            post_handshake_auth: extensions.post_handshake_auth && !client_certificate_types.is_empty(),
            client_certificate_types,
            negotiates_types,
            alpn_protocol,
            srtp,
            early_data: false,
            ticket_request: extensions.ticket_request,
            tickets,
            extended_key_update: extensions.flags.is_some_and(|flags| flags.contains(Flags::EXTENDED_KEY_UPDATE)),
            record_size_limit: extensions.record_size_limit,
            custom,
        })
    }
}

/// Our certificate is being chosen.
pub struct AwaitCredentials {
    config: Arc<ServerConfig>,
    suite: &'static CipherSuiteImpl,
    group: NamedGroup,
    key_share: Vec<u8>,
    offered: Offered,
    transcript: Transcript,
}

impl Resume for Box<AwaitCredentials> {
    type Output = SelectedCredentials;

    fn resume(self, SelectedCredentials(selected): SelectedCredentials, _: &mut Context<'_>) -> Result<State, Error> {
        let AwaitCredentials { config, suite, group, key_share, offered, transcript } = *self;
        // Whoever chose may not have looked at the schemes; after ServerHello it would be too late to find out.
        let credentials = selected
            .filter(|selected| selected.scheme_for(&offered.asked.request).is_some())
            .ok_or(PeerIncompatible::NoCredentials)?;
        let task = Task::RespondKeyShare { group, peer: key_share };
        let by = Authentication::Certificate(credentials);
        let next = AwaitKeyShare { group, reply: Reply { config, suite, offered, by, transcript } };
        Ok(State::RespondKeyShare(Wait::new(task, Box::new(next))))
    }
}
