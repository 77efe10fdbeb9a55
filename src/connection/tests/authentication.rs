//! Client authentication after the handshake.

use super::*;
use crate::codec::{Decode as _, Encode as _};
use crate::crypto::task::Task;
use crate::error::PeerMisbehaved as P;
use crate::handshake::context::tampering;
use crate::wire::certificate::{Certificate, CertificateRequest};
use crate::wire::registry::{AlertDescription as Alert, HandshakeType};

fn willing() -> ClientConfig {
    ClientConfig { post_handshake_auth: true, ..client_config() }
}

/// Leaves every task to the test.
struct Nobody;

impl Backend for Nobody {
    fn perform(&self, _: &Task) -> Option<Result<TaskOutput, TaskError>> {
        None
    }
}

/// What the null back end makes of `task`.
fn result_of(task: &Task) -> Result<TaskOutput, TaskError> {
    Backend::perform(&NullBackend::new(2), task).unwrap()
}

fn settled(events: &mut Vec<ConnectionEvent>) -> (Vec<ExchangeId>, Vec<ExchangeId>) {
    let (mut authenticated, mut declined) = (Vec::new(), Vec::new());
    for event in events.drain(..) {
        match event {
            ConnectionEvent::PeerAuthenticated { request, .. } => authenticated.push(request),
            ConnectionEvent::PeerDeclined { request } => declined.push(request),
            _ => {}
        }
    }
    (authenticated, declined)
}

#[test]
fn a_client_authenticates_after_the_handshake_as_often_as_it_is_asked() {
    let mut pair = pair(willing(), server_config());
    connected(&mut pair);
    assert!(pair.b.peer_identity().is_none());
    let now = pair.now();
    let first = pair.b.request_client_authentication(false, now).unwrap();
    let second = pair.b.request_client_authentication(true, now).unwrap();
    assert_ne!(first, second);
    settle(&mut pair);
    assert_eq!(settled(&mut events(&mut pair.b)), (vec![first, second], vec![]));
    assert!(!pair.b.peer_certificates().is_empty());
    assert_eq!(pair.b.peer_identity().map(|peer| peer.is_server), Some(false));
    // Nothing is left over, and keys can still be renewed.
    assert!(pair.a.outgoing.is_empty() && pair.b.outgoing.is_empty());
    let now = pair.now();
    pair.a.update_keys(true, now).unwrap();
    settle(&mut pair);
    let now = pair.now();
    let third = pair.b.request_client_authentication(false, now).unwrap();
    settle(&mut pair);
    assert_eq!(settled(&mut events(&mut pair.b)), (vec![third], vec![]));
    assert_eq!(pair.a.epochs(), (4, 4));
}

#[test]
fn a_client_without_a_certificate_declines() {
    let without = |is_optional: bool| {
        let mut client = willing();
        client.common.backend = Arc::new(Unarmed(NullBackend::new(2)));
        let mut pair = pair(client, server_config());
        connected(&mut pair);
        let now = pair.now();
        let request = pair.b.request_client_authentication(is_optional, now).unwrap();
        settle(&mut pair);
        (request, pair)
    };
    let (request, mut pair) = without(true);
    assert_eq!(settled(&mut events(&mut pair.b)), (vec![], vec![request]));
    assert_eq!(pair.b.state(), ConnectionState::Connected);
    let (_, pair) = without(false);
    assert_eq!(pair.b.error(), Some(&P::NoCertificate.into()));
    assert_eq!(pair.a.error(), Some(&Error::AlertReceived(Alert::CERTIFICATE_REQUIRED)));
}

/// Has no certificate.
struct Unarmed(NullBackend);

impl Backend for Unarmed {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::SelectCredentials(_) => Some(Ok(TaskOutput::Credentials(None))),
            task => Backend::perform(&self.0, task),
        }
    }
}

#[test]
fn the_server_asks_only_whom_it_may() {
    use RequestAuthenticationError as E;
    let mut unwilling = pair(client_config(), server_config());
    let now = unwilling.now();
    assert_eq!(unwilling.b.request_client_authentication(false, now), Err(E::NotConnected));
    connected(&mut unwilling);
    assert_eq!(unwilling.b.request_client_authentication(false, now), Err(E::NotOffered));
    assert_eq!(unwilling.a.request_client_authentication(false, now), Err(E::NotServer));
    let mut pair = pair(willing(), server_config());
    connected(&mut pair);
    let now = pair.now();
    for _ in 0..4 {
        pair.b.request_client_authentication(false, now).unwrap();
    }
    assert_eq!(pair.b.request_client_authentication(false, now), Err(E::TooMany));
    settle(&mut pair);
    assert_eq!(settled(&mut events(&mut pair.b)).0.len(), 4);
    let now = pair.now();
    assert!(pair.b.request_client_authentication(false, now).is_ok());
}

