//! Handshakes over networks that lose, repeat and reorder, with all three kinds of back end.
#![cfg(all(feature = "sim", not(target_arch = "wasm32")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/backends.rs"]
mod backends;
#[path = "support/modes.rs"]
mod modes;
#[path = "support/null.rs"]
mod null;

use std::sync::Arc;
use std::time::Duration;

use backends::{Kind, Worker};
use dtls_wasm::connection::{Connection, ConnectionEvent, ConnectionState};
use dtls_wasm::crypto::task::{TaskError, TaskOutput};
use dtls_wasm::endpoint::{ConnectionHandle, Endpoint, EndpointEvent, PeerAddress};
use dtls_wasm::error::Error;
use dtls_wasm::sim::{Conditions, Network, Node, Outcome, Pair};
use dtls_wasm::time::Instant;
use dtls_wasm::trace::memory::MemoryTrace;
use modes::{Handshake, MODES, Mode, as_it_is, bad, is_connected, patient, perfect};
use null::START;

const KINDS: [Kind; 4] =
    [Kind::Synchronous, Kind::Deferred(Duration::ZERO), Kind::Deferred(Duration::from_millis(37)), Kind::Adversarial];

/// Runs until both are connected and what the applications did has had its effect; then data must flow both ways once
/// nothing is lost any more. Gives how many datagrams were sent before that.
fn must_complete(mode: &Mode, pair: &mut Handshake, deadline: Duration, what: &dyn std::fmt::Debug) -> u64 {
    let run = |pair: &mut Handshake, done: &dyn Fn(&Worker, &Worker) -> bool| {
        let outcome = pair.run(START + deadline, |a, b| done(a, b));
        let states = (pair.a.connection.state(), pair.b.connection.state());
        let stats = pair.network.stats();
        let events = (&pair.a.events, &pair.b.events);
        assert_eq!(outcome, Outcome::Done, "{what:?}: {states:?} at {:?}, {stats:?}, {events:?}", pair.now());
    };
    run(pair, &|a, b| is_connected(a) && is_connected(b));
    let now = pair.now();
    (mode.act)(&mut pair.a.connection, &mut pair.b.connection, now);
    run(pair, &|a, b| (mode.acted)(a, b));
    let sent = pair.network.stats().sent;
    pair.network.drop_no_more();
    pair.network.set_conditions(Conditions { delay: Duration::from_millis(1), ..Conditions::default() });
    let has_data = |worker: &Worker, data: &[u8]| worker.events.contains(&ConnectionEvent::Datagram(data.to_vec()));
    pair.a.connection.send(b"ping").unwrap();
    pair.b.connection.send(b"pong").unwrap();
    let deadline = pair.now() + Duration::from_secs(1);
    let outcome = pair.run(deadline, |a, b| has_data(a, b"pong") && has_data(b, b"ping"));
    assert_eq!(outcome, Outcome::Done, "{what:?}: no data; {:?} {:?}", pair.a.events, pair.b.events);
    assert_eq!(pair.a.connection.negotiated(), pair.b.connection.negotiated(), "{what:?}");
    sent
}

#[test]
fn every_pattern_of_one_or_two_lost_datagrams_is_survived() {
    let mut patterns = 0;
    for mode in MODES {
        for kind in KINDS {
            let mut pair = mode.begin(kind, 1, perfect(), as_it_is);
            // The datagrams of an undisturbed run, and as many again that are sent only because some were lost.
            let count = must_complete(mode, &mut pair, Duration::from_secs(60), &(mode, kind));
            assert!(count >= 4, "{mode:?}");
            for first in 0..count * 2 {
                for second in first..count * 2 {
                    let mut pair = mode.begin(kind, 1, perfect(), as_it_is);
                    pair.network.drop_exactly([first, second]);
                    must_complete(mode, &mut pair, Duration::from_secs(60), &(mode, kind, first, second));
                    patterns += 1;
                }
            }
        }
    }
    println!("{patterns} patterns");
}

#[test]
fn ten_thousand_bad_networks_are_survived_synchronously() {
    survive(Kind::Synchronous, 0..10_000);
}

