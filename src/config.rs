//! What the caller decides before a connection begins.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::crypto::CryptoProvider;
use crate::crypto::task::Backend;
use crate::wire::registry::{CipherSuite, NamedGroup, SignatureScheme, SrtpProfile};

/// What a client and a server decide alike.
#[derive(Clone)]
pub struct CommonConfig {
    /// The first tier of cryptography.
    pub provider: Arc<CryptoProvider>,
    /// Runs the tasks of the second tier that it can; the rest leave by `poll_task`.
    pub backend: Arc<dyn Backend>,
    /// The cipher suites to offer or accept, best first. Default: those of the provider.
    pub cipher_suites: Vec<CipherSuite>,
    /// The groups to offer or accept, best first. Default: those of the provider.
    pub groups: Vec<NamedGroup>,
    /// The schemes that the peer may sign its CertificateVerify with, best first. Default: those of the provider.
    pub signature_schemes: Vec<SignatureScheme>,
    /// The application protocols to offer or accept (RFC 7301), best first. Default: none.
    pub alpn_protocols: Vec<Vec<u8>>,
    /// The SRTP profiles to offer or accept (RFC 5764), best first. Default: none.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Whether to fail if no SRTP profile is in common. Default: false.
    pub require_srtp: bool,
    /// How datagrams are sent.
    pub transport: TransportConfig,
    /// Every bound.
    pub limits: Limits,
}

impl CommonConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        Self {
            cipher_suites: provider.suites.iter().map(|suite| suite.id).collect(),
            groups: provider.groups.clone(),
            signature_schemes: provider.schemes.clone(),
            provider,
            backend,
            alpn_protocols: Vec::new(),
            srtp_profiles: Vec::new(),
            require_srtp: false,
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
        self.transport.validate()
    }
}

impl fmt::Debug for CommonConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommonConfig")
            .field("provider", &self.provider)
            .field("cipher_suites", &self.cipher_suites)
            .field("groups", &self.groups)
            .field("signature_schemes", &self.signature_schemes)
            .field("srtp_profiles", &self.srtp_profiles)
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
}

impl ClientConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        let common = CommonConfig::new(provider, backend);
        let key_shares = default_key_shares(&common.groups);
        Self { common, key_shares }
    }

    /// Checks everything that would otherwise go wrong later.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()?;
        match self.key_shares.iter().find(|group| !self.common.groups.contains(group)) {
            Some(group) => Err(ConfigError::KeyShareOutsideGroups(*group)),
            None => Ok(()),
        }
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
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// What both roles decide alike.
    pub common: CommonConfig,
    /// Whether to ask for a client certificate. Default: no.
    pub client_auth: ClientAuth,
    /// When a client has to show that it receives what is sent to its address. Default: always.
    ///
    /// Only a listener asks; a connection that was made without one takes its peer's address for proven, as ICE does.
    pub cookie: CookiePolicy,
}

impl ServerConfig {
    /// The defaults of `provider`.
    pub fn new(provider: Arc<CryptoProvider>, backend: Arc<dyn Backend>) -> Self {
        Self {
            common: CommonConfig::new(provider, backend),
            client_auth: ClientAuth::None,
            cookie: CookiePolicy::Always,
        }
    }

    /// Checks everything that would otherwise go wrong later.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.common.validate()
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
    /// Of every client: nothing is kept, and nothing large is sent, for an address that was not proven.
    Always,
    /// Never: only where something below has proven the address, or on a closed network.
    Never,
}

/// How datagrams are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// The largest datagram to send, in bytes, without UDP and IP headers. Default: 1200, which fits every path that
    /// carries QUIC; at least 256.
    pub max_datagram_size: usize,
    /// How long to wait for an answer to a flight before it is sent again. Default: 1 s (RFC 9147 §5.8.2); 400 ms or
    /// one and a half round-trip times where the path is known to be short, as in WebRTC.
    pub initial_timeout: Duration,
    /// The longest wait: each retransmission doubles it up to here. Default: 60 s (RFC 9147 §5.8.2).
    pub max_timeout: Duration,
    /// How often a flight is sent again before the peer counts as unreachable. Default: 12, as in
    /// BoringSSL: with the other defaults some seven minutes, of which a handshake is given one.
    pub max_retransmissions: u32,
    /// How long to wait for the rest of a flight before what arrived is acknowledged, as a fraction of the current
    /// retransmission timeout: one over this. Default: 4 (RFC 9147 §7.1).
    pub ack_delay_divisor: u32,
    /// How long the whole handshake may take. Default: 60 s.
    pub handshake_timeout: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            max_datagram_size: 1200,
            initial_timeout: Duration::from_secs(1),
            max_timeout: Duration::from_secs(60),
            max_retransmissions: 12,
            ack_delay_divisor: 4,
            handshake_timeout: Duration::from_secs(60),
        }
    }
}

/// The smallest `max_datagram_size`: a record header of 13 bytes, a handshake header of 12 and an AEAD tag of 16 must
/// leave room for progress, and 256 is what an IPv6 path of 1280 bytes leaves several times over.
pub const MIN_DATAGRAM_SIZE: usize = 256;

/// The largest `max_datagram_size`: the largest payload of UDP over IPv4.
pub const MAX_DATAGRAM_SIZE: usize = 65_507;

impl TransportConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        if !(MIN_DATAGRAM_SIZE..=MAX_DATAGRAM_SIZE).contains(&self.max_datagram_size) {
            return Err(ConfigError::InvalidDatagramSize { size: self.max_datagram_size });
        }
        if self.initial_timeout.is_zero() || self.max_timeout < self.initial_timeout {
            return Err(ConfigError::InvalidTimeouts);
        }
        if self.ack_delay_divisor == 0 {
            return Err(ConfigError::InvalidAckDelay);
        }
        Ok(())
    }
}

