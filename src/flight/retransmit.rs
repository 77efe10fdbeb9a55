//! When a flight is sent again (RFC 9147 §5.8.2). Pure arithmetic: it starts no timer and sends nothing.

use core::time::Duration;

use crate::config::TransportConfig;
use crate::time::Instant;

/// The retransmission timer of one connection.
#[derive(Clone, Debug)]
pub struct Retransmission {
    initial: Duration,
    /// How long the next wait is.
    current: Duration,
    /// When the timer was started, if it runs; it runs out `current` later.
    started: Option<Instant>,
    /// How often what is unacknowledged was sent again.
    count: u32,
}

/// What to do about the time that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetransmitDecision {
    /// Nothing: it has not come.
    NotDue,
    /// Send what is not acknowledged again.
    Resend {
        /// How often it was sent again, this time counted.
        count: u32,
        /// How long the next wait is.
        timeout: Duration,
    },
    /// The peer does not answer.
    GiveUp,
}

impl Retransmission {
    /// A timer that does not run.
    pub fn new(config: &TransportConfig) -> Self {
        Self { initial: config.initial_timeout, current: config.initial_timeout, started: None, count: 0 }
    }

    /// Starts the timer, or starts it again: something that wants an answer was handed over at `now`.
    pub fn arm(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// Stops the timer: nothing waits for an answer.
    pub fn disarm(&mut self) {
        self.started = None;
    }

    /// When the timer runs out, if it runs.
    pub fn deadline(&self) -> Option<Instant> {
        self.started.map(|started| started + self.current)
    }

    /// Replaces the first timeout, of this flight as well: what it has been doubled to so far counts from `initial`.
    pub fn set_initial(&mut self, initial: Duration, config: &TransportConfig) {
        let factor = 1u32.checked_shl(self.count).unwrap_or(u32::MAX);
        self.initial = initial;
        self.current = initial.saturating_mul(factor).min(config.max_timeout);
    }

    /// Tells what to do at `now`. When the timer has run out it doubles, and runs on from `now`: nothing is lost if
    /// the flight cannot be handed over at once. After giving up it does not run.
    pub fn handle_timeout(&mut self, now: Instant, config: &TransportConfig) -> RetransmitDecision {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return RetransmitDecision::NotDue;
        }
        if self.count >= config.max_retransmissions {
            self.disarm();
            return RetransmitDecision::GiveUp;
        }
        self.count = self.count.saturating_add(1);
        // "double the value at each retransmission, up to no less than 60 seconds"; the configuration may say more.
        self.current = self.current.saturating_mul(2).min(config.max_timeout);
        self.arm(now);
        RetransmitDecision::Resend { count: self.count, timeout: self.current }
    }

    /// The peer made progress: retransmissions are counted anew, while the wait stays as long as it is.
    ///
    /// RFC 9147 §5.8.2: "Implementations SHOULD retain the current timer value until a message is transmitted and
    /// acknowledged without having to be retransmitted".
    pub fn handle_progress(&mut self) {
        self.count = 0;
    }

    /// A flight was answered without having been sent again: the wait is as short as at first.
    pub fn reset_backoff(&mut self) {
        self.count = 0;
        self.current = self.initial;
    }

    /// How often what is unacknowledged was sent again.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How long the next wait is.
    pub fn current(&self) -> Duration {
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TransportConfig {
        TransportConfig {
            initial_timeout: Duration::from_secs(1),
            max_timeout: Duration::from_secs(5),
            max_retransmissions: 4,
            ..TransportConfig::default()
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_maximum_and_then_it_gives_up() {
        let config = config();
        let mut timer = Retransmission::new(&config);
        let mut now = Instant::from_micros(7);
        assert_eq!(timer.handle_timeout(now, &config), RetransmitDecision::NotDue);
        timer.arm(now);
        for (count, wait, next) in [(1, 1, 2), (2, 2, 4), (3, 4, 5), (4, 5, 5)] {
            let due = timer.deadline().unwrap();
            assert_eq!(due, now + Duration::from_secs(wait));
            let early = Instant::from_micros(due.as_micros() - 1);
            assert_eq!(timer.handle_timeout(early, &config), RetransmitDecision::NotDue);
            let timeout = Duration::from_secs(next);
            assert_eq!(timer.handle_timeout(due, &config), RetransmitDecision::Resend { count, timeout });
            // Once only.
            assert_eq!(timer.handle_timeout(due, &config), RetransmitDecision::NotDue);
            now = due;
        }
        assert_eq!(timer.handle_timeout(now + Duration::from_secs(5), &config), RetransmitDecision::GiveUp);
        assert_eq!(timer.deadline(), None);
        assert_eq!(timer.handle_timeout(now + Duration::from_secs(50), &config), RetransmitDecision::NotDue);
    }

    #[test]
    fn progress_counts_anew_and_keeps_the_wait() {
        let config = config();
        let mut timer = Retransmission::new(&config);
        timer.arm(Instant::ZERO);
        timer.handle_timeout(Instant::ZERO + Duration::from_secs(1), &config);
        assert_eq!((timer.count(), timer.current()), (1, Duration::from_secs(2)));
        timer.handle_progress();
        assert_eq!((timer.count(), timer.current()), (0, Duration::from_secs(2)));
        timer.reset_backoff();
        assert_eq!(timer.current(), Duration::from_secs(1));
    }

    #[test]
    fn a_deadline_long_past_fires_once() {
        let config = config();
        let mut timer = Retransmission::new(&config);
        timer.arm(Instant::ZERO);
        let late = Instant::from_micros(3_600_000_000);
        assert!(matches!(timer.handle_timeout(late, &config), RetransmitDecision::Resend { count: 1, .. }));
        assert_eq!(timer.handle_timeout(late, &config), RetransmitDecision::NotDue);
        assert_eq!(timer.deadline(), Some(late + Duration::from_secs(2)));
    }
}
