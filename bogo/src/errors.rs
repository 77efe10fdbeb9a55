//! The library's errors under the names that BoringSSL gives them.

use dtls_wasm::error::{CertificateError, Error, Exhausted, InvalidMessage, PeerIncompatible, PeerMisbehaved};
use dtls_wasm::wire::registry::{AlertDescription, ContentType, ExtensionType, HandshakeType};

/// The name of `error`, between colons as BoringSSL prints it.
pub fn name(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => alert_name(*alert),
        Error::InvalidCertificate(error) => certificate(error).into(),
        Error::InvalidMessage(error) => message(*error).into(),
        Error::HandshakeTimedOut | Error::PeerUnreachable => ":READ_TIMEOUT_EXPIRED:".into(),
        Error::PeerIncompatible(error) => incompatible(*error).into(),
        Error::PeerMisbehaved(error) => misbehaved(*error).into(),
        Error::Exhausted(Exhausted::Epoch) => ":TOO_MANY_KEY_UPDATES:".into(),
        Error::Exhausted(_) => ":overflow:".into(),
        _ => format!(":INTERNAL_ERROR: {error}"),
    }
}

/// BoringSSL calls the alerts that SSL 3 had by another name.
fn alert_name(alert: AlertDescription) -> String {
    let name = match alert.0 {
        0 => "SSLV3_ALERT_CLOSE_NOTIFY",
        10 => "SSLV3_ALERT_UNEXPECTED_MESSAGE",
        20 => "SSLV3_ALERT_BAD_RECORD_MAC",
        22 => "TLSV1_ALERT_RECORD_OVERFLOW",
        30 => "SSLV3_ALERT_DECOMPRESSION_FAILURE",
        40 => "SSLV3_ALERT_HANDSHAKE_FAILURE",
        42 => "SSLV3_ALERT_BAD_CERTIFICATE",
        43 => "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        46 => "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        47 => "SSLV3_ALERT_ILLEGAL_PARAMETER",
        other => return format!(":TLSV1_ALERT_{}: ({other})", alert.to_string().to_uppercase()),
    };
    format!(":{name}:")
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::BadEncoding => ":CANNOT_PARSE_LEAF_CERT:",
        CertificateError::RejectedBy(AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE) => ":OCSP_CB_ERROR:",
        _ => ":CERTIFICATE_VERIFY_FAILED:",
    }
}

fn message(error: InvalidMessage) -> &'static str {
    match error {
        InvalidMessage::BinderCount => ":PSK_IDENTITY_BINDER_COUNT_MISMATCH:",
        InvalidMessage::PreSharedKeyNotLast => ":PRE_SHARED_KEY_MUST_BE_LAST:",
        InvalidMessage::DuplicateExtension(_) => ":DUPLICATE_EXTENSION:",
        _ => ":DECODE_ERROR:",
    }
}

fn incompatible(error: PeerIncompatible) -> &'static str {
    match error {
        PeerIncompatible::NoApplicationProtocol => ":NO_APPLICATION_PROTOCOL:",
        PeerIncompatible::NoCipherSuite => ":NO_SHARED_CIPHER:",
        PeerIncompatible::NoCredentials => ":NO_COMMON_SIGNATURE_ALGORITHMS:",
        PeerIncompatible::NoGroup => ":NO_SHARED_GROUP:",
        PeerIncompatible::NoVersion => ":UNSUPPORTED_PROTOCOL:",
        PeerIncompatible::NoSrtpProfile => ":SRTP_COULD_NOT_ALLOCATE_PROFILES:",
        _ => ":HANDSHAKE_FAILURE_ON_CLIENT_HELLO:",
    }
}

fn misbehaved(error: PeerMisbehaved) -> &'static str {
    use PeerMisbehaved as P;
    match error {
        P::AckOfUnsentRecord | P::LegacyCookie => ":DECODE_ERROR:",
        P::NoCertificate => ":PEER_DID_NOT_RETURN_A_CERTIFICATE:",
        P::FinishedMismatch | P::InvalidBinder => ":DIGEST_CHECK_FAILED:",
        P::InvalidSignature => ":BAD_SIGNATURE:",
        P::FragmentMismatch => ":FRAGMENT_MISMATCH:",
        P::MessageAcrossKeyChange | P::MessageInWrongEpoch(_) => ":EXCESS_HANDSHAKE_DATA:",
        P::MessageTooLong => ":EXCESSIVE_MESSAGE_SIZE:",
        P::UnexpectedMessage(HandshakeType::HELLO_VERIFY_REQUEST) => ":INVALID_MESSAGE:",
        P::SecondHelloRetryRequest | P::UnexpectedMessage(_) => ":UNEXPECTED_MESSAGE:",
        P::PointlessHelloRetryRequest => ":EMPTY_HELLO_RETRY_REQUEST:",
        P::RetryWithUnofferedGroup | P::KeyShareOfWrongGroup => ":WRONG_CURVE:",
        P::DuplicateKeyShare => ":DUPLICATE_KEY_SHARE:",
        P::InvalidKeyShare => ":BAD_ECPOINT:",
        P::SelectedUnofferedPsk => ":PSK_IDENTITY_NOT_FOUND:",
        // A mode that we did not offer is the one without a key share.
        P::SelectedUnofferedPskMode => ":MISSING_KEY_SHARE:",
        P::SelectedUnofferedSuite => ":WRONG_CIPHER_RETURNED:",
        P::SelectedUnofferedVersion => ":UNSUPPORTED_PROTOCOL:",
        P::SelectedUnofferedProtocol => ":INVALID_ALPN_PROTOCOL:",
        P::SelectedUnofferedSrtpProfile | P::SrtpMkiMismatch => ":BAD_SRTP_PROTECTION_PROFILE_LIST:",
        P::Downgrade => ":TLS13_DOWNGRADE:",
        P::MissingExtension(ExtensionType::KEY_SHARE) => ":MISSING_KEY_SHARE:",
        P::MissingExtension(_) => ":MISSING_EXTENSION:",
        P::UnsolicitedExtension(_) | P::MisplacedExtension(_) => ":UNEXPECTED_EXTENSION:",
        P::SignedWithUnofferedScheme | P::CertificateKeyMismatch => ":WRONG_SIGNATURE_TYPE:",
        P::UnexpectedRecord(_) => ":UNEXPECTED_RECORD:",
        P::MalformedRecord(ContentType::HANDSHAKE) => ":BAD_HANDSHAKE_RECORD:",
        P::MalformedRecord(ContentType::ALERT) => ":BAD_ALERT:",
        P::MalformedRecord(_) => ":DECODE_ERROR:",
        P::InvalidAlertLevel(_) => ":UNKNOWN_ALERT_TYPE:",
        P::NoContentType => ":DECRYPTION_FAILED_OR_BAD_RECORD_MAC:",
        P::RecordOverflow => ":DATA_LENGTH_TOO_LONG:",
        P::TooManyKeyUpdates => ":TOO_MANY_KEY_UPDATES:",
        P::InvalidCertificateRequestContext => ":DECODE_ERROR:",
        _ => ":DECODE_ERROR:",
    }
}
