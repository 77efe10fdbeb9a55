//! The peer at another address: seen, checked, followed or not.

use super::*;
use crate::codec::Encode as _;
use crate::config::PathCheck;
use crate::connection::PathId;
use crate::error::PeerMisbehaved;
use crate::wire::registry::{AlertDescription, ContentType};
use crate::wire::return_routability::ReturnRoutabilityCheck as Check;

const OLD: PathId = PathId::INITIAL;
const NEW: PathId = PathId(1);
const OTHER: PathId = PathId(2);

/// A client behind a NAT, and a server; the network in between is the test.
struct World {
    client: Connection,
    server: Connection,
    /// The paths on which the server reaches the client.
    alive: Vec<PathId>,
    now: Instant,
}

impl World {
    fn new(check: PathCheck) -> Self {
        Self::with(check, |_, _| ())
    }

    fn with(check: PathCheck, change: impl FnOnce(&mut ClientConfig, &mut ServerConfig)) -> Self {
        let (mut client, mut server) = (client_config(), server_config());
        for common in [&mut client.common, &mut server.common] {
            common.connection_ids.length = 8;
            common.connection_ids.path_check = check;
        }
        change(&mut client, &mut server);
        let mut pair = pair(client, server);
        connected(&mut pair);
        let now = pair.now();
        Self { client: pair.a, server: pair.b, alive: vec![OLD], now }
    }

    /// Gives both sides spare connection IDs.
    fn with_spares(mut self) -> Self {
        self.client.request_connection_ids(3).unwrap();
        self.server.request_connection_ids(3).unwrap();
        self.run();
        assert_eq!((self.client.spare_connection_ids(), self.server.spare_connection_ids()), (3, 3));
        events(&mut self.client);
        events(&mut self.server);
        self
    }

    /// Exchanges datagrams until there are none; the client's arrive on the path that is alive, and was alive last. Gives
    /// back how many the server has sent on each path, in order.
    fn run(&mut self) -> Vec<PathId> {
        let mut sent = Vec::new();
        let mut datagram = Vec::new();
        loop {
            if self.client.poll_transmit_on(&mut datagram, self.now).is_some() {
                let path = *self.alive.last().unwrap();
                self.server.handle_datagram_on(path, &mut datagram, self.now);
            } else if let Some(path) = self.server.poll_transmit_on(&mut datagram, self.now) {
                sent.push(path);
                if self.alive.contains(&path) {
                    self.client.handle_datagram_on(OLD, &mut datagram, self.now);
                }
            } else {
                return sent;
            }
        }
    }

    /// Runs until `connection` has no timer within ten seconds.
    fn run_on(&mut self) -> Vec<PathId> {
        let end = self.now + Duration::from_secs(10);
        let mut sent = self.run();
        while let Some(at) = self.server.poll_timeout().into_iter().chain(self.client.poll_timeout()).min()
            && at <= end
        {
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now);
            self.client.handle_timeout(self.now);
            sent.extend(self.run());
        }
        sent
    }

    /// One datagram of the client's that carries `data`.
    fn datagram(&mut self, data: &[u8]) -> Vec<u8> {
        self.client.send(data).unwrap();
        let mut datagram = Vec::new();
        assert!(self.client.poll_transmit(&mut datagram, self.now));
        datagram
    }
}

fn data(bytes: &[u8]) -> ConnectionEvent {
    ConnectionEvent::Datagram(bytes.to_vec())
}

/// The cookie of a path_challenge that the client can read in `datagram`.
fn challenge_in(client: &mut Connection, datagram: &mut [u8]) -> [u8; 8] {
    let (opened, _) = client.records.open_next(datagram);
    let opened = opened.unwrap();
    assert_eq!(opened.content_type, ContentType::RETURN_ROUTABILITY_CHECK);
    match <Check as crate::codec::Decode>::decode_all(opened.content).unwrap() {
        Check::Challenge(cookie) => cookie,
        other => panic!("{other:?}"),
    }
}