/// Runs the tasks of both sides in whatever order `next` says, while data and a key update flow.
#[test]
fn answers_come_in_any_order_and_nothing_waits_for_them() {
    let mut pair = pair(willing(), server_config());
    connected(&mut pair);
    // From here on both sides leave their tasks to us.
    let (mut client, mut server) = (willing(), server_config());
    client.common.backend = Arc::new(Nobody);
    server.common.backend = Arc::new(Nobody);
    pair.a.role = Role::Client(Arc::new(client));
    pair.b.role = Role::Server(Arc::new(server));
    let now = pair.now();
    let first = pair.b.request_client_authentication(false, now).unwrap();
    let second = pair.b.request_client_authentication(false, now).unwrap();
    settle(&mut pair);

    // The client was asked twice, and answers the second first. A key update crosses.
    let (_, one) = pair.a.poll_task().unwrap();
    let (two_id, two) = pair.a.poll_task().unwrap();
    assert!(pair.a.poll_task().is_none());
    assert!(matches!((&one, &two), (Task::SelectCredentials(_), Task::SelectCredentials(_))));
    let now = pair.now();
    pair.a.handle_task(two_id, result_of(&two), now);
    let (sign_id, sign) = pair.a.poll_task().unwrap();
    pair.a.update_keys(true, now).unwrap();
    // The KeyUpdate is not acknowledged yet: what is ready now waits for the next epoch, and is finished with its key.
    pair.a.handle_task(sign_id, result_of(&sign), now);
    pair.a.send(b"meanwhile").unwrap();
    settle(&mut pair);
    assert_eq!((pair.a.epochs(), pair.b.epochs()), ((4, 4), (4, 4)));
    let heard = events(&mut pair.b);
    assert!(heard.contains(&ConnectionEvent::Datagram(b"meanwhile".to_vec())), "{heard:?}");

    // The server judges the second while nothing has come for the first. Data and keys go on meanwhile.
    let (verify_id, verify) = pair.b.poll_task().unwrap();
    assert!(matches!(&verify, Task::VerifySignature { .. }));
    assert!(pair.b.poll_task().is_none());
    let now = pair.now();
    pair.a.update_keys(false, now).unwrap();
    settle(&mut pair);
    pair.a.send(b"under newer keys").unwrap();
    settle(&mut pair);
    assert!(events(&mut pair.b).contains(&ConnectionEvent::Datagram(b"under newer keys".to_vec())));
    let now = pair.now();
    pair.b.handle_task(verify_id, result_of(&verify), now);
    let (judge_id, judge) = pair.b.poll_task().unwrap();
    assert!(matches!(&judge, Task::VerifyPeer(_)));
    pair.b.handle_task(judge_id, Ok(TaskOutput::Verified), now);
    // Once more, late.
    pair.b.handle_task(judge_id, Err(TaskError::Rejected), now);
    assert_eq!(settled(&mut events(&mut pair.b)), (vec![second], vec![]));
    assert!(pair.b.exchange_is_open(first));
}

impl Connection {
    fn exchange_is_open(&self, id: ExchangeId) -> bool {
        self.established.as_ref().is_some_and(|established| established.exchanges.contains(id))
    }
}

/// Runs one request, with `tamper` at work; gives back how client and server ended.
fn request_with(
    client: ClientConfig,
    tamper: impl FnMut(HandshakeType, Vec<u8>) -> Option<(HandshakeType, Vec<u8>)> + 'static,
) -> (Option<Error>, Option<Error>) {
    let mut pair = pair(client, server_config());
    connected(&mut pair);
    tampering::set(tamper);
    let now = pair.now();
    pair.b.request_client_authentication(false, now).unwrap();
    settle(&mut pair);
    tampering::clear();
    (pair.a.error().cloned(), pair.b.error().cloned())
}

fn told(alert: Alert) -> Option<Error> {
    Some(Error::AlertReceived(alert))
}

#[test]
fn requests_keep_the_rules() {
    // A client that did not offer to answer.
    let mut pair = pair(client_config(), server_config());
    connected(&mut pair);
    tampering::set(|_, _| {
        let request = CertificateRequest { request_context: vec![1], ..CertificateRequest::default() };
        Some((HandshakeType::CERTIFICATE_REQUEST, request.encoded()))
    });
    let now = pair.now();
    pair.b.update_keys(false, now).unwrap();
    settle(&mut pair);
    tampering::clear();
    let unexpected = P::UnexpectedMessage(HandshakeType::CERTIFICATE_REQUEST);
    assert_eq!(pair.a.error(), Some(&unexpected.into()));
    assert_eq!(pair.b.error(), told(Alert::UNEXPECTED_MESSAGE).as_ref());

    let without_schemes = |msg_type, body: Vec<u8>| {
        let mut body = body;
        if msg_type == HandshakeType::CERTIFICATE_REQUEST {
            body.truncate(1 + usize::from(body[0]));
            body.extend_from_slice(&[0, 0]);
        }
        Some((msg_type, body))
    };
    let missing = P::MissingExtension(crate::wire::registry::ExtensionType::SIGNATURE_ALGORITHMS);
    let expected = (Some(missing.into()), told(Alert::MISSING_EXTENSION));
    assert_eq!(request_with(willing(), without_schemes), expected);
}

