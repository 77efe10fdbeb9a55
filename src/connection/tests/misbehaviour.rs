//! Each rule that a peer can break, what we make of it, and the alert that tells the peer.
//!
//! The peer is an honest connection whose messages are changed on their way out (`handshake::context::tampering`).

use super::*;
use crate::codec::{Decode, Encode};
use crate::error::{InvalidMessage, PeerMisbehaved};
use crate::handshake::context::tampering;
use crate::wire::certificate::{Certificate, CertificateRequest, CertificateVerify};
use crate::wire::client_hello::{ClientHello, KeyShareEntry, UseSrtp};
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::registry::{
    AlertDescription as Alert, CipherSuite, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, SignatureScheme,
};
use crate::wire::server_hello::ServerHello;

mod early;

mod certificates;

/// Which side is told what.
pub(super) struct Case {
    pub(super) client: ClientConfig,
    pub(super) server: ServerConfig,
}

impl Case {
    pub(super) fn new() -> Self {
        let mut case = Self { client: client_config(), server: server_config() };
        // One datagram for each hello keeps the cases short.
        case.client.key_shares = vec![NamedGroup::X25519];
        case.client.common.groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1];
        case.server.common.groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1];
        case
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Runs until both sides are done, with `tamper` at work; gives back how the client and the server ended.
    pub(super) fn run(
        self,
        tamper: impl FnMut(HandshakeType, Vec<u8>) -> Option<(HandshakeType, Vec<u8>)> + 'static,
    ) -> (Option<Error>, Option<Error>) {
        tampering::set(tamper);
        let mut pair = pair(self.client, self.server);
        let deadline = START + Duration::from_secs(20);
        let over = |connection: &Connection| connection.error().is_some();
        pair.run(deadline, |a, b| over(a) && over(b));
        tampering::clear();
        (pair.a.error().cloned(), pair.b.error().cloned())
    }

    /// The client finds `error`, and the server is told `alert`.
    #[track_caller]
    pub(super) fn client_finds<M: Decode + Encode + 'static>(
        self,
        target: HandshakeType,
        change: impl FnMut(&mut M) + 'static,
        error: impl Into<Error>,
        alert: Alert,
    ) {
        assert_eq!(self.run(changing(target, change)), (Some(error.into()), Some(Error::AlertReceived(alert))));
    }

    /// The server finds `error`, and the client is told `alert`.
    #[track_caller]
    pub(super) fn server_finds<M: Decode + Encode + 'static>(
        self,
        target: HandshakeType,
        change: impl FnMut(&mut M) + 'static,
        error: impl Into<Error>,
        alert: Alert,
    ) {
        assert_eq!(self.run(changing(target, change)), (Some(Error::AlertReceived(alert)), Some(error.into())));
    }
}

/// Changes every message of type `target`.
pub(super) fn changing<M: Decode + Encode>(
    target: HandshakeType,
    mut change: impl FnMut(&mut M),
) -> impl FnMut(HandshakeType, Vec<u8>) -> Option<(HandshakeType, Vec<u8>)> {
    move |msg_type, body| {
        if msg_type != target {
            return Some((msg_type, body));
        }
        let mut message = M::decode_all(&body).unwrap();
        change(&mut message);
        Some((msg_type, message.encoded()))
    }
}

/// The bytes of a message that has no structure of its own.
pub(super) struct Raw(pub(super) Vec<u8>);

impl Decode for Raw {
    fn decode(reader: &mut crate::codec::Reader<'_>) -> Result<Self, InvalidMessage> {
        Ok(Self(reader.rest().to_vec()))
    }
}

