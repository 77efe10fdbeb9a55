//! What every error says, and the alert that goes with it.
//!
//! Lists are written by [`every`], which does not compile while a variant is missing.

use core::fmt::{Debug, Display};
use std::collections::BTreeMap;

use super::*;
use crate::config::ConfigError;
use crate::connection::{
    ConnectionIdError, ExtendedKeyUpdateError, RequestAuthenticationError, SendEarlyError, SendError, UpdateKeysError,
};
use crate::crypto::hkdf::ExpandError;
use crate::crypto::psk::{HashAlgorithm, PskError};
use crate::crypto::resumption::SessionError;
use crate::endpoint::ConnectError;
use crate::record::SealError;
use crate::schedule::ExportError;
use crate::ticket::EarlyDataRefusal;
use crate::trace::DiscardReason;
use crate::wire::registry::{
    CertificateCompressionAlgorithm, CertificateType, CipherSuite, ContentType, ExtensionType, HandshakeType,
    NamedGroup, SignatureScheme, SrtpProfile,
};

/// One value of each variant of an enum.
macro_rules! every {
    ($enum:ident: $($variant:ident $(($($field:expr),*))? $({$($name:ident: $value:expr),*})?),* $(,)?) => {{
        const _: fn(&$enum) = |value| match value { $($enum::$variant { .. } => (),)* };
        vec![$($enum::$variant $(($($field),*))? $({$($name: $value),*})?),*]
    }};
}

/// One value of each variant of an enum, and the alert of it.
macro_rules! every_alert {
    ($enum:ident: $($alert:ident: $($variant:ident $(($($field:expr),*))? $({$($name:ident: $value:expr),*})?),*;)*) => {{
        const _: fn(&$enum) = |value| match value { $($($enum::$variant { .. } => (),)*)* };
        vec![$($(($enum::$variant $(($($field),*))? $({$($name: $value),*})?, AlertDescription::$alert)),*),*]
    }};
}

/// The words of a type.
fn words<T: Display>(of: &'static str, values: impl IntoIterator<Item = T>) -> Vec<(&'static str, String)> {
    values.into_iter().map(|value| (of, value.to_string())).collect()
}

fn first<T, U>(pairs: Vec<(T, U)>) -> Vec<T> {
    pairs.into_iter().map(|(value, _)| value).collect()
}

fn misbehaved() -> Vec<(PeerMisbehaved, AlertDescription)> {
    let (extension, message, record) =
        (ExtensionType::COOKIE, HandshakeType::FINISHED, ContentType::CHANGE_CIPHER_SPEC);
    every_alert!(PeerMisbehaved:
        DECRYPT_ERROR: FinishedMismatch, InvalidSignature, InvalidBinder;
        CERTIFICATE_REQUIRED: NoCertificate;
        BAD_CERTIFICATE: InvalidCompressedCertificate, CompressedCertificateTooLong;
        UNSUPPORTED_CERTIFICATE: SelectedUnofferedCertificateType;
        MISSING_EXTENSION: MissingExtension(extension);
        UNSUPPORTED_EXTENSION: UnsolicitedExtension(extension);
        UNEXPECTED_MESSAGE: UnexpectedMessage(message), UnexpectedRecord(record), NoContentType, MessageAcrossKeyChange,
            MessageInWrongEpoch(message), SecondHelloRetryRequest, TooManyCertificateRequests, TooMuchEarlyData,
            UnsolicitedDelegatedCredential, TooManyKeyUpdates;
        RECORD_OVERFLOW: RecordOverflow;
        TOO_MANY_CIDS_REQUESTED: TooManyConnectionIdsRequested;
        BAD_RECORD_MAC: TooManyForgedRecords;
        DECODE_ERROR: MalformedRecord(record);
        ILLEGAL_PARAMETER: AckOfUnsentRecord, CertificateKeyMismatch, CompressionMethod, Downgrade, DuplicateKeyShare,
            EarlyDataAfterRetry, EarlyDataWithOtherParameters, EarlyDataWithOtherPsk, EchoedSessionId, FragmentMismatch,
            InvalidAlertLevel(3), InvalidCertificateRequestContext, InvalidConnectionId, InvalidCookie,
            InvalidDelegatedCredential, InvalidKeyShare, InvalidRecordSizeLimit, UnofferedFlag,
            KeyShareNotInSupportedGroups, KeyShareOfWrongGroup, LegacyCookie, MessageTooLong,
            MisplacedExtension(extension), PointlessCertificateTypes, PointlessHelloRetryRequest, PskOfOtherHash,
            SelectedUnofferedPsk, SelectedUnofferedPskMode, RetryWithUnofferedGroup, SecondClientHelloDiffers,
            SelectedUnofferedProtocol, SelectedUnofferedSrtpProfile, SelectedUnofferedSuite, SelectedUnofferedVersion,
            SeveralRawPublicKeys, SignedWithUnofferedScheme, UnofferedCompression, SrtpMkiMismatch;
    )
}

