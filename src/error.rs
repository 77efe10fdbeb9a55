//! Why a connection failed, one variant for each rule that can be broken, and the alert that tells the peer.

mod identity;

use core::fmt;

pub use identity::IdentityError;

use crate::wire::registry::{AlertDescription, ContentType, ExtensionType, HandshakeType};

/// Why a connection failed. Every such error ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer sent a fatal alert.
    AlertReceived(AlertDescription),
    /// A rule was broken by the caller, or by the back end that runs its tasks.
    ApiMisuse(ApiMisuse),
    /// The peer's certificate was refused.
    InvalidCertificate(CertificateError),
    /// A message could not be decoded.
    InvalidMessage(InvalidMessage),
    /// The handshake was not complete in time.
    HandshakeTimedOut,
    /// A flight was sent as often as allowed, and the peer did not answer.
    PeerUnreachable,
    /// The peer and we have nothing in common.
    PeerIncompatible(PeerIncompatible),
    /// The peer broke a rule of the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// An own task failed.
    TaskFailed(TaskFailure),
    /// A limit of the protocol was reached: the epochs, message numbers or record numbers are used up.
    Exhausted(Exhausted),
}

impl Error {
    /// The alert that tells the peer of this error, if there is one to send (RFC 9846 §6.2).
    pub fn alert(&self) -> Option<AlertDescription> {
        use AlertDescription as A;
        Some(match self {
            // A handshake that took too long is given up by user_canceled and close_notify instead (RFC 9846 §6.1).
            Self::AlertReceived(_) | Self::HandshakeTimedOut | Self::PeerUnreachable | Self::Exhausted(_) => {
                return None;
            }
            Self::ApiMisuse(_) | Self::TaskFailed(_) => A::INTERNAL_ERROR,
            Self::InvalidCertificate(error) => error.alert(),
            Self::InvalidMessage(error) => error.alert(),
            Self::PeerIncompatible(error) => error.alert(),
            Self::PeerMisbehaved(error) => error.alert(),
        })
    }
}

/// A message that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// An extension stands twice in one message.
    DuplicateExtension(ExtensionType),
    /// A vector is empty that must not be.
    EmptyVector,
    /// A vector's length is not a multiple of its elements', or not within its bounds.
    InvalidVectorLength,
    /// A value that must be one of a few is none of them.
    InvalidValue,
    /// The message ends before its structure does.
    TooShort,
    /// The message goes on after its structure has ended.
    TrailingData,
    /// A name is not valid text.
    InvalidName,
}

impl InvalidMessage {
    fn alert(self) -> AlertDescription {
        match self {
            Self::InvalidValue => AlertDescription::ILLEGAL_PARAMETER,
            //= RFC 9846 §4.3: "There MUST NOT be more than one extension of the same type in a given extension block."
            Self::DuplicateExtension(_) => AlertDescription::ILLEGAL_PARAMETER,
            Self::EmptyVector | Self::InvalidVectorLength | Self::TooShort | Self::TrailingData | Self::InvalidName => {
                AlertDescription::DECODE_ERROR
            }
        }
    }
}

