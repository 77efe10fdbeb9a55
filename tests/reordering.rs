//! A model check: the smallest handshakes in every order in which datagrams can arrive, with losses, repetitions and early
//! timers as far as a budget goes.
//!
//! A connection's state follows from what it was told and when. So a state of the whole is known by what either side was
//! told, in its order, and by what is under way; it is visited once, however it was reached. Connections cannot be copied:
//! each state is reached by going its way from the start.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/backends.rs"]
mod backends;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/null.rs"]
mod null;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use backends::{Kind, Worker};
use dtls_wasm::config::{ClientAuth, ClientConfig, ServerConfig};
use dtls_wasm::connection::{ConnectionEvent, ConnectionState};
use dtls_wasm::sim::Node as _;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::NamedGroup;
use modes::{MODES, Mode, as_it_is, is_connected, perfect};
use null::START;

/// How often what may happen, besides that everything arrives in some order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    losses: u8,
    repetitions: u8,
    /// A timer runs out while something is under way.
    early_timers: u8,
}

/// What happens next. Datagrams are counted in the order in which they lie in [`World::under_way`].
#[derive(Clone, Copy, Debug)]
enum Choice {
    Deliver(usize),
    Repeat(usize),
    Lose(usize),
    Timer,
}

struct World {
    sides: [Worker; 2],
    /// What each side was told until now, in its order.
    told: [u64; 2],
    /// To whom, and what.
    under_way: Vec<(usize, Vec<u8>)>,
    budget: Budget,
    now: Instant,
}

impl World {
    /// From the first hello on; or, where the applications do something after it, from there on.
    fn begin(mode: &Mode, budget: Budget) -> Self {
        let pair = mode.begin(Kind::Synchronous, 1, perfect(), as_it_is);
        let sides = [pair.a, pair.b];
        let mut world = Self { sides, told: [0; 2], under_way: Vec::new(), budget, now: START };
        world.collect();
        if mode.name.starts_with("keys updated") {
            while !world.is_over() {
                world.take(Choice::Deliver(0));
            }
            let [client, server] = &mut world.sides;
            (mode.act)(&mut client.connection, &mut server.connection, world.now);
            world.collect();
        }
        world
    }

    /// Puts under way what the sides have to send.
    fn collect(&mut self) {
        for side in 0..2 {
            let mut datagram = Vec::new();
            while self.sides[side].poll_transmit(&mut datagram, self.now) {
                self.under_way.push((1 - side, std::mem::take(&mut datagram)));
            }
        }
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for place in 0..self.under_way.len() {
            // Twice the same to the same side: one of them is enough.
            if self.under_way[..place].contains(&self.under_way[place]) {
                continue;
            }
            choices.push(Choice::Deliver(place));
            if self.budget.losses > 0 {
                choices.push(Choice::Lose(place));
            }
            if self.budget.repetitions > 0 {
                choices.push(Choice::Repeat(place));
            }
        }
        let is_due = self.sides.iter().any(|side| side.poll_timeout().is_some());
        if choices.is_empty() || is_due && self.budget.early_timers > 0 {
            choices.push(Choice::Timer);
        }
        choices
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Deliver(place) => {
                let (side, datagram) = self.under_way.remove(place);
                self.deliver(side, datagram);
            }
            Choice::Repeat(place) => {
                self.budget.repetitions -= 1;
                let (side, datagram) = self.under_way[place].clone();
                self.deliver(side, datagram);
            }
            Choice::Lose(place) => {
                self.budget.losses -= 1;
                self.under_way.remove(place);
            }
            Choice::Timer => {
                if !self.under_way.is_empty() {
                    self.budget.early_timers -= 1;
                }
                let due = [0, 1].map(|side| self.sides[side].poll_timeout());
                let at = due.into_iter().flatten().min().expect("somebody waits for something");
                self.now = self.now.max(at);
                for side in 0..2 {
                    if due[side].is_some_and(|due| due <= self.now) {
                        self.tell(side, &[]);
                        self.sides[side].handle_timeout(self.now);
                    }
                }
            }
        }
        self.collect();
        for side in &self.sides {
            assert_ne!(side.connection.state(), ConnectionState::Failed, "{:?}", side.connection.error());
        }
    }

    fn deliver(&mut self, side: usize, mut datagram: Vec<u8>) {
        self.tell(side, &datagram);
        self.sides[side].handle_datagram(&mut datagram, self.now);
    }

    /// Notes what a side is told; nothing stands for its timer.
    fn tell(&mut self, side: usize, what: &[u8]) {
        let mut hasher = DefaultHasher::new();
        (self.told[side], what, self.now.as_micros()).hash(&mut hasher);
        self.told[side] = hasher.finish();
    }

    fn key(&self) -> u64 {
        let mut under_way = self.under_way.clone();
        under_way.sort();
        let mut hasher = DefaultHasher::new();
        (self.told, under_way, self.budget, self.now.as_micros()).hash(&mut hasher);
        hasher.finish()
    }

    /// Both are connected, and nothing is under way.
    fn is_over(&self) -> bool {
        self.under_way.is_empty() && self.sides.iter().all(is_connected)
    }

    /// What the applications did has had its effect, too.
    fn has_acted(&self, mode: &Mode) -> bool {
        let [client, server] = &self.sides;
        (mode.acted)(client, server)
    }

    /// Data flows both ways, and nothing has to be sent again after it did.
    fn must_be_whole(&mut self) {
        for side in 0..2 {
            self.sides[side].connection.send(&[side as u8; 9]).unwrap();
        }
        self.collect();
        while !self.under_way.is_empty() {
            self.take(Choice::Deliver(0));
        }
        for side in 0..2 {
            let data = ConnectionEvent::Datagram(vec![1 - side as u8; 9]);
            assert!(self.sides[side].events.contains(&data), "{:?}", self.sides[side].events);
        }
        assert_eq!(self.sides[0].connection.negotiated(), self.sides[1].connection.negotiated());
    }
}