impl Encode for Raw {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-rfc9147bis#section-5
//# DTLS 1.3 clients MUST abort the handshake with an "illegal_parameter" alert if the field is not empty.
#[test]
fn server_hello_selects_only_what_was_offered() {
    use PeerMisbehaved as P;
    let sh = HandshakeType::SERVER_HELLO;
    let illegal = Alert::ILLEGAL_PARAMETER;
    let find = |change: fn(&mut ServerHello), error: Error, alert| Case::new().client_finds(sh, change, error, alert);
    find(|m| m.cipher_suite = CipherSuite(0x1399), P::SelectedUnofferedSuite.into(), illegal);
    find(
        |m| m.extensions.supported_version = Some(ProtocolVersion(0xfefb)),
        P::SelectedUnofferedVersion.into(),
        illegal,
    );
    find(|m| m.extensions.supported_version = None, PeerIncompatible::NoVersion.into(), Alert::PROTOCOL_VERSION);
    //= https://www.rfc-editor.org/rfc/rfc9846#section-4.2.3
    //# TLS 1.3 clients receiving a ServerHello indicating TLS 1.2 or below
    //# MUST check that the last 8 bytes are not equal to either of these values.
    for last in [b"DOWNGRD\x01", b"DOWNGRD\x00"] {
        let downgraded = move |m: &mut ServerHello| {
            m.extensions.supported_version = None;
            m.random[24..].copy_from_slice(last);
        };
        Case::new().client_finds(sh, downgraded, P::Downgrade, illegal);
    }
    find(|m| m.legacy_session_id_echo = vec![1], P::EchoedSessionId.into(), illegal);
    find(
        |m| m.extensions.key_share = None,
        P::MissingExtension(ExtensionType::KEY_SHARE).into(),
        Alert::MISSING_EXTENSION,
    );
    find(
        |m| m.extensions.key_share.as_mut().unwrap().group = NamedGroup::SECP256R1,
        P::KeyShareOfWrongGroup.into(),
        illegal,
    );
    find(|m| m.extensions.key_share.as_mut().unwrap().key_exchange.truncate(31), P::InvalidKeyShare.into(), illegal);
    find(
        |m| m.extensions.cookie = Some(vec![1]),
        P::UnsolicitedExtension(ExtensionType::COOKIE).into(),
        Alert::UNSUPPORTED_EXTENSION,
    );
    let trailing = |m: &mut Raw| m.0.push(0);
    Case::new().client_finds(sh, trailing, InvalidMessage::TrailingData, Alert::DECODE_ERROR);
    let short = |m: &mut Raw| m.0.truncate(20);
    Case::new().client_finds(sh, short, InvalidMessage::TooShort, Alert::DECODE_ERROR);
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# As described in Section 4.1.4 of [TLS13], clients MUST abort the handshake with an "unexpected_message" alert in
//# response to any second HelloRetryRequest which was sent in the same connection (i.e., where the ClientHello was
//# itself in response to a HelloRetryRequest).
#[test]
fn a_hello_retry_request_changes_something_and_comes_once() {
    use PeerMisbehaved as P;
    let sh = HandshakeType::SERVER_HELLO;
    let retried = || Case::new().with(|case| case.server.common.groups = vec![NamedGroup::SECP256R1]);
    let on_retry = |change: fn(&mut ServerHello)| {
        move |hello: &mut ServerHello| {
            if hello.is_hello_retry_request() {
                change(hello);
            }
        }
    };
    let illegal = Alert::ILLEGAL_PARAMETER;
    let change = on_retry(|m| m.extensions.selected_group = None);
    retried().client_finds(sh, change, P::PointlessHelloRetryRequest, illegal);
    let change = on_retry(|m| m.extensions.selected_group = Some(NamedGroup::X448));
    retried().client_finds(sh, change, P::RetryWithUnofferedGroup, illegal);
    let change = on_retry(|m| m.extensions.selected_group = Some(NamedGroup::X25519));
    retried().client_finds(sh, change, P::RetryWithUnofferedGroup, illegal);
    let change = |hello: &mut ServerHello| {
        if !hello.is_hello_retry_request() {
            hello.cipher_suite = CipherSuite::TLS_CHACHA20_POLY1305_SHA256;
        }
    };
    retried().client_finds(sh, change, P::SelectedUnofferedSuite, illegal);
    let again = |hello: &mut ServerHello| {
        hello.random = crate::wire::server_hello::HELLO_RETRY_REQUEST_RANDOM;
        hello.extensions.selected_group = Some(NamedGroup::SECP256R1);
        hello.extensions.key_share = None;
    };
    retried().client_finds(sh, again, P::SecondHelloRetryRequest, Alert::UNEXPECTED_MESSAGE);
}

#[test]
fn encrypted_extensions_answer_what_was_offered() {
    use PeerMisbehaved as P;
    let ee = HandshakeType::ENCRYPTED_EXTENSIONS;
    let illegal = Alert::ILLEGAL_PARAMETER;
    let offers = || {
        Case::new().with(|case| {
            case.client.common.alpn_protocols = vec![b"coap".to_vec()];
            case.client.common.srtp_profiles = vec![SrtpProfile::SRTP_AEAD_AES_128_GCM];
        })
    };
    let alpn = |m: &mut EncryptedExtensions| m.alpn = Some(b"h3".to_vec());
    offers().client_finds(ee, alpn, P::SelectedUnofferedProtocol, illegal);
    let unsolicited = P::UnsolicitedExtension(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
    Case::new().client_finds(ee, alpn, unsolicited, Alert::UNSUPPORTED_EXTENSION);
    let srtp = |profiles: &'static [SrtpProfile], mki: &'static [u8]| {
        move |m: &mut EncryptedExtensions| {
            m.use_srtp = Some(UseSrtp { profiles: profiles.to_vec(), mki: mki.to_vec() });
        }
    };
    const OFFERED: SrtpProfile = SrtpProfile::SRTP_AEAD_AES_128_GCM;
    const OTHER: SrtpProfile = SrtpProfile::SRTP_AEAD_AES_256_GCM;
    offers().client_finds(ee, srtp(&[OTHER], b""), P::SelectedUnofferedSrtpProfile, illegal);
    offers().client_finds(ee, srtp(&[OFFERED, OTHER], b""), P::SelectedUnofferedSrtpProfile, illegal);
    offers().client_finds(ee, srtp(&[OFFERED], b"mki"), P::SrtpMkiMismatch, illegal);
    // key_share belongs in ServerHello; a number that nobody knows was not asked for.
    let extension = |number: u16| move |m: &mut Raw| m.0 = [&[0, 4][..], &number.to_be_bytes(), &[0, 0]].concat();
    let misplaced = P::MisplacedExtension(ExtensionType::KEY_SHARE);
    Case::new().client_finds(ee, extension(51), misplaced, illegal);
    let unknown = P::UnsolicitedExtension(ExtensionType(0xfafa));
    Case::new().client_finds(ee, extension(0xfafa), unknown, Alert::UNSUPPORTED_EXTENSION);
    let twice = |m: &mut Raw| m.0 = vec![0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let duplicate = InvalidMessage::DuplicateExtension(ExtensionType::SERVER_NAME);
    Case::new().client_finds(ee, twice, duplicate, illegal);
    let missing = Case::new().with(|case| {
        case.client.common.srtp_profiles = vec![OFFERED];
        case.client.common.require_srtp = true;
    });
    missing.client_finds(ee, |_: &mut Raw| {}, PeerIncompatible::NoSrtpProfile, Alert::HANDSHAKE_FAILURE);
}

#[test]
fn the_server_proves_who_it_is() {
    use PeerMisbehaved as P;
    let certificate = HandshakeType::CERTIFICATE;
    let illegal = Alert::ILLEGAL_PARAMETER;
    let empty = |m: &mut Certificate| m.entries.clear();
    Case::new().client_finds(certificate, empty, InvalidMessage::EmptyVector, Alert::DECODE_ERROR);
    let context = |m: &mut Certificate| m.request_context = vec![1];
    Case::new().client_finds(certificate, context, P::InvalidCertificateRequestContext, illegal);
    let long = |m: &mut Certificate| m.entries = vec![m.entries[0].clone(); 11];
    let too_long = crate::error::CertificateError::ChainTooLong;
    Case::new().client_finds(certificate, long, too_long, Alert::BAD_CERTIFICATE);
    let extended = |m: &mut Raw| {
        // status_request on the only entry: the last two bytes are the empty list of extensions.
        let len = m.0.len();
        m.0.truncate(len - 2);
        m.0.extend_from_slice(&[0, 4, 0, 5, 0, 0]);
        m.0[3] += 4;
    };
    let unsolicited = P::UnsolicitedExtension(ExtensionType::STATUS_REQUEST);
    Case::new().client_finds(certificate, extended, unsolicited, Alert::UNSUPPORTED_EXTENSION);

    let verify = HandshakeType::CERTIFICATE_VERIFY;
    let scheme = |m: &mut CertificateVerify| m.scheme = SignatureScheme::ED448;
    Case::new().client_finds(verify, scheme, P::SignedWithUnofferedScheme, illegal);
    let signature = |m: &mut CertificateVerify| m.signature[0] ^= 1;
    Case::new().client_finds(verify, signature, P::InvalidSignature, Alert::DECRYPT_ERROR);

    let by_server = |tampered: bool| {
        let mut seen = 0;
        move |m: &mut Raw| {
            seen += 1;
            if tampered && seen == 1 {
                m.0[0] ^= 1;
            }
        }
    };
    // The server's Finished is the first that is sent.
    Case::new().client_finds(HandshakeType::FINISHED, by_server(true), P::FinishedMismatch, Alert::DECRYPT_ERROR);
}

#[test]
fn a_certificate_request_is_well_formed_and_comes_once() {
    use PeerMisbehaved as P;
    let request = HandshakeType::CERTIFICATE_REQUEST;
    let asks = || Case::new().with(|case| case.server.client_auth = ClientAuth::Required);
    let context = |m: &mut CertificateRequest| m.request_context = vec![1];
    asks().client_finds(request, context, P::InvalidCertificateRequestContext, Alert::ILLEGAL_PARAMETER);
    let missing = P::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS);
    let without = |m: &mut Raw| m.0 = vec![0, 0, 0];
    asks().client_finds(request, without, missing, Alert::MISSING_EXTENSION);
}

#[test]
fn messages_come_in_their_order() {
    let unexpected = |msg_type| Error::from(PeerMisbehaved::UnexpectedMessage(msg_type));
    let told = Some(Error::AlertReceived(Alert::UNEXPECTED_MESSAGE));
    // Each message that is left out makes the next one unexpected.
    for (left_out, next) in [
        (HandshakeType::ENCRYPTED_EXTENSIONS, HandshakeType::CERTIFICATE),
        (HandshakeType::CERTIFICATE, HandshakeType::CERTIFICATE_VERIFY),
        (HandshakeType::CERTIFICATE_VERIFY, HandshakeType::FINISHED),
    ] {
        let tamper = move |msg_type, body| (msg_type != left_out).then_some((msg_type, body));
        assert_eq!(Case::new().run(tamper), (Some(unexpected(next)), told.clone()), "without {left_out}");
    }
    // A message of another type in its place.
    for (target, sent) in [
        (HandshakeType::SERVER_HELLO, HandshakeType::HELLO_VERIFY_REQUEST),
        (HandshakeType::ENCRYPTED_EXTENSIONS, HandshakeType::SERVER_HELLO),
        (HandshakeType::CERTIFICATE, HandshakeType::KEY_UPDATE),
        (HandshakeType::CERTIFICATE_VERIFY, HandshakeType::END_OF_EARLY_DATA),
        (HandshakeType::FINISHED, HandshakeType::NEW_SESSION_TICKET),
    ] {
        let tamper = move |msg_type, body| Some((if msg_type == target { sent } else { msg_type }, body));
        assert_eq!(Case::new().run(tamper), (Some(unexpected(sent)), told.clone()), "{sent} for {target}");
    }
    // The same at the server.
    let tamper = |msg_type, body| {
        Some((if msg_type == HandshakeType::CLIENT_HELLO { HandshakeType::FINISHED } else { msg_type }, body))
    };
    let (client, server) = Case::new().run(tamper);
    assert_eq!((client, server), (told, Some(unexpected(HandshakeType::FINISHED))));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.3
//# If a DTLS 1.3 ClientHello is received with any other value in this field, the server MUST abort the handshake
//# with an "illegal_parameter" alert.
#[test]
fn a_client_hello_keeps_the_rules() {
    use PeerMisbehaved as P;
    let ch = HandshakeType::CLIENT_HELLO;
    let illegal = Alert::ILLEGAL_PARAMETER;
    let find = |change: fn(&mut ClientHello), error: Error, alert| Case::new().server_finds(ch, change, error, alert);
    let missing = |extension| Error::from(P::MissingExtension(extension));
    find(
        |m| m.extensions.supported_versions = Some(vec![ProtocolVersion::DTLS_1_2]),
        PeerIncompatible::NoVersion.into(),
        Alert::PROTOCOL_VERSION,
    );
    find(|m| m.extensions.supported_versions = None, PeerIncompatible::NoVersion.into(), Alert::PROTOCOL_VERSION);
    find(|m| m.legacy_cookie = vec![1], P::LegacyCookie.into(), illegal);
    find(|m| m.legacy_compression_methods = vec![0, 1], P::CompressionMethod.into(), illegal);
    find(
        |m| m.cipher_suites = vec![CipherSuite(0x1399)],
        PeerIncompatible::NoCipherSuite.into(),
        Alert::HANDSHAKE_FAILURE,
    );
    find(
        |m| {
            m.extensions.supported_groups = Some(vec![NamedGroup::X448]);
            m.extensions.key_share = Some(Vec::new());
        },
        PeerIncompatible::NoGroup.into(),
        Alert::HANDSHAKE_FAILURE,
    );
    let told = Alert::MISSING_EXTENSION;
    find(|m| m.extensions.supported_groups = None, missing(ExtensionType::SUPPORTED_GROUPS), told);
    find(|m| m.extensions.signature_algorithms = None, missing(ExtensionType::SIGNATURE_ALGORITHMS), told);
    find(|m| m.extensions.key_share = None, missing(ExtensionType::KEY_SHARE), told);
    find(
        |m| m.extensions.supported_groups = Some(vec![NamedGroup::SECP256R1]),
        P::KeyShareNotInSupportedGroups.into(),
        illegal,
    );
    find(
        |m| {
            let shares = m.extensions.key_share.as_mut().unwrap();
            shares.push(shares[0].clone());
        },
        P::DuplicateKeyShare.into(),
        illegal,
    );
    find(|m| m.extensions.key_share.as_mut().unwrap()[0].key_exchange = vec![0; 7], P::InvalidKeyShare.into(), illegal);
    find(
        |m| m.extensions.signature_algorithms = Some(vec![SignatureScheme::ED448]),
        PeerIncompatible::NoCredentials.into(),
        Alert::HANDSHAKE_FAILURE,
    );
    let trailing = |m: &mut Raw| m.0.push(0);
    Case::new().server_finds(ch, trailing, InvalidMessage::TrailingData, Alert::DECODE_ERROR);
}

#[test]
fn a_second_client_hello_changes_only_what_it_may() {
    use PeerMisbehaved as P;
    let retried = || Case::new().with(|case| case.server.common.groups = vec![NamedGroup::SECP256R1]);
    let find = |change: fn(&mut ClientHello), error: P| {
        let mut hellos = 0;
        let on_second = move |hello: &mut ClientHello| {
            hellos += 1;
            if hellos == 2 {
                change(hello);
            }
        };
        retried().server_finds(HandshakeType::CLIENT_HELLO, on_second, error, Alert::ILLEGAL_PARAMETER);
    };
    find(|m| m.random[0] ^= 1, P::SecondClientHelloDiffers);
    find(|m| m.cipher_suites.reverse(), P::SecondClientHelloDiffers);
    find(|m| m.extensions.server_name = Some("other.example".into()), P::SecondClientHelloDiffers);
    find(|m| m.extensions.signature_algorithms.as_mut().unwrap().reverse(), P::SecondClientHelloDiffers);
    find(|m| m.extensions.key_share = Some(Vec::new()), P::KeyShareOfWrongGroup);
    find(
        |m| {
            let share = KeyShareEntry { group: NamedGroup::X25519, key_exchange: vec![1; 32] };
            m.extensions.key_share.as_mut().unwrap().push(share);
        },
        P::KeyShareOfWrongGroup,
    );
}

#[test]
fn the_client_proves_who_it_is() {
    use PeerMisbehaved as P;
    let asks = |how| Case::new().with(|case| case.server.client_auth = how);
    // The client's messages are the second of their kind.
    fn second<M>(mut change: impl FnMut(&mut M)) -> impl FnMut(&mut M) {
        let mut seen = 0;
        move |message| {
            seen += 1;
            if seen == 2 {
                change(message);
            }
        }
    }
    let required = || asks(ClientAuth::Required);
    let empty = second(|m: &mut Certificate| m.entries.clear());
    required().server_finds(HandshakeType::CERTIFICATE, empty, P::NoCertificate, Alert::CERTIFICATE_REQUIRED);
    let context = second(|m: &mut Certificate| m.request_context = vec![1]);
    let illegal = Alert::ILLEGAL_PARAMETER;
    required().server_finds(HandshakeType::CERTIFICATE, context, P::InvalidCertificateRequestContext, illegal);
    let signature = second(|m: &mut CertificateVerify| m.signature[0] ^= 1);
    let verify = HandshakeType::CERTIFICATE_VERIFY;
    required().server_finds(verify, signature, P::InvalidSignature, Alert::DECRYPT_ERROR);
    let finished = second(|m: &mut Raw| m.0[0] ^= 1);
    Case::new().server_finds(HandshakeType::FINISHED, finished, P::FinishedMismatch, Alert::DECRYPT_ERROR);
    let short = second(|m: &mut Raw| m.0.truncate(16));
    Case::new().server_finds(HandshakeType::FINISHED, short, P::FinishedMismatch, Alert::DECRYPT_ERROR);
}

#[test]
fn after_the_handshake_only_a_few_messages_may_follow() {
    for (sent, body, error, alert) in [
        (HandshakeType::KEY_UPDATE, vec![2], Error::from(InvalidMessage::InvalidValue), Alert::ILLEGAL_PARAMETER),
        (HandshakeType::KEY_UPDATE, vec![], InvalidMessage::TooShort.into(), Alert::DECODE_ERROR),
        (
            HandshakeType::NEW_SESSION_TICKET,
            vec![0],
            PeerMisbehaved::UnexpectedMessage(HandshakeType::NEW_SESSION_TICKET).into(),
            Alert::UNEXPECTED_MESSAGE,
        ),
        (
            HandshakeType::CLIENT_HELLO,
            vec![0],
            PeerMisbehaved::UnexpectedMessage(HandshakeType::CLIENT_HELLO).into(),
            Alert::UNEXPECTED_MESSAGE,
        ),
    ] {
        let mut pair = pair(client_config(), server_config());
        connected(&mut pair);
        tampering::set(move |_, _| Some((sent, body.clone())));
        let now = pair.now();
        pair.a.update_keys(false, now).unwrap();
        settle(&mut pair);
        tampering::clear();
        assert_eq!(pair.b.error(), Some(&error));
        assert_eq!(pair.a.error(), Some(&Error::AlertReceived(alert)));
    }
}