/// Every bound, so that no peer can make us hold or do more than was decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest handshake message to accept, in bytes. Default: 32 KiB, a chain of five RSA-4096 certificates twice
    /// over; the format would allow 16 MiB.
    pub handshake_message: usize,
    /// Handshake bytes that may wait for a gap to be filled, in bytes. Default: 64 KiB: two messages of the longest kind.
    pub reassembly: usize,
    /// How far ahead of the next expected message a fragment may be, in messages. Default: 8; the longest flight
    /// (EncryptedExtensions to Finished, with a ticket behind it) has 6.
    pub messages_ahead: u16,
    /// Pieces that one message may arrive in out of order. Default: 64: a message of 32 KiB in datagrams of 512 bytes.
    pub fragments: usize,
    /// Certificates in the peer's chain. Default: 10.
    pub certificate_chain: usize,
    /// Records that are held because their keys do not exist yet. Default: 8: a flight that overtakes a ServerHello.
    pub held_records: usize,
    /// Bytes of application data that wait to be sent. Default: 256 KiB.
    pub send_queue: usize,
    /// Bytes of application data that were received and wait to be taken. Default: 1 MiB; more is dropped and counted.
    pub receive_queue: usize,
    /// Record numbers that one ACK lists. Default: 32: more than a flight of 32 KiB has records.
    pub ack_records: usize,
    /// Records of our own whose acknowledgement is still understood. Default: 128: a flight of 32 KiB, sent four times.
    pub sent_records: usize,
    /// How long keys of a previous epoch are kept for records that were overtaken. Default: 120 s, twice the maximum
    /// segment lifetime that most systems use (RFC 9147 §4.2.1).
    pub old_epoch: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_message: 32 * 1024,
            reassembly: 64 * 1024,
            messages_ahead: 8,
            fragments: 64,
            certificate_chain: 10,
            held_records: 8,
            send_queue: 256 * 1024,
            receive_queue: 1024 * 1024,
            ack_records: 32,
            sent_records: 128,
            old_epoch: Duration::from_secs(120),
        }
    }
}

/// A configuration that cannot work, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `cipher_suites` is empty.
    NoCipherSuites,
    /// `groups` is empty.
    NoGroups,
    /// `signature_schemes` is empty.
    NoSignatureSchemes,
    /// The provider does not have this suite.
    UnsupportedCipherSuite(CipherSuite),
    /// The provider does not have this group.
    UnsupportedGroup(NamedGroup),
    /// The provider does not have this scheme.
    UnsupportedSignatureScheme(SignatureScheme),
    /// The lengths of this profile's keys are not known.
    UnsupportedSrtpProfile(SrtpProfile),
    /// A key share is wanted for a group that is not offered.
    KeyShareOutsideGroups(NamedGroup),
    /// An ALPN name is empty or longer than 255 bytes.
    InvalidAlpnProtocol {
        /// Its length.
        len: usize,
    },
    /// The ALPN names are longer than 65,535 bytes together.
    TooManyAlpnProtocols,
    /// `max_datagram_size` is out of range.
    InvalidDatagramSize {
        /// What it was.
        size: usize,
    },
    /// `initial_timeout` is zero or longer than `max_timeout`.
    InvalidTimeouts,
    /// `ack_delay_divisor` is zero.
    InvalidAckDelay,
    /// The server name is not a DNS name that can be sent (RFC 6066 §3).
    InvalidServerName(String),
    /// The platform gave no random bytes.
    NoRandomBytes,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCipherSuites => f.write_str("no cipher suite is configured; give at least one"),
            Self::NoGroups => f.write_str("no group is configured; give at least one"),
            Self::NoSignatureSchemes => f.write_str("no signature scheme is configured; give at least one"),
            Self::UnsupportedCipherSuite(id) => write!(f, "the cipher suite {id} is not one of the provider's"),
            Self::UnsupportedGroup(id) => write!(f, "the group {id} is not one of the provider's"),
            Self::UnsupportedSignatureScheme(id) => write!(f, "the signature scheme {id} is not one of the provider's"),
            Self::UnsupportedSrtpProfile(id) => {
                write!(f, "the SRTP profile {id} is not known; profiles 1, 2, 7 and 8 are")
            }
            Self::KeyShareOutsideGroups(id) => {
                write!(f, "a key share is wanted for {id}, which is not among the groups")
            }
            Self::InvalidAlpnProtocol { len } => {
                write!(f, "an ALPN protocol name has {len} bytes; it must have 1 to 255")
            }
            Self::TooManyAlpnProtocols => f.write_str("the ALPN protocol names have more than 65,535 bytes together"),
            Self::InvalidDatagramSize { size } => write!(
                f,
                "max_datagram_size is {size}; it must be between {MIN_DATAGRAM_SIZE} and {MAX_DATAGRAM_SIZE} bytes"
            ),
            Self::InvalidTimeouts => f.write_str("initial_timeout must be more than zero and at most max_timeout"),
            Self::InvalidAckDelay => f.write_str("ack_delay_divisor must be at least 1"),
            Self::InvalidServerName(name) => {
                write!(f, "the server name {name:?} is not a DNS name; use letters, digits, hyphens and dots")
            }
            Self::NoRandomBytes => f.write_str("the platform gave no random bytes"),
        }
    }
}

impl core::error::Error for ConfigError {}