//= https://www.rfc-editor.org/rfc/rfc9147#section-11
//# DTLS implementations MUST NOT update the address they send to in response to packets from a different address unless
//# they first perform some reachability test;
#[test]
fn a_new_mapping_of_a_nat_is_followed_after_a_check() {
    for check in [PathCheck::Basic, PathCheck::Enhanced] {
        let mut world = World::new(check).with_spares();
        let began = world.now;
        let old_id = world.server.peer_connection_id().to_vec();
        world.alive = vec![NEW];
        world.client.send(b"hello").unwrap();
        world.server.send(b"answer").unwrap();
        // The answer was on its way to the old address before anybody knew, and is lost.
        let mut lost = Vec::new();
        assert_eq!(world.server.poll_transmit_on(&mut lost, world.now), Some(OLD));
        let sent = world.run();
        if check == PathCheck::Basic {
            assert_eq!(sent, [NEW], "the question");
        } else {
            assert_eq!(sent, [OLD], "asks where the client was, first");
            assert_eq!(world.server.path(), OLD);
            let sent = world.run_on();
            assert_eq!(sent, [OLD, OLD, NEW]);
            assert_eq!(world.now - began, Duration::from_secs(1), "T");
        }
        assert_eq!(world.server.path(), NEW);
        assert_ne!(world.server.peer_connection_id(), old_id, "paths are not linked");
        assert_eq!(
            events(&mut world.server),
            [data(b"hello"), ConnectionEvent::NewPath { path: NEW }, ConnectionEvent::PathChanged { path: NEW }]
        );
        world.server.send(b"again").unwrap();
        assert_eq!(world.run(), [NEW]);
        assert_eq!(events(&mut world.client), [data(b"again")]);
        assert_eq!((world.server.stats().path_checks, world.server.stats().path_changes), (1, 1));
        assert_eq!(world.server.poll_timeout().filter(|at| *at < world.now + Duration::from_secs(10)), None);
    }
}