fn incompatible() -> Vec<(PeerIncompatible, AlertDescription)> {
    let (extension_type, alert) = (ExtensionType(0xff07), AlertDescription::UNRECOGNIZED_NAME);
    every_alert!(PeerIncompatible:
        UNRECOGNIZED_NAME: ExtensionRefused { extension_type: extension_type, alert: alert }, UnknownServerName;
        NO_APPLICATION_PROTOCOL: NoApplicationProtocol;
        HANDSHAKE_FAILURE: NoCipherSuite, NoCredentials, NoGroup, NoPsk, NoSrtpProfile;
        DECRYPT_ERROR: UnknownPskIdentity;
        UNSUPPORTED_CERTIFICATE: NoCertificateType;
        PROTOCOL_VERSION: NoVersion;
    )
}

fn invalid_messages() -> Vec<(InvalidMessage, AlertDescription)> {
    every_alert!(InvalidMessage:
        ILLEGAL_PARAMETER: InvalidValue, BinderCount, PreSharedKeyNotLast, DuplicateExtension(ExtensionType::COOKIE);
        DECODE_ERROR: EmptyVector, InvalidVectorLength, TooShort, TrailingData, InvalidName;
    )
}

fn invalid_certificates() -> Vec<(CertificateError, AlertDescription)> {
    every_alert!(CertificateError:
        BAD_CERTIFICATE: BadEncoding, FingerprintMismatch, NotValidForName, ChainTooLong;
        CERTIFICATE_EXPIRED: Expired, NotValidYet;
        UNKNOWN_CA: UnknownIssuer, UnknownPublicKey;
        DECRYPT_ERROR: BadSignature;
        UNSUPPORTED_CERTIFICATE: UnsupportedAlgorithm, InvalidPurpose, UnexpectedType;
        CERTIFICATE_REVOKED: Revoked;
        ACCESS_DENIED: ApplicationRejected;
        INSUFFICIENT_SECURITY: RejectedBy(AlertDescription::INSUFFICIENT_SECURITY);
        CERTIFICATE_UNKNOWN: Other("its serial number is on our list".to_owned());
    )
}

fn errors() -> Vec<Error> {
    every!(Error:
        AlertReceived(AlertDescription::DECODE_ERROR), ApiMisuse(ApiMisuse::WrongTaskOutput),
        InvalidCertificate(CertificateError::Expired), InvalidMessage(InvalidMessage::TooShort), HandshakeTimedOut,
        PeerUnreachable, PeerIncompatible(PeerIncompatible::NoGroup), PeerMisbehaved(PeerMisbehaved::LegacyCookie),
        Aborted(AlertDescription::ACCESS_DENIED), TaskFailed(TaskFailure::BackendFailed), Exhausted(Exhausted::Epoch),
    )
}

/// The errors of a running connection that have no type of their own to say what they are.
fn own_errors() -> Vec<Error> {
    let misuses = every!(ApiMisuse: WrongTaskOutput, ExtensionTooLong);
    let failures = every!(TaskFailure: BackendFailed, NoRandomBytes, NoCredentials);
    let exhausted = every!(Exhausted: MessageSequence, Epoch, SequenceNumber);
    let misuses = misuses.into_iter().map(Error::ApiMisuse);
    misuses.chain(failures.into_iter().map(Error::from)).chain(exhausted.into_iter().map(Error::from)).collect()
}

