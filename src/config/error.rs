//! What is wrong with a configuration, and what would be right.

use core::fmt;

use super::{MAX_DATAGRAM_SIZE, MIN_DATAGRAM_SIZE};
use crate::crypto::psk::PskError;
use crate::wire::registry::{
    CertificateCompressionAlgorithm, CertificateType, CipherSuite, ExtensionType, NamedGroup, SignatureScheme,
    SrtpProfile,
};

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
    /// A list of certificate types is empty.
    NoCertificateTypes,
    /// There is no such type of certificate.
    UnsupportedCertificateType(CertificateType),
    /// Certificates cannot be compressed by this algorithm, or not without the Cargo feature `certificate-compression`.
    UnsupportedCompression(CertificateCompressionAlgorithm),
    /// The names of authorities are too long together, or one of them is empty.
    InvalidAuthorities,
    /// A key share is wanted for a group that is not offered.
    KeyShareOutsideGroups(NamedGroup),
    /// `max_early_data` is not 0, and there is no `strike_register`.
    NoStrikeRegister,
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
    /// A custom extension has a number that the library knows itself, or that GREASE reserves (RFC 8701).
    ReservedExtension(ExtensionType),
    /// Two custom extensions have one number.
    DuplicateExtension(ExtensionType),
    /// `srtp_mki` is longer than 255 bytes.
    SrtpMkiTooLong {
        /// Its length.
        len: usize,
    },
    /// `record_size_limit` is out of range (RFC 8449 §4).
    InvalidRecordSizeLimit {
        /// What it was.
        limit: u16,
    },
    /// A bound in `limits` that leaves no room for a handshake, or contradicts another.
    InvalidLimit {
        /// Its name.
        name: &'static str,
        /// What it was.
        value: usize,
    },
    /// Extended Key Update and resumption by tickets are both enabled.
    ExtendedKeyUpdateWithResumption,
    /// `padding` is to no length at all.
    InvalidPadding,
    /// `psk_modes` is empty.
    NoPskModes,
    /// `psk_only` is set, and there is no pre-shared key that could be offered, or none is looked for.
    NoPsk,
    /// Two pre-shared keys have one identity.
    DuplicatePskIdentity,
    /// The pre-shared keys do not fit a ClientHello together.
    PsksTooLong {
        /// How long they are.
        len: usize,
        /// How long they may be.
        limit: usize,
    },
    /// A pre-shared key cannot be used.
    InvalidPsk(PskError),
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
            Self::NoCertificateTypes => f.write_str("a list of certificate types is empty; give at least X.509"),
            Self::UnsupportedCertificateType(id) => {
                write!(f, "there is no certificate type {id}; X.509 and raw public keys are known")
            }
            Self::UnsupportedCompression(id) => write!(
                f,
                "certificates cannot be compressed by {id}; zlib and brotli are known to the feature \
                 certificate-compression"
            ),
            Self::InvalidAuthorities => {
                f.write_str("the names of authorities must not be empty, and have at most 65,533 bytes together")
            }
            Self::KeyShareOutsideGroups(id) => {
                write!(f, "a key share is wanted for {id}, which is not among the groups")
            }
            Self::NoStrikeRegister => {
                f.write_str("early data is to be taken, and nothing guards against replays; give a strike_register")
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
            Self::ReservedExtension(id) => {
                write!(f, "the number of the custom extension {id} is taken; those of private use begin at 0xff00")
            }
            Self::DuplicateExtension(id) => write!(f, "two custom extensions have the number {id}"),
            Self::SrtpMkiTooLong { len } => write!(f, "the SRTP MKI has {len} bytes; it may have up to 255"),
            Self::InvalidRecordSizeLimit { limit } => {
                write!(f, "record_size_limit is {limit}; it must be between 64 and 16,385 bytes")
            }
            Self::InvalidLimit { name, value } => {
                write!(f, "limits.{name} is {value}, which leaves no room for a handshake or contradicts another limit")
            }
            Self::ExtendedKeyUpdateWithResumption => {
                f.write_str("extended_key_update excludes resumption by tickets; enable one of the two")
            }
            Self::InvalidPadding => f.write_str("padding must be to at least 1 byte, and to at least one length"),
            Self::NoPskModes => f.write_str("psk_modes is empty; give at least one"),
            Self::NoPsk => f.write_str(
                "psk_only is set, and there is no pre-shared key; a client needs one whose hash is that of a cipher suite, a \
                 server look_up_psks or tickets",
            ),
            Self::DuplicatePskIdentity => f.write_str("two pre-shared keys have the same identity and hash"),
            Self::PsksTooLong { len, limit } => {
                write!(f, "the pre-shared keys take {len} bytes of a ClientHello; at most {limit} are allowed")
            }
            Self::InvalidPsk(error) => error.fmt(f),
            Self::NoRandomBytes => f.write_str("the platform gave no random bytes"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl From<PskError> for ConfigError {
    fn from(error: PskError) -> Self {
        Self::InvalidPsk(error)
    }
}
