//! What the peer and we have not in common.

use core::fmt;

use super::Error;
use crate::wire::registry::{AlertDescription, ExtensionType};

/// What the peer and we have not in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// A custom extension refused what the peer said in it.
    ExtensionRefused {
        /// Its number.
        extension_type: ExtensionType,
        /// The alert that it wants to be sent.
        alert: AlertDescription,
    },
    /// No application protocol in common (RFC 7301 §3.2).
    NoApplicationProtocol,
    /// No cipher suite in common.
    NoCipherSuite,
    /// No certificate that the peer could verify: no signature scheme in common.
    NoCredentials,
    /// No type of certificate in common (RFC 7250 §4.2).
    NoCertificateType,
    /// No group in common.
    NoGroup,
    /// A pre-shared key is demanded, and none can be used: none was offered, or none in a mode or with a suite in common.
    NoPsk,
    /// A pre-shared key is needed, and none of those that the client offered is known. The alert is that of a wrong
    /// binder, so that the client cannot tell (RFC 9846 appendix F.6).
    UnknownPskIdentity,
    /// No protocol version in common.
    NoVersion,
    /// SRTP is required, and no profile is in common.
    NoSrtpProfile,
    /// We have no certificate for the server name that the client asked for.
    UnknownServerName,
}

impl PeerIncompatible {
    pub(super) fn alert(self) -> AlertDescription {
        use AlertDescription as A;
        match self {
            Self::ExtensionRefused { alert, .. } => alert,
            Self::NoApplicationProtocol => A::NO_APPLICATION_PROTOCOL,
            Self::NoCipherSuite | Self::NoCredentials | Self::NoGroup | Self::NoPsk | Self::NoSrtpProfile => {
                A::HANDSHAKE_FAILURE
            }
            Self::UnknownPskIdentity => A::DECRYPT_ERROR,
            Self::NoCertificateType => A::UNSUPPORTED_CERTIFICATE,
            Self::NoVersion => A::PROTOCOL_VERSION,
            Self::UnknownServerName => A::UNRECOGNIZED_NAME,
        }
    }
}

impl fmt::Display for PeerIncompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtensionRefused { extension_type, alert } => {
                return write!(f, "the extension {extension_type} was refused with {alert}");
            }
            Self::NoApplicationProtocol => "no application protocol in common",
            Self::NoCipherSuite => "no cipher suite in common",
            Self::NoCredentials => "no signature scheme in common",
            Self::NoCertificateType => "no type of certificate in common",
            Self::NoGroup => "no group in common",
            Self::NoPsk => "no pre-shared key that could be used",
            Self::UnknownPskIdentity => "no pre-shared key that is known",
            Self::NoVersion => "no protocol version in common",
            Self::NoSrtpProfile => "no SRTP profile in common",
            Self::UnknownServerName => "no certificate for the server name",
        })
    }
}

impl From<PeerIncompatible> for Error {
    fn from(error: PeerIncompatible) -> Self {
        Self::PeerIncompatible(error)
    }
}
