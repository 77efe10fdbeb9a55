//! Each rule about pre-shared keys that a peer can break, and the alert that tells it so.

use super::*;
use crate::codec::{Decode as _, Encode as _, put_u16};
use crate::connection::tests::misbehaviour::Case;
use crate::error::InvalidMessage;
use crate::wire::client_hello::ClientHello;
use crate::wire::encrypted_extensions::EncryptedExtensions;
use crate::wire::extension::OtherExtension;
use crate::wire::registry::{AlertDescription as Alert, ExtensionType as E, HandshakeType};
use crate::wire::server_hello::ServerHello;

/// A client that offers one key, and a server that knows it.
fn case() -> Case {
    Case::new().with(|case| {
        case.client.psks = vec![key(b"psk256")];
        case.server.look_up_psks = true;
    })
}

fn missing(extension: E) -> Error {
    PeerMisbehaved::MissingExtension(extension).into()
}

#[test]
fn server_hello_uses_only_what_was_offered() {
    use PeerMisbehaved as P;
    let find = |case: Case, change: fn(&mut ServerHello), error: P, alert| {
        case.client_finds(HandshakeType::SERVER_HELLO, change, error, alert);
    };
    let illegal = Alert::ILLEGAL_PARAMETER;
    find(case(), |hello| hello.extensions.selected_psk = Some(1), P::SelectedUnofferedPsk, illegal);
    find(case(), |hello| hello.cipher_suite = CipherSuite::TLS_AES_256_GCM_SHA384, P::PskOfOtherHash, illegal);
    find(case(), |hello| hello.extensions.key_share = None, P::SelectedUnofferedPskMode, illegal);
    // Without a key there is no handshake without a key share.
    let certificates = || case().with(|case| case.server.look_up_psks = false);
    let share = P::MissingExtension(E::KEY_SHARE);
    find(certificates(), |hello| hello.extensions.key_share = None, share, Alert::MISSING_EXTENSION);
    // The key is to be used alone.
    let alone = |psk_only| {
        case().with(|case| {
            case.client.psk_modes = vec![PskMode::PskOnly];
            case.client.psk_only = psk_only;
            case.server.psk_modes = vec![PskMode::PskOnly];
        })
    };
    let with_share = |hello: &mut ServerHello| {
        let key_exchange = vec![1; 32];
        hello.extensions.key_share =
            Some(crate::wire::client_hello::KeyShareEntry { group: NamedGroup::X25519, key_exchange });
    };
    find(alone(false), with_share, P::SelectedUnofferedPskMode, illegal);
    find(alone(true), with_share, P::UnsolicitedExtension(E::KEY_SHARE), Alert::UNSUPPORTED_EXTENSION);
    // A client that wants nothing but a key.
    let strict = || case().with(|case| case.client.psk_only = true);
    let none = P::MissingExtension(E::PRE_SHARED_KEY);
    find(strict(), |hello| hello.extensions.selected_psk = None, none, Alert::MISSING_EXTENSION);
    // None was offered.
    let unsolicited = P::UnsolicitedExtension(E::PRE_SHARED_KEY);
    let select = |hello: &mut ServerHello| hello.extensions.selected_psk = Some(0);
    find(Case::new(), select, unsolicited, Alert::UNSUPPORTED_EXTENSION);
}

#[test]
fn pre_shared_key_stands_in_hellos_only() {
    let misplaced = |extension| PeerMisbehaved::MisplacedExtension(extension);
    for extension_type in [E::PRE_SHARED_KEY, E::PSK_KEY_EXCHANGE_MODES] {
        let add = move |message: &mut EncryptedExtensions| {
            message.others.push(OtherExtension { extension_type, data: vec![0, 0] });
        };
        let encrypted = HandshakeType::ENCRYPTED_EXTENSIONS;
        case().client_finds(encrypted, add, misplaced(extension_type), Alert::ILLEGAL_PARAMETER);
    }
    // Of the hellos, not in a HelloRetryRequest.
    let retried = case().with(|case| case.client.key_shares = Vec::new());
    let select = |hello: &mut ServerHello| hello.extensions.selected_psk = Some(0);
    let error = misplaced(E::PRE_SHARED_KEY);
    retried.client_finds(HandshakeType::SERVER_HELLO, select, error, Alert::ILLEGAL_PARAMETER);
}

#[test]
fn no_certificate_follows_a_pre_shared_key() {
    for msg_type in [HandshakeType::CERTIFICATE_REQUEST, HandshakeType::CERTIFICATE, HandshakeType::CERTIFICATE_VERIFY]
    {
        let mut is_server = true;
        let (client, server) = case().run(move |sent, body| {
            let replaced = sent == HandshakeType::FINISHED && std::mem::take(&mut is_server);
            Some((if replaced { msg_type } else { sent }, body))
        });
        assert_eq!(client, Some(PeerMisbehaved::UnexpectedMessage(msg_type).into()));
        assert_eq!(server, Some(Error::AlertReceived(Alert::UNEXPECTED_MESSAGE)));
    }
}