#[test]
fn ten_thousand_bad_networks_are_survived_deferred() {
    survive(Kind::Deferred(Duration::from_millis(37)), 0..10_000);
}

#[test]
fn ten_thousand_bad_networks_are_survived_with_an_adversarial_back_end() {
    survive(Kind::Adversarial, 0..10_000);
}

/// An endpoint as a server for one client, whom it asks for a cookie.
struct Host {
    endpoint: Endpoint,
    client: PeerAddress,
    accepted: Vec<ConnectionHandle>,
}

impl Host {
    fn new(seed: u64) -> Self {
        let mut config = null::server(!seed);
        patient(&mut config.common.transport);
        Self {
            endpoint: Endpoint::new(Some(Arc::new(config)), START).unwrap(),
            client: PeerAddress::new(&[1]).unwrap(),
            accepted: Vec::new(),
        }
    }

    fn is_connected(&self) -> bool {
        let state = |handle| self.endpoint.connection(handle).map(Connection::state);
        self.accepted.last().is_some_and(|last| state(*last) == Some(ConnectionState::Connected))
    }
}

impl Node for Host {
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.endpoint.handle_datagram(self.client, datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        let sends = self.endpoint.poll_transmit(datagram, now).is_some();
        while let Some((handle, event)) = self.endpoint.poll_event() {
            if matches!(event, EndpointEvent::Accepted { .. }) {
                self.accepted.push(handle);
            }
        }
        sends
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }
}

