//! ClientHello, HelloRetryRequest and ServerHello (RFC 9147 §5.1 to §5.3, RFC 9846 §4.2).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::{Decode as _, Encode as _};
use crate::config::ClientConfig;
use crate::crypto::CipherSuiteImpl;
use crate::crypto::psk::PskMode;
use crate::crypto::task::{EphemeralKey, Task};
use crate::error::{Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};
use crate::flight::ReceivedMessage;
use crate::handshake::authentication::nonempty;
use crate::handshake::connection_ids::{ConnectionIdSelection, OfferedId};
use crate::handshake::wait::{AgreedKey, NewKeyShare, Resume, Wait};
use crate::handshake::{Context, EPOCH_HANDSHAKE, EPOCH_PLAINTEXT, State};
use crate::schedule::v13::EarlySecret;
use crate::time::Instant;
use crate::trace::Event;
use crate::transcript::{Transcript, TranscriptBuffer};
use crate::wire::client_hello::{ClientExtensions, ClientHello, KeyShareEntry, Random, UseSrtp};
use crate::wire::extensions::flags::Flags;
use crate::wire::registry::{CertificateType, CipherSuite, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion};
use crate::wire::server_hello::ServerHello;

use super::arrangement::Arrangement;
use super::early::EarlyOffer;
use super::psk::{self, OfferedPsk};
use super::v13::{ExpectEncryptedExtensions, HandshakeKeys};

/// What the client offers, in the first ClientHello and in the second.
pub struct Offer {
    /// The configuration.
    pub config: Arc<ClientConfig>,
    /// The name that the server should have: a DNS name or an IP address.
    pub peer_name: Option<String>,
    /// The name to send: `peer_name`, if it is a DNS name (RFC 6066 §3 allows no IP addresses).
    pub server_name: Option<String>,
    /// Our random.
    pub random: Random,
    /// The connection ID that we want to receive.
    pub connection_id: OfferedId,
    /// What was agreed on about connection IDs.
    pub connection_ids: Option<ConnectionIdSelection>,
    /// What it carries beyond what it means.
    pub arrangement: Arrangement,
    /// Key shares, with the private keys behind them.
    pub shares: Vec<KeyShare>,
    /// Whether pre-shared keys were offered, in the first ClientHello at least.
    pub has_psks: bool,
    /// Those that are still offered; empty once the server has chosen.
    pub psks: Vec<OfferedPsk>,
    /// Early data, if it is offered: never in a second ClientHello.
    pub early: Option<EarlyOffer>,
}

/// A key share of ours.
pub struct KeyShare {
    group: NamedGroup,
    key: EphemeralKey,
    public: Vec<u8>,
}

impl Offer {
    /// Whether keys can be agreed on in a group.
    fn has_groups(&self) -> bool {
        !self.config.psk_only || self.config.psk_modes.contains(&PskMode::PskWithKeyShare)
    }

