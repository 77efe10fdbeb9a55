use core::time::Duration;

use super::*;
use crate::time::Instant;

const MS: Duration = Duration::from_millis(1);

fn arrivals(network: &mut Network) -> Vec<(Side, Vec<u8>)> {
    core::iter::from_fn(|| network.deliver(Instant::from_micros(u64::MAX))).collect()
}

#[test]
fn a_perfect_network_keeps_order_and_bytes() {
    let mut network = Network::new(1, Conditions { delay: 5 * MS, ..Conditions::default() });
    for byte in 0..100 {
        let fate = network.send(Side::A, vec![byte], Instant::ZERO);
        assert_eq!(fate, Fate::UnderWay { at: Instant::ZERO + 5 * MS, again: None });
    }
    assert_eq!(network.deliver(Instant::ZERO + 4 * MS), None);
    assert_eq!(arrivals(&mut network), (0..100).map(|byte| (Side::B, vec![byte])).collect::<Vec<_>>());
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let conditions =
        Conditions { loss: 0.3, duplicate: 0.2, reorder: 0.2, delay: 10 * MS, jitter: 3 * MS, mtu: usize::MAX };
    let run = |seed| {
        let mut network = Network::new(seed, conditions);
        let fates: Vec<_> = (0..200)
            .map(|n| network.send(if n % 3 == 0 { Side::A } else { Side::B }, vec![n], Instant::ZERO + MS * n.into()))
            .collect();
        (fates, arrivals(&mut network))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn the_fate_of_one_side_does_not_depend_on_what_the_other_sends() {
    let conditions = Conditions { loss: 0.5, ..Conditions::default() };
    let mut quiet = Network::new(3, conditions);
    let mut busy = Network::new(3, conditions);
    for n in 0..50 {
        busy.send(Side::B, vec![n], Instant::ZERO);
        assert_eq!(quiet.send(Side::A, vec![n], Instant::ZERO), busy.send(Side::A, vec![n], Instant::ZERO));
    }
}

#[test]
fn probabilities_are_met() {
    let conditions =
        Conditions { loss: 0.3, duplicate: 0.1, reorder: 0.2, delay: 10 * MS, jitter: MS, mtu: usize::MAX };
    let mut network = Network::new(11, conditions);
    for _ in 0..10_000 {
        network.send(Side::A, vec![0], Instant::ZERO);
    }
    let stats = *network.stats();
    // Ten standard deviations of 10,000 draws are less than 500.
    assert!(stats.lost.abs_diff(3000) < 500, "{stats:?}");
    assert!(stats.duplicated.abs_diff(700) < 300, "{stats:?}");
    assert!(stats.reordered.abs_diff(1400) < 400, "{stats:?}");
    assert_eq!(u64::try_from(arrivals(&mut network).len()).unwrap(), 10_000 - stats.lost + stats.duplicated);
}

#[test]
fn loss_of_one_loses_everything_and_a_script_exactly_what_it_names() {
    let mut network = Network::new(1, Conditions { loss: 1.0, ..Conditions::default() });
    assert_eq!(network.send(Side::A, vec![0], Instant::ZERO), Fate::Lost);

    let mut network = Network::new(1, Conditions::default());
    network.drop_exactly([1, 3]);
    for byte in 0..5 {
        network.send(if byte == 1 { Side::B } else { Side::A }, vec![byte], Instant::ZERO);
    }
    assert_eq!(arrivals(&mut network), [(Side::B, vec![0]), (Side::B, vec![2]), (Side::B, vec![4])]);

    network.drop_exactly([5, 6]);
    assert_eq!(network.send(Side::A, vec![5], Instant::ZERO), Fate::Lost);
    network.drop_no_more();
    assert_ne!(network.send(Side::A, vec![6], Instant::ZERO), Fate::Lost);
}

#[test]
fn a_duplicate_keeps_the_index_of_its_original() {
    let mut network = Network::new(1, Conditions { duplicate: 1.0, ..Conditions::default() });
    network.send(Side::A, vec![7], Instant::ZERO);
    network.send(Side::B, vec![8], Instant::ZERO);
    let indices: Vec<_> = core::iter::from_fn(|| network.arrive(Instant::ZERO)).map(|a| (a.to, a.index)).collect();
    assert_eq!(indices, [(Side::B, 0), (Side::B, 0), (Side::A, 1), (Side::A, 1)]);
}

#[test]
fn what_is_longer_than_the_mtu_does_not_get_through() {
    let mut network = Network::new(1, Conditions { mtu: 3, ..Conditions::default() });
    assert_eq!(network.send(Side::A, vec![0; 4], Instant::ZERO), Fate::TooLong);
    assert!(matches!(network.send(Side::A, vec![0; 3], Instant::ZERO), Fate::UnderWay { .. }));
}

/// Sends a ball back as often as it is told, and once more whenever its time comes.
#[derive(Default)]
struct Player {
    returns: u32,
    to_send: u32,
    received: Vec<Instant>,
    alarm: Option<Instant>,
    alarms: u32,
    stuck: bool,
}

impl Node for Player {
    fn handle_datagram(&mut self, _: &mut [u8], now: Instant) {
        self.received.push(now);
        if self.returns > 0 {
            self.returns -= 1;
            self.to_send += 1;
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if !self.stuck && self.alarm.is_some_and(|alarm| alarm <= now) {
            self.alarm = None;
            self.alarms += 1;
            self.to_send += 1;
        }
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, _: Instant) -> bool {
        datagram.clear();
        datagram.push(0);
        let sends = self.to_send > 0;
        self.to_send = self.to_send.saturating_sub(1);
        sends
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.alarm
    }
}

#[test]
fn a_pair_plays_until_idle_and_time_passes_only_with_what_happens() {
    let network = Network::new(1, Conditions { delay: 10 * MS, ..Conditions::default() });
    let a = Player { to_send: 1, returns: 2, ..Player::default() };
    let b = Player { returns: 3, ..Player::default() };
    let mut pair = Pair::new(a, b, network, Instant::ZERO);
    assert_eq!(pair.run_until_idle(Instant::ZERO + 1000 * MS), Outcome::Idle);
    assert_eq!(pair.b.received, [10u32, 30, 50].map(|ms| Instant::ZERO + MS * ms));
    assert_eq!(pair.a.received, [20u32, 40, 60].map(|ms| Instant::ZERO + MS * ms));
    assert_eq!(pair.now(), Instant::ZERO + 60 * MS);
}

#[test]
fn a_timer_fires_at_its_time_and_a_deadline_stops_the_clock() {
    let network = Network::new(1, Conditions::default());
    let a = Player { alarm: Some(Instant::ZERO + 70 * MS), ..Player::default() };
    let mut pair = Pair::new(a, Player::default(), network, Instant::ZERO);
    assert_eq!(pair.run_until_idle(Instant::ZERO + 50 * MS), Outcome::DeadlinePassed);
    assert_eq!((pair.a.alarms, pair.now()), (0, Instant::ZERO + 50 * MS));
    assert_eq!(pair.run(Instant::ZERO + 100 * MS, |_, b| !b.received.is_empty()), Outcome::Done);
    assert_eq!((pair.a.alarms, pair.now()), (1, Instant::ZERO + 70 * MS));
}

#[test]
fn a_timer_that_stays_due_is_seen_as_spinning() {
    let a = Player { alarm: Some(Instant::ZERO), stuck: true, ..Player::default() };
    let mut pair = Pair::new(a, Player::default(), Network::new(1, Conditions::default()), Instant::ZERO);
    assert_eq!(pair.run_until_idle(Instant::ZERO + MS), Outcome::Spinning);
}
