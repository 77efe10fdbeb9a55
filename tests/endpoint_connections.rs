//! Endpoints with many peers: over bad networks, beyond their limits, and with clients that begin anew.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/null.rs"]
mod null;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::{ConfigError, CookiePolicy, ServerConfig};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::null::NullBackend;
use dtls_wasm::crypto::task::{Backend, Task, TaskError, TaskOutput};
use dtls_wasm::endpoint::limits::EndpointLimits;
use dtls_wasm::endpoint::{ConnectError, ConnectionHandle, Endpoint, EndpointEvent, PeerAddress, RemovalReason};
use dtls_wasm::error::Error;
use dtls_wasm::sim::{Conditions, Network, Side, SplitMix64};
use dtls_wasm::time::Instant;
use dtls_wasm::trace::memory::MemoryTrace;
use dtls_wasm::wire::registry::AlertDescription;
use null::START;

fn address(number: u16) -> PeerAddress {
    PeerAddress::from(SocketAddr::from(([192, 0, 2, 1], number)))
}

fn client(seed: u64, now: Instant) -> Connection {
    Connection::client(Arc::new(null::client(seed)), Some("example.org"), now).unwrap()
}

fn server(limits: EndpointLimits) -> Endpoint {
    Endpoint::with_limits(Some(Arc::new(null::server(1))), limits, START).unwrap()
}

const GOOD: Conditions = Conditions {
    loss: 0.0,
    duplicate: 0.0,
    reorder: 0.0,
    delay: Duration::from_millis(5),
    jitter: Duration::ZERO,
    mtu: usize::MAX,
};

/// A server and clients, each at its own address behind its own network.
struct World {
    now: Instant,
    server: Endpoint,
    clients: BTreeMap<PeerAddress, (Connection, Network)>,
    /// What the server's application was told.
    events: Vec<(ConnectionHandle, EndpointEvent)>,
    /// Datagrams for addresses where nobody is.
    strays: u64,
}

impl World {
    fn new(server: Endpoint) -> Self {
        Self { now: START, server, clients: BTreeMap::new(), events: Vec::new(), strays: 0 }
    }

    /// Puts `connection` at `address`; whoever was there is gone.
    fn place(&mut self, address: PeerAddress, connection: Connection, conditions: Conditions) {
        let seed = address.as_bytes().iter().fold(0, |seed, byte| seed * 256 + u64::from(*byte));
        self.clients.insert(address, (connection, Network::new(seed, conditions)));
    }

    fn client(&mut self, number: u16) -> &mut Connection {
        &mut self.clients.get_mut(&address(number)).unwrap().0
    }