/// A rule of the protocol that the peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// An ACK names a record that was never sent, or one of a higher epoch than its own.
    AckOfUnsentRecord,
    /// A certificate is missing that must be there.
    NoCertificate,
    /// The certificate's key cannot be used with the scheme of CertificateVerify.
    CertificateKeyMismatch,
    /// The binding of Finished to the transcript is wrong.
    FinishedMismatch,
    /// Fragments of one message contradict each other about its type or length (RFC 9147 §5.5).
    FragmentMismatch,
    /// A message continues past a change of keys (RFC 9846 §5.1).
    MessageAcrossKeyChange,
    /// A message is longer than allowed.
    MessageTooLong,
    /// The second ClientHello changed what it may not change (RFC 9846 §4.2.2).
    SecondClientHelloDiffers,
    /// A second HelloRetryRequest (RFC 9846 §4.2.4).
    SecondHelloRetryRequest,
    /// A HelloRetryRequest that changes nothing (RFC 9846 §4.2.4).
    PointlessHelloRetryRequest,
    /// The group of a HelloRetryRequest was not offered, or its share was already sent (RFC 9846 §4.3.8).
    RetryWithUnofferedGroup,
    /// The key share is of a group that was not offered, or not the one asked for.
    KeyShareOfWrongGroup,
    /// Two key shares of one group (RFC 9846 §4.3.8).
    DuplicateKeyShare,
    /// A key share for a group that is not in supported_groups (RFC 9846 §4.3.8).
    KeyShareNotInSupportedGroups,
    /// The key share is not a valid public key.
    InvalidKeyShare,
    /// The server selected a suite that was not offered, or changed it after HelloRetryRequest.
    SelectedUnofferedSuite,
    /// The server selected a version that was not offered.
    SelectedUnofferedVersion,
    /// The server selected an application protocol that was not offered.
    SelectedUnofferedProtocol,
    /// The server selected an SRTP profile that was not offered, or several.
    SelectedUnofferedSrtpProfile,
    /// The server changed the SRTP MKI (RFC 5764 §4.1.3).
    SrtpMkiMismatch,
    /// The server echoed legacy_session_id (RFC 9147 §5).
    EchoedSessionId,
    /// A ClientHello with a legacy_cookie in 1.3 (RFC 9147 §5.3).
    LegacyCookie,
    /// A ClientHello with a compression method other than null (RFC 9846 §4.2.2).
    CompressionMethod,
    /// A server that speaks 1.3 negotiated less and says so (RFC 9846 §4.2.3).
    Downgrade,
    /// An extension is missing that must be there (RFC 9846 §9.2).
    MissingExtension(ExtensionType),
    /// An extension that was not asked for.
    UnsolicitedExtension(ExtensionType),
    /// An extension in a message where it may not stand.
    MisplacedExtension(ExtensionType),
    /// A CertificateVerify by a scheme that was not offered.
    SignedWithUnofferedScheme,
    /// The signature of CertificateVerify is wrong.
    InvalidSignature,
    /// The context of a certificate request or certificate is wrong.
    InvalidCertificateRequestContext,
    /// A message of this type may not stand here.
    UnexpectedMessage(HandshakeType),
    /// A protected record of a type that may not stand here.
    UnexpectedRecord(ContentType),
    /// A handshake record, an alert or an ACK without content, or with a malformed one.
    MalformedRecord(ContentType),
    /// A protected record that is all padding (RFC 9846 §5.4).
    NoContentType,
    /// A protected record whose plaintext is longer than 2^14 bytes (RFC 9846 §5.2).
    RecordOverflow,
    /// More KeyUpdates than epochs (RFC 9147 §8).
    TooManyKeyUpdates,
    /// Too many records that did not deprotect under one key (RFC 9147 §4.5.3).
    TooManyForgedRecords,
    /// A cookie that is not ours.
    InvalidCookie,
}

impl PeerMisbehaved {
    fn alert(self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::FinishedMismatch | Self::InvalidSignature => A::DECRYPT_ERROR,
            Self::NoCertificate => A::CERTIFICATE_REQUIRED,
            Self::MissingExtension(_) => A::MISSING_EXTENSION,
            Self::UnsolicitedExtension(_) => A::UNSUPPORTED_EXTENSION,
            Self::UnexpectedMessage(_)
            | Self::UnexpectedRecord(_)
            | Self::NoContentType
            | Self::MessageAcrossKeyChange
            | Self::SecondHelloRetryRequest
            | Self::TooManyKeyUpdates => A::UNEXPECTED_MESSAGE,
            Self::RecordOverflow => A::RECORD_OVERFLOW,
            Self::TooManyForgedRecords => A::BAD_RECORD_MAC,
            Self::MalformedRecord(_) => A::DECODE_ERROR,
            Self::AckOfUnsentRecord
            | Self::CertificateKeyMismatch
            | Self::CompressionMethod
            | Self::Downgrade
            | Self::DuplicateKeyShare
            | Self::EchoedSessionId
            | Self::FragmentMismatch
            | Self::InvalidCertificateRequestContext
            | Self::InvalidCookie
            | Self::InvalidKeyShare
            | Self::KeyShareNotInSupportedGroups
            | Self::KeyShareOfWrongGroup
            | Self::LegacyCookie
            | Self::MessageTooLong
            | Self::MisplacedExtension(_)
            | Self::PointlessHelloRetryRequest
            | Self::RetryWithUnofferedGroup
            | Self::SecondClientHelloDiffers
            | Self::SelectedUnofferedProtocol
            | Self::SelectedUnofferedSrtpProfile
            | Self::SelectedUnofferedSuite
            | Self::SelectedUnofferedVersion
            | Self::SignedWithUnofferedScheme
            | Self::SrtpMkiMismatch => A::ILLEGAL_PARAMETER,
        }
    }
}

/// What the peer and we have not in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// No application protocol in common (RFC 7301 §3.2).
    NoApplicationProtocol,
    /// No cipher suite in common.
    NoCipherSuite,
    /// No certificate that the peer could verify: no signature scheme in common.
    NoCredentials,
    /// No group in common.
    NoGroup,
    /// No protocol version in common.
    NoVersion,
    /// SRTP is required, and no profile is in common.
    NoSrtpProfile,
    /// We have no certificate for the server name that the client asked for.
    UnknownServerName,
}

