//! What certificates bring along, what is asked of them, and each way to get that wrong.

use std::sync::Mutex;

use super::*;
use crate::crypto::task::{Credentials, CredentialsRequest, Task};
use crate::wire::certificate::CertificateEntry;
use crate::wire::delegated_credential::DelegatedCredential;
use crate::wire::extension::OtherExtension;
use crate::wire::extensions::status_request::timestamp_list;
use crate::wire::registry::CertificateType;

const RAW: CertificateType = CertificateType::RAW_PUBLIC_KEY;
const X509: CertificateType = CertificateType::X509;
const CERTIFICATE: HandshakeType = HandshakeType::CERTIFICATE;

/// The null back end, with credentials of its own; remembers what it was asked.
struct Armed {
    inner: NullBackend,
    credentials: Option<Credentials>,
    asked: Mutex<Vec<CredentialsRequest>>,
}

fn armed(credentials: Option<Credentials>) -> Arc<Armed> {
    Arc::new(Armed { inner: NullBackend::new(9), credentials, asked: Mutex::default() })
}

impl Backend for Armed {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        if let Task::SelectCredentials(request) = task {
            self.asked.lock().unwrap().push(request.clone());
            return Some(Ok(TaskOutput::Credentials(self.credentials.clone().map(Arc::new))));
        }
        Backend::perform(&self.inner, task)
    }
}

fn x509() -> Credentials {
    NullBackend::credentials()
}

fn raw() -> Credentials {
    let Credentials { key, schemes, .. } = NullBackend::credentials();
    Credentials::raw_public_key(b"a bare key".to_vec(), key, schemes)
}

/// Both sides show raw public keys, and accept nothing else.
fn raw_keys() -> Case {
    Case::new().with(|case| {
        case.server.client_auth = ClientAuth::Required;
        for common in [&mut case.client.common, &mut case.server.common] {
            common.backend = armed(Some(raw()));
            common.certificates.own_types = vec![RAW];
            common.certificates.peer_types = vec![RAW];
        }
    })
}

fn connect(case: Case) -> Pair<Connection, Connection> {
    let mut pair = pair(case.client, case.server);
    connected(&mut pair);
    pair
}

#[test]
fn raw_keys_are_negotiated_for_each_side() {
    let pair = connect(raw_keys());
    for side in [&pair.a, &pair.b] {
        let negotiated = side.negotiated().unwrap();
        assert_eq!((negotiated.client_certificate_type, negotiated.server_certificate_type), (RAW, RAW));
        let peer = side.peer_identity().unwrap();
        assert_eq!((peer.certificate_type, &peer.chain[..]), (RAW, &[b"a bare key".to_vec()][..]));
    }
    // One side alone; and a preference that only one side has.
    let pair = connect(raw_keys().with(|case| {
        case.client.common.backend = armed(Some(x509()));
        case.client.common.certificates.own_types = vec![X509, RAW];
        case.client.common.certificates.peer_types = vec![X509, RAW];
        case.server.common.certificates.peer_types = vec![X509];
    }));
    let negotiated = pair.a.negotiated().unwrap();
    assert_eq!((negotiated.client_certificate_type, negotiated.server_certificate_type), (X509, RAW));
    assert_eq!(pair.b.peer_identity().unwrap().certificate_type, X509);
}

#[test]
fn without_a_type_in_common_there_is_no_certificate() {
    let told = Some(Error::AlertReceived(Alert::UNSUPPORTED_CERTIFICATE));
    let none = Some(Error::from(PeerIncompatible::NoCertificateType));
    let run = |case: Case| case.run(|msg_type, body| Some((msg_type, body)));
    let servers = raw_keys().with(|case| case.server.common.certificates.own_types = vec![X509]);
    assert_eq!(run(servers), (told.clone(), none.clone()));
    let clients = raw_keys().with(|case| case.client.common.certificates.own_types = vec![X509]);
    assert_eq!(run(clients), (told.clone(), none.clone()));
    // A server that says nothing shows an X.509 certificate, which these clients do not take.
    let forget = changing(HandshakeType::ENCRYPTED_EXTENSIONS, |m: &mut EncryptedExtensions| {
        m.server_certificate_type = None;
    });
    assert_eq!(raw_keys().run(forget), (none, told));
}

