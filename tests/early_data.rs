//! Early data through an endpoint: with a listener that asks for cookies, and with one that does not.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/null.rs"]
mod null;

use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ClientConfig, CookiePolicy, ServerConfig};
use dtls_wasm::connection::{ClientOffer, Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::resumption::Session;
use dtls_wasm::endpoint::{Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::sim::{Conditions, Network, Node, Outcome, Pair};
use dtls_wasm::ticket::{CachedTickets, LocalStrikeRegister, TicketKey};
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::NamedGroup;
use null::START;

/// An endpoint as a server for one client.
struct Host {
    endpoint: Endpoint,
    events: Vec<ConnectionEvent>,
}

impl Host {
    fn new(config: &ServerConfig, now: Instant) -> Self {
        Self { endpoint: Endpoint::new(Some(Arc::new(config.clone())), now).unwrap(), events: Vec::new() }
    }

    fn take_events(&mut self) {
        while let Some((_, event)) = self.endpoint.poll_event() {
            if let EndpointEvent::Connection(event) = event {
                self.events.push(event);
            }
        }
    }
}

impl Node for Host {
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.endpoint.handle_datagram(PeerAddress::new(&[1]).unwrap(), datagram, now);
        self.take_events();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        let sends = self.endpoint.poll_transmit(datagram, now).is_some();
        self.take_events();
        sends
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }
}

/// Connects, with a session if there is one, and with early data then. Gives what happened to the client and to the
/// server.
fn connect(
    client: &ClientConfig,
    server: &ServerConfig,
    session: Option<Session>,
    now: Instant,
) -> (Vec<ConnectionEvent>, Vec<ConnectionEvent>) {
    let server_name = Some("example.org".to_owned());
    let early_data = session.is_some();
    let offer = ClientOffer { server_name, session, early_data, ..ClientOffer::default() };
    let mut client = Connection::connect(Arc::new(client.clone()), offer, now).unwrap();
    if early_data {
        client.send_early(b"early").unwrap();
    }
    let network = Network::new(1, Conditions { delay: Duration::from_millis(5), ..Conditions::default() });
    let mut pair = Pair::new(client, Host::new(server, now), network, now);
    let mut events = Vec::new();
    let outcome = pair.run(now + Duration::from_secs(10), |client, _| {
        events.extend(std::iter::from_fn(|| client.poll_event()));
        client.state() == ConnectionState::Connected && events.len() >= 2
    });
    assert_eq!(outcome, Outcome::Done, "{events:?}");
    pair.run(now + Duration::from_secs(1), |_, _| false);
    events.extend(std::iter::from_fn(|| pair.a.poll_event()));
    (events, pair.b.events)
}

fn configs(cookie: CookiePolicy) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (null::client(1), null::server(2));
    client.resumption = true;
    server.tickets = Some(Arc::new(CachedTickets::new(100)));
    server.max_early_data = 1000;
    server.strike_register = Some(Arc::new(LocalStrikeRegister::new(START)));
    server.cookie = cookie;
    (client, server)
}

fn session_of(events: &[ConnectionEvent]) -> Session {
    let session = |event: &ConnectionEvent| match event {
        ConnectionEvent::SessionReceived(session) => Some((**session).clone()),
        _ => None,
    };
    events.iter().find_map(session).expect("a session")
}

const LATER: Instant = Instant::from_micros(START.as_micros() + 60_000_000);

#[test]
fn a_listener_that_asks_for_no_cookie_lets_early_data_in() {
    // With a hello of one datagram, and with one of two.
    for groups in [vec![NamedGroup::X25519], vec![NamedGroup::X25519MLKEM768, NamedGroup::X25519]] {
        let (mut client, server) = configs(CookiePolicy::Never);
        client.key_shares = groups;
        let session = session_of(&connect(&client, &server, None, START).0);
        let (events, served) = connect(&client, &server, Some(session), LATER);
        assert_eq!(events[..2], [ConnectionEvent::EarlyDataAccepted, ConnectionEvent::Connected]);
        assert_eq!(served, [ConnectionEvent::EarlyData(b"early".to_vec()), ConnectionEvent::Connected]);
    }
}

#[test]
fn a_cookie_costs_the_early_data_but_not_the_resumption() {
    let (client, server) = configs(CookiePolicy::Always);
    let session = session_of(&connect(&client, &server, None, START).0);
    let (events, served) = connect(&client, &server, Some(session), LATER);
    assert_eq!(events[..2], [ConnectionEvent::EarlyDataRejected, ConnectionEvent::Connected]);
    assert_eq!(served, [ConnectionEvent::Connected]);
}

#[test]
fn a_ticket_of_one_server_opens_at_another_that_shares_its_keys_and_register() {
    use dtls_wasm::ticket::SealedTickets;
    let (client, one) = configs(CookiePolicy::Never);
    let tickets = || {
        let keys = vec![TicketKey::new(&[7; TicketKey::LEN])];
        Some(Arc::new(SealedTickets::with_keys(&one.common.provider, keys).unwrap()) as _)
    };
    let one = ServerConfig { tickets: tickets(), ..one.clone() };
    let other = ServerConfig { tickets: tickets(), ..one.clone() };
    let session = session_of(&connect(&client, &one, None, START).0);
    let (events, _) = connect(&client, &other, Some(session), LATER);
    assert_eq!(events[..2], [ConnectionEvent::EarlyDataAccepted, ConnectionEvent::Connected]);
}
