//! Errors as codes and sentences.

use core::fmt::Display;

use crate::ExportError;
use crate::config::ConfigError;
use crate::connection::{
    ConnectionIdError, ExtendedKeyUpdateError, RequestAuthenticationError, SendEarlyError, UpdateKeysError,
};
use crate::crypto::resumption::SessionError;
use crate::error::{CertificateError, Error, IdentityError};

/// The code of a wrong option.
const INVALID_OPTION: &str = "ERR_DTLS_INVALID_OPTION";

/// An error as `CODE: sentence`.
pub(super) fn thrown(code: &str, sentence: impl Display) -> String {
    let sentence = sentence.to_string();
    let mut chars = sentence.chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if sentence.ends_with('.') { "" } else { "." };
    format!("{code}: {first}{}{end}", chars.as_str())
}

/// A configuration that cannot work.
pub(super) fn config(error: &ConfigError) -> String {
    match error {
        ConfigError::NoRandomBytes => thrown("ERR_DTLS_INTERNAL", error),
        _ => thrown(INVALID_OPTION, error),
    }
}

/// An option whose value is unknown.
pub(super) fn unknown(option: &str, value: &str, known: &[&str]) -> String {
    thrown(INVALID_OPTION, format!("the option {option} does not know {value:?}; it knows {}", known.join(", ")))
}

/// Why nothing was exported.
pub(super) fn export(error: &ExportError) -> String {
    match error {
        ExportError::NotConnected => thrown("ERR_DTLS_NOT_READY", error),
        _ => thrown(INVALID_OPTION, error),
    }
}

/// Why no keys were agreed on afresh.
pub(super) fn extended_key_update(error: ExtendedKeyUpdateError) -> String {
    let code = match error {
        ExtendedKeyUpdateError::NotNegotiated => "ERR_DTLS_INCOMPATIBLE",
        ExtendedKeyUpdateError::Exhausted => "ERR_DTLS_EXHAUSTED",
        _ => "ERR_DTLS_NOT_READY",
    };
    thrown(code, error)
}

/// Why nothing was changed about connection IDs.
pub(super) fn connection_ids(error: ConnectionIdError) -> String {
    let code = match error {
        ConnectionIdError::NotNegotiated => "ERR_DTLS_INCOMPATIBLE",
        _ => "ERR_DTLS_NOT_READY",
    };
    thrown(code, error)
}

/// Why early data was not queued.
pub(super) fn send_early(error: SendEarlyError) -> String {
    let code = match error {
        SendEarlyError::TooLarge { .. } | SendEarlyError::LimitReached { .. } | SendEarlyError::Full { .. } => {
            "ERR_DTLS_TOO_LARGE"
        }
        _ => "ERR_DTLS_NOT_READY",
    };
    thrown(code, error)
}

/// Why keys were not updated.
pub(super) fn update_keys(error: UpdateKeysError) -> String {
    let code = match error {
        UpdateKeysError::Exhausted => "ERR_DTLS_EXHAUSTED",
        _ => "ERR_DTLS_NOT_READY",
    };
    thrown(code, error)
}

/// A session that cannot be read.
pub(super) fn session(error: SessionError) -> String {
    thrown(INVALID_OPTION, error)
}

/// Why the client was not asked for a certificate.
pub(super) fn request_authentication(error: RequestAuthenticationError) -> String {
    use RequestAuthenticationError as E;
    let code = match error {
        E::NotServer => INVALID_OPTION,
        E::NotOffered => "ERR_DTLS_INCOMPATIBLE",
        E::Exhausted => "ERR_DTLS_EXHAUSTED",
        E::NoRandomBytes => "ERR_DTLS_INTERNAL",
        E::NotConnected | E::TooMany | E::KeyUpdateInProgress => "ERR_DTLS_NOT_READY",
    };
    thrown(code, error)
}

/// A certificate or key that cannot be used.
pub(super) fn identity(error: &IdentityError, code: &str) -> String {
    thrown(code, error)
}

/// Why a connection failed, in lines: code, sentence, and the alert's name, number and sender if there is one.
pub(super) fn lines(error: &Error) -> String {
    let sentence = thrown("", error);
    let sentence = sentence.trim_start_matches(": ");
    let alert = match error {
        Error::AlertReceived(alert) => Some((*alert, "remote")),
        _ => error.alert().map(|alert| (alert, "local")),
    };
    let alert = alert.map(|(alert, from)| format!("\n{alert}\n{}\n{from}", alert.0)).unwrap_or_default();
    // The sentence is one line, whatever a library below put in it.
    format!("{}\n{}{alert}", code(error), sentence.replace('\n', " "))
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::AlertReceived(_) => "ERR_DTLS_ALERT",
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired => "ERR_DTLS_CERT_EXPIRED",
            CertificateError::NotValidYet => "ERR_DTLS_CERT_NOT_YET_VALID",
            CertificateError::UnknownIssuer => "ERR_DTLS_CERT_UNKNOWN_ISSUER",
            CertificateError::NotValidForName => "ERR_DTLS_CERT_WRONG_NAME",
            CertificateError::FingerprintMismatch => "ERR_DTLS_CERT_WRONG_FINGERPRINT",
            CertificateError::BadSignature => "ERR_DTLS_CERT_BAD_SIGNATURE",
            _ => "ERR_DTLS_CERT_REFUSED",
        },
        Error::Aborted(_) => "ERR_DTLS_ABORTED",
        Error::HandshakeTimedOut => "ERR_DTLS_HANDSHAKE_TIMEOUT",
        Error::PeerUnreachable => "ERR_DTLS_UNREACHABLE",
        Error::PeerIncompatible(_) => "ERR_DTLS_INCOMPATIBLE",
        Error::InvalidMessage(_) | Error::PeerMisbehaved(_) => "ERR_DTLS_PROTOCOL",
        Error::Exhausted(_) => "ERR_DTLS_EXHAUSTED",
        Error::ApiMisuse(_) | Error::TaskFailed(_) => "ERR_DTLS_INTERNAL",
    }
}