fn config_errors() -> Vec<ConfigError> {
    every!(ConfigError:
        NoCipherSuites, NoGroups, NoSignatureSchemes, UnsupportedCipherSuite(CipherSuite::TLS_AES_128_GCM_SHA256),
        UnsupportedGroup(NamedGroup::SECP256R1), UnsupportedSignatureScheme(SignatureScheme::ED25519),
        UnsupportedSrtpProfile(SrtpProfile(0x77)), NoCertificateTypes, UnsupportedCertificateType(CertificateType(9)),
        UnsupportedCompression(CertificateCompressionAlgorithm::ZLIB), InvalidAuthorities,
        KeyShareOutsideGroups(NamedGroup::SECP256R1), NoStrikeRegister, InvalidAlpnProtocol { len: 4711 },
        TooManyAlpnProtocols, InvalidDatagramSize { size: 4711 }, InvalidTimeouts, InvalidAckDelay,
        InvalidServerName("no name".to_owned()), ReservedExtension(ExtensionType::COOKIE),
        DuplicateExtension(ExtensionType(0xff07)), SrtpMkiTooLong { len: 4711 },
        InvalidRecordSizeLimit { limit: 4711 }, InvalidLimit { name: "fragments", value: 4711 },
        ExtendedKeyUpdateWithResumption, InvalidPadding, NoPskModes, NoPsk, DuplicatePskIdentity,
        PsksTooLong { len: 4711, limit: 4242 }, InvalidPsk(PskError::EmptyIdentity), NoRandomBytes,
    )
}

fn psk_errors() -> Vec<PskError> {
    let hash = HashAlgorithm::Sha384;
    every!(PskError:
        EmptyIdentity, IdentityTooLong { len: 4711 }, SecretTooShort { len: 4711 }, UnsupportedHash(hash),
    )
}

fn identity_errors() -> Vec<IdentityError> {
    let mut errors = every!(IdentityError:
        MissingPemBlock { wanted: "CERTIFICATE", found: Vec::new() }, MalformedPem("line 4711".to_owned()),
        EncryptedPrivateKey, EmptyChain, InvalidCertificate { index: 4710, reason: "too short".to_owned() },
        InvalidPrivateKey, UnsupportedPrivateKey { algorithm: "1.3.101.113".to_owned() },
        MissingFeature { algorithm: "RSA", feature: "rsa-sign" }, KeyMismatch, NoRoots,
        InvalidName("no name".to_owned()), InvalidValidity,
        InvalidFingerprint { text: "sha-256".to_owned(), reason: "it has no colon" }, NoRandomBytes,
    );
    let found = vec!["PUBLIC KEY".to_owned(), "PRIVATE KEY".to_owned()];
    errors.push(IdentityError::MissingPemBlock { wanted: "CERTIFICATE", found });
    errors
}

/// What the application is told when it asks for what cannot be.
fn refusals() -> Vec<(&'static str, String)> {
    [
        words(
            "SendError",
            every!(SendError:
                NotConnected, Closed, TooLarge { len: 4711, limit: 4242 }, Full { limit: 4242 },
            ),
        ),
        words(
            "SendEarlyError",
            every!(SendEarlyError:
                NotOffered, Rejected, TooLate, TooLarge { len: 4711, limit: 4242 }, Full { limit: 4242 },
                LimitReached { left: 4242 },
            ),
        ),
        words("UpdateKeysError", every!(UpdateKeysError: NotConnected, InProgress, Replaced, Exhausted)),
        words(
            "ConnectionIdError",
            every!(ConnectionIdError:
                NotConnected, NotNegotiated, InProgress, NoRoom, NoSpare,
            ),
        ),
        words(
            "ExtendedKeyUpdateError",
            every!(ExtendedKeyUpdateError:
                NotConnected, NotNegotiated, InProgress, Authenticating, Exhausted,
            ),
        ),
        words(
            "RequestAuthenticationError",
            every!(RequestAuthenticationError:
                NotConnected, NotServer, NotOffered, KeyUpdateInProgress, TooMany, Exhausted, NoRandomBytes,
            ),
        ),
        words(
            "ExportError",
            every!(ExportError:
                NotConnected, NoSuchEpoch { epoch: 4711 }, OutputTooLong { limit: 4242 }, InvalidLabel { len: 4711 },
            ),
        ),
        words("ExpandError", every!(ExpandError: OutputTooLong { limit: 4242 }, InvalidLabel)),
        words("SealError", every!(SealError: NoKeys, Exhausted, TooLong)),
        words("SessionError", every!(SessionError: UnknownVersion(77), Malformed)),
        words(
            "ConnectError",
            every!(ConnectError:
                AddressInUse, Config(ConfigError::NoGroups), TooManyConnections,
            ),
        ),
    ]
    .concat()
}

