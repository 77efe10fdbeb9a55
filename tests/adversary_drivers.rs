//! Applications that call late, early, twice or in an odd order, and networks that join and cut datagrams: no order of
//! calls loses a retransmission.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/backends.rs"]
mod backends;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/null.rs"]
mod null;

use std::collections::VecDeque;
use std::time::Duration;

use backends::{Kind, Worker};
use dtls_wasm::connection::{ConnectionEvent, ConnectionState};
use dtls_wasm::sim::{Conditions, Network, Node, Outcome, Pair, SplitMix64};
use dtls_wasm::time::Instant;
use modes::{MODES, as_it_is, bad, is_connected, patient, perfect};
use null::START;

/// Somebody who drives a connection without care: each call comes when it comes.
struct Careless {
    worker: Worker,
    random: SplitMix64,
    /// What arrived and was not handed in yet.
    inbox: VecDeque<Vec<u8>>,
    /// When it does something next.
    awake_at: Instant,
    now: Instant,
}

impl Careless {
    fn new(worker: Worker, seed: u64) -> Self {
        Self { worker, random: SplitMix64::named(seed, 3), inbox: VecDeque::new(), awake_at: START, now: START }
    }

    fn nod_off(&mut self, now: Instant) {
        self.awake_at = now + Duration::from_micros(self.random.below(200_000));
    }
}

impl Node for Careless {
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.now = now;
        self.inbox.push_back(datagram.to_vec());
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        for _ in 0..self.random.below(4) {
            match self.random.below(4) {
                // A timer is called though it is not due, or long after it was.
                0 => self.worker.handle_timeout(now),
                1 => {
                    if let Some(mut datagram) = self.inbox.pop_front() {
                        self.worker.handle_datagram(&mut datagram, now);
                    }
                }
                2 => self.worker.connection.handle_datagram(&mut [], now),
                _ => {
                    let _ = (self.worker.poll_timeout(), self.worker.connection.stats().clone());
                }
            }
        }
        self.nod_off(now);
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        // Now and then nothing is fetched though there is something.
        self.random.below(3) > 0 && self.worker.poll_transmit(datagram, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.awake_at)
    }
}

#[test]
fn no_order_of_calls_loses_a_retransmission() {
    for mode in MODES {
        for kind in [Kind::Synchronous, Kind::Adversarial] {
            for seed in 0..60 {
                let pair = mode.begin(kind, seed, perfect(), patient);
                let (a, b) = (Careless::new(pair.a, seed), Careless::new(pair.b, !seed));
                let mut pair = Pair::new(a, b, Network::new(seed, bad()), START);
                let deadline = START + Duration::from_secs(3000);
                let outcome = pair.run(deadline, |a, b| is_connected(&a.worker) && is_connected(&b.worker));
                assert_eq!(outcome, Outcome::Done, "{mode:?} {kind:?} {seed}");
            }
        }
    }
}

#[test]
fn a_timer_that_lies_far_in_the_past_fires_once_and_a_fresh_one_is_named() {
    for mode in MODES {
        let mut pair = mode.begin(Kind::Synchronous, 1, perfect(), patient);
        let mut datagram = Vec::new();
        let client = &mut pair.a.connection;
        let mut count = |client: &mut dtls_wasm::connection::Connection, now| {
            let mut sent = 0;
            while client.poll_transmit(&mut datagram, now) {
                sent += 1;
            }
            sent
        };
        let first = count(client, START);
        let late = START + Duration::from_secs(1000);
        for _ in 0..5 {
            client.handle_timeout(late);
            assert!(client.poll_timeout().is_some_and(|at| at > late), "{mode:?}");
        }
        assert_eq!(client.stats().flights_retransmitted, 1, "{mode:?}");
        // Early data, which follows the first hello, is not sent again.
        assert!((1..=first).contains(&count(client, late)), "{mode:?}");
        assert_eq!(count(client, late), 0);
    }
}

/// A network that delivers all that is under way to one side as a single datagram.
#[test]
fn flights_that_arrive_in_one_datagram_are_understood() {
    for mode in MODES {
        for kind in [Kind::Synchronous, Kind::Deferred(Duration::from_millis(1))] {
            let pair = mode.begin(kind, 1, perfect(), as_it_is);
            let mut sides = [pair.a, pair.b];
            let mut now = START;
            for _ in 0..40 {
                for from in 0..2 {
                    let mut joined = Vec::new();
                    let mut datagram = Vec::new();
                    while sides[from].poll_transmit(&mut datagram, now) {
                        joined.extend_from_slice(&datagram);
                    }
                    if !joined.is_empty() {
                        sides[1 - from].handle_datagram(&mut joined, now);
                    }
                }
                now = now + Duration::from_millis(2);
                sides.iter_mut().for_each(|side| side.handle_timeout(now));
            }
            assert!(sides.iter().all(is_connected), "{mode:?} {kind:?}");
            assert!(sides.iter().all(|side| side.connection.stats().flights_retransmitted == 0), "{mode:?} {kind:?}");
        }
    }
}

#[test]
fn a_close_right_after_the_handshake_waits_until_the_peer_can_read_it() {
    for mode in MODES {
        let mut undisturbed = mode.begin(Kind::Synchronous, 1, perfect(), as_it_is);
        undisturbed.run(START + Duration::from_secs(30), |a, _| is_connected(a));
        let sent = undisturbed.network.stats().sent;
        // The client's last flight, which it has sent or is about to, is lost whole.
        let mut pair = mode.begin(Kind::Synchronous, 1, perfect(), as_it_is);
        pair.network.drop_exactly(sent - 1..sent + 2);
        pair.run(START + Duration::from_secs(30), |a, _| is_connected(a));
        let now = pair.now();
        pair.a.connection.send(b"a word").unwrap();
        pair.a.connection.close(now);
        let is_over = |worker: &Worker| worker.connection.state() == ConnectionState::Closed;
        let outcome = pair.run(now + Duration::from_secs(30), |a, b| is_over(a) && is_over(b));
        assert_eq!(outcome, Outcome::Done, "{mode:?}: {:?} {:?}", pair.a.events, pair.b.events);
        assert!(pair.b.events.contains(&ConnectionEvent::PeerClosed), "{mode:?}: {:?}", pair.b.events);
    }
}

#[test]
fn a_path_that_gets_narrower_is_found_out_with_everything_counted() {
    for mode in MODES.iter().filter(|mode| mode.mtu > 600) {
        let mut pair = mode.begin(Kind::Synchronous, 1, perfect(), |transport| {
            transport.handshake_timeout = Duration::from_secs(600);
        });
        pair.network.set_conditions(Conditions { mtu: 548, ..perfect() });
        let outcome = pair.run(START + Duration::from_secs(600), |a, b| is_connected(a) && is_connected(b));
        assert_eq!(outcome, Outcome::Done, "{mode:?}: {:?}", pair.network.stats());
    }
}