#[test]
fn types_are_listed_and_selected_by_the_rules() {
    use PeerMisbehaved as P;
    let ch = HandshakeType::CLIENT_HELLO;
    let ee = HandshakeType::ENCRYPTED_EXTENSIONS;
    let illegal = Alert::ILLEGAL_PARAMETER;
    for list in [vec![], vec![X509]] {
        let own = list.clone();
        let change = move |m: &mut ClientHello| m.extensions.client_certificate_types = Some(own.clone());
        Case::new().server_finds(ch, change, P::PointlessCertificateTypes, illegal);
        let change = move |m: &mut ClientHello| m.extensions.server_certificate_types = Some(list.clone());
        Case::new().server_finds(ch, change, P::PointlessCertificateTypes, illegal);
    }
    let unsupported = Alert::UNSUPPORTED_CERTIFICATE;
    let other = CertificateType(1);
    let change = move |m: &mut EncryptedExtensions| m.server_certificate_type = Some(other);
    raw_keys().client_finds(ee, change, P::SelectedUnofferedCertificateType, unsupported);
    let change = move |m: &mut EncryptedExtensions| m.client_certificate_type = Some(X509);
    raw_keys().client_finds(ee, change, P::SelectedUnofferedCertificateType, unsupported);
    let change = move |m: &mut EncryptedExtensions| m.server_certificate_type = Some(RAW);
    let unsolicited = P::UnsolicitedExtension(ExtensionType::SERVER_CERTIFICATE_TYPE);
    Case::new().client_finds(ee, change, unsolicited, Alert::UNSUPPORTED_EXTENSION);
}

#[test]
fn a_raw_key_stands_alone() {
    use PeerMisbehaved as P;
    let twice = |m: &mut Certificate| m.entries.push(m.entries[0].clone());
    raw_keys().client_finds(CERTIFICATE, twice, P::SeveralRawPublicKeys, Alert::ILLEGAL_PARAMETER);
    let stapled = |m: &mut Certificate| m.entries[0].add_ocsp_response(b"response");
    let unsolicited = P::UnsolicitedExtension(ExtensionType::STATUS_REQUEST);
    let asking = raw_keys().with(|case| case.client.common.certificates.request_ocsp = true);
    asking.client_finds(CERTIFICATE, stapled, unsolicited, Alert::UNSUPPORTED_EXTENSION);
}

fn stapled() -> Credentials {
    x509().with_ocsp_response(b"response".to_vec()).with_signed_certificate_timestamps(timestamp_list(&[b"log"]))
}

#[test]
fn responses_and_timestamps_come_to_whoever_asks() {
    for asks in [false, true] {
        let pair = connect(Case::new().with(|case| {
            case.server.client_auth = ClientAuth::Required;
            for common in [&mut case.client.common, &mut case.server.common] {
                common.backend = armed(Some(stapled()));
                common.certificates.request_ocsp = asks;
                common.certificates.request_timestamps = asks;
            }
        }));
        for side in [&pair.a, &pair.b] {
            let peer = side.peer_identity().unwrap();
            assert_eq!(peer.ocsp_response, asks.then(|| b"response".to_vec()));
            assert_eq!(peer.signed_certificate_timestamps, asks.then(|| timestamp_list(&[b"log"])));
        }
    }
}

