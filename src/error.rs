//! Why a connection failed, one variant for each rule that can be broken, and the alert that tells the peer.

mod certificate;
mod identity;
mod incompatible;
mod message;
mod misbehaved;

use core::fmt;

pub use certificate::CertificateError;
pub use identity::IdentityError;
pub use incompatible::PeerIncompatible;
pub use message::InvalidMessage;
pub use misbehaved::PeerMisbehaved;

use crate::wire::registry::AlertDescription;

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
    /// The application ended the connection by this alert.
    Aborted(AlertDescription),
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
            Self::Aborted(alert) => *alert,
            Self::ApiMisuse(_) | Self::TaskFailed(_) => A::INTERNAL_ERROR,
            Self::InvalidCertificate(error) => error.alert(),
            Self::InvalidMessage(error) => error.alert(),
            Self::PeerIncompatible(error) => error.alert(),
            Self::PeerMisbehaved(error) => error.alert(),
        })
    }
}

/// What the caller, or its back end, did wrong inside a running connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The result of a task is not of the task's kind.
    WrongTaskOutput,
    /// A custom extension is longer than [`MAX_CUSTOM_EXTENSION_LEN`](crate::config::MAX_CUSTOM_EXTENSION_LEN).
    ExtensionTooLong,
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
            Self::ApiMisuse(ApiMisuse::ExtensionTooLong) => f.write_str("a custom extension is too long"),
            Self::ApiMisuse(ApiMisuse::WrongTaskOutput) => {
                f.write_str("a task was answered with a result of the wrong kind")
            }
            Self::InvalidCertificate(error) => write!(f, "the peer's certificate was refused: {error}"),
            Self::InvalidMessage(error) => write!(f, "a message of the peer could not be decoded: {error}"),
            Self::HandshakeTimedOut => f.write_str("the handshake was not complete in time"),
            Self::PeerUnreachable => f.write_str("the peer did not answer"),
            Self::PeerIncompatible(error) => write!(f, "the peer is not compatible: {error}"),
            Self::PeerMisbehaved(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Aborted(alert) => write!(f, "the application ended it by the alert {alert}"),
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

impl core::error::Error for Error {}

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

#[cfg(test)]
mod tests;
