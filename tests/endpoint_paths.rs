//! Endpoints whose clients change their addresses: found by connection ID, followed after a check (RFC 9853).
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/null.rs"]
mod null;

use std::sync::Arc;

use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::endpoint::{ConnectionHandle, Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::time::Instant;
use dtls_wasm::{ConnectionIdConfig, PathCheck};
use null::START;

fn address(number: u8) -> PeerAddress {
    PeerAddress::new(&[number]).unwrap()
}

/// A server and clients, each at the address that it has right now.
struct World {
    now: Instant,
    server: Endpoint,
    clients: Vec<(PeerAddress, Connection)>,
    events: Vec<(ConnectionHandle, EndpointEvent)>,
    strays: usize,
}

impl World {
    fn new(path_check: PathCheck, clients: u8) -> Self {
        let connection_ids = ConnectionIdConfig { length: 8, path_check, ..ConnectionIdConfig::default() };
        let mut config = null::server(1);
        config.common.connection_ids = connection_ids.clone();
        let server = Endpoint::new(Some(Arc::new(config)), START).unwrap();
        let client = |number: u8| {
            let mut config = null::client(100 + u64::from(number));
            config.common.connection_ids = connection_ids.clone();
            (address(number), Connection::client(Arc::new(config), Some("example.org"), START).unwrap())
        };
        let clients = (1..=clients).map(client).collect();
        let mut world = Self { now: START, server, clients, events: Vec::new(), strays: 0 };
        world.run(0);
        assert!(world.clients.iter().all(|(_, client)| client.state() == ConnectionState::Connected));
        world
    }

    /// Exchanges datagrams, for `seconds` more.
    fn run(&mut self, seconds: u64) {
        let end = self.now + std::time::Duration::from_secs(seconds);
        loop {
            self.flush();
            let timeouts = self.clients.iter().filter_map(|(_, client)| client.poll_timeout());
            let Some(at) = timeouts.chain(self.server.poll_timeout()).min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now);
            self.clients.iter_mut().for_each(|(_, client)| client.handle_timeout(self.now));
        }
    }

    fn flush(&mut self) {
        let mut datagram = Vec::new();
        loop {
            let mut quiet = true;
            for (from, client) in &mut self.clients {
                while client.poll_transmit(&mut datagram, self.now) {
                    self.server.handle_datagram(*from, &mut datagram, self.now);
                    quiet = false;
                }
            }
            while let Some(to) = self.server.poll_transmit(&mut datagram, self.now) {
                quiet = false;
                match self.clients.iter_mut().find(|(address, _)| *address == to) {
                    Some((_, client)) => client.handle_datagram(&mut datagram, self.now),
                    None => self.strays += 1,
                }
            }
            self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
            if quiet {
                return;
            }
        }
    }

    fn handle_at(&self, number: u8) -> Option<ConnectionHandle> {
        let accepted = self
            .events
            .iter()
            .find(|(_, event)| matches!(event, EndpointEvent::Accepted { from } if *from == address(number)));
        accepted.map(|(handle, _)| *handle)
    }

    fn received(&mut self) -> Vec<(ConnectionHandle, Vec<u8>)> {
        let data = self.events.iter().filter_map(|(handle, event)| match event {
            EndpointEvent::Connection(ConnectionEvent::Datagram(data)) => Some((*handle, data.clone())),
            _ => None,
        });
        let data = data.collect();
        self.events.retain(|(_, event)| matches!(event, EndpointEvent::Accepted { .. }));
        data
    }
}

