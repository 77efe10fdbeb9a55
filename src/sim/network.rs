//! The network itself.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::random::SplitMix64;
use crate::time::Instant;

/// A path between two sides.
#[derive(Clone, Debug)]
pub struct Network {
    seed: u64,
    conditions: Conditions,
    /// What is under way, in the order of arrival; the number keeps datagrams that arrive at once in the order of sending.
    under_way: BTreeMap<(Instant, u64), Arrival>,
    /// The indices of the datagrams that [`Network::drop_exactly`] condemned.
    script: BTreeSet<u64>,
    /// How many datagrams each side has sent.
    sent_by: [u64; 2],
    arrivals: u64,
    stats: NetworkStats,
}

impl Network {
    /// A network with nothing under way.
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            seed,
            conditions,
            under_way: BTreeMap::new(),
            script: BTreeSet::new(),
            sent_by: [0; 2],
            arrivals: 0,
            stats: NetworkStats::default(),
        }
    }

    /// How the network treats what is sent from now on.
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Changes how the network treats what is sent from now on; what is under way arrives as it would have.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// What has happened until now.
    pub const fn stats(&self) -> &NetworkStats {
        &self.stats
    }

    /// Condemns datagrams by their place, from zero, in the order in which both sides send. The conditions apply to the
    /// others as before.
    pub fn drop_exactly(&mut self, indices: impl IntoIterator<Item = u64>) {
        self.script.extend(indices);
    }

    /// Lifts what [`Network::drop_exactly`] condemned.
    pub fn drop_no_more(&mut self) {
        self.script.clear();
    }

    /// `from` sends `bytes`.
    pub fn send(&mut self, from: Side, bytes: Vec<u8>, now: Instant) -> Fate {
        let index = self.stats.sent;
        self.stats.sent = self.stats.sent.saturating_add(1);
        self.stats.bytes = self.stats.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let luck = self.luck(from);

        if bytes.len() > self.conditions.mtu {
            self.stats.too_long = self.stats.too_long.saturating_add(1);
            return Fate::TooLong;
        }
        if self.script.contains(&index) || luck.loss < self.conditions.loss {
            self.stats.lost = self.stats.lost.saturating_add(1);
            return Fate::Lost;
        }

        let mut transit = self.transit(luck.jitter);
        if luck.reorder < self.conditions.reorder {
            transit = transit.saturating_add(self.detour(luck.detour));
            self.stats.reordered = self.stats.reordered.saturating_add(1);
        }
        let at = now + transit;
        let again = (luck.duplicate < self.conditions.duplicate).then(|| now + self.transit(luck.second_jitter));
        if let Some(again) = again {
            self.stats.duplicated = self.stats.duplicated.saturating_add(1);
            self.enqueue(again, Arrival { to: from.other(), index, bytes: bytes.clone() });
        }
        self.enqueue(at, Arrival { to: from.other(), index, bytes });
        Fate::UnderWay { at, again }
    }

    /// The next datagram that has arrived by `now`, and whom it reaches.
    pub fn deliver(&mut self, now: Instant) -> Option<(Side, Vec<u8>)> {
        self.arrive(now).map(|arrival| (arrival.to, arrival.bytes))
    }

    /// The next datagram that has arrived by `now`, with its place among all that were sent.
    pub fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        let first = self.under_way.first_entry()?;
        let (at, _) = *first.key();
        (at <= now).then(|| {
            self.stats.delivered = self.stats.delivered.saturating_add(1);
            first.remove()
        })
    }

    /// When the next datagram arrives, if one is under way.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    fn enqueue(&mut self, at: Instant, arrival: Arrival) {
        self.under_way.insert((at, self.arrivals), arrival);
        self.arrivals = self.arrivals.wrapping_add(1);
    }

    /// Draws everything that chance decides about the next datagram of `from`: always the same number of draws, so that
    /// a change of one condition does not shift the others.
    fn luck(&mut self, from: Side) -> Luck {
        let [by_a, by_b] = &mut self.sent_by;
        let (side, count) = match from {
            Side::A => (0, by_a),
            Side::B => (1, by_b),
        };
        let mut random = SplitMix64::named(self.seed, count.wrapping_mul(2).wrapping_add(side));
        *count = count.wrapping_add(1);
        Luck {
            loss: random.next_f64(),
            duplicate: random.next_f64(),
            reorder: random.next_f64(),
            detour: random.next_f64(),
            jitter: random.next_f64(),
            second_jitter: random.next_f64(),
        }
    }

    fn transit(&self, jitter: f64) -> Duration {
        self.conditions.delay.saturating_add(fraction(self.conditions.jitter, jitter))
    }

    /// How much longer a datagram takes that is to be overtaken: up to two further delays, and at least a millisecond,
    /// so that something can overtake it even where nothing takes any time.
    fn detour(&self, part: f64) -> Duration {
        let longest = self.conditions.delay.saturating_mul(2).saturating_add(self.conditions.jitter);
        fraction(longest, part).saturating_add(Duration::from_millis(1))
    }
}

/// How a network treats what is sent. The default is perfect: no loss, no delay, any length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// The probability, 0.0 to 1.0, that a datagram is lost.
    pub loss: f64,
    /// The probability, 0.0 to 1.0, that a datagram arrives twice.
    pub duplicate: f64,
    /// The probability, 0.0 to 1.0, that a datagram takes a detour on which later ones overtake it.
    pub reorder: f64,
    /// How long a datagram is under way.
    pub delay: Duration,
    /// How much longer it may be under way; neighbours change places if this is more than what lies between them.
    pub jitter: Duration,
    /// The longest datagram that gets through, in bytes.
    pub mtu: usize,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { loss: 0.0, duplicate: 0.0, reorder: 0.0, delay: Duration::ZERO, jitter: Duration::ZERO, mtu: usize::MAX }
    }
}

/// One end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// The end that is not this one.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It will arrive.
    UnderWay {
        /// When.
        at: Instant,
        /// When it will arrive once more, if it was duplicated.
        again: Option<Instant>,
    },
    /// It was lost.
    Lost,
    /// It is longer than what gets through.
    TooLong,
}

/// A datagram that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Whom it reaches.
    pub to: Side,
    /// Its place, from zero, in the order in which both sides send; duplicates share it.
    pub index: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a network has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkStats {
    /// Datagrams that were sent.
    pub sent: u64,
    /// Bytes that were sent.
    pub bytes: u64,
    /// Datagrams that were lost, by chance or by script.
    pub lost: u64,
    /// Datagrams that were too long.
    pub too_long: u64,
    /// Datagrams that took a detour.
    pub reordered: u64,
    /// Datagrams that arrive twice.
    pub duplicated: u64,
    /// Datagrams that arrived, duplicates counted.
    pub delivered: u64,
}

/// What chance decides about one datagram, each number in `0.0..1.0`.
struct Luck {
    loss: f64,
    duplicate: f64,
    reorder: f64,
    detour: f64,
    jitter: f64,
    second_jitter: f64,
}

fn fraction(whole: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(whole.as_secs_f64() * part).unwrap_or(whole)
}