    fn hello(&self, retry: Option<&AnsweredRetry>, now: Instant) -> Vec<u8> {
        let common = &self.config.common;
        let shares = self.shares.iter().map(|s| KeyShareEntry { group: s.group, key_exchange: s.public.clone() });
        let certificates = &common.certificates;
        let alpn = &common.alpn_protocols;
        let profiles = &common.srtp_profiles;
        let mut hello = ClientHello {
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
            //# In DTLS 1.3, the client indicates its version preferences in the "supported_versions" extension (see
            //# Section 4.2.1 of [TLS13]) and the legacy_version field MUST be set to {254, 253}, which was the
            //# version number for DTLS 1.2.
            legacy_version: ProtocolVersion::DTLS_1_2,
            random: self.random,
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
            //# Otherwise, it MUST be set as a zero-length vector (i.e., a zero-valued single byte length field).
            legacy_session_id: Vec::new(),
            //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
            //# In this case, the "cookie" extension is omitted and the legacy_cookie field in the ClientHello
            //# message MUST be set to a zero-length vector (i.e., a zero-valued single byte length field).
            legacy_cookie: Vec::new(),
            cipher_suites: common.cipher_suites.clone(),
            legacy_compression_methods: vec![0],
            extensions: ClientExtensions {
                cookie: retry.and_then(|retry| retry.cookie.clone()),
                supported_versions: Some(vec![ProtocolVersion::DTLS_1_3]),
                server_name: self.server_name.clone(),
                supported_groups: self.has_groups().then(|| common.groups.clone()),
                signature_algorithms: (!self.config.psk_only).then(|| common.signature_schemes.clone()),
                signature_algorithms_cert: nonempty(&certificates.chain_schemes),
                certificate_authorities: certificates.authorities.clone(),
                status_request: certificates.request_ocsp,
                signed_certificate_timestamp: certificates.request_timestamps,
                client_certificate_types: beyond_x509(&certificates.own_types),
                server_certificate_types: beyond_x509(&certificates.peer_types),
                compress_certificate: nonempty(&certificates.compression),
                delegated_credential: nonempty(&certificates.delegated_schemes),
                alpn: (!alpn.is_empty()).then(|| alpn.clone()),
                ticket_request: self.config.ticket_request,
                post_handshake_auth: self.config.post_handshake_auth,
                use_srtp: (!profiles.is_empty())
                    .then(|| UseSrtp { profiles: profiles.clone(), mki: common.srtp_mki.clone() }),
                flags: common.extended_key_update.then(|| Flags::of(Flags::EXTENDED_KEY_UPDATE)),
                record_size_limit: common.record_size_limit,
                psk_key_exchange_modes: self
                    .offers(ExtensionType::PSK_KEY_EXCHANGE_MODES)
                    .then(|| self.config.psk_modes.iter().map(|mode| mode.number()).collect()),
                key_share: self.has_groups().then(|| shares.collect()),
                early_data: self.early.is_some(),
                pre_shared_key: psk::extension(&self.psks, now),
                ..ClientExtensions::default()
            },
        };
        self.connection_id.write(&mut hello.extensions);
        self.arrangement.apply(&mut hello, retry.is_some_and(|retry| retry.group.is_some()));
        let mut body = hello.encoded();
        if let Some(offered) = hello.extensions.pre_shared_key {
            psk::bind(&self.psks, offered, retry.map(|retry| &retry.transcript), &mut body);
        }
        body
    }

    /// Whether our ClientHello carries `extension`.
    pub fn offers(&self, extension: ExtensionType) -> bool {
        use ExtensionType as E;
        let certificates = &self.config.common.certificates;
        match extension {
            E::SUPPORTED_VERSIONS => true,
            E::SUPPORTED_GROUPS | E::KEY_SHARE => self.has_groups(),
            E::SIGNATURE_ALGORITHMS => !self.config.psk_only,
            //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.9
            //# A client MUST provide a "psk_key_exchange_modes" extension if it offers
            //# a "pre_shared_key" extension.
            E::PSK_KEY_EXCHANGE_MODES => self.config.resumption || self.has_psks,
            E::PRE_SHARED_KEY => self.has_psks,
            E::EARLY_DATA => self.early.is_some(),
            E::SERVER_NAME => self.server_name.is_some(),
            E::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => !self.config.common.alpn_protocols.is_empty(),
            E::SIGNATURE_ALGORITHMS_CERT => !certificates.chain_schemes.is_empty(),
            E::CERTIFICATE_AUTHORITIES => !certificates.authorities.is_empty(),
            E::STATUS_REQUEST => certificates.request_ocsp,
            E::SIGNED_CERTIFICATE_TIMESTAMP => certificates.request_timestamps,
            E::CLIENT_CERTIFICATE_TYPE => beyond_x509(&certificates.own_types).is_some(),
            E::SERVER_CERTIFICATE_TYPE => beyond_x509(&certificates.peer_types).is_some(),
            E::COMPRESS_CERTIFICATE => !certificates.compression.is_empty(),
            E::DELEGATED_CREDENTIAL => !certificates.delegated_schemes.is_empty(),
            E::POST_HANDSHAKE_AUTH => self.config.post_handshake_auth,
            E::TLS_FLAGS => self.config.common.extended_key_update,
            E::RECORD_SIZE_LIMIT => self.config.common.record_size_limit.is_some(),
            E::USE_SRTP => !self.config.common.srtp_profiles.is_empty(),
            E::TICKET_REQUEST => self.config.ticket_request.is_some(),
            _ => self.connection_id.offers(extension) || self.arrangement.offers(extension),
        }
    }

    /// Fails if `present` has an extension that we did not offer, or one that may not stand in this message.
    pub fn check_extensions(&self, present: &[ExtensionType], allowed: &[ExtensionType]) -> Result<(), Error> {
        match present.iter().find(|extension| !allowed.contains(extension)) {
            None => Ok(()),
            // RFC 9846 §4.3: an extension that was not offered, and one that stands in the wrong message.
            Some(extension) if !self.offers(*extension) => Err(PeerMisbehaved::UnsolicitedExtension(*extension).into()),
            Some(extension) => Err(PeerMisbehaved::MisplacedExtension(*extension).into()),
        }
    }
}