/// A handshake with a cookie, over a network that drops `lost` besides what its conditions say; gives what was sent.
fn with_cookie(seed: u64, conditions: Conditions, lost: &[u64]) -> u64 {
    let mut config = null::client(seed);
    patient(&mut config.common.transport);
    let client = Connection::client(Arc::new(config), Some("example.org"), START).unwrap();
    let client = Worker::new(client, Kind::Synchronous, seed, START);
    let mut pair = Pair::new(client, Host::new(seed), Network::new(seed, conditions), START);
    pair.network.drop_exactly(lost.iter().copied());
    let outcome = pair.run(START + Duration::from_secs(600), |a, b| is_connected(a) && b.is_connected());
    assert_eq!(outcome, Outcome::Done, "seed {seed}, lost {lost:?}: {:?} {:?}", pair.a.events, pair.b.endpoint);
    let listener = pair.b.endpoint.listener().unwrap();
    assert!(listener.stats().retries > 0);
    // Nothing but the one connection is left over; a hello that was repeated made no second one.
    assert_eq!((pair.b.endpoint.connections(), pair.b.accepted.len()), (1, 1), "seed {seed}, lost {lost:?}");
    pair.network.stats().sent
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-5.1
//# Clients MUST be prepared to do a cookie exchange with every handshake.
//= https://www.rfc-editor.org/rfc/rfc9147#section-11
//# Clients MUST be prepared to do a cookie exchange with every handshake.
#[test]
fn a_handshake_with_a_cookie_survives_every_pattern_of_one_or_two_lost_datagrams() {
    let count = with_cookie(1, perfect(), &[]);
    assert!(count >= 7, "two hellos of two datagrams, a retry, a flight, a flight");
    for first in 0..count * 2 {
        for second in first..count * 2 {
            with_cookie(1, perfect(), &[first, second]);
        }
    }
}

#[test]
fn a_handshake_with_a_cookie_survives_two_thousand_bad_networks() {
    for seed in 0..2000 {
        with_cookie(seed, bad(), &[]);
    }
}

fn survive(kind: Kind, seeds: std::ops::Range<u64>) {
    let mut longest = Duration::ZERO;
    let mut total = Duration::ZERO;
    let count = u32::try_from(seeds.end - seeds.start).unwrap();
    for seed in seeds {
        let mode = &MODES[seed as usize % MODES.len()];
        let mut pair = mode.begin(kind, seed, bad(), patient);
        must_complete(mode, &mut pair, Duration::from_secs(600), &(mode, kind, seed));
        let took = pair.now() - START;
        longest = longest.max(took);
        total += took;
    }
    println!("{kind:?}: {:?} on average, {longest:?} at most", total / count);
}

/// Outside CI: `cargo test --release --features inspect,sim --test reliability -- --ignored --nocapture`.
#[test]
#[ignore = "takes half a minute; see its comment"]
fn a_hundred_thousand_further_bad_networks_are_survived() {
    for kind in [Kind::Synchronous, Kind::Deferred(Duration::from_millis(37)), Kind::Adversarial] {
        survive(kind, 10_000..110_000);
    }
}

#[test]
fn a_task_that_fails_ends_both_connections() {
    let kind = Kind::Deferred(Duration::from_millis(5));
    let mode = &MODES[3];
    let mut undisturbed = mode.begin(kind, 1, perfect(), as_it_is);
    must_complete(mode, &mut undisturbed, Duration::from_secs(60), &kind);
    let tasks = [undisturbed.a.tasks, undisturbed.b.tasks];
    assert!(tasks.iter().all(|tasks| *tasks > 4), "{tasks:?}");
    let failures = [
        Err(TaskError::Failed),
        Err(TaskError::Rejected),
        Err(TaskError::NoRandomBytes),
        Ok(TaskOutput::Credentials(None)),
    ];
    for (side, tasks) in tasks.into_iter().enumerate() {
        for number in 0..tasks {
            for failure in &failures {
                let mut pair = mode.begin(kind, 1, perfect(), as_it_is);
                // The client's first task has left it by now.
                let worker = if side == 0 { &mut pair.a } else { &mut pair.b };
                if worker.tasks > number {
                    continue;
                }
                worker.instead = Some((number, failure.clone()));
                let is_over = |worker: &Worker| worker.connection.state() == ConnectionState::Failed;
                let outcome = pair.run(START + Duration::from_secs(120), |a, b| is_over(a) && is_over(b));
                let errors = (pair.a.connection.error(), pair.b.connection.error());
                // A client may go on without a certificate, and leaves it to the server to refuse that.
                assert_eq!(outcome, Outcome::Done, "{side} {number} {failure:?}: {errors:?}");
            }
        }
    }
}

/// What both sides told, line by line.
fn traced(mode: &Mode, kind: Kind) -> [Vec<String>; 2] {
    let mut pair = mode.begin(kind, 5, perfect(), as_it_is);
    let traces = [MemoryTrace::with_secrets(), MemoryTrace::with_secrets()];
    pair.a.connection.set_trace(Box::new(traces[0].clone()));
    pair.b.connection.set_trace(Box::new(traces[1].clone()));
    must_complete(mode, &mut pair, Duration::from_secs(60), &(mode, kind));
    let now = pair.now();
    pair.a.connection.close(now);
    pair.run(pair.now() + Duration::from_secs(1), |_, _| false);
    traces.map(|trace| trace.lines())
}

/// Shows the first lines that differ.
fn assert_same(one: &[String], other: &[String], what: &dyn std::fmt::Debug) {
    for (number, (one, other)) in one.iter().zip(other).enumerate() {
        assert_eq!(one, other, "{what:?}: line {number}");
    }
    assert_eq!(one.len(), other.len(), "{what:?}: one ends before the other");
}

/// Without what only deferred tasks leave behind: the tasks themselves, and that records whose keys were being made had
/// to wait for them, and were read when the place that they had in their datagram did not count any more.
fn without_tasks(lines: Vec<String>) -> Vec<String> {
    let is_left_behind = |line: &str| line.starts_with("security:task") || line.starts_with("transport:record_held");
    let without_offset = |line: String| match line.split_once(" offset=") {
        Some((before, rest)) => format!("{before} {}", rest.split_once(' ').unwrap().1),
        None => line,
    };
    lines.into_iter().filter(|line| !is_left_behind(line)).map(without_offset).collect()
}

#[test]
fn a_deferred_back_end_that_answers_at_once_leaves_the_trace_of_a_synchronous_one() {
    for mode in MODES.iter().filter(|mode| mode.is_ordered) {
        let synchronous = traced(mode, Kind::Synchronous);
        let deferred = traced(mode, Kind::Deferred(Duration::ZERO));
        let handed_out = deferred.iter().any(|side| side.len() > without_tasks(side.clone()).len());
        assert!(handed_out, "{mode:?}: tasks were handed out");
        for (synchronous, deferred) in synchronous.into_iter().zip(deferred) {
            assert!(synchronous.len() > 20);
            assert_same(&without_tasks(synchronous), &without_tasks(deferred), &mode);
        }
    }
}

#[test]
fn late_results_change_when_datagrams_leave_but_not_what_is_said() {
    // Messages, keys and states; not the records, which are packed by what is ready at a time, nor ACKs and timers. A
    // synchronous client has made its first hello before anybody can listen.
    let said = |lines: Vec<String>| -> Vec<String> {
        let kept = ["dtls:message", "dtls:state", "security:secret", "security:parameters", "dtls:handshake_complete"];
        let is_kept = |line: &String| kept.iter().any(|kept| line.starts_with(kept));
        let is_first = |line: &String| line.starts_with("dtls:message direction=received");
        lines.into_iter().filter(is_kept).skip_while(|line| !is_first(line)).collect()
    };
    for mode in MODES.iter().filter(|mode| mode.is_ordered) {
        let synchronous = traced(mode, Kind::Synchronous).map(said);
        for kind in [Kind::Deferred(Duration::from_millis(37)), Kind::Adversarial] {
            for (synchronous, late) in synchronous.clone().into_iter().zip(traced(mode, kind).map(said)) {
                assert!(synchronous.len() > 10);
                assert_same(&synchronous, &late, &(mode, kind));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for kind in KINDS {
        assert_eq!(traced(&MODES[3], kind), traced(&MODES[3], kind));
    }
}

/// A pair whose client has sent all it had when the server refuses it, and the number of the datagram with the alert.
fn refused() -> (Handshake, u64) {
    let mut pair = MODES[2].begin(Kind::Deferred(Duration::ZERO), 1, perfect(), as_it_is);
    // The client's certificate is judged by the server's last task.
    pair.b.instead = Some((4, Err(TaskError::Rejected)));
    let outcome = pair.run(START + Duration::from_secs(5), |_, b| b.connection.state() == ConnectionState::Failed);
    assert_eq!(outcome, Outcome::Done);
    let alert = pair.network.stats().sent - 1;
    (pair, alert)
}

#[test]
fn a_lost_alert_is_repeated_for_a_peer_that_goes_on() {
    let (undisturbed, alert) = refused();
    let error = undisturbed.b.connection.error().cloned();
    assert!(error.is_some());
    let mut pair = MODES[2].begin(Kind::Deferred(Duration::ZERO), 1, perfect(), as_it_is);
    pair.b.instead = Some((4, Err(TaskError::Rejected)));
    pair.network.drop_exactly([alert]);
    let outcome = pair.run(START + Duration::from_secs(5), |a, _| a.connection.state() == ConnectionState::Failed);
    assert_eq!(outcome, Outcome::Done, "the client waits for an answer that does not come");
    assert_eq!(pair.b.connection.error().cloned(), error);
    assert!(matches!(pair.a.connection.error(), Some(Error::AlertReceived(_))), "{:?}", pair.a.connection.error());
    assert_eq!(pair.run_until_idle(START + Duration::from_secs(600)), Outcome::Idle);
}

#[test]
fn a_lost_close_notify_is_repeated_for_a_peer_that_goes_on() {
    let mut pair = MODES[0].begin(Kind::Synchronous, 1, perfect(), as_it_is);
    must_complete(&MODES[0], &mut pair, Duration::from_secs(60), &"close");
    pair.network.set_conditions(Conditions { loss: 1.0, ..Conditions::default() });
    let now = pair.now();
    pair.a.connection.close(now);
    pair.run(now + Duration::from_secs(1), |_, _| false);
    assert_eq!(pair.a.connection.state(), ConnectionState::Closed);
    pair.network.set_conditions(perfect());
    pair.b.connection.send(b"are you there?").unwrap();
    let is_closed = |worker: &Worker| worker.connection.state() == ConnectionState::Closed;
    assert_eq!(pair.run(pair.now() + Duration::from_secs(1), |_, b| is_closed(b)), Outcome::Done);
    assert!(pair.b.events.contains(&ConnectionEvent::PeerClosed));
    assert_eq!(pair.run_until_idle(pair.now() + Duration::from_secs(600)), Outcome::Idle, "nobody talks for ever");
}