#[test]
fn application_data_waits_while_a_path_is_checked() {
    let mut world = World::new(PathCheck::Basic);
    let mut datagram = world.datagram(b"x");
    world.server.handle_datagram_on(NEW, &mut datagram, world.now);
    world.server.send(b"secret").unwrap();
    let mut out = Vec::new();
    assert_eq!(world.server.poll_transmit_on(&mut out, world.now), Some(NEW));
    assert_eq!(world.server.poll_transmit_on(&mut out, world.now), None);
    assert_eq!(world.server.queued_bytes(), 6);
    // Nobody answers there: it goes where it went before.
    world.now = world.server.poll_timeout().unwrap();
    world.run_on();
    assert_eq!((world.server.path(), world.server.queued_bytes()), (OLD, 0));
    assert_eq!(events(&mut world.client), [data(b"secret")]);
    assert!(events(&mut world.server).contains(&ConnectionEvent::PathRejected { path: NEW }));
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.2
//# the initiator MUST continue using the previously valid address, i.e., no switch to the new path takes place and the
//# peer address binding is not updated.
#[test]
fn who_forwards_datagrams_faster_does_not_get_into_the_path() {
    let mut world = World::new(PathCheck::Enhanced);
    for round in 0..5u8 {
        let genuine = world.datagram(&[round]);
        // The copy wins the race.
        world.server.handle_datagram_on(NEW, &mut genuine.clone(), world.now);
        world.server.handle_datagram_on(OLD, &mut genuine.clone(), world.now);
        assert_eq!(world.run(), [OLD]);
        assert_eq!(world.server.path(), OLD);
        assert_eq!(
            events(&mut world.server),
            [data(&[round]), ConnectionEvent::NewPath { path: NEW }, ConnectionEvent::PathRejected { path: NEW }]
        );
    }
    assert_eq!(world.server.stats().path_checks_failed, 5);
}

#[test]
fn a_client_that_moves_drops_its_old_path() {
    for check in [PathCheck::Basic, PathCheck::Enhanced] {
        let mut world = World::new(check).with_spares();
        // The old path is still alive: the client's answer there says that it is given up.
        world.alive = vec![OLD, NEW];
        let before = world.client.peer_connection_id().to_vec();
        world.client.use_path(NEW, world.now).unwrap();
        assert_ne!(world.client.peer_connection_id(), before);
        assert_eq!(events(&mut world.client), [ConnectionEvent::PathChanged { path: NEW }]);
        let mut datagram = world.datagram(b"moved");
        world.server.handle_datagram_on(NEW, &mut datagram, world.now);
        let mut question = Vec::new();
        let mut asked = Vec::new();
        while let Some(path) = world.server.poll_transmit_on(&mut question, world.now) {
            asked.push(path);
            world.client.handle_datagram_on(path, &mut question, world.now);
            let mut answer = Vec::new();
            while let Some(path) = world.client.poll_transmit_on(&mut answer, world.now) {
                assert_eq!(Some(&path), asked.last(), "answered where it was asked");
                world.server.handle_datagram_on(path, &mut answer, world.now);
            }
        }
        let expected = if check == PathCheck::Basic { vec![NEW] } else { vec![OLD, NEW] };
        assert_eq!((asked, world.server.path()), (expected, NEW));
        assert_eq!(world.client.path(), NEW, "late datagrams on the old path lead nobody back");
    }
}

//= https://datatracker.ietf.org/doc/html/draft-ietf-tls-dtls-rrc#section-5.4
//# The initiator MUST silently discard any invalid "path_response" or "path_drop" it receives.
#[test]
fn an_answer_counts_on_its_path_and_with_its_cookie_alone() {
    for (path, is_right) in [(OLD, false), (OTHER, false), (NEW, true)] {
        for (flip, drop) in [(0, false), (1, false), (0, true)] {
            let mut world = World::new(PathCheck::Basic);
            let mut datagram = world.datagram(b"x");
            world.server.handle_datagram_on(NEW, &mut datagram, world.now);
            let mut question = Vec::new();
            assert_eq!(world.server.poll_transmit_on(&mut question, world.now), Some(NEW));
            let mut cookie = challenge_in(&mut world.client, &mut question);
            cookie[7] ^= flip;
            let answer = if drop { Check::Drop(cookie) } else { Check::Response(cookie) };
            let mut datagram = Vec::new();
            let sealed = world
                .client
                .records
                .seal(3, ContentType::RETURN_ROUTABILITY_CHECK, &mut datagram, |out| answer.encode(out));
            sealed.unwrap();
            world.server.handle_datagram_on(path, &mut datagram, world.now);
            let moved = is_right && flip == 0 && !drop;
            assert_eq!(world.server.path(), if moved { NEW } else { OLD }, "{path:?} {flip} {drop}");
            assert_eq!(world.server.stats().records_discarded, u64::from(!moved));
            assert_eq!(world.server.error(), None);
        }
    }
}

#[test]
fn the_three_questions_have_cookies_of_their_own() {
    let mut world = World::new(PathCheck::Basic);
    let mut datagram = world.datagram(&[1; 200]);
    world.server.handle_datagram_on(NEW, &mut datagram, world.now);
    let mut cookies = Vec::new();
    for _ in 0..20 {
        let mut question = Vec::new();
        if world.server.poll_transmit_on(&mut question, world.now) == Some(NEW) {
            cookies.push(challenge_in(&mut world.client, &mut question));
        }
        let Some(at) = world.server.poll_timeout() else { break };
        world.now = world.now.max(at);
        world.server.handle_timeout(world.now);
    }
    assert_eq!(cookies.len(), 3);
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), 3);
    assert!(events(&mut world.server).contains(&ConnectionEvent::PathRejected { path: NEW }));
}