fn all() -> Vec<(&'static str, String)> {
    [
        words("Error", errors()),
        words("PeerMisbehaved", first(misbehaved())),
        words("PeerIncompatible", first(incompatible())),
        words("InvalidMessage", first(invalid_messages())),
        words("CertificateError", first(invalid_certificates())),
        words("ConfigError", config_errors()),
        words("PskError", psk_errors()),
        words("IdentityError", identity_errors()),
        refusals(),
    ]
    .concat()
}

#[test]
fn every_error_is_told_by_its_own_alert() {
    fn check<T: Into<Error>>(pairs: Vec<(T, AlertDescription)>) {
        for (error, alert) in pairs {
            let error = error.into();
            assert_eq!(error.alert(), Some(alert), "{error:?}");
        }
    }
    check(misbehaved());
    check(incompatible());
    check(invalid_messages());
    check(invalid_certificates());
    check(vec![
        (Error::Aborted(AlertDescription::ACCESS_DENIED), AlertDescription::ACCESS_DENIED),
        (TaskFailure::NoRandomBytes.into(), AlertDescription::INTERNAL_ERROR),
        (Error::ApiMisuse(ApiMisuse::WrongTaskOutput), AlertDescription::INTERNAL_ERROR),
    ]);
    // What cannot be answered: the peer has ended it itself, does not hear us, or would be told by keys that are used up.
    let silent = [
        Error::AlertReceived(AlertDescription::DECODE_ERROR),
        Error::HandshakeTimedOut,
        Error::PeerUnreachable,
        Exhausted::SequenceNumber.into(),
    ];
    for error in silent {
        assert_eq!(error.alert(), None, "{error:?}");
    }
}

#[test]
fn every_error_says_something_of_its_own() {
    let mut said = BTreeMap::new();
    let own = own_errors().into_iter().map(|error| ("ends a connection", error.to_string()));
    for (of, text) in all().into_iter().filter(|(of, _)| *of != "Error").chain(own) {
        let same = said.insert((of, text.clone()), ());
        // The application refuses by an alert of its choice or by the usual one: its words are the same.
        assert!(same.is_none() || text == "the application refused it", "{of} says twice: {text}");
    }
}

#[test]
fn every_error_is_told_in_the_house_s_style() {
    let words = all().into_iter().chain(own_errors().into_iter().map(|error| ("Error", error.to_string())));
    for (of, text) in words {
        let begin = text.chars().next().unwrap_or_default();
        // "ALPN" and a quoted name may begin as they are written.
        let begins_well = begin.is_lowercase() || begin == '"' || text.starts_with("SRTP") || begin.is_ascii_digit();
        assert!(begins_well, "{of}: {text}");
        assert!(text.len() >= 12 && text.contains(' '), "{of} says little: {text}");
        assert!(!text.ends_with(['.', ' ', ':', ',', ';']) && !text.contains("  "), "{of}: {text}");
        // What a derived Debug would leave.
        let left = ["Some(", "None", "Ok(", "Err(", "{", "}", "::", "[", "_error", "Error"];
        let inside = text.replace("decode_error", "");
        assert!(!left.iter().any(|left| inside.contains(left)), "{of}: {text}");
    }
}