impl PeerIncompatible {
    fn alert(self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::NoApplicationProtocol => A::NO_APPLICATION_PROTOCOL,
            Self::NoCipherSuite | Self::NoCredentials | Self::NoGroup | Self::NoSrtpProfile => A::HANDSHAKE_FAILURE,
            Self::NoVersion => A::PROTOCOL_VERSION,
            Self::UnknownServerName => A::UNRECOGNIZED_NAME,
        }
    }
}

/// Which check the peer's certificate failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate could not be parsed.
    BadEncoding,
    /// The certificate is not valid any more.
    Expired,
    /// The certificate is not valid yet.
    NotValidYet,
    /// No path leads from the certificate to one of the given roots.
    UnknownIssuer,
    /// The certificate is for other names.
    NotValidForName,
    /// A signature in the chain is wrong.
    BadSignature,
    /// The key or signature algorithm of a certificate is not supported.
    UnsupportedAlgorithm,
    /// The certificate may not be used for this purpose (key usage, extended key usage, basic constraints).
    InvalidPurpose,
    /// The certificate was revoked.
    Revoked,
    /// No given fingerprint is that of the certificate (RFC 8122 §6.2).
    FingerprintMismatch,
    /// The chain is longer than allowed.
    ChainTooLong,
    /// The application refused the certificate.
    ApplicationRejected,
    /// Any other failed check, in words.
    Other(String),
}

impl CertificateError {
    fn alert(&self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::BadEncoding | Self::FingerprintMismatch | Self::NotValidForName | Self::ChainTooLong => {
                A::BAD_CERTIFICATE
            }
            Self::Expired | Self::NotValidYet => A::CERTIFICATE_EXPIRED,
            Self::UnknownIssuer => A::UNKNOWN_CA,
            Self::BadSignature => A::DECRYPT_ERROR,
            Self::UnsupportedAlgorithm | Self::InvalidPurpose => A::UNSUPPORTED_CERTIFICATE,
            Self::Revoked => A::CERTIFICATE_REVOKED,
            Self::ApplicationRejected => A::ACCESS_DENIED,
            Self::Other(_) => A::CERTIFICATE_UNKNOWN,
        }
    }
}

/// What the caller, or its back end, did wrong inside a running connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The result of a task is not of the task's kind.
    WrongTaskOutput,
}

/// Why an own task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskFailure {
    /// The back end cannot do it.
    BackendFailed,
    /// The platform gave no random bytes.
    NoRandomBytes,
    /// No certificate is configured.
    NoCredentials,
}