/// A list of certificate types, unless it says nothing but what is meant without one (RFC 7250 §4.1).
fn beyond_x509(types: &[CertificateType]) -> Option<Vec<CertificateType>> {
    (types != [CertificateType::X509]).then(|| types.to_vec())
}

/// Begins the handshake of a client.
pub fn start(
    config: Arc<ClientConfig>,
    peer_name: Option<String>,
    server_name: Option<String>,
    psks: Vec<OfferedPsk>,
    early: Option<EarlyOffer>,
    random: Random,
    cx: &mut Context<'_>,
) -> Result<State, Error> {
    let arrangement = Arrangement::new(&config.common)?;
    let has_psks = !psks.is_empty();
    let connection_id = OfferedId::new(&config.common, cx)?;
    let offer = Offer {
        config,
        peer_name,
        server_name,
        random,
        connection_id,
        connection_ids: None,
        arrangement,
        shares: Vec::new(),
        has_psks,
        psks,
        early,
    };
    if let Some(early) = &offer.early {
        early.tell(cx);
    }
    let missing = if offer.has_groups() { offer.config.key_shares.iter().copied().collect() } else { VecDeque::new() };
    MakeShares { offer, missing, retry: None }.next(cx)
}

/// Makes key shares, one after the other, and sends the ClientHello when all are there.
pub struct MakeShares {
    offer: Offer,
    /// The groups whose shares are still to be made; the first one is being made.
    missing: VecDeque<NamedGroup>,
    retry: Option<AnsweredRetry>,
}

/// A HelloRetryRequest that was received.
struct AnsweredRetry {
    suite: &'static CipherSuiteImpl,
    group: Option<NamedGroup>,
    cookie: Option<Vec<u8>>,
    transcript: Transcript,
}

impl MakeShares {
    fn next(self, cx: &mut Context<'_>) -> Result<State, Error> {
        match self.missing.front().copied() {
            Some(group) => Ok(State::MakeShares(Wait::new(Task::GenerateKeyShare { group }, self))),
            None => self.send(cx),
        }
    }

    fn send(self, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { offer, retry, .. } = self;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
        //# The client MUST send a new ClientHello with the cookie added as an extension.
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
        //# When responding to a HelloRetryRequest, the client MUST create a new ClientHello message following the
        //# description in Section 4.1.2 of [TLS13].
        let body = offer.hello(retry.as_ref(), cx.now);
        let progress = match retry {
            None => {
                let mut transcript = TranscriptBuffer::new();
                transcript.add(HandshakeType::CLIENT_HELLO, &body);
                Progress::First(transcript)
            }
            Some(AnsweredRetry { suite, group, mut transcript, .. }) => {
                transcript.add(HandshakeType::CLIENT_HELLO, &body);
                Progress::Retried { suite, group, transcript }
            }
        };
        cx.send(EPOCH_PLAINTEXT, HandshakeType::CLIENT_HELLO, body)?;
        if let (Some(early), Progress::First(hello)) = (&offer.early, &progress) {
            early.begin(&offer.psks, hello, &offer.random, cx);
        }
        Ok(State::ExpectServerHello(Box::new(ExpectServerHello { offer, progress })))
    }
}

impl Resume for MakeShares {
    type Output = NewKeyShare;

    fn resume(mut self, NewKeyShare { key, public }: NewKeyShare, cx: &mut Context<'_>) -> Result<State, Error> {
        if let Some(group) = self.missing.pop_front() {
            self.offer.shares.push(KeyShare { group, key, public });
        }
        self.next(cx)
    }
}

/// A ClientHello was sent.
pub struct ExpectServerHello {
    offer: Offer,
    progress: Progress,
}

enum Progress {
    /// The first ClientHello: suite and hash are not known yet.
    First(TranscriptBuffer),
    /// The second one: suite and group stand.
    Retried { suite: &'static CipherSuiteImpl, group: Option<NamedGroup>, transcript: Transcript },
}

impl ExpectServerHello {
    /// Whether a HelloRetryRequest was answered: only then is it certain that the server speaks 1.3.
    pub const fn was_retried(&self) -> bool {
        matches!(self.progress, Progress::Retried { .. })
    }

    /// Takes a ServerHello or a HelloRetryRequest.
    pub fn handle(self, message: &ReceivedMessage, cx: &mut Context<'_>) -> Result<State, Error> {
        let body = crate::handshake::body_of(message, HandshakeType::SERVER_HELLO)?;
        let hello = ServerHello::decode_all(body)?;
        self.check_version(&hello)?;
        if hello.is_hello_retry_request() {
            self.handle_retry(hello, body, cx)
        } else {
            self.handle_hello(hello, body, cx)
        }
    }

