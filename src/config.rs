//! What the caller decides before a connection begins.

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::sync::Arc;

use crate::crypto::CryptoProvider;
use crate::crypto::psk::{Psk, PskMode};
use crate::crypto::resumption::TicketStore;
use crate::crypto::task::Backend;
use crate::ticket::StrikeRegister;
use crate::wire::client_hello::TicketRequest;
use crate::wire::registry::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

mod certificates;
mod connection_ids;
mod custom;
mod error;
mod limits;
mod padding;
mod psk;
mod transport;

pub use certificates::{CertificateConfig, may_be_delegated};
pub use connection_ids::{ConnectionIdConfig, ConnectionIdGenerator, PathCheck};
pub use custom::{CustomExtension, ExtensionMessage, FixedExtension, MAX_CUSTOM_EXTENSION_LEN};
pub use error::ConfigError;
pub use limits::Limits;
pub use padding::Padding;
pub use transport::{MAX_DATAGRAM_SIZE, MIN_DATAGRAM_SIZE, Reactions, TransportConfig};

/// The highest record_size_limit: 2^14 bytes of content, and the type (RFC 8449 §4).
const MAX_RECORD_SIZE_LIMIT: u16 = (1 << 14) + 1;

/// What may be sent as record_size_limit (RFC 8449 §4).
pub(crate) const RECORD_SIZE_LIMITS: RangeInclusive<u16> = 64..=MAX_RECORD_SIZE_LIMIT;

/// What a client and a server decide alike.
#[derive(Clone)]
pub struct CommonConfig {
    /// The first tier of cryptography.
    pub provider: Arc<CryptoProvider>,
    /// Runs the tasks of the second tier that it can; the rest leave by `poll_task`.
    pub backend: Arc<dyn Backend>,
    /// The cipher suites to offer or accept, best first. Default: those of the provider, but for
    /// TLS_AES_128_CCM_8_SHA256, whose tag is short: who wants it has to say so (RFC 9147 §4.5.3).
    pub cipher_suites: Vec<CipherSuite>,
    /// The groups to offer or accept, best first. Default: those of the provider.
    pub groups: Vec<NamedGroup>,
    /// The schemes that the peer may sign its CertificateVerify with, best first. Default: those of the provider.
    pub signature_schemes: Vec<SignatureScheme>,
    /// What is said, asked and accepted about certificates. Default: X.509 certificates as they are.
    pub certificates: CertificateConfig,
    /// The application protocols to offer or accept (RFC 7301), best first. Default: none.
    pub alpn_protocols: Vec<Vec<u8>>,
    /// The SRTP profiles to offer or accept (RFC 5764), best first. Default: none.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// The master key identifier to offer for SRTP, at most 255 bytes (RFC 5764 §4.1.1). Default: none, as in WebRTC.
    /// Only a client's counts.
    pub srtp_mki: Vec<u8>,
    /// Whether to fail if no SRTP profile is in common. Default: false.
    pub require_srtp: bool,
    /// Connection IDs and what hangs on them. Default: the peer's are used, and it is asked for none.
    pub connection_ids: ConnectionIdConfig,
    /// Extensions that the library does not know. Default: none.
    pub custom_extensions: Vec<Arc<dyn CustomExtension>>,
    /// Whether to offer values that mean nothing (GREASE, RFC 8701), so that no peer gets used to a world without change:
    /// a client in its ClientHello, a server in CertificateRequest and NewSessionTicket. Default: false.
    pub grease: bool,
    /// Whether a client orders the extensions of its ClientHello at random for each connection, so that no server gets
    /// used to an order, and nobody recognises us by it. Default: false.
    pub permute_extensions: bool,
    /// The longest plaintext of a protected record to accept, in bytes: content, type and padding (record_size_limit,
    /// RFC 8449). At least 64; default: 16,385, the most there is, so that the peer may tell its own limit. `None`: the
    /// extension is neither offered nor answered.
    pub record_size_limit: Option<u16>,
    /// **Experimental**: whether to offer or accept Extended Key Update (draft-ietf-tls-extended-key-update), a fresh key
    /// agreement in a running connection. Its numbers are not assigned, and no other stack is known to speak it. It
    /// takes the place of the key update of DTLS 1.3, and excludes resumption by tickets, as the draft demands. Default:
    /// false.
    pub extended_key_update: bool,
    /// How records are padded, so that their lengths tell less. Default: not at all.
    pub padding: Padding,
    /// How datagrams are sent.
    pub transport: TransportConfig,
    /// Every bound.
    pub limits: Limits,
}