/// Which numbers are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// message_seq (RFC 9147 §5.2).
    MessageSequence,
    /// The epoch (RFC 9147 §8).
    Epoch,
    /// The sequence number of records, or the number of records that one key may protect (RFC 9147 §4.5.3).
    SequenceNumber,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlertReceived(alert) => write!(f, "the peer sent the fatal alert {alert}"),
            Self::ApiMisuse(ApiMisuse::WrongTaskOutput) => {
                f.write_str("a task was answered with a result of the wrong kind")
            }
            Self::InvalidCertificate(error) => write!(f, "the peer's certificate was refused: {error}"),
            Self::InvalidMessage(error) => write!(f, "a message of the peer could not be decoded: {error}"),
            Self::HandshakeTimedOut => f.write_str("the handshake was not complete in time"),
            Self::PeerUnreachable => f.write_str("the peer did not answer"),
            Self::PeerIncompatible(error) => write!(f, "the peer is not compatible: {error}"),
            Self::PeerMisbehaved(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::TaskFailed(TaskFailure::BackendFailed) => f.write_str("the cryptographic back end failed"),
            Self::TaskFailed(TaskFailure::NoRandomBytes) => f.write_str("the platform gave no random bytes"),
            Self::TaskFailed(TaskFailure::NoCredentials) => {
                f.write_str("a server needs a certificate, and none is configured")
            }
            Self::Exhausted(Exhausted::MessageSequence) => {
                f.write_str("the message numbers of this connection are used up")
            }
            Self::Exhausted(Exhausted::Epoch) => f.write_str("the epochs of this connection are used up"),
            Self::Exhausted(Exhausted::SequenceNumber) => f.write_str("the record numbers of this epoch are used up"),
        }
    }
}

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateExtension(extension) => write!(f, "the extension {extension} stands twice"),
            Self::EmptyVector => f.write_str("a vector is empty"),
            Self::InvalidVectorLength => f.write_str("a vector has an invalid length"),
            Self::InvalidValue => f.write_str("a value is out of range"),
            Self::TooShort => f.write_str("it ends too early"),
            Self::TrailingData => f.write_str("it goes on past its end"),
            Self::InvalidName => f.write_str("a name is not valid text"),
        }
    }
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::AckOfUnsentRecord => "an ACK of a record that was never sent",
            Self::NoCertificate => "no certificate, though one is required",
            Self::CertificateKeyMismatch => "a signature scheme that does not fit the certificate's key",
            Self::FinishedMismatch => "a Finished that does not match the transcript",
            Self::FragmentMismatch => "fragments of one message that contradict each other",
            Self::MessageAcrossKeyChange => "a message that continues past a change of keys",
            Self::MessageTooLong => "a message longer than allowed",
            Self::SecondClientHelloDiffers => "a second ClientHello that changed what it may not change",
            Self::SecondHelloRetryRequest => "a second HelloRetryRequest",
            Self::PointlessHelloRetryRequest => "a HelloRetryRequest that changes nothing",
            Self::RetryWithUnofferedGroup => "a HelloRetryRequest for a group that was not offered",
            Self::KeyShareOfWrongGroup => "a key share of the wrong group",
            Self::DuplicateKeyShare => "two key shares of one group",
            Self::KeyShareNotInSupportedGroups => "a key share of a group that is not in supported_groups",
            Self::InvalidKeyShare => "a key share that is not a valid public key",
            Self::SelectedUnofferedSuite => "a cipher suite that was not offered",
            Self::SelectedUnofferedVersion => "a version that was not offered",
            Self::SelectedUnofferedProtocol => "an application protocol that was not offered",
            Self::SelectedUnofferedSrtpProfile => "an SRTP profile that was not offered",
            Self::SrtpMkiMismatch => "an SRTP MKI that differs from the one offered",
            Self::EchoedSessionId => "an echo of legacy_session_id",
            Self::LegacyCookie => "a legacy_cookie in a DTLS 1.3 ClientHello",
            Self::CompressionMethod => "a compression method other than null",
            Self::Downgrade => "a negotiation that was forced to an older version",
            Self::MissingExtension(extension) => return write!(f, "the extension {extension} is missing"),
            Self::UnsolicitedExtension(extension) => return write!(f, "the extension {extension} was not asked for"),
            Self::MisplacedExtension(extension) => return write!(f, "the extension {extension} may not stand here"),
            Self::SignedWithUnofferedScheme => "a signature by a scheme that was not offered",
            Self::InvalidSignature => "a CertificateVerify with a wrong signature",
            Self::InvalidCertificateRequestContext => "a wrong certificate_request_context",
            Self::UnexpectedMessage(message) => return write!(f, "the message {message} may not stand here"),
            Self::UnexpectedRecord(content_type) => {
                return write!(f, "a record of type {content_type} may not stand here");
            }
            Self::MalformedRecord(content_type) => return write!(f, "a record of type {content_type} is malformed"),
            Self::NoContentType => "a record without content type",
            Self::RecordOverflow => "a record longer than allowed",
            Self::TooManyKeyUpdates => "too many KeyUpdates",
            Self::TooManyForgedRecords => "too many records that did not deprotect",
            Self::InvalidCookie => "a cookie that is not ours",
        };
        f.write_str(text)
    }
}

impl fmt::Display for PeerIncompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoApplicationProtocol => "no application protocol in common",
            Self::NoCipherSuite => "no cipher suite in common",
            Self::NoCredentials => "no signature scheme in common",
            Self::NoGroup => "no group in common",
            Self::NoVersion => "no protocol version in common",
            Self::NoSrtpProfile => "no SRTP profile in common",
            Self::UnknownServerName => "no certificate for the server name",
        })
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadEncoding => "it could not be parsed",
            Self::Expired => "it has expired",
            Self::NotValidYet => "it is not valid yet",
            Self::UnknownIssuer => "no path leads from it to a trusted root",
            Self::NotValidForName => "it is for other names",
            Self::BadSignature => "a signature in its chain is wrong",
            Self::UnsupportedAlgorithm => "its algorithm is not supported",
            Self::InvalidPurpose => "it may not be used for this purpose",
            Self::Revoked => "it was revoked",
            Self::FingerprintMismatch => "its fingerprint is none of those given",
            Self::ChainTooLong => "its chain is too long",
            Self::ApplicationRejected => "the application refused it",
            Self::Other(text) => text,
        })
    }
}

impl core::error::Error for Error {}
impl core::error::Error for CertificateError {}

impl From<InvalidMessage> for Error {
    fn from(error: InvalidMessage) -> Self {
        Self::InvalidMessage(error)
    }
}

impl From<PeerMisbehaved> for Error {
    fn from(error: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(error)
    }
}

impl From<PeerIncompatible> for Error {
    fn from(error: PeerIncompatible) -> Self {
        Self::PeerIncompatible(error)
    }
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::InvalidCertificate(error)
    }
}

impl From<TaskFailure> for Error {
    fn from(error: TaskFailure) -> Self {
        Self::TaskFailed(error)
    }
}

impl From<Exhausted> for Error {
    fn from(error: Exhausted) -> Self {
        Self::Exhausted(error)
    }
}
