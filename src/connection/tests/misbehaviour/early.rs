//! Rules of resumption and early data, each with what it is when it is broken.

use super::*;
use crate::connection::ClientOffer;
use crate::connection::tests::early::{LATER, configs, network, server_at, sessions};
use crate::crypto::resumption::Session;
use crate::wire::client_hello::TicketRequest;

/// Runs a connection that resumes another and offers early data, with `tamper` at work; gives how client and server
/// ended.
fn run(
    configs: (ClientConfig, ServerConfig),
    session: Session,
    tamper: impl FnMut(HandshakeType, Vec<u8>) -> Option<(HandshakeType, Vec<u8>)> + 'static,
) -> (Option<Error>, Option<Error>) {
    tampering::set(tamper);
    let offer = ClientOffer {
        server_name: Some("example.org".to_owned()),
        session: Some(session),
        early_data: true,
        ..ClientOffer::default()
    };
    let client = Connection::connect(Arc::new(configs.0), offer, LATER).unwrap();
    let mut pair = Pair::new(client, server_at(&configs.1, LATER), network(), LATER);
    let over = |connection: &Connection| connection.error().is_some();
    pair.run(LATER + Duration::from_secs(20), |a, b| over(a) && over(b));
    tampering::clear();
    (pair.a.error().cloned(), pair.b.error().cloned())
}

fn found(error: impl Into<Error>) -> Option<Error> {
    Some(error.into())
}

const fn told(alert: Alert) -> Option<Error> {
    Some(Error::AlertReceived(alert))
}

#[test]
fn early_data_is_accepted_as_it_was_offered() {
    use PeerMisbehaved as P;
    let ee = HandshakeType::ENCRYPTED_EXTENSIONS;
    let accept = |m: &mut EncryptedExtensions| m.early_data = true;
    // Nobody offered any.
    let unsolicited = P::UnsolicitedExtension(ExtensionType::EARLY_DATA);
    Case::new().client_finds(ee, accept, unsolicited, Alert::UNSUPPORTED_EXTENSION);
    let illegal = Alert::ILLEGAL_PARAMETER;
    let (mut client, mut server) = configs();
    client.common.alpn_protocols = vec![b"a".to_vec()];
    server.common.alpn_protocols = vec![b"a".to_vec()];
    let session = sessions(&client, &server).remove(0);
    let case = |change: fn(&mut ClientConfig, &mut ServerConfig)| {
        let (mut client, mut server) = (client.clone(), server.clone());
        change(&mut client, &mut server);
        run((client, server), session.clone(), changing(ee, accept))
    };
    // A HelloRetryRequest has refused it.
    let retried = case(|_, server| server.common.groups = vec![NamedGroup::SECP256R1]);
    assert_eq!(retried, (found(unsolicited), told(Alert::UNSUPPORTED_EXTENSION)));
    // The connection is not resumed.
    let full = case(|_, server| server.tickets = None);
    assert_eq!(full, (found(P::EarlyDataWithOtherPsk), told(illegal)));
    // It is resumed, with another suite, or another protocol.
    let suite = case(|_, server| server.common.cipher_suites.reverse());
    assert_eq!(suite, (found(P::EarlyDataWithOtherParameters), told(illegal)));
    let protocol = case(|_, server| server.common.alpn_protocols.clear());
    assert_eq!(protocol, (found(P::EarlyDataWithOtherParameters), told(illegal)));
}

#[test]
fn early_data_is_offered_with_a_key_and_once() {
    use PeerMisbehaved as P;
    let hello = HandshakeType::CLIENT_HELLO;
    let offer = |m: &mut ClientHello| m.extensions.early_data = true;
    let missing = P::MissingExtension(ExtensionType::PRE_SHARED_KEY);
    Case::new().server_finds(hello, offer, missing, Alert::MISSING_EXTENSION);
    let mut seen = 0;
    let again = move |m: &mut ClientHello| {
        seen += 1;
        m.extensions.early_data = seen == 2;
    };
    let retried = Case::new().with(|case| case.server.common.groups = vec![NamedGroup::SECP256R1]);
    retried.server_finds(hello, again, missing, Alert::MISSING_EXTENSION);
    let (client, mut server) = configs();
    let session = sessions(&client, &server).remove(0);
    server.common.groups = vec![NamedGroup::SECP256R1];
    let ends = run((client, server), session, changing(hello, offer));
    assert_eq!(ends, (told(Alert::ILLEGAL_PARAMETER), found(P::EarlyDataAfterRetry)));
}

#[test]
fn a_ticket_request_is_answered_in_its_place() {
    use PeerMisbehaved as P;
    let answer = |m: &mut EncryptedExtensions| m.ticket_request = Some(1);
    let unsolicited = P::UnsolicitedExtension(ExtensionType::TICKET_REQUEST);
    let ee = HandshakeType::ENCRYPTED_EXTENSIONS;
    Case::new().client_finds(ee, answer, unsolicited, Alert::UNSUPPORTED_EXTENSION);
    //= https://www.rfc-editor.org/rfc/rfc9149#section-3
    //# A
    //# client MUST abort the connection with an "illegal_parameter" alert if
    //# the "ticket_request" extension is present in any server handshake
    //# message.
    let asking = Case::new().with(|case| {
        case.client.ticket_request = Some(TicketRequest { new_session_count: 1, resumption_count: 1 });
    });
    let misplace = |m: &mut Raw| {
        // The length of the extensions stands behind version, random, an empty id, suite and compression.
        m.0[39] += 5;
        m.0.extend_from_slice(&[0, 58, 0, 1, 1]);
    };
    let misplaced = P::MisplacedExtension(ExtensionType::TICKET_REQUEST);
    asking.client_finds(HandshakeType::SERVER_HELLO, misplace, misplaced, Alert::ILLEGAL_PARAMETER);
}

#[test]
fn a_malformed_ticket_is_an_error_and_nobody_sends_one_to_a_server() {
    use crate::wire::post_handshake::NewSessionTicket;
    let nst = HandshakeType::NEW_SESSION_TICKET;
    let ends = |change: fn(&mut NewSessionTicket)| {
        let (client, server) = configs();
        Case { client, server }.run(changing(nst, change))
    };
    assert_eq!(ends(|_| ()), (None, None));
    assert_eq!(ends(|m| m.ticket.clear()), (found(InvalidMessage::EmptyVector), told(Alert::DECODE_ERROR)));
    // One that is to be forgotten at once, and one that lives for too long, are none.
    assert_eq!(ends(|m| m.ticket_lifetime = 0), (None, None));
    assert_eq!(ends(|m| m.ticket_lifetime = u32::MAX), (None, None));
}