impl CommonConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        Self {
            cipher_suites: default_suites(&provider),
            groups: provider.groups.clone(),
            signature_schemes: provider.schemes.clone(),
            provider,
            backend,
            certificates: CertificateConfig::default(),
            alpn_protocols: Vec::new(),
            srtp_profiles: Vec::new(),
            srtp_mki: Vec::new(),
            require_srtp: false,
            connection_ids: ConnectionIdConfig::default(),
            custom_extensions: Vec::new(),
            grease: false,
            permute_extensions: false,
            record_size_limit: Some(MAX_RECORD_SIZE_LIMIT),
            extended_key_update: false,
            padding: Padding::None,
            transport: TransportConfig::default(),
            limits: Limits::default(),
        }
    }

    /// Checks everything that would otherwise go wrong later.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.cipher_suites.is_empty() {
            return Err(ConfigError::NoCipherSuites);
        }
        if let Some(suite) = self.cipher_suites.iter().find(|id| self.provider.suite(**id).is_none()) {
            return Err(ConfigError::UnsupportedCipherSuite(*suite));
        }
        if self.groups.is_empty() {
            return Err(ConfigError::NoGroups);
        }
        if let Some(group) = self.groups.iter().find(|group| !self.provider.groups.contains(group)) {
            return Err(ConfigError::UnsupportedGroup(*group));
        }
        if self.signature_schemes.is_empty() {
            return Err(ConfigError::NoSignatureSchemes);
        }
        if let Some(scheme) = self.signature_schemes.iter().find(|scheme| !self.provider.schemes.contains(scheme)) {
            return Err(ConfigError::UnsupportedSignatureScheme(*scheme));
        }
        if let Some(protocol) = self.alpn_protocols.iter().find(|name| name.is_empty() || name.len() > 255) {
            return Err(ConfigError::InvalidAlpnProtocol { len: protocol.len() });
        }
        // RFC 7301 §3.1: the list is a vector <2..2^16-1> of names with a length byte each.
        if self.alpn_protocols.iter().map(|name| name.len().saturating_add(1)).sum::<usize>() > 0xffff {
            return Err(ConfigError::TooManyAlpnProtocols);
        }
        if let Some(profile) = self.srtp_profiles.iter().find(|profile| profile.key_and_salt_len().is_none()) {
            return Err(ConfigError::UnsupportedSrtpProfile(*profile));
        }
        if self.srtp_mki.len() > 255 {
            return Err(ConfigError::SrtpMkiTooLong { len: self.srtp_mki.len() });
        }
        let custom: Vec<_> = self.custom_extensions.iter().map(|custom| custom.extension_type()).collect();
        custom::validate(&custom)?;
        if let Some(limit) = self.record_size_limit.filter(|limit| !RECORD_SIZE_LIMITS.contains(limit)) {
            return Err(ConfigError::InvalidRecordSizeLimit { limit });
        }
        self.padding.validate()?;
        self.limits.validate()?;
        self.connection_ids.validate()?;
        self.certificates.validate()?;
        self.transport.validate()
    }

    /// The longest connection ID of the peer's that leaves room for progress in a datagram.
    pub(crate) fn longest_peer_connection_id(&self) -> usize {
        self.limits.peer_connection_id.min(self.transport.max_datagram_size.saturating_sub(ROOM_BESIDE_CONNECTION_ID))
    }
}

/// What a datagram must have room for beside a connection ID: the header of a record (5), that of a fragment (12), type
/// and tag (17), and 94 bytes of content, so that the longest flight does not need many more datagrams than without.
pub(crate) const ROOM_BESIDE_CONNECTION_ID: usize = 128;

//= https://www.rfc-editor.org/rfc/rfc9147#section-4.5.3
//# Therefore, TLS_AES_128_CCM_8_SHA256
//# MUST NOT be used in DTLS without additional safeguards against
//# forgery.
fn default_suites(provider: &CryptoProvider) -> Vec<CipherSuite> {
    let suites = provider.suites.iter().map(|suite| suite.id);
    suites.filter(|id| *id != CipherSuite::TLS_AES_128_CCM_8_SHA256).collect()
}