#[test]
fn extensions_of_a_certificate_are_well_formed_and_asked_for() {
    use PeerMisbehaved as P;
    let asking = || {
        Case::new().with(|case| {
            case.client.common.certificates.request_ocsp = true;
            case.client.common.certificates.request_timestamps = true;
        })
    };
    let extend =
        |number: ExtensionType, data: &'static [u8]| move |m: &mut Certificate| m.entries[0].add(number, data.to_vec());
    let (ocsp, log) = (ExtensionType::STATUS_REQUEST, ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP);
    for (number, data, error) in [
        (ocsp, &[1, 0, 0, 0][..], InvalidMessage::EmptyVector),
        (ocsp, &[1, 0, 0, 1, 7, 7], InvalidMessage::TrailingData),
        (log, &[0, 0], InvalidMessage::EmptyVector),
        (log, &[0, 2, 0, 0], InvalidMessage::EmptyVector),
    ] {
        asking().client_finds(CERTIFICATE, extend(number, data), error, Alert::DECODE_ERROR);
    }
    let status = extend(ocsp, &[2, 0, 0, 1, 7]);
    asking().client_finds(CERTIFICATE, status, InvalidMessage::InvalidValue, Alert::ILLEGAL_PARAMETER);
    for number in [ocsp, log, ExtensionType(0xfafa)] {
        let unsolicited = P::UnsolicitedExtension(number);
        Case::new().client_finds(CERTIFICATE, extend(number, &[]), unsolicited, Alert::UNSUPPORTED_EXTENSION);
    }
    // The same on a certificate that is not the first.
    let second = |m: &mut Certificate| {
        let extensions = vec![OtherExtension { extension_type: ExtensionType::STATUS_REQUEST, data: vec![1] }];
        m.entries.push(CertificateEntry { der: b"issuer".to_vec(), extensions });
    };
    asking().client_finds(CERTIFICATE, second, InvalidMessage::TooShort, Alert::DECODE_ERROR);
}

#[test]
fn whoever_chooses_a_certificate_hears_all_that_is_asked() {
    let (client, server) = (armed(Some(x509())), armed(Some(x509())));
    let names = vec![vec![0x30, 0], vec![0x30, 2, 0x31, 0]];
    let (own, theirs) = (Arc::clone(&client), Arc::clone(&server));
    let case = Case::new().with(|case| {
        case.server.client_auth = ClientAuth::Required;
        case.client.common.backend = own;
        case.server.common.backend = theirs;
        for common in [&mut case.client.common, &mut case.server.common] {
            common.certificates.authorities = names.clone();
            common.certificates.chain_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256];
            common.certificates.delegated_schemes = vec![SignatureScheme::ED25519];
        }
    });
    let schemes = case.client.common.signature_schemes.clone();
    connect(case);
    for (backend, is_server) in [(client, false), (server, true)] {
        let mut expected = CredentialsRequest::new(is_server.then(|| "example.org".into()), schemes.clone(), is_server);
        expected.authorities = names.clone();
        expected.chain_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256];
        expected.delegated_schemes = vec![SignatureScheme::ED25519];
        assert_eq!(*backend.asked.lock().unwrap(), [expected]);
    }
    // Nothing of it is sent where there is nothing to say: an empty list of names would be malformed.
    let request = CertificateRequest { signature_algorithms: schemes, ..CertificateRequest::default() };
    let asks = Case::new().with(|case| case.server.client_auth = ClientAuth::Required);
    let seen = changing(HandshakeType::CERTIFICATE_REQUEST, move |m: &mut CertificateRequest| {
        m.present.clear();
        assert_eq!(*m, request);
    });
    tampering::set(seen);
    connect(asks);
    tampering::clear();
    let empty = |m: &mut Raw| {
        // certificate_authorities, with an empty list.
        let len = u16::from_be_bytes([m.0[1], m.0[2]]) + 6;
        m.0[1..3].copy_from_slice(&len.to_be_bytes());
        m.0.extend_from_slice(&[0, 47, 0, 2, 0, 0]);
    };
    let asks = Case::new().with(|case| case.server.client_auth = ClientAuth::Required);
    let request = HandshakeType::CERTIFICATE_REQUEST;
    asks.client_finds(request, empty, InvalidMessage::EmptyVector, Alert::DECODE_ERROR);
}