#[test]
fn clients_that_change_their_addresses_stay_connected() {
    for path_check in [PathCheck::Basic, PathCheck::Enhanced] {
        let mut world = World::new(path_check, 5);
        let handles: Vec<_> = (1..=5).map(|number| world.handle_at(number).unwrap()).collect();
        for round in 0..4u8 {
            for (index, (address_of_client, client)) in world.clients.iter_mut().enumerate() {
                *address_of_client = address(10 + 10 * round + u8::try_from(index).unwrap());
                client.send(&[round]).unwrap();
            }
            world.run(5);
            let mut received = world.received();
            received.sort();
            let mut expected: Vec<_> = handles.iter().map(|handle| (*handle, vec![round])).collect();
            expected.sort();
            assert_eq!(received, expected);
            for (handle, (address, _)) in handles.iter().zip(&world.clients) {
                assert_eq!(world.server.address(*handle), Some(*address));
            }
            for handle in &handles {
                world.server.connection_mut(*handle).unwrap().send(b"back").unwrap();
            }
            world.run(1);
            for (_, client) in &mut world.clients {
                let events: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
                assert!(events.contains(&ConnectionEvent::Datagram(b"back".to_vec())), "{events:?}");
            }
        }
        assert_eq!((world.server.connections(), world.server.stats().unroutable), (5, 0));
    }
}

#[test]
fn clients_that_exchange_their_addresses_are_told_apart() {
    let mut world = World::new(PathCheck::Basic, 2);
    let handles = [world.handle_at(1).unwrap(), world.handle_at(2).unwrap()];
    world.clients[0].0 = address(2);
    world.clients[1].0 = address(1);
    for (index, (_, client)) in world.clients.iter_mut().enumerate() {
        client.send(&[u8::try_from(index).unwrap()]).unwrap();
    }
    world.run(5);
    let mut received = world.received();
    received.sort();
    assert_eq!(received, [(handles[0], vec![0]), (handles[1], vec![1])]);
    assert_eq!(world.server.address(handles[0]), Some(address(2)));
    assert_eq!(world.server.address(handles[1]), Some(address(1)));
}

//= https://www.rfc-editor.org/rfc/rfc9146#section-6
//# the receiver MUST NOT replace the address it uses for sending records to its peer with the source address specified in
//# the received datagram, unless the following three conditions are met
#[test]
fn without_checks_the_address_stays_until_the_application_says_so() {
    let mut world = World::new(PathCheck::None, 1);
    let handle = world.handle_at(1).unwrap();
    world.clients[0].0 = address(9);
    world.clients[0].1.send(b"from elsewhere").unwrap();
    world.run(5);
    let seen = world.events.iter().find_map(|(_, event)| match event {
        EndpointEvent::Connection(ConnectionEvent::NewPath { path }) => Some(*path),
        _ => None,
    });
    assert_eq!(world.server.path_address(handle, seen.unwrap()), Some(address(9)));
    assert_eq!(world.received(), [(handle, b"from elsewhere".to_vec())]);
    assert_eq!(world.server.address(handle), Some(address(1)));
    world.server.use_address(handle, address(9), world.now).unwrap();
    world.server.connection_mut(handle).unwrap().send(b"there").unwrap();
    world.run(1);
    assert_eq!((world.server.address(handle), world.strays), (Some(address(9)), 0));
}

#[test]
fn copies_from_many_addresses_take_no_memory_and_no_path() {
    let mut world = World::new(PathCheck::Enhanced, 1);
    let handle = world.handle_at(1).unwrap();
    for round in 0..200u8 {
        let mut datagram = Vec::new();
        world.clients[0].1.send(&[round]).unwrap();
        assert!(world.clients[0].1.poll_transmit(&mut datagram, world.now));
        // The copy comes first, and another one with a byte changed.
        let mut forged = datagram.clone();
        *forged.last_mut().unwrap() ^= 1;
        world.server.handle_datagram(address(50 + round % 200), &mut forged, world.now);
        world.server.handle_datagram(address(40 + round % 7), &mut datagram.clone(), world.now);
        world.server.handle_datagram(address(1), &mut datagram, world.now);
        world.flush();
        assert_eq!(world.received(), [(handle, vec![round])]);
        assert_eq!(world.server.address(handle), Some(address(1)));
    }
    assert_eq!(world.strays, 0);
    assert_eq!(world.server.connection(handle).unwrap().stats().path_changes, 0);
}

#[test]
fn an_unknown_connection_id_is_for_nobody() {
    let mut world = World::new(PathCheck::Basic, 1);
    let mut datagram = [&[0x3f][..], &[7; 60]].concat();
    world.server.handle_datagram(address(77), &mut datagram, world.now);
    assert_eq!(world.server.stats().unroutable, 1);
}