    fn check_version(&self, hello: &ServerHello) -> Result<(), Error> {
        match hello.extensions.supported_version {
            // RFC 9147 §5.4: legacy_version stays that of 1.2.
            Some(ProtocolVersion::DTLS_1_3) if hello.legacy_version == ProtocolVersion::DTLS_1_2 => {}
            Some(_) => return Err(PeerMisbehaved::SelectedUnofferedVersion.into()),
            //= https://www.rfc-editor.org/rfc/rfc9846#section-4.2.3
            //# TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or below
            //# MUST check that the last 8 bytes are not equal to either of these values.
            None if hello.is_downgrade() => return Err(PeerMisbehaved::Downgrade.into()),
            // A server that speaks 1.2 at most.
            None => return Err(PeerIncompatible::NoVersion.into()),
        }
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5
        //# DTLS servers MUST NOT echo the "legacy_session_id" value from the client
        // With erratum 8067: a client that sees one aborts. Ours is empty, so any echo is one that we did not send.
        //= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
        //# DTLS 1.3 clients MUST abort the handshake with an "illegal_parameter" alert if the field is not empty.
        if !hello.legacy_session_id_echo.is_empty() {
            return Err(PeerMisbehaved::EchoedSessionId.into());
        }
        Ok(())
    }

    fn select_suite(&self, id: CipherSuite) -> Result<&'static CipherSuiteImpl, Error> {
        let common = &self.offer.config.common;
        let suite = common
            .cipher_suites
            .contains(&id)
            .then(|| common.provider.suite(id))
            .flatten()
            .ok_or(PeerMisbehaved::SelectedUnofferedSuite)?;
        match &self.progress {
            // RFC 9846 §4.2.4: the suite of the HelloRetryRequest stands.
            Progress::Retried { suite: retried, .. } if retried.id != id => {
                Err(PeerMisbehaved::SelectedUnofferedSuite.into())
            }
            _ => Ok(suite),
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
    //# Clients MUST be prepared to do a cookie exchange with every handshake.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-11
    //# Clients MUST be prepared to do a cookie exchange with every handshake.
    fn handle_retry(self, hello: ServerHello, body: &[u8], cx: &mut Context<'_>) -> Result<State, Error> {
        let suite = self.select_suite(hello.cipher_suite)?;
        let Self { mut offer, progress } = self;
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
        //# As described in Section 4.1.4 of [TLS13], clients MUST abort the handshake with an "unexpected_message"
        //# alert in response to any second HelloRetryRequest which was sent in the same connection (i.e., where the
        //# ClientHello was itself in response to a HelloRetryRequest).
        // RFC 9846 §4.2.4: "If a client receives a second HelloRetryRequest in the same connection […], it MUST abort
        // the handshake with an "unexpected_message" alert."
        let Progress::First(buffer) = progress else {
            return Err(PeerMisbehaved::SecondHelloRetryRequest.into());
        };
        let extensions = hello.extensions;
        if let Some(extension) = extensions.present.iter().find(|extension| {
            !matches!(**extension, ExtensionType::SUPPORTED_VERSIONS | ExtensionType::KEY_SHARE | ExtensionType::COOKIE)
        }) {
            offer.check_extensions(&[*extension], &[])?;
        }
        if let Some(group) = extensions.selected_group {
            // RFC 9846 §4.3.8: the group was offered, and no share for it was sent.
            let offered = offer.has_groups() && offer.config.common.groups.contains(&group);
            if !offered || offer.shares.iter().any(|share| share.group == group) {
                return Err(PeerMisbehaved::RetryWithUnofferedGroup.into());
            }
            offer.shares.clear();
        } else if extensions.cookie.is_none() {
            // RFC 9846 §4.2.4: a request that would change nothing.
            return Err(PeerMisbehaved::PointlessHelloRetryRequest.into());
        }
        if extensions.cookie.as_ref().is_some_and(Vec::is_empty) {
            return Err(InvalidMessage::EmptyVector.into());
        }
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.3.10
        //# A client MUST NOT include the "early_data" extension in
        //# its followup ClientHello.
        if offer.early.take().is_some() {
            cx.settle_early_data(false);
        }
        // RFC 9846 §4.2.2: keys that cannot be used with the suite, which stands from now on, are offered no more.
        offer.psks.retain(|offered| offered.fits(suite));
        if offer.config.psk_only && offer.psks.is_empty() {
            return Err(PeerIncompatible::NoPsk.into());
        }
        let mut transcript = buffer.into_transcript_after_retry(suite);
        transcript.add(HandshakeType::SERVER_HELLO, body);
        let group = extensions.selected_group;
        let retry = Some(AnsweredRetry { suite, group, cookie: extensions.cookie, transcript });
        MakeShares { offer, missing: group.into_iter().collect(), retry }.next(cx)
    }

    fn handle_hello(self, hello: ServerHello, body: &[u8], cx: &mut Context<'_>) -> Result<State, Error> {
        let suite = self.select_suite(hello.cipher_suite)?;
        let Self { mut offer, progress } = self;
        let mut allowed =
            vec![ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE, ExtensionType::PRE_SHARED_KEY];
        allowed.extend([ExtensionType::CONNECTION_ID, ExtensionType::RRC]);
        allowed.retain(|extension| offer.offers(*extension));
        let extensions = hello.extensions;
        offer.check_extensions(&extensions.present, &allowed)?;
        offer.connection_ids = offer.connection_id.finish(&extensions, cx)?;
        let has_share = extensions.key_share.is_some();
        let index = extensions.selected_psk;
        if let Some(early) = &mut offer.early {
            early.select(index, cx);
        }
        let psk = psk::select(&offer.config, &mut offer.psks, index, suite, has_share)?;
        let (asked, mut transcript) = match progress {
            Progress::First(buffer) => (None, buffer.into_transcript(suite)),
            Progress::Retried { group, transcript, .. } => (group, transcript),
        };
        transcript.add(HandshakeType::SERVER_HELLO, body);
        let group = extensions.key_share.as_ref().map(|share| share.group);
        cx.tracer.tell(cx.now, || Event::Negotiated { cipher_suite: suite.id, group });
        let chosen = Chosen { suite, group, psk, transcript };
        let Some(share) = extensions.key_share else {
            // A key can do without a share, and nothing else can.
            return match &chosen.psk {
                Some(_) => chosen.install(offer, None, cx),
                None => Err(PeerMisbehaved::MissingExtension(ExtensionType::KEY_SHARE).into()),
            };
        };
        let group = share.group;
        let ours = offer.shares.iter().find(|ours| ours.group == group).ok_or(PeerMisbehaved::KeyShareOfWrongGroup)?;
        if asked.is_some_and(|asked| asked != group) {
            return Err(PeerMisbehaved::KeyShareOfWrongGroup.into());
        }
        let task = Task::AgreeKey { group, key: ours.key.clone(), peer: share.key_exchange };
        Ok(State::AgreeKey(Wait::new(task, Box::new(AwaitSharedSecret { offer, chosen }))))
    }
}

/// What a ServerHello chose.
struct Chosen {
    suite: &'static CipherSuiteImpl,
    group: Option<NamedGroup>,
    psk: Option<OfferedPsk>,
    transcript: Transcript,
}

impl Chosen {
    /// Goes on with the keys of the handshake.
    fn install(self, mut offer: Offer, shared: Option<&[u8]>, cx: &mut Context<'_>) -> Result<State, Error> {
        let Self { suite, group, psk, transcript } = self;
        offer.shares.clear();
        if let Some(selected) = &psk {
            cx.tell_psk(&selected.psk);
        }
        let early = match &psk {
            Some(selected) => EarlySecret::with_psk(suite, selected.psk.expose()),
            None => EarlySecret::new(suite),
        };
        let secret = match shared {
            Some(shared) => early.into_handshake(shared),
            None => early.into_handshake_without_exchange(),
        };
        let hash = transcript.current();
        let client = secret.client_traffic(&hash);
        let server = secret.server_traffic(&hash);
        cx.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &offer.random, client.expose());
        cx.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", &offer.random, server.expose());
        cx.install_read(EPOCH_HANDSHAKE, &server);
        cx.install_write(EPOCH_HANDSHAKE, &client);
        let keys = HandshakeKeys { suite, group, psk, secret, client, server, transcript };
        Ok(State::ExpectEncryptedExtensions(Box::new(ExpectEncryptedExtensions { offer, keys })))
    }
}

/// The shared secret is being derived.
pub struct AwaitSharedSecret {
    offer: Offer,
    chosen: Chosen,
}

impl Resume for Box<AwaitSharedSecret> {
    type Output = AgreedKey;

    fn resume(self, AgreedKey(shared): AgreedKey, cx: &mut Context<'_>) -> Result<State, Error> {
        let AwaitSharedSecret { offer, chosen } = *self;
        chosen.install(offer, Some(shared.expose()), cx)
    }
}