#[test]
fn answers_keep_the_rules() {
    let illegal = Alert::ILLEGAL_PARAMETER;
    let other_context = |msg_type, body: Vec<u8>| {
        if msg_type != HandshakeType::CERTIFICATE {
            return Some((msg_type, body));
        }
        let mut certificate = Certificate::decode_all(&body).unwrap();
        certificate.request_context[3] ^= 1;
        Some((msg_type, certificate.encoded()))
    };
    let expected = (told(illegal), Some(P::InvalidCertificateRequestContext.into()));
    assert_eq!(request_with(willing(), other_context), expected);

    // Each message that is left out makes the next one unexpected.
    for (left_out, next) in [
        (HandshakeType::CERTIFICATE, HandshakeType::CERTIFICATE_VERIFY),
        (HandshakeType::CERTIFICATE_VERIFY, HandshakeType::FINISHED),
    ] {
        let tamper = move |msg_type, body| (msg_type != left_out).then_some((msg_type, body));
        let expected = (told(Alert::UNEXPECTED_MESSAGE), Some(P::UnexpectedMessage(next).into()));
        assert_eq!(request_with(willing(), tamper), expected, "without {left_out}");
    }
    // A message that stands between those of an answer.
    for target in [HandshakeType::CERTIFICATE_VERIFY, HandshakeType::FINISHED] {
        let tamper = move |msg_type, body| {
            Some(if msg_type == target { (HandshakeType::KEY_UPDATE, vec![0]) } else { (msg_type, body) })
        };
        let expected = (told(Alert::UNEXPECTED_MESSAGE), Some(P::UnexpectedMessage(HandshakeType::KEY_UPDATE).into()));
        assert_eq!(request_with(willing(), tamper), expected, "for {target}");
    }
    let damaged = |target| {
        move |msg_type, mut body: Vec<u8>| {
            if msg_type == target {
                *body.last_mut().unwrap() ^= 1;
            }
            Some((msg_type, body))
        }
    };
    let expected = |error: P| (told(Alert::DECRYPT_ERROR), Some(error.into()));
    assert_eq!(request_with(willing(), damaged(HandshakeType::FINISHED)), expected(P::FinishedMismatch));
    // A signature that is damaged is in the transcript: with everything behind it it was meant so.
    let mut client = willing();
    client.common.backend = Arc::new(Forger(NullBackend::new(2)));
    assert_eq!(request_with(client, |msg_type, body| Some((msg_type, body))), expected(P::InvalidSignature));
}

/// Signs wrongly.
struct Forger(NullBackend);

impl Backend for Forger {
    fn perform(&self, task: &Task) -> Option<Result<TaskOutput, TaskError>> {
        match task {
            Task::Sign { .. } => Some(Ok(TaskOutput::Signature(vec![1; 8]))),
            task => Backend::perform(&self.0, task),
        }
    }
}

#[test]
fn nobody_is_asked_more_often_than_the_limit_says() {
    let mut pair = pair(willing(), server_config());
    connected(&mut pair);
    let mut client = willing();
    client.common.backend = Arc::new(Nobody);
    pair.a.role = Role::Client(Arc::new(client));
    let mut server = server_config();
    server.common.limits.authentication_requests = 5;
    pair.b.role = Role::Server(Arc::new(server));
    let now = pair.now();
    for _ in 0..5 {
        pair.b.request_client_authentication(false, now).unwrap();
    }
    settle(&mut pair);
    assert_eq!(pair.a.error(), Some(&P::TooManyCertificateRequests.into()));
    assert_eq!(pair.b.error(), told(Alert::UNEXPECTED_MESSAGE).as_ref());
}

#[test]
fn one_context_is_asked_for_once_at_a_time() {
    let mut pair = pair(willing(), server_config());
    connected(&mut pair);
    let mut client = willing();
    client.common.backend = Arc::new(Nobody);
    pair.a.role = Role::Client(Arc::new(client));
    tampering::set(|msg_type, body| {
        let mut request = CertificateRequest::decode_all(&body).unwrap();
        request.request_context = b"same".to_vec();
        Some((msg_type, request.encoded()))
    });
    let now = pair.now();
    pair.b.request_client_authentication(false, now).unwrap();
    pair.b.request_client_authentication(false, now).unwrap();
    tampering::clear();
    settle(&mut pair);
    assert_eq!(pair.a.error(), Some(&P::InvalidCertificateRequestContext.into()));
    assert_eq!(pair.b.error(), told(Alert::ILLEGAL_PARAMETER).as_ref());
}
