//! The rules that a peer can break, one variant each, and the alert that tells it so.

use core::fmt;

use super::Error;
use crate::wire::registry::{AlertDescription, ContentType, ExtensionType, HandshakeType};

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
    /// A message came in an epoch other than the one in which it may stand here (RFC 9147 §6.1).
    MessageInWrongEpoch(HandshakeType),
    /// A message is longer than allowed.
    MessageTooLong,
    /// An alert that is neither a warning nor fatal.
    InvalidAlertLevel(u8),
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
    /// The server set a flag that was not offered (draft-ietf-tls-tlsflags).
    UnofferedFlag,
    /// The server's record_size_limit is above that of the protocol (RFC 8449 §4).
    InvalidRecordSizeLimit,
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
    /// A delegated credential that may not be used, or that nobody with authority has signed (RFC 9345 §4.1.3).
    InvalidDelegatedCredential,
    /// A delegated credential, though we did not say that we accept any (RFC 9345 §4.1).
    UnsolicitedDelegatedCredential,
    /// A list of certificate types that is empty, or has nothing but the default (RFC 7250 §4.1).
    PointlessCertificateTypes,
    /// A type of certificate that was not offered (RFC 7250 §4.2).
    SelectedUnofferedCertificateType,
    /// More than one raw public key (RFC 9846 §4.5.1).
    SeveralRawPublicKeys,
    /// A Certificate that was compressed by an algorithm that was not offered (RFC 8879 §4).
    UnofferedCompression,
    /// A compressed Certificate that does not decompress to the length that it names (RFC 8879 §4).
    InvalidCompressedCertificate,
    /// A compressed Certificate that would be longer than we accept one (RFC 8879 §5).
    CompressedCertificateTooLong,
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
    /// More requests for a certificate at a time than allowed.
    TooManyCertificateRequests,
    /// More early data than the ticket allows (RFC 9846 §4.7.1).
    TooMuchEarlyData,
    /// A second ClientHello that offers early data (RFC 9846 §4.3.10).
    EarlyDataAfterRetry,
    /// The server accepted early data with another key than the first (RFC 9846 §4.3.11).
    EarlyDataWithOtherPsk,
    /// The server accepted early data, and chose another suite or application protocol than that of the early data
    /// (RFC 9846 §4.3.10).
    EarlyDataWithOtherParameters,
    /// More KeyUpdates than epochs (RFC 9147 §8).
    TooManyKeyUpdates,
    /// Too many records that did not deprotect under one key (RFC 9147 §4.5.3).
    TooManyForgedRecords,
    /// A cookie that is not ours.
    InvalidCookie,
    /// A NewConnectionId with an empty connection ID, or with none to change over to (RFC 9147 §9).
    InvalidConnectionId,
    /// More RequestConnectionIds than are answered, or one before the last was answered (RFC 9147 §9).
    TooManyConnectionIdsRequested,
    /// The binder of the selected pre-shared key is wrong (RFC 9846 §4.3.11).
    InvalidBinder,
    /// The server selected a pre-shared key that was not offered (RFC 9846 §4.3.11).
    SelectedUnofferedPsk,
    /// The server selected a pre-shared key and a suite with another hash (RFC 9846 §4.3.11).
    PskOfOtherHash,
    /// The server used a pre-shared key in a mode that was not offered (RFC 9846 §4.3.9).
    SelectedUnofferedPskMode,
}