#[test]
fn no_more_than_three_times_as_much_goes_to_an_address_that_was_not_checked() {
    // Our records on the new path carry 200 bytes of connection ID, so that one question is more than the limit.
    let mut world = World::with(PathCheck::Basic, |client, _| client.common.connection_ids.length = 200);
    let mut received = 0;
    let mut sent = 0;
    for round in 0..6 {
        let mut datagram = world.datagram(b"");
        received += datagram.len();
        world.server.handle_datagram_on(NEW, &mut datagram, world.now);
        let mut question = Vec::new();
        while world.server.poll_transmit_on(&mut question, world.now) == Some(NEW) {
            sent += question.len();
        }
        assert!(sent <= 3 * received, "{round}: {sent} for {received}");
        assert_eq!(sent > 0, round >= 2, "{round}: a timer that cannot fire is not asked for");
        assert!(world.server.poll_timeout().unwrap() > world.now);
        world.now = world.now + Duration::from_millis(1);
    }
}

#[test]
fn records_that_are_not_the_newest_start_nothing() {
    let mut world = World::new(PathCheck::Basic);
    let (mut late, mut newest) = (world.datagram(b"late"), world.datagram(b"newest"));
    let mut replayed = newest.clone();
    world.server.handle_datagram_on(OLD, &mut newest, world.now);
    world.server.handle_datagram_on(NEW, &mut late, world.now);
    world.server.handle_datagram_on(NEW, &mut replayed, world.now);
    let mut forged = world.datagram(b"forged");
    *forged.last_mut().unwrap() ^= 1;
    world.server.handle_datagram_on(NEW, &mut forged, world.now);
    assert_eq!(events(&mut world.server), [data(b"newest"), data(b"late")]);
    assert_eq!(world.server.stats().path_checks, 0);
}

#[test]
fn without_checks_the_application_decides() {
    for connection_ids in [true, false] {
        let mut world = World::with(PathCheck::None, |_, server| {
            server.common.connection_ids.length = if connection_ids { 8 } else { 0 };
        });
        world.alive = vec![NEW];
        for _ in 0..3 {
            world.client.send(b"x").unwrap();
        }
        world.run();
        let told = events(&mut world.server);
        let seen = told.iter().filter(|event| **event == ConnectionEvent::NewPath { path: NEW }).count();
        assert_eq!((seen, told.len()), if connection_ids { (1, 4) } else { (0, 3) });
        assert_eq!(world.server.path(), OLD);
        world.server.use_path(NEW, world.now).unwrap();
        world.server.send(b"y").unwrap();
        assert_eq!(world.run(), [NEW]);
        assert_eq!(events(&mut world.client), [data(b"y")]);
        if connection_ids {
            // The application has followed the peer, and sees it when it goes back.
            events(&mut world.server);
            let mut datagram = world.datagram(b"back");
            world.server.handle_datagram_on(OLD, &mut datagram, world.now);
            assert_eq!(events(&mut world.server), [data(b"back"), ConnectionEvent::NewPath { path: OLD }]);
        }
    }
}

#[test]
fn a_flood_of_challenges_is_answered_one_for_one_and_held_within_bounds() {
    let mut world = World::new(PathCheck::Basic);
    let mut datagram = Vec::new();
    for cookie in 0..100u8 {
        let challenge = Check::Challenge([cookie; 8]);
        let sealed = world.client.records.seal(3, ContentType::RETURN_ROUTABILITY_CHECK, &mut datagram, |out| {
            challenge.encode(out);
        });
        sealed.unwrap();
    }
    world.server.handle_datagram_on(OLD, &mut datagram, world.now);
    assert_eq!(world.run().len(), 16);
    assert_eq!(world.server.error(), None);
}

#[test]
fn an_answer_is_no_longer_than_three_times_the_question() {
    let mut world = World::with(PathCheck::Basic, |client, _| client.common.connection_ids.length = 250);
    let mut datagram = Vec::new();
    let challenge = Check::Challenge([7; 8]);
    let sealed =
        world.client.records.seal(3, ContentType::RETURN_ROUTABILITY_CHECK, &mut datagram, |out| challenge.encode(out));
    sealed.unwrap();
    let mut out = Vec::new();
    world.server.handle_datagram_on(OTHER, &mut datagram, world.now);
    assert_eq!(world.server.poll_transmit_on(&mut out, world.now), None);
}