impl fmt::Debug for CommonConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommonConfig")
            .field("provider", &self.provider)
            .field("cipher_suites", &self.cipher_suites)
            .field("groups", &self.groups)
            .field("signature_schemes", &self.signature_schemes)
            .field("srtp_profiles", &self.srtp_profiles)
            .field("connection_ids", &self.connection_ids)
            .field("custom_extensions", &self.custom_extensions)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// What a client decides.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// What both roles decide alike.
    pub common: CommonConfig,
    /// The groups to send a key share for in the first ClientHello; each must be in `groups`. Default: the first group
    /// and, if that is a hybrid with a post-quantum KEM, the first that is not.
    ///
    /// An empty list asks the server to choose, at the price of a round trip: the ClientHello then fits one datagram
    /// even for servers that do not reassemble it.
    pub key_shares: Vec<NamedGroup>,
    /// External pre-shared keys to offer, best first. Those whose hash is that of no suite in `cipher_suites` are left
    /// out. Default: none.
    pub psks: Vec<Arc<Psk>>,
    /// How pre-shared keys may be used, those of resumed connections too, best first. Default: only with a key share;
    /// without one, whoever learns the key reads what was recorded before.
    pub psk_modes: Vec<PskMode>,
    /// Whether the server must choose a pre-shared key that was offered. Then no signature schemes are offered, so that a
    /// server with a certificate cannot stand in, and without [`PskMode::PskWithKeyShare`] no groups either. Default: false.
    pub psk_only: bool,
    /// Whether to ask the server for tickets, and to hand them out as
    /// [`SessionReceived`](crate::connection::ConnectionEvent::SessionReceived). Default: false.
    pub resumption: bool,
    /// Whether the certificate by which the server proved who it is, in the connection that is resumed, is judged once
    /// more: it may have expired since, or been revoked. Default: false.
    pub verify_on_resumption: bool,
    /// How many tickets to ask for (RFC 9149). Default: as many as the server likes.
    pub ticket_request: Option<TicketRequest>,
    /// Whether to let the server ask for a certificate after the handshake (RFC 9846 §4.3.6). Default: false: which of the
    /// things that the application said before such a proof it is to cover, the application has to know.
    pub post_handshake_auth: bool,
}

impl ClientConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        let common = CommonConfig::new(provider, backend);
        let key_shares = default_key_shares(&common.groups);
        Self {
            common,
            key_shares,
            psks: Vec::new(),
            psk_modes: vec![PskMode::PskWithKeyShare],
            psk_only: false,
            resumption: false,
            verify_on_resumption: false,
            ticket_request: None,
            post_handshake_auth: false,
        }
    }

    /// Checks everything that would otherwise go wrong later.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()?;
        if self.common.extended_key_update && self.resumption {
            return Err(ConfigError::ExtendedKeyUpdateWithResumption);
        }
        if let Some(group) = self.key_shares.iter().find(|group| !self.common.groups.contains(group)) {
            return Err(ConfigError::KeyShareOutsideGroups(*group));
        }
        psk::validate_modes(&self.psk_modes)?;
        psk::validate_offer(&self.psks)
    }
}

/// The groups of `groups` that a first ClientHello carries a key share for, unless the caller says otherwise.
pub fn default_key_shares(groups: &[NamedGroup]) -> Vec<NamedGroup> {
    let is_hybrid = |group: NamedGroup| {
        matches!(group, NamedGroup::X25519MLKEM768 | NamedGroup::SECP256R1MLKEM768 | NamedGroup::SECP384R1MLKEM1024)
    };
    let mut shares: Vec<_> = groups.first().copied().into_iter().collect();
    if shares.iter().any(|group| is_hybrid(*group)) {
        shares.extend(groups.iter().copied().find(|group| !is_hybrid(*group)));
    }
    shares
}