/// What the null back end signs as the owner of a certificate.
fn delegated(is_server: bool, change: impl FnOnce(&mut DelegatedCredential)) -> Credentials {
    let own = x509();
    let mut credential = DelegatedCredential {
        valid_time: 60,
        scheme: SignatureScheme::ED25519,
        public_key: b"the lent key".to_vec(),
        algorithm: SignatureScheme::ECDSA_SECP256R1_SHA256,
        signature: Vec::new(),
    };
    let content = credential.signed_content(is_server, &own.chain[0]);
    let sign = Task::Sign { key: own.key.clone(), scheme: credential.algorithm, content };
    let Some(Ok(TaskOutput::Signature(signature))) = Backend::perform(&NullBackend::new(0), &sign) else {
        panic!("no signature")
    };
    credential.signature = signature;
    change(&mut credential);
    own.clone().with_delegated_credential(credential, own.key)
}

fn lending(change: impl Fn(&mut DelegatedCredential)) -> Case {
    Case::new().with(|case| {
        case.server.client_auth = ClientAuth::Required;
        case.client.common.backend = armed(Some(delegated(false, &change)));
        case.server.common.backend = armed(Some(delegated(true, &change)));
        for common in [&mut case.client.common, &mut case.server.common] {
            common.certificates.delegated_schemes = vec![SignatureScheme::ED25519];
        }
    })
}

#[test]
fn both_sides_sign_with_lent_keys() {
    let pair = connect(lending(|_| ()));
    for side in [&pair.a, &pair.b] {
        assert!(side.peer_identity().unwrap().is_delegated);
    }
    // They are only for peers that accept them.
    let refusing = lending(|_| ()).with(|case| case.client.common.certificates.delegated_schemes.clear());
    let (client, server) = refusing.run(|msg_type, body| Some((msg_type, body)));
    assert_eq!(server, Some(PeerIncompatible::NoCredentials.into()));
    assert_eq!(client, Some(Error::AlertReceived(Alert::HANDSHAKE_FAILURE)));
}

#[test]
fn a_lent_key_that_is_not_good_is_refused() {
    use PeerMisbehaved as P;
    let illegal = Alert::ILLEGAL_PARAMETER;
    let change = |change: fn(&mut DelegatedCredential)| {
        move |m: &mut Certificate| {
            let data = &mut m.entries[0].extensions[0].data;
            let mut credential = DelegatedCredential::decode_all(data).unwrap();
            change(&mut credential);
            *data = credential.encoded();
        }
    };
    let bad = P::InvalidDelegatedCredential;
    let find =
        |wrong: fn(&mut DelegatedCredential)| lending(|_| ()).client_finds(CERTIFICATE, change(wrong), bad, illegal);
    find(|m| m.scheme = SignatureScheme::ECDSA_SECP256R1_SHA256);
    find(|m| m.algorithm = SignatureScheme::ED448);
    // Its signature covers all of it.
    find(|m| m.signature[0] ^= 1);
    find(|m| m.public_key[0] ^= 1);
    find(|m| m.valid_time += 1);
    let verify = |m: &mut CertificateVerify| m.scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    lending(|_| ()).client_finds(HandshakeType::CERTIFICATE_VERIFY, verify, bad, illegal);
    let cut = |m: &mut Certificate| m.entries[0].extensions[0].data.truncate(5);
    lending(|_| ()).client_finds(CERTIFICATE, cut, InvalidMessage::TooShort, Alert::DECODE_ERROR);
    // Nobody asked.
    let (_, server) = (x509(), delegated(true, |_| ()));
    let credential = server.delegated_credential.unwrap().encoded();
    let lend = move |m: &mut Certificate| m.entries[0].add(ExtensionType::DELEGATED_CREDENTIAL, credential.clone());
    Case::new().client_finds(CERTIFICATE, lend, P::UnsolicitedDelegatedCredential, Alert::UNEXPECTED_MESSAGE);
}