#[test]
fn client_hello_keeps_the_rules_of_pre_shared_keys() {
    type Change = fn(&mut ClientHello);
    let cases: [(Change, Error, Alert); 8] = [
        (
            |hello| hello.extensions.psk_key_exchange_modes = None,
            missing(E::PSK_KEY_EXCHANGE_MODES),
            Alert::MISSING_EXTENSION,
        ),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().binders[0][0] ^= 1,
            PeerMisbehaved::InvalidBinder.into(),
            Alert::DECRYPT_ERROR,
        ),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().binders[0].truncate(31),
            PeerMisbehaved::InvalidBinder.into(),
            Alert::DECRYPT_ERROR,
        ),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().binders.clear(),
            InvalidMessage::EmptyVector.into(),
            Alert::DECODE_ERROR,
        ),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().binders.push(vec![1; 32]),
            InvalidMessage::BinderCount.into(),
            Alert::ILLEGAL_PARAMETER,
        ),
        (
            |hello| {
                let offered = hello.extensions.pre_shared_key.as_mut().unwrap();
                offered.identities.push(offered.identities[0].clone());
            },
            InvalidMessage::BinderCount.into(),
            Alert::ILLEGAL_PARAMETER,
        ),
        // Whatever else is changed the binder covers, as long as the key is taken.
        (|hello| hello.random[0] ^= 1, PeerMisbehaved::InvalidBinder.into(), Alert::DECRYPT_ERROR),
        (|hello| hello.extensions.supported_groups = None, missing(E::SUPPORTED_GROUPS), Alert::MISSING_EXTENSION),
    ];
    for (change, error, alert) in cases {
        case().server_finds(HandshakeType::CLIENT_HELLO, change, error, alert);
    }
}

#[test]
fn pre_shared_key_is_the_last_extension_of_a_hello() {
    let (client, server) = case().run(|msg_type, mut body| {
        if msg_type == HandshakeType::CLIENT_HELLO {
            let hello = ClientHello::decode_all(&body).unwrap();
            // The length of the block stands behind random, id, cookie, suites and compression methods.
            let at = 2 + 32 + 1 + 1 + 2 + 2 * hello.cipher_suites.len() + 2;
            let len = u16::from_be_bytes([body[at], body[at + 1]]) + 4;
            body[at..at + 2].copy_from_slice(&len.to_be_bytes());
            put_u16(&mut body, E::PADDING.0);
            put_u16(&mut body, 0);
        }
        Some((msg_type, body))
    });
    assert_eq!(client, Some(Error::AlertReceived(Alert::ILLEGAL_PARAMETER)));
    assert_eq!(server, Some(InvalidMessage::PreSharedKeyNotLast.into()));
}

#[test]
fn a_second_hello_offers_the_key_of_the_first_one() {
    type Change = fn(&mut ClientHello);
    let differs = || Error::from(PeerMisbehaved::SecondClientHelloDiffers);
    let cases: [(Change, Error, Alert); 5] = [
        (|hello| hello.extensions.pre_shared_key = None, missing(E::PRE_SHARED_KEY), Alert::MISSING_EXTENSION),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().identities[0].identity = b"psk256 2".to_vec(),
            differs(),
            Alert::ILLEGAL_PARAMETER,
        ),
        (|hello| hello.extensions.psk_key_exchange_modes = Some(vec![1, 0]), differs(), Alert::ILLEGAL_PARAMETER),
        (
            |hello| hello.extensions.pre_shared_key.as_mut().unwrap().binders[0][0] ^= 1,
            PeerMisbehaved::InvalidBinder.into(),
            Alert::DECRYPT_ERROR,
        ),
        (|hello| hello.extensions.key_share = Some(Vec::new()), PeerMisbehaved::KeyShareOfWrongGroup.into(), {
            Alert::ILLEGAL_PARAMETER
        }),
    ];
    for (change, error, alert) in cases {
        let mut is_second = false;
        let retried = case().with(|case| case.client.key_shares = Vec::new());
        let (client, server) = retried.run(move |msg_type, mut body| {
            if msg_type == HandshakeType::CLIENT_HELLO && std::mem::replace(&mut is_second, true) {
                let mut hello = ClientHello::decode_all(&body).unwrap();
                change(&mut hello);
                body = hello.encoded();
            }
            Some((msg_type, body))
        });
        assert_eq!((client, server), (Some(Error::AlertReceived(alert)), Some(error)));
    }
}

#[test]
fn a_retry_that_fits_no_key_ends_what_needs_one() {
    let retried = case().with(|case| {
        case.client.key_shares = Vec::new();
        case.client.psk_only = true;
    });
    let (client, server) = retried.run(|msg_type, mut body| {
        if msg_type == HandshakeType::SERVER_HELLO {
            let mut hello = ServerHello::decode_all(&body).unwrap();
            hello.cipher_suite = CipherSuite::TLS_AES_256_GCM_SHA384;
            body = hello.encoded();
        }
        Some((msg_type, body))
    });
    assert_eq!(client, Some(PeerIncompatible::NoPsk.into()));
    assert_eq!(server, Some(Error::AlertReceived(Alert::HANDSHAKE_FAILURE)));
}

#[test]
fn a_look_up_answers_with_what_was_asked_for() {
    struct Answers(Arc<Psk>, NullBackend);
    impl Backend for Answers {
        fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
            match task {
                Task::LookUpPsk(_) => Some(Ok(TaskOutput::Psk(Some(Arc::clone(&self.0))))),
                _ => Backend::perform(&self.1, task),
            }
        }
    }
    for wrong in [key(b"psk256 of nobody"), Arc::new(Psk::external(b"psk256", &[1; 16], SHA384).unwrap())] {
        let case = case().with(|case| case.server.common.backend = Arc::new(Answers(wrong, NullBackend::new(4))));
        let told = Some(Error::AlertReceived(Alert::INTERNAL_ERROR));
        let misuse = Some(Error::ApiMisuse(crate::error::ApiMisuse::WrongTaskOutput));
        assert_eq!(case.run(|msg_type, body| Some((msg_type, body))), (told, misuse));
    }
}