/// What a server decides.
#[derive(Clone)]
pub struct ServerConfig {
    /// What both roles decide alike.
    pub common: CommonConfig,
    /// Whether to ask for a client certificate. Default: no.
    pub client_auth: ClientAuth,
    /// Whether to agree to the master key identifier that a client offers for SRTP (RFC 5764 §4.1.3). Default: no, then
    /// SRTP goes without.
    pub accept_srtp_mki: bool,
    /// Whether to tell a client that sends a server name that it was heeded (RFC 6066 §3: an empty server_name, where the
    /// name played a part in the choice of a certificate). Default: true.
    pub acknowledge_server_name: bool,
    /// When a client has to show that it receives what is sent to its address. Default: always.
    ///
    /// Only a listener asks; a connection that was made without one takes its peer's address for proven, as ICE does.
    pub cookie: CookiePolicy,
    /// Whether to look for the pre-shared keys that a client offers, by a
    /// [`LookUpPsk`](crate::crypto::task::Task::LookUpPsk) task. Default: false.
    pub look_up_psks: bool,
    /// How pre-shared keys may be used, those of resumed connections too, best first. Default: only with a key share;
    /// without one, whoever learns the key reads what was recorded before.
    pub psk_modes: Vec<PskMode>,
    /// Whether a client must have a pre-shared key. Then no certificate is needed, and a client cannot find out which
    /// identities there are (RFC 9846 appendix F.6). Default: false.
    pub psk_only: bool,
    /// Makes tickets and takes them, so that clients can resume connections. Default: none.
    pub tickets: Option<Arc<dyn TicketStore>>,
    /// How many tickets to send after a handshake, if there are `tickets` and the client does not ask for fewer.
    /// Default: 2, so that one is left for a second connection, or if the first attempt to resume fails.
    pub ticket_count: u8,
    /// For how long a ticket can be used, at most seven days (RFC 9846 §4.7.1). Default: one day.
    pub ticket_lifetime: Duration,
    /// How many bytes of early data (0-RTT) a ticket allows. Default: 0, none.
    ///
    /// Early data is not bound to this connection: whoever records it can send it again (RFC 9846 §8), as far as
    /// `strike_register` does not know of it. A HelloRetryRequest refuses it: it needs a listener that does not always
    /// ask for a [`cookie`](Self::cookie), and a client that sends a key share of a group that the server takes.
    pub max_early_data: u32,
    /// Remembers the early data that was taken, so that it is taken once; there must be one if `max_early_data` is not 0.
    /// Default: none.
    ///
    /// Servers that accept each other's tickets must share one.
    pub strike_register: Option<Arc<dyn StrikeRegister>>,
}

impl ServerConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        Self {
            common: CommonConfig::new(provider, backend),
            client_auth: ClientAuth::None,
            accept_srtp_mki: false,
            acknowledge_server_name: true,
            cookie: CookiePolicy::Always,
            look_up_psks: false,
            psk_modes: vec![PskMode::PskWithKeyShare],
            psk_only: false,
            tickets: None,
            ticket_count: 2,
            ticket_lifetime: Duration::from_secs(24 * 60 * 60),
            max_early_data: 0,
            strike_register: None,
        }
    }

    /// Whether a pre-shared key of a client would be looked at.
    pub fn takes_psks(&self) -> bool {
        self.look_up_psks || self.tickets.is_some()
    }

    /// Checks everything that would otherwise go wrong later.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()?;
        if self.common.extended_key_update && self.tickets.is_some() {
            return Err(ConfigError::ExtendedKeyUpdateWithResumption);
        }
        if self.max_early_data > 0 && self.strike_register.is_none() {
            return Err(ConfigError::NoStrikeRegister);
        }
        if self.psk_only && !self.takes_psks() {
            return Err(ConfigError::NoPsk);
        }
        psk::validate_modes(&self.psk_modes)
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("common", &self.common)
            .field("client_auth", &self.client_auth)
            .field("cookie", &self.cookie)
            .field("look_up_psks", &self.look_up_psks)
            .field("psk_modes", &self.psk_modes)
            .field("psk_only", &self.psk_only)
            .field("has_tickets", &self.tickets.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether a server asks for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not ask.
    None,
    /// It asks, and goes on without one.
    Optional,
    /// It asks, and fails without one (certificate_required).
    Required,
}

/// When a listener demands a cookie (RFC 9147 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookiePolicy {
    /// Of every client, at the price of a round trip, and of early data, which a HelloRetryRequest refuses: nothing is
    /// kept, and nothing large is sent, for an address that was not proven.
    Always,
    /// Never: only where something below has proven the address, or on a closed network.
    Never,
}