#[test]
fn compression_that_was_not_offered_is_unexpected() {
    let unexpected = PeerMisbehaved::UnexpectedMessage(HandshakeType::COMPRESSED_CERTIFICATE);
    let tamper = |msg_type, body| {
        Some((if msg_type == CERTIFICATE { HandshakeType::COMPRESSED_CERTIFICATE } else { msg_type }, body))
    };
    let expected = (Some(unexpected.into()), Some(Error::AlertReceived(Alert::UNEXPECTED_MESSAGE)));
    assert_eq!(Case::new().run(tamper), expected);
}

#[cfg(feature = "certificate-compression")]
mod compressed {
    use super::*;
    use crate::wire::certificate::CompressedCertificate;
    use crate::wire::registry::CertificateCompressionAlgorithm;

    const ALGORITHMS: [CertificateCompressionAlgorithm; 2] =
        [CertificateCompressionAlgorithm::ZLIB, CertificateCompressionAlgorithm::BROTLI];

    fn compressing(algorithm: CertificateCompressionAlgorithm) -> Case {
        Case::new().with(|case| {
            case.server.client_auth = ClientAuth::Required;
            for common in [&mut case.client.common, &mut case.server.common] {
                let mut long = x509();
                long.chain.push(b"an issuer with much to say ".repeat(100));
                common.backend = armed(Some(long));
                common.certificates.compression = vec![algorithm];
            }
        })
    }

    #[test]
    fn chains_are_compressed_both_ways() {
        for algorithm in ALGORITHMS {
            let case = compressing(algorithm);
            let seen = Arc::new(Mutex::new(Vec::new()));
            let told = Arc::clone(&seen);
            tampering::set(move |msg_type, body| {
                if matches!(msg_type, CERTIFICATE | HandshakeType::COMPRESSED_CERTIFICATE) {
                    assert!(body.len() < 400, "{msg_type} of {} bytes", body.len());
                    told.lock().unwrap().push(msg_type);
                }
                Some((msg_type, body))
            });
            let pair = connect(case);
            tampering::clear();
            assert_eq!(*seen.lock().unwrap(), [HandshakeType::COMPRESSED_CERTIFICATE; 2]);
            for side in [&pair.a, &pair.b] {
                assert_eq!(side.peer_certificates()[1].len(), 2700);
            }
        }
        // Without an algorithm in common certificates stay as they are.
        let case = compressing(CertificateCompressionAlgorithm::ZLIB)
            .with(|case| case.client.common.certificates.compression = vec![CertificateCompressionAlgorithm::BROTLI]);
        connect(case);
    }

    #[test]
    fn what_does_not_decompress_is_refused() {
        use PeerMisbehaved as P;
        let find = |change: fn(&mut CompressedCertificate), error: Error, alert| {
            for algorithm in ALGORITHMS {
                compressing(algorithm).client_finds(
                    HandshakeType::COMPRESSED_CERTIFICATE,
                    change,
                    error.clone(),
                    alert,
                );
            }
        };
        let bad = Alert::BAD_CERTIFICATE;
        find(
            |m| m.algorithm = CertificateCompressionAlgorithm(0xff),
            P::UnofferedCompression.into(),
            Alert::ILLEGAL_PARAMETER,
        );
        find(|m| m.uncompressed_length += 1, P::InvalidCompressedCertificate.into(), bad);
        find(|m| m.uncompressed_length -= 1, P::InvalidCompressedCertificate.into(), bad);
        find(|m| m.compressed.truncate(20), P::InvalidCompressedCertificate.into(), bad);
        find(|m| m.uncompressed_length = 32 * 1024 + 1, P::CompressedCertificateTooLong.into(), bad);
        find(|m| m.uncompressed_length = 0xff_ffff, P::CompressedCertificateTooLong.into(), bad);
    }
}