impl PeerMisbehaved {
    pub(super) fn alert(self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::FinishedMismatch | Self::InvalidSignature | Self::InvalidBinder => A::DECRYPT_ERROR,
            Self::NoCertificate => A::CERTIFICATE_REQUIRED,
            Self::InvalidCompressedCertificate | Self::CompressedCertificateTooLong => A::BAD_CERTIFICATE,
            Self::SelectedUnofferedCertificateType => A::UNSUPPORTED_CERTIFICATE,
            Self::MissingExtension(_) => A::MISSING_EXTENSION,
            Self::UnsolicitedExtension(_) => A::UNSUPPORTED_EXTENSION,
            Self::UnexpectedMessage(_)
            | Self::UnexpectedRecord(_)
            | Self::NoContentType
            | Self::MessageAcrossKeyChange
            | Self::MessageInWrongEpoch(_)
            | Self::SecondHelloRetryRequest
            | Self::TooManyCertificateRequests
            | Self::TooMuchEarlyData
            | Self::UnsolicitedDelegatedCredential
            | Self::TooManyKeyUpdates => A::UNEXPECTED_MESSAGE,
            Self::RecordOverflow => A::RECORD_OVERFLOW,
            Self::TooManyConnectionIdsRequested => A::TOO_MANY_CIDS_REQUESTED,
            Self::TooManyForgedRecords => A::BAD_RECORD_MAC,
            Self::MalformedRecord(_) => A::DECODE_ERROR,
            Self::AckOfUnsentRecord
            | Self::CertificateKeyMismatch
            | Self::CompressionMethod
            | Self::Downgrade
            | Self::DuplicateKeyShare
            | Self::EarlyDataAfterRetry
            | Self::EarlyDataWithOtherParameters
            | Self::EarlyDataWithOtherPsk
            | Self::EchoedSessionId
            | Self::FragmentMismatch
            | Self::InvalidAlertLevel(_)
            | Self::InvalidCertificateRequestContext
            | Self::InvalidConnectionId
            | Self::InvalidCookie
            | Self::InvalidDelegatedCredential
            | Self::InvalidKeyShare
            | Self::InvalidRecordSizeLimit
            | Self::UnofferedFlag
            | Self::KeyShareNotInSupportedGroups
            | Self::KeyShareOfWrongGroup
            | Self::LegacyCookie
            | Self::MessageTooLong
            | Self::MisplacedExtension(_)
            | Self::PointlessCertificateTypes
            | Self::PointlessHelloRetryRequest
            | Self::PskOfOtherHash
            | Self::SelectedUnofferedPsk
            | Self::SelectedUnofferedPskMode
            | Self::RetryWithUnofferedGroup
            | Self::SecondClientHelloDiffers
            | Self::SelectedUnofferedProtocol
            | Self::SelectedUnofferedSrtpProfile
            | Self::SelectedUnofferedSuite
            | Self::SelectedUnofferedVersion
            | Self::SeveralRawPublicKeys
            | Self::SignedWithUnofferedScheme
            | Self::UnofferedCompression
            | Self::SrtpMkiMismatch => A::ILLEGAL_PARAMETER,
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
            Self::MessageInWrongEpoch(message) => return write!(f, "the message {message} came in the wrong epoch"),
            Self::InvalidAlertLevel(level) => return write!(f, "an alert of the unknown level {level}"),
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
            Self::UnofferedFlag => "a flag that was not offered",
            Self::InvalidRecordSizeLimit => "a record_size_limit above that of the protocol",
            Self::EchoedSessionId => "an echo of legacy_session_id",
            Self::LegacyCookie => "a legacy_cookie in a DTLS 1.3 ClientHello",
            Self::CompressionMethod => "a compression method other than null",
            Self::Downgrade => "a negotiation that was forced to an older version",
            Self::MissingExtension(extension) => return write!(f, "the extension {extension} is missing"),
            Self::UnsolicitedExtension(extension) => return write!(f, "the extension {extension} was not asked for"),
            Self::MisplacedExtension(extension) => return write!(f, "the extension {extension} may not stand here"),
            Self::SignedWithUnofferedScheme => "a signature by a scheme that was not offered",
            Self::InvalidDelegatedCredential => "a delegated credential that is not valid",
            Self::UnsolicitedDelegatedCredential => "a delegated credential that was not asked for",
            Self::PointlessCertificateTypes => "a list of certificate types that says nothing",
            Self::SelectedUnofferedCertificateType => "a type of certificate that was not offered",
            Self::SeveralRawPublicKeys => "more than one raw public key",
            Self::UnofferedCompression => "a certificate compressed by an algorithm that was not offered",
            Self::InvalidCompressedCertificate => "a compressed certificate that does not decompress",
            Self::CompressedCertificateTooLong => "a compressed certificate that would be too long",
            Self::InvalidSignature => "a CertificateVerify with a wrong signature",
            Self::InvalidCertificateRequestContext => "a wrong certificate_request_context",
            Self::UnexpectedMessage(message) => return write!(f, "the message {message} may not stand here"),
            Self::UnexpectedRecord(content_type) => {
                return write!(f, "a record of type {content_type} may not stand here");
            }
            Self::MalformedRecord(content_type) => return write!(f, "a record of type {content_type} is malformed"),
            Self::NoContentType => "a record without content type",
            Self::RecordOverflow => "a record longer than allowed",
            Self::TooManyCertificateRequests => "too many requests for a certificate",
            Self::TooMuchEarlyData => "more early data than the ticket allows",
            Self::EarlyDataAfterRetry => "early data after a HelloRetryRequest",
            Self::EarlyDataWithOtherPsk => "early data accepted with a key that was not offered first",
            Self::EarlyDataWithOtherParameters => "early data accepted with another suite or application protocol",
            Self::TooManyKeyUpdates => "too many KeyUpdates",
            Self::TooManyForgedRecords => "too many records that did not deprotect",
            Self::InvalidCookie => "a cookie that is not ours",
            Self::InvalidConnectionId => "a NewConnectionId without a connection ID that can be used",
            Self::TooManyConnectionIdsRequested => "too many requests for connection IDs",
            Self::InvalidBinder => "a binder that does not match the pre-shared key",
            Self::SelectedUnofferedPsk => "a pre-shared key that was not offered",
            Self::PskOfOtherHash => "a pre-shared key with a cipher suite of another hash",
            Self::SelectedUnofferedPskMode => "a pre-shared key used in a mode that was not offered",
        };
        f.write_str(text)
    }
}

impl From<PeerMisbehaved> for Error {
    fn from(error: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(error)
    }
}
