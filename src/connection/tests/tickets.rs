//! Tickets: how many are sent, what stands behind them, and what a client makes of them.

use super::*;
use crate::connection::ClientOffer;
use crate::crypto::resumption::{ResumptionState, Session};
use crate::ticket::{CachedTickets, LocalStrikeRegister, SealedTickets};
use crate::wire::client_hello::TicketRequest;

pub(super) fn with_tickets() -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (client_config(), server_config());
    client.resumption = true;
    let tickets = SealedTickets::new(&server.common.provider, Duration::from_secs(86_400), START).unwrap();
    server.tickets = Some(Arc::new(tickets));
    (client, server)
}

/// The sessions that a client gets in one connection.
fn sessions(client: ClientConfig, server: ServerConfig) -> Vec<Session> {
    let mut pair = pair(client, server);
    connected(&mut pair);
    settle(&mut pair);
    assert!(pair.b.outgoing.is_empty(), "every ticket is acknowledged");
    let session = |event| match event {
        ConnectionEvent::SessionReceived(session) => *session,
        other => panic!("{other:?}"),
    };
    events(&mut pair.a).into_iter().map(session).collect()
}

/// What the server knows of a ticket, and what the client knows, but for the time at which they learnt of it.
fn opened(server: &ServerConfig, session: &Session) -> ResumptionState {
    let state = server.tickets.as_ref().unwrap().open(&session.ticket, session.state.issued_at).unwrap();
    let (issued_at, authenticated_at) = (session.state.issued_at, session.state.authenticated_at);
    assert!(issued_at - state.issued_at <= Duration::from_millis(10));
    ResumptionState { issued_at, authenticated_at, peer_certificates: session.state.peer_certificates.clone(), ..state }
}

#[test]
fn both_sides_know_the_same_of_a_ticket() {
    let (mut client, mut server) = with_tickets();
    client.common.alpn_protocols = vec![b"coap".to_vec()];
    server.common.alpn_protocols = vec![b"coap".to_vec()];
    server.max_early_data = 4096;
    server.strike_register = Some(Arc::new(LocalStrikeRegister::new(START)));
    let sessions = sessions(client, server.clone());
    assert_eq!(sessions.len(), 2);
    for session in &sessions {
        assert_eq!(opened(&server, session), session.state);
        assert_eq!(session.state.server_name.as_deref(), Some("example.org"));
        assert_eq!(session.state.alpn_protocol.as_deref(), Some(&b"coap"[..]));
        assert_eq!(session.state.peer_certificates, NullBackend::credentials().chain);
        assert_eq!((session.state.lifetime, session.state.max_early_data), (86_400, 4096));
        let bytes = session.to_bytes();
        assert_eq!(Session::from_bytes(bytes.expose()).as_ref(), Ok(session));
    }
    assert_ne!(sessions[0].state.secret, sessions[1].state.secret, "each ticket has a key of its own");
    assert_ne!(sessions[0].state.age_add, sessions[1].state.age_add);
}

#[test]
fn the_server_remembers_who_the_client_is() {
    let (client, mut server) = with_tickets();
    server.client_auth = ClientAuth::Required;
    let session = sessions(client, server.clone()).remove(0);
    let state = server.tickets.unwrap().open(&session.ticket, START).unwrap();
    assert_eq!(state.peer_certificates, NullBackend::credentials().chain);
}

#[test]
fn there_are_as_many_tickets_as_both_sides_want() {
    let count = |change: fn(&mut ClientConfig, &mut ServerConfig)| {
        let (mut client, mut server) = with_tickets();
        change(&mut client, &mut server);
        sessions(client, server).len()
    };
    assert_eq!(count(|_, _| ()), 2);
    assert_eq!(count(|_, server| server.ticket_count = 5), 5);
    assert_eq!(count(|_, server| server.ticket_count = 0), 0);
    assert_eq!(count(|_, server| server.tickets = None), 0);
    assert_eq!(count(|client, _| client.resumption = false), 0);
    let request = |new| Some(TicketRequest { new_session_count: new, resumption_count: 9 });
    let asking = |new, most| {
        let (mut client, mut server) = with_tickets();
        client.ticket_request = request(new);
        server.ticket_count = most;
        sessions(client, server).len()
    };
    assert_eq!([asking(1, 2), asking(0, 2), asking(2, 2), asking(4, 2), asking(4, 10)], [1, 0, 2, 2, 4]);
    // A client takes only so many.
    assert_eq!(asking(255, 100), 32);
}

#[test]
fn a_server_without_tickets_does_not_answer_a_request() {
    let (mut client, mut server) = with_tickets();
    client.ticket_request = Some(TicketRequest { new_session_count: 1, resumption_count: 1 });
    server.tickets = None;
    assert_eq!(sessions(client, server), []);
}

#[test]
fn a_ticket_that_is_none_costs_a_full_handshake() {
    let (client, server) = with_tickets();
    let good = sessions(client.clone(), server.clone()).remove(0);
    let mut tickets: Vec<Vec<u8>> = [1, 16, 32, 48, 49, 66, 200, 3000].map(|len| vec![0xa5; len]).to_vec();
    for at in (0..good.ticket.len()).step_by(5) {
        tickets.push(good.ticket[..at + 1].to_vec());
        let mut damaged = good.ticket.clone();
        damaged[at] ^= 0x10;
        tickets.push(damaged);
    }
    let is_resumed = |ticket: Vec<u8>| {
        let session = Some(Session { ticket, ..good.clone() });
        let offer = ClientOffer { server_name: Some("example.org".to_owned()), session, ..ClientOffer::default() };
        let connection = Connection::connect(Arc::new(client.clone()), offer, START).unwrap();
        let mut pair = pair(client.clone(), server.clone());
        pair.a = connection;
        connected(&mut pair);
        pair.a.negotiated().unwrap().resumed
    };
    assert!(is_resumed(good.ticket.clone()));
    for ticket in tickets {
        assert!(!is_resumed(ticket.clone()), "{ticket:?}");
    }
}

#[test]
fn a_store_may_decline() {
    let (client, mut server) = with_tickets();
    server.tickets = Some(Arc::new(CachedTickets::new(0)));
    assert_eq!(sessions(client, server), []);
}

#[test]
fn lifetimes_are_cut_to_what_the_protocol_allows() {
    let lifetime = |configured| {
        let (client, mut server) = with_tickets();
        server.ticket_lifetime = configured;
        sessions(client, server).first().map(|session| session.state.lifetime)
    };
    assert_eq!(lifetime(Duration::from_secs(60)), Some(60));
    assert_eq!(lifetime(Duration::from_secs(1_000_000)), Some(604_800));
    assert_eq!(lifetime(Duration::ZERO), None);
}