#[test]
fn checks_that_were_not_negotiated_and_malformed_ones_end_the_connection() {
    let check = ContentType::RETURN_ROUTABILITY_CHECK;
    let unexpected = PeerMisbehaved::UnexpectedRecord(check);
    let malformed = PeerMisbehaved::MalformedRecord(check);
    for (path_check, content, error, alert) in [
        (PathCheck::None, vec![0; 9], Some(unexpected), AlertDescription::UNEXPECTED_MESSAGE),
        (PathCheck::Basic, vec![0; 8], Some(malformed), AlertDescription::DECODE_ERROR),
        (PathCheck::Basic, vec![1; 10], Some(malformed), AlertDescription::DECODE_ERROR),
        (PathCheck::Basic, Vec::new(), Some(malformed), AlertDescription::DECODE_ERROR),
        // RFC 9853 §4: unknown ones are ignored.
        (PathCheck::Basic, vec![3; 30], None, AlertDescription::CLOSE_NOTIFY),
    ] {
        let mut world = World::new(path_check);
        let mut datagram = Vec::new();
        let sealed = world.client.records.seal(3, check, &mut datagram, |out| out.extend_from_slice(&content));
        sealed.unwrap();
        world.server.handle_datagram(&mut datagram, world.now);
        world.run();
        assert_eq!(world.server.error(), error.map(Error::from).as_ref());
        assert_eq!(world.client.error(), error.map(|_| Error::AlertReceived(alert)).as_ref());
    }
}

#[test]
fn a_third_path_waits_until_the_second_is_settled() {
    let mut world = World::new(PathCheck::Basic);
    let mut first = world.datagram(b"1");
    let mut second = world.datagram(b"2");
    world.server.handle_datagram_on(NEW, &mut first, world.now);
    world.server.handle_datagram_on(OTHER, &mut second, world.now);
    let told = events(&mut world.server);
    assert_eq!(told, [data(b"1"), ConnectionEvent::NewPath { path: NEW }, data(b"2")]);
    assert!(
        world.server.is_path_in_use(NEW) && world.server.is_path_in_use(OLD) && !world.server.is_path_in_use(OTHER)
    );
    world.alive = vec![OTHER];
    world.run_on();
    assert_eq!(world.server.path(), OLD);
    world.client.send(b"3").unwrap();
    world.run_on();
    assert_eq!(world.server.path(), OTHER);
}

#[test]
fn a_path_that_changes_under_loss_is_found_all_the_same() {
    for check in [PathCheck::Basic, PathCheck::Enhanced] {
        for lost in 0..6 {
            let mut world = World::new(check);
            world.alive = vec![NEW];
            let mut count = 0;
            let mut datagram = Vec::new();
            let end = world.now + Duration::from_secs(20);
            while world.server.path() != NEW {
                assert!(world.now < end, "{check:?} {lost}");
                world.client.send(b"x").unwrap();
                let mut step = |path| {
                    count += 1;
                    (path, count - 1 == lost)
                };
                while world.client.poll_transmit_on(&mut datagram, world.now).is_some() {
                    let (_, is_lost) = step(OLD);
                    if !is_lost {
                        world.server.handle_datagram_on(NEW, &mut datagram, world.now);
                    }
                }
                while let Some(path) = world.server.poll_transmit_on(&mut datagram, world.now) {
                    let (path, is_lost) = step(path);
                    if !is_lost && path == NEW {
                        world.client.handle_datagram_on(OLD, &mut datagram, world.now);
                    }
                }
                world.now = world.now + Duration::from_millis(100);
                world.server.handle_timeout(world.now);
                world.client.handle_timeout(world.now);
            }
        }
    }
}