/// So many steps no way has unless it goes round in circles.
const MOST_STEPS: usize = 80;

/// Goes every way, and gives the numbers of states and of ends.
fn explore(mode: &Mode, budget: Budget) -> (usize, usize) {
    let mut seen = HashSet::new();
    let mut ends = 0;
    let mut ways = vec![Vec::new()];
    while let Some(way) = ways.pop() {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::begin(mode, budget);
            way.iter().for_each(|choice| world.take(*choice));
            (world.key(), world.is_over() && world.has_acted(mode), world)
        });
        let (key, is_over, mut world) = run.unwrap_or_else(|_| panic!("{mode:?}: {way:?}"));
        if !seen.insert(key) {
            continue;
        }
        if is_over {
            ends += 1;
            let whole = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.must_be_whole()));
            assert!(whole.is_ok(), "{mode:?}: {way:?}");
            continue;
        }
        assert!(way.len() < MOST_STEPS, "{mode:?}: it does not end: {way:?}");
        ways.extend(world.choices().into_iter().map(|choice| [&way[..], &[choice]].concat()));
    }
    (seen.len(), ends)
}

/// One short share, so that a ClientHello has one datagram.
fn short(client: &mut ClientConfig, server: &mut ServerConfig) {
    client.key_shares = vec![NamedGroup::X25519];
    for common in [&mut client.common, &mut server.common] {
        common.groups = vec![NamedGroup::X25519, NamedGroup::SECP256R1];
    }
}

fn small(name: &'static str, mtu: usize, configure: fn(&mut ClientConfig, &mut ServerConfig)) -> Mode {
    Mode { name, mtu, configure, ..MODES[0] }
}

fn check(mode: &Mode, budgets: &[(u8, u8, u8)], least: usize) {
    let mut total = 0;
    for &(losses, repetitions, early_timers) in budgets {
        let budget = Budget { losses, repetitions, early_timers };
        let (states, ends) = explore(mode, budget);
        println!("{mode:?}, {budget:?}: {states} states, {ends} ends");
        assert!(ends > 0);
        total += states;
    }
    // What was tried is not less than it was when this was written.
    assert!(total >= least, "{total} states");
}

#[test]
fn a_handshake_in_whole_datagrams_survives_every_order() {
    let mode = small("short", 1200, short);
    check(&mode, &[(2, 1, 0), (1, 1, 1), (3, 0, 0), (0, 0, 2)], 10_000);
}

#[test]
fn a_handshake_in_small_datagrams_survives_every_order() {
    let mode = small("short, in small datagrams", 256, short);
    check(&mode, &[(1, 1, 0), (2, 0, 0), (0, 0, 1)], 200);
}

#[test]
fn hellos_in_pieces_survive_every_order() {
    let mode = small("post-quantum, in small datagrams", 500, |client, _| {
        client.key_shares = vec![NamedGroup::X25519MLKEM768];
    });
    check(&mode, &[(0, 0, 0), (1, 0, 0)], 4000);
}

#[test]
fn a_retried_handshake_survives_every_order() {
    let mode = small("short, retried", 1200, |client, server| {
        short(client, server);
        server.common.groups = vec![NamedGroup::SECP256R1];
    });
    check(&mode, &[(1, 1, 0), (2, 0, 0), (0, 0, 1)], 200);
}

#[test]
fn a_handshake_with_a_client_certificate_survives_every_order() {
    let mode = small("short, with a client certificate", 512, |client, server| {
        short(client, server);
        server.client_auth = ClientAuth::Required;
    });
    check(&mode, &[(1, 1, 0), (2, 0, 0), (0, 0, 1)], 200);
}

#[test]
fn key_updates_survive_every_order() {
    for mode in MODES.iter().filter(|mode| mode.name.starts_with("keys updated")) {
        check(mode, &[(1, 1, 0), (2, 0, 0), (0, 0, 1)], 200);
    }
}

#[test]
fn handshakes_by_keys_survive_every_order() {
    for mode in MODES.iter().filter(|mode| mode.name.starts_with("pre-shared")) {
        check(mode, &[(1, 0, 0), (0, 1, 0)], 40);
    }
}

/// What the search is made of, held against a case that can be counted by hand.
#[test]
fn the_search_sees_every_order_once() {
    let mode = small("short", 1200, short);
    let (states, ends) = explore(&mode, Budget { losses: 0, repetitions: 0, early_timers: 0 });
    // Hello, answer, last flight, ACK: one way.
    assert_eq!((states, ends), (5, 1));
    let (with_loss, _) = explore(&mode, Budget { losses: 1, repetitions: 0, early_timers: 0 });
    assert!(with_loss > states);
}