#[test]
fn errors_name_what_was_given_and_what_would_be_right() {
    let named = |text: &str, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "{part} in: {text}");
        }
    };
    for error in config_errors() {
        let text = error.to_string();
        match error {
            ConfigError::InvalidAlpnProtocol { .. } => named(&text, &["4711", "255"]),
            ConfigError::InvalidDatagramSize { .. } => named(&text, &["4711", "256"]),
            ConfigError::SrtpMkiTooLong { .. } => named(&text, &["4711", "255"]),
            ConfigError::InvalidRecordSizeLimit { .. } => named(&text, &["4711", "64", "16,385"]),
            ConfigError::InvalidLimit { .. } => named(&text, &["limits.fragments", "4711"]),
            ConfigError::PsksTooLong { .. } => named(&text, &["4711", "4242"]),
            ConfigError::InvalidServerName(name) => named(&text, &[&name]),
            ConfigError::UnsupportedCipherSuite(id) => named(&text, &[&id.to_string()]),
            ConfigError::UnsupportedGroup(id) | ConfigError::KeyShareOutsideGroups(id) => {
                named(&text, &[&id.to_string()])
            }
            ConfigError::UnsupportedCompression(id) => named(&text, &[&id.to_string(), "certificate-compression"]),
            ConfigError::ReservedExtension(id) | ConfigError::DuplicateExtension(id) => {
                named(&text, &[&id.to_string()])
            }
            // A key's own error is told unchanged.
            ConfigError::InvalidPsk(inner) => assert_eq!(text, inner.to_string()),
            _ => {}
        }
    }
    for error in identity_errors() {
        let text = error.to_string();
        match error {
            IdentityError::MissingPemBlock { wanted, found } => {
                named(&text, &[wanted]);
                found.iter().for_each(|found| named(&text, &[found]));
            }
            IdentityError::InvalidCertificate { reason, .. } => named(&text, &["4711", &reason]),
            IdentityError::MissingFeature { algorithm, feature } => named(&text, &[algorithm, feature]),
            IdentityError::InvalidFingerprint { text: given, reason } => named(&text, &[&given, reason]),
            _ => {}
        }
    }
    let told = refusals();
    let of = |name| told.iter().filter(move |(of, _)| *of == name).map(|(_, text)| text.as_str());
    assert_eq!(of("SendError").filter(|text| text.contains("4242")).count(), 2);
    assert_eq!(of("SendEarlyError").filter(|text| text.contains("4242")).count(), 3);
    assert_eq!(of("ExportError").filter(|text| text.contains("4711") || text.contains("4242")).count(), 3);
    named(&PskError::SecretTooShort { len: 5 }.to_string(), &["5", "16"]);
    // An error that wraps another tells that one's words too.
    for (error, inner) in [
        (Error::from(CertificateError::Expired), CertificateError::Expired.to_string()),
        (InvalidMessage::TooShort.into(), InvalidMessage::TooShort.to_string()),
        (PeerIncompatible::NoGroup.into(), PeerIncompatible::NoGroup.to_string()),
        (PeerMisbehaved::LegacyCookie.into(), PeerMisbehaved::LegacyCookie.to_string()),
    ] {
        assert!(error.to_string().ends_with(&format!(": {inner}")), "{error}");
    }
}

#[test]
fn why_something_was_refused_or_ignored_has_a_name_each() {
    /// As every other word in a trace: the variant, in snake case.
    fn named(variant: &impl Debug) -> String {
        let mut name = String::new();
        for letter in format!("{variant:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }
    let refusals = every!(EarlyDataRefusal:
        Disabled, NotFirstPsk, Retried, OtherParameters, NotFresh, Repeated, RegisterFull, RegisterStarted,
    );
    for refusal in refusals {
        assert_eq!(refusal.name(), named(&refusal));
    }
    let reasons = every!(DiscardReason:
        Malformed, TooLong, UnknownEpoch, Replayed, Forged, WrongConnectionId, PlaintextAfterKeys, Unexpected, NoRoom,
        Closed,
    );
    for reason in reasons {
        assert_eq!(reason.name(), named(&reason));
    }
}