    fn flush(&mut self) {
        let mut datagram = Vec::new();
        for (client, network) in self.clients.values_mut() {
            while client.poll_transmit(&mut datagram, self.now) {
                network.send(Side::A, std::mem::take(&mut datagram), self.now);
            }
        }
        while let Some(to) = self.server.poll_transmit(&mut datagram, self.now) {
            match self.clients.get_mut(&to) {
                Some((_, network)) => {
                    network.send(Side::B, std::mem::take(&mut datagram), self.now);
                }
                None => self.strays += 1,
            }
        }
        self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    /// Lets things happen until `done` or for as long as `at_most`; says whether it was `done`.
    fn run(&mut self, at_most: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = self.now + at_most;
        loop {
            self.flush();
            if done(self) {
                self.flush();
                return true;
            }
            self.flush();
            let of_clients =
                self.clients.values().flat_map(|(client, network)| [client.poll_timeout(), network.next_delivery()]);
            let next = of_clients.chain([self.server.poll_timeout()]).flatten().min();
            let Some(next) = next.filter(|next| *next <= deadline) else {
                self.now = self.now.max(deadline);
                return false;
            };
            self.now = self.now.max(next);
            if self.server.poll_timeout().is_some_and(|at| at <= self.now) {
                self.server.handle_timeout(self.now);
            }
            for (address, (client, network)) in &mut self.clients {
                while let Some((to, mut bytes)) = network.deliver(self.now) {
                    match to {
                        Side::A => client.handle_datagram(&mut bytes, self.now),
                        Side::B => self.server.handle_datagram(*address, &mut bytes, self.now),
                    }
                }
                if client.poll_timeout().is_some_and(|at| at <= self.now) {
                    client.handle_timeout(self.now);
                }
            }
        }
    }

    fn settle(&mut self) {
        self.run(Duration::from_millis(500), |_| false);
    }

    /// The connection that the server was told of last at `address`.
    fn accepted(&self, number: u16) -> ConnectionHandle {
        let is_it =
            |event: &EndpointEvent| matches!(event, EndpointEvent::Accepted { from } if *from == address(number));
        self.events.iter().rev().find(|(_, event)| is_it(event)).map(|(handle, _)| *handle).unwrap()
    }

    /// What the server received on `handle`.
    fn received(&self, handle: ConnectionHandle) -> Vec<&[u8]> {
        let data = |event| match event {
            &EndpointEvent::Connection(ConnectionEvent::Datagram(ref data)) => Some(data.as_slice()),
            _ => None,
        };
        self.events.iter().filter(|(of, _)| *of == handle).filter_map(|(_, event)| data(event)).collect()
    }

    fn removal(&self, handle: ConnectionHandle) -> Option<RemovalReason> {
        self.events.iter().find_map(|(of, event)| match event {
            EndpointEvent::Removed { reason } if *of == handle => Some(*reason),
            _ => None,
        })
    }

    /// A client that is connected to the server, and its handle there.
    fn connect(&mut self, number: u16, seed: u64) -> ConnectionHandle {
        let connection = client(seed, self.now);
        self.place(address(number), connection, GOOD);
        assert!(self.run(Duration::from_secs(5), |world| world.client(number).state() == ConnectionState::Connected));
        self.settle();
        self.accepted(number)
    }

    /// Sends both ways between a client and `handle`, and says whether both arrived.
    fn speaks(&mut self, number: u16, handle: ConnectionHandle) -> bool {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let text = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        self.client(number).send(&text).unwrap();
        self.server.connection_mut(handle).unwrap().send(&text).unwrap();
        self.settle();
        let wanted = ConnectionEvent::Datagram(text.to_vec());
        let arrived = std::iter::from_fn(|| self.client(number).poll_event()).any(|event| event == wanted);
        arrived && self.received(handle).contains(&&text[..])
    }
}

#[test]
fn many_clients_connect_over_bad_networks_speak_and_leave() {
    let mut world = World::new(server(EndpointLimits::default()));
    let bad = Conditions {
        loss: 0.2,
        duplicate: 0.1,
        reorder: 0.2,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(20),
        mtu: 1200,
    };
    const CLIENTS: u16 = 300;
    for number in 0..CLIENTS {
        // Three hundred clients have more bad luck than the usual number of retransmissions allows for.
        let mut config = null::client(number.into());
        config.common.transport.initial_timeout = Duration::from_millis(200);
        config.common.transport.max_timeout = Duration::from_secs(2);
        config.common.transport.max_retransmissions = 30;
        let connection = Connection::client(Arc::new(config), Some("example.org"), START).unwrap();
        world.place(address(number), connection, bad);
    }
    let is_connected = |(client, _): &(Connection, Network)| client.state() == ConnectionState::Connected;
    let all = world.run(Duration::from_secs(60), |world| world.clients.values().all(is_connected));
    let late: Vec<_> =
        world.clients.iter().filter(|(_, client)| !is_connected(client)).map(|(at, (c, _))| (at, c.error())).collect();
    assert!(all, "{late:?} {:?} {:?}", world.server.stats(), world.server.listener().unwrap().stats());
    for (_, network) in world.clients.values_mut() {
        network.set_conditions(GOOD);
    }
    // The server echoes what it receives; each client waits for its own number.
    for number in 0..CLIENTS {
        world.client(number).send(&number.to_be_bytes()).unwrap();
    }
    let mut answered = BTreeSet::new();
    let mut echoed = 0;
    let all_answered = world.run(Duration::from_secs(60), |world| {
        for (handle, event) in &world.events[echoed..] {
            if let EndpointEvent::Connection(ConnectionEvent::Datagram(data)) = event {
                world.server.connection_mut(*handle).unwrap().send(data).unwrap();
            }
        }
        echoed = world.events.len();
        for (address, (client, _)) in &mut world.clients {
            while let Some(event) = client.poll_event() {
                if let ConnectionEvent::Datagram(data) = event {
                    let expected = &address.as_bytes()[4..];
                    assert_eq!(data, expected, "data of another connection");
                    answered.insert(*address);
                }
            }
        }
        answered.len() == usize::from(CLIENTS)
    });
    assert!(all_answered, "{} of {CLIENTS}", answered.len());
    assert_eq!((world.server.connections(), world.server.half_open()), (usize::from(CLIENTS), 0));

    let now = world.now;
    for (client, _) in world.clients.values_mut() {
        client.close(now);
    }
    world.run(Duration::from_secs(30), |_| false);
    assert_eq!((world.server.connections(), world.server.poll_timeout()), (0, None), "{:?}", world.server);
    let over = world
        .events
        .iter()
        .filter(|(_, event)| matches!(event, EndpointEvent::Removed { reason: RemovalReason::Over }));
    assert_eq!(over.count(), usize::from(CLIENTS));
    assert_eq!((world.strays, world.server.stats().accepted), (0, CLIENTS.into()));
    let stats = world.server.listener().unwrap().stats();
    assert!(stats.retries >= CLIENTS.into() && world.server.listener().unwrap().partial_hellos() < 300);
}

#[test]
fn each_connection_tells_in_order_accepted_connected_closed_removed() {
    let mut world = World::new(server(EndpointLimits::default()));
    let handle = world.connect(1, 1);
    assert_eq!(world.server.address(handle), Some(address(1)));
    let now = world.now;
    world.client(1).close(now);
    world.run(Duration::from_secs(30), |_| false);
    let told: Vec<_> = world.events.iter().map(|(_, event)| event).collect();
    assert!(
        matches!(
            told[..],
            [
                EndpointEvent::Accepted { .. },
                EndpointEvent::Connection(ConnectionEvent::Connected),
                EndpointEvent::Connection(ConnectionEvent::PeerClosed),
                EndpointEvent::Connection(ConnectionEvent::Closed),
                EndpointEvent::Removed { reason: RemovalReason::Over },
            ]
        ),
        "{told:?}"
    );
    assert!(world.server.connection(handle).is_none() && !world.server.remove(handle));
}

#[test]
fn a_client_on_another_address_is_not_the_same_client() {
    let mut world = World::new(server(EndpointLimits::default()));
    let handle = world.connect(1, 1);
    // Its address changes under it, as behind a NAT that forgot it. Without connection IDs nobody knows it there.
    let moved = world.clients.remove(&address(1)).unwrap();
    world.clients.insert(address(2), moved);
    world.client(2).send(b"from elsewhere").unwrap();
    world.settle();
    assert!(world.received(handle).is_empty());
    assert_eq!((world.server.connections(), world.server.stats().unroutable, world.strays), (1, 1, 0));

    // It goes back, and all is as it was; and another client may begin where it had been.
    let moved = world.clients.remove(&address(2)).unwrap();
    world.clients.insert(address(1), moved);
    assert!(world.speaks(1, handle));
    let other = world.connect(2, 2);
    assert!(world.speaks(2, other) && world.speaks(1, handle));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.11
//# After a correct Finished message is received, the server MUST abandon the previous association to avoid
//# confusion between two valid associations with overlapping epochs.
#[test]
fn a_client_that_begins_anew_replaces_its_old_connection_once_the_new_one_is_complete() {
    let mut world = World::new(server(EndpointLimits::default()));
    let old = world.connect(1, 1);
    // It restarts: its old connection is gone without a word, and it begins anew from the same port.
    let connection = client(2, world.now);
    world.place(address(1), connection, GOOD);
    let mut beside = false;
    world.run(Duration::from_secs(5), |world| {
        beside |= world.server.connections() == 2 && world.server.connection(old).is_some();
        world.client(1).state() == ConnectionState::Connected
    });
    world.settle();
    assert!(beside, "for a while there are both");
    let new = world.accepted(1);
    assert_ne!(old, new);
    assert_eq!(world.removal(old), Some(RemovalReason::Replaced { by: new }));
    assert_eq!((world.server.connections(), world.server.half_open()), (1, 0));
    assert!(world.speaks(1, new));
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.11
//# In cases where a server believes it has an existing association on a given host/port quartet and it receives an
//# epoch=0 ClientHello, it SHOULD proceed with a new handshake but MUST NOT destroy the existing association until
//# the client has demonstrated reachability either by completing a cookie exchange or by completing a complete
//# handshake including delivering a verifiable Finished message.
#[test]
fn an_old_connection_outlives_a_new_one_that_is_never_completed() {
    let mut world = World::new(server(EndpointLimits::default()));
    let old = world.connect(1, 1);
    let (old_client, old_network) = world.clients.remove(&address(1)).unwrap();

    // Somebody at the same address gets a cookie, answers it, and falls silent.
    let connection = client(2, world.now);
    world.place(address(1), connection, GOOD);
    assert!(world.run(Duration::from_secs(5), |world| world.server.connections() == 2));
    let candidate = world.accepted(1);
    world.clients.insert(address(1), (old_client, old_network));
    assert!(world.speaks(1, old), "while the other one is half open");

    // The half-open one goes when its time is up; the old one stays.
    world.run(Duration::from_secs(90), |_| false);
    assert_eq!(world.removal(candidate), Some(RemovalReason::Over));
    assert_eq!((world.server.connections(), world.server.half_open()), (1, 0));
    assert!(world.speaks(1, old));
}

#[test]
fn a_client_that_begins_anew_in_the_middle_of_its_handshake_gets_through() {
    let mut world = World::new(server(EndpointLimits::default()));
    let connection = client(1, world.now);
    world.place(address(1), connection, GOOD);
    assert!(world.run(Duration::from_secs(5), |world| world.server.half_open() == 1));
    let abandoned = world.accepted(1);
    let new = world.connect(1, 2);
    assert_ne!(abandoned, new);
    assert_eq!(world.removal(abandoned), Some(RemovalReason::Replaced { by: new }));
    assert_eq!((world.server.connections(), world.server.half_open()), (1, 0));
    assert!(world.speaks(1, new));
}

/// Every datagram that `connection` has to send.
fn flight(connection: &mut Connection, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut datagram = Vec::new();
    while connection.poll_transmit(&mut datagram, now) {
        datagrams.push(std::mem::take(&mut datagram));
    }
    datagrams
}

#[test]
fn forged_hellos_do_not_disturb_a_connection() {
    let mut world = World::new(server(EndpointLimits::default()));
    let handle = world.connect(1, 1);
    for seed in 100..200 {
        let mut forger = client(seed, world.now);
        for mut datagram in flight(&mut forger, world.now) {
            world.server.handle_datagram(address(1), &mut datagram, world.now);
        }
        world.settle();
    }
    assert_eq!((world.server.connections(), world.server.half_open()), (1, 0));
    assert!(world.speaks(1, handle));
}

#[test]
fn a_hello_that_is_sent_again_makes_no_second_connection() {
    for cookie in [CookiePolicy::Always, CookiePolicy::Never] {
        let config = ServerConfig { cookie, ..null::server(1) };
        let mut endpoint = Endpoint::new(Some(Arc::new(config)), START).unwrap();
        let mut client = client(1, START);
        let mut datagram = Vec::new();
        let mut hello = flight(&mut client, START);
        if cookie == CookiePolicy::Always {
            for mut datagram in hello {
                endpoint.handle_datagram(address(1), &mut datagram, START);
            }
            assert_eq!(endpoint.poll_transmit(&mut datagram, START), Some(address(1)));
            client.handle_datagram(&mut datagram, START);
            hello = flight(&mut client, START);
        }
        for time in 0..10 {
            let now = START + Duration::from_secs(time);
            for datagram in &hello {
                endpoint.handle_datagram(address(1), &mut datagram.clone(), now);
            }
            while endpoint.poll_transmit(&mut datagram, now).is_some() {}
        }
        assert_eq!((endpoint.connections(), endpoint.stats().accepted), (1, 1), "{cookie:?}");
    }
}

#[test]
fn a_client_that_was_refused_and_did_not_hear_of_it_is_told_again() {
    let mut config = null::server(1);
    config.common.alpn_protocols = vec![b"one".to_vec()];
    let mut world = World::new(Endpoint::new(Some(Arc::new(config)), START).unwrap());
    let mut config = null::client(1);
    config.common.alpn_protocols = vec![b"another".to_vec()];
    let connection = Connection::client(Arc::new(config), Some("example.org"), START).unwrap();
    world.place(address(1), connection, GOOD);
    // The hello in two datagrams, the retry, the second hello in two; then the refusal, which is lost.
    world.clients.get_mut(&address(1)).unwrap().1.drop_exactly([5]);
    let has_failed = |world: &mut World| world.client(1).state() == ConnectionState::Failed;
    assert!(world.run(Duration::from_secs(5), has_failed));
    assert_eq!(world.clients[&address(1)].1.stats().lost, 1);
    let alert = AlertDescription::NO_APPLICATION_PROTOCOL;
    assert_eq!(world.client(1).error(), Some(&Error::AlertReceived(alert)));
    assert_eq!((world.server.stats().accepted, world.server.connections(), world.server.half_open()), (1, 1, 0));
    world.run(Duration::from_secs(20), |_| false);
    assert_eq!((world.server.connections(), world.server.poll_timeout()), (0, None));
}

#[test]
fn half_open_connections_are_bounded_and_reaped_and_an_honest_client_gets_in() {
    let limits = EndpointLimits { half_open: 8, ..EndpointLimits::default() };
    let grace = limits.half_open_grace;
    let mut world = World::new(server(limits));
    // Clients with true addresses that get their cookie, answer it, and say no more.
    for number in 0..50 {
        let connection = client(number.into(), world.now);
        world.place(address(number), connection, GOOD);
        world.run(Duration::from_millis(21), |_| false);
        world.clients.clear();
        assert!(world.server.half_open() <= 8 && world.server.connections() <= 8);
    }
    assert_eq!(world.server.half_open(), 8);
    assert!(world.server.stats().no_room >= 42, "{:?}", world.server.stats());
    let connection = client(99, world.now);
    world.place(address(99), connection, GOOD);
    let is_in = |world: &mut World| world.client(99).state() == ConnectionState::Connected;
    assert!(!world.run(Duration::from_millis(500), is_in), "nobody is turned out before his time");
    assert!(world.run(grace + Duration::from_secs(2), is_in));
    let turned_out = world
        .events
        .iter()
        .filter(|(_, event)| matches!(event, EndpointEvent::Removed { reason: RemovalReason::RoomNeeded }));
    assert_eq!(turned_out.count(), 1);
    world.run(Duration::from_secs(100), |_| false);
    assert_eq!((world.server.half_open(), world.server.connections()), (0, 1));
}

#[test]
fn past_its_limit_an_endpoint_lets_go_of_what_is_over_and_of_nothing_else() {
    let limits = EndpointLimits { connections: 3, ..EndpointLimits::default() };
    let mut world = World::new(server(limits));
    let handles: Vec<_> = (1..=3).map(|number| world.connect(number, number.into())).collect();
    let connection = client(4, world.now);
    world.place(address(4), connection, GOOD);
    assert!(!world.run(Duration::from_secs(3), |world| world.client(4).state() == ConnectionState::Connected));
    assert!(world.server.stats().no_room > 0 && world.server.connections() == 3);

    let now = world.now;
    world.client(2).close(now);
    assert!(world.run(Duration::from_secs(9), |world| world.client(4).state() == ConnectionState::Connected));
    assert_eq!(world.removal(handles[1]), Some(RemovalReason::RoomNeeded));
    assert!(world.speaks(1, handles[0]) && world.speaks(3, handles[2]));
}

/// Leaves every task to others.
struct Nobody;

impl Backend for Nobody {
    fn perform(&self, _: &Task) -> Option<Result<TaskOutput, TaskError>> {
        None
    }
}

#[test]
fn a_handshake_whose_tasks_are_slow_does_not_delay_another() {
    let mut config = null::server(1);
    config.common.backend = Arc::new(Nobody);
    let mut world = World::new(Endpoint::new(Some(Arc::new(config)), START).unwrap());
    let backend = NullBackend::new(7);
    for number in 1..=2 {
        let connection = client(number.into(), START);
        world.place(address(number), connection, GOOD);
    }
    let mut slow = Vec::new();
    let serve = |world: &mut World, slow: &mut Vec<_>| {
        while let Some((handle, id, task)) = world.server.poll_task() {
            let result = Backend::perform(&backend, &task).unwrap();
            if world.server.address(handle) == Some(address(1)) {
                slow.push((handle, id, result));
            } else {
                world.server.handle_task(handle, id, result, world.now);
            }
        }
    };
    assert!(world.run(Duration::from_secs(1), |world| {
        serve(world, &mut slow);
        world.client(2).state() == ConnectionState::Connected
    }));
    assert_eq!((slow.len(), world.client(1).state()), (1, ConnectionState::Connecting));
    while let Some((handle, id, result)) = slow.pop() {
        // Twice, and once for a connection that never was: only the first counts.
        let nobody = ConnectionHandle::from_u64(77);
        for handle in [nobody, handle, handle] {
            world.server.handle_task(handle, id, result.clone(), world.now);
        }
        serve(&mut world, &mut slow);
    }
    assert!(world.run(Duration::from_secs(5), |world| world.client(1).state() == ConnectionState::Connected));
}

#[test]
fn an_endpoint_is_a_client_too_and_has_one_connection_with_each_address() {
    let mut server = server(EndpointLimits::default());
    let mut client = Endpoint::new(None, START).unwrap();
    let config = Arc::new(null::client(3));
    let handle = client.connect(Arc::clone(&config), Some("example.org"), address(1), START).unwrap();
    let in_use = client.connect(Arc::clone(&config), None, address(1), START);
    assert_eq!(in_use.unwrap_err(), ConnectError::AddressInUse);
    let odd_name = client.connect(Arc::clone(&config), Some("not a name"), address(2), START);
    assert!(matches!(odd_name, Err(ConnectError::Config(ConfigError::InvalidServerName(_)))));

    let exchange = |client: &mut Endpoint, server: &mut Endpoint, now: Instant| {
        let mut datagram = Vec::new();
        loop {
            let mut quiet = true;
            while client.poll_transmit(&mut datagram, now).is_some() {
                server.handle_datagram(address(9), &mut datagram, now);
                quiet = false;
            }
            while server.poll_transmit(&mut datagram, now).is_some() {
                client.handle_datagram(address(1), &mut datagram, now);
                quiet = false;
            }
            if quiet {
                break;
            }
        }
    };
    exchange(&mut client, &mut server, START);
    assert_eq!(client.connection(handle).unwrap().state(), ConnectionState::Connected);

    // Once it is over, the address is free again, though the old connection still lingers.
    client.connection_mut(handle).unwrap().close(START);
    exchange(&mut client, &mut server, START);
    let again = client.connect(config, None, address(1), START).unwrap();
    exchange(&mut client, &mut server, START);
    assert!(client.connection(handle).is_none());
    assert_eq!(client.connection(again).unwrap().state(), ConnectionState::Connected);
    let told: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    let replaced = |(of, event): &(ConnectionHandle, EndpointEvent)| {
        *of == handle
            && matches!(event, EndpointEvent::Removed { reason: RemovalReason::Replaced { by } } if *by == again)
    };
    assert!(told.iter().any(replaced), "{told:?}");
}

#[test]
fn every_connection_gets_a_listener_of_its_own() {
    let mut world = World::new(server(EndpointLimits::default()));
    let trace = MemoryTrace::with_secrets();
    let shared = trace.clone();
    let made_for = Arc::new(std::sync::Mutex::new(Vec::new()));
    let made = Arc::clone(&made_for);
    world.server.trace_connections(Box::new(move |handle, from| {
        made.lock().unwrap().push((handle, *from));
        Some(Box::new(shared.clone()))
    }));
    let handle = world.connect(1, 1);
    assert_eq!(*made_for.lock().unwrap(), [(handle, address(1))]);
    let events = trace.take();
    assert_eq!(events.first().and_then(|event| event.text("msg_type")), Some("client_hello"));
    let secrets = events.iter().filter(|event| event.name == "security:secret").count();
    assert!(secrets >= 5, "handshake, application and exporter secrets");
}

#[test]
fn no_datagram_is_too_odd_for_an_endpoint() {
    let mut world = World::new(server(EndpointLimits::default()));
    let handle = world.connect(1, 1);
    let mut random = SplitMix64::new(5);
    let genuine: Vec<_> = (10..20).flat_map(|seed| flight(&mut client(seed, START), START)).collect();
    for round in 0..20_000 {
        let mut datagram = match random.below(3) {
            0 => (0..random.below(60)).map(|_| random.next_u64() as u8).collect(),
            _ => genuine[random.below(genuine.len() as u64) as usize].clone(),
        };
        for _ in 0..random.below(4) {
            if !datagram.is_empty() {
                let at = random.below(datagram.len().min(80) as u64) as usize;
                datagram[at] ^= 1 << random.below(8);
            }
        }
        let from = address(random.below(4) as u16);
        world.server.handle_datagram(from, &mut datagram, world.now);
        if round % 100 == 0 {
            world.flush();
        }
    }
    world.settle();
    assert_eq!(world.server.half_open(), 0, "nobody has answered a cookie");
    assert!(world.speaks(1, handle));
}

#[test]
fn replies_that_nobody_fetches_are_bounded() {
    let limits = EndpointLimits { replies: 16, ..EndpointLimits::default() };
    let mut endpoint = server(limits);
    for number in 0..100 {
        for mut datagram in flight(&mut client(number.into(), START), START) {
            endpoint.handle_datagram(address(number), &mut datagram, START);
        }
    }
    let mut datagram = Vec::new();
    let fetched: Vec<_> = std::iter::from_fn(|| endpoint.poll_transmit(&mut datagram, START)).collect();
    assert_eq!(fetched, (84..100).map(address).collect::<Vec<_>>());
    assert_eq!(endpoint.stats().replies_dropped, 84);
}
