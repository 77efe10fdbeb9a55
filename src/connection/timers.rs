//! The timers of a connection.

use core::time::Duration;

use super::{Connection, ConnectionState};
use crate::config::{MIN_DATAGRAM_SIZE, ROOM_BESIDE_CONNECTION_ID, Reactions, TransportConfig};
use crate::error::Error;
use crate::flight::retransmit::{Retransmission, RetransmitDecision};
use crate::time::Instant;
use crate::trace::Event;

/// Every timer. Each fires once, then waits to be armed again.
pub struct Timers {
    /// What was sent and not acknowledged is sent again.
    pub retransmission: Retransmission,
    /// What arrived of a flight is acknowledged, because the rest is late: since when, and after how long.
    ack: Option<(Instant, Duration)>,
    /// How often that was done for the current flight.
    acks_of_flight: u32,
    /// The handshake has to be complete.
    pub handshake: Option<Instant>,
    /// Keys of earlier epochs are wiped.
    pub old_epoch: Option<Instant>,
    /// When a part of the current flight was last handed out.
    pub last_sent: Option<Instant>,
}

impl Timers {
    pub fn new(transport: &TransportConfig, now: Instant) -> Self {
        Self {
            retransmission: Retransmission::new(transport),
            ack: None,
            acks_of_flight: 0,
            handshake: Some(now + transport.handshake_timeout),
            old_epoch: None,
            last_sent: None,
        }
    }

    /// The first that is due.
    pub fn next(&self) -> Option<Instant> {
        [self.of_flights(), self.handshake, self.old_epoch].into_iter().flatten().min()
    }

    /// The first that makes us send: a flight again, or an ACK.
    pub fn of_flights(&self) -> Option<Instant> {
        let ack = self.ack.map(|(since, delay)| since + delay);
        [self.retransmission.deadline(), ack].into_iter().flatten().min()
    }

    /// Replaces the first timeout of flights, those that wait included, and the delay of ACKs that follows from it.
    pub fn set_initial_timeout(&mut self, initial: Duration, transport: &TransportConfig) {
        self.retransmission.set_initial(initial, transport);
        let delay = self.ack_delay(transport);
        if let Some((_, waits)) = &mut self.ack {
            *waits = delay;
        }
    }

    /// Whether an ACK waits for its timer.
    pub const fn is_ack_armed(&self) -> bool {
        self.ack.is_some()
    }

    /// Waits for the rest of a flight before what arrived is acknowledged (RFC 9147 §7.1): each time twice as long, so
    /// that a lost ACK does not leave the peer's doubled timer as the only hope.
    pub fn arm_ack(&mut self, transport: &TransportConfig, now: Instant) {
        let factor = 1u32.checked_shl(self.acks_of_flight).unwrap_or(u32::MAX);
        let delay = self.ack_delay(transport).saturating_mul(factor).min(transport.max_timeout);
        self.ack = Some((now, delay));
        if transport.reactions == Reactions::Prompt {
            self.acks_of_flight = self.acks_of_flight.saturating_add(1);
        }
    }

    /// A new flight of the peer begins.
    pub const fn reset_ack(&mut self) {
        self.ack = None;
        self.acks_of_flight = 0;
    }

    /// How long to wait at least between two reactions to hints that something was lost.
    pub fn ack_delay(&self, transport: &TransportConfig) -> Duration {
        self.retransmission.current() / transport.ack_delay_divisor.max(1)
    }

    /// Whether a flight may be sent again on a hint from the peer, without waiting for the timer: not more often than
    /// ACKs are sent, so that nobody can make us send faster than an honest peer would.
    pub fn may_resend(&self, transport: &TransportConfig, now: Instant) -> bool {
        self.last_sent.is_none_or(|last| now - last >= self.ack_delay(transport))
    }
}

/// Whether the timer of ACKs has run out; then it does not run any more.
fn take_due_ack(timer: &mut Option<(Instant, Duration)>, now: Instant) -> bool {
    let due = timer.is_some_and(|(since, delay)| since + delay <= now);
    if due {
        *timer = None;
    }
    due
}

fn take_due(timer: &mut Option<Instant>, now: Instant) -> bool {
    let due = timer.is_some_and(|at| at <= now);
    if due {
        *timer = None;
    }
    due
}

/// What every IPv4 path carries in practice: 576 bytes (RFC 791) less the headers of IP and UDP.
const SMALL_DATAGRAM: usize = 548;

impl Connection {
    //= https://www.rfc-editor.org/rfc/rfc9147#section-4.4
    //# If repeated retransmissions do not result in a response, and the PMTU is unknown, subsequent retransmissions SHOULD back off to a smaller record size, fragmenting the handshake message as appropriate.
    /// Datagrams of flights stay that short for the rest of the connection: the path is not likely to get wider.
    fn shrink_flights(&mut self, retransmissions: u32) {
        let size = match retransmissions {
            _ if self.common().transport.path_mtu_known => return,
            0..=2 => return,
            3..=5 => SMALL_DATAGRAM,
            _ => MIN_DATAGRAM_SIZE,
        };
        // A long connection ID must not leave a flight without room for progress.
        let least = self.records.write_connection_id().len().saturating_add(ROOM_BESIDE_CONNECTION_ID);
        self.flight_datagram_size = self.flight_datagram_size.min(size.max(least));
    }

    /// Forgets how to read what the peer sent before its present epoch.
    fn discard_old_epochs(&mut self, now: Instant) {
        let newest = self.records.read_epoch();
        let mut sent = false;
        let mut cx = self.context(now, &mut sent);
        while let Some(old) = cx.records.oldest_read_epoch().filter(|epoch| *epoch < newest) {
            cx.discard_read(old);
        }
    }

    /// Whether signs of loss are acted on at once.
    pub(super) fn reacts_promptly(&self) -> bool {
        self.common().transport.reactions == Reactions::Prompt
    }

    pub(super) fn fire_timers(&mut self, now: Instant) {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            return;
        }
        if take_due(&mut self.timers.handshake, now) {
            return self.fail(Error::HandshakeTimedOut, now);
        }
        if take_due_ack(&mut self.timers.ack, now) {
            self.ack_due = true;
            if self.handshake.is_some() && self.reacts_promptly() {
                self.timers.arm_ack(&self.role.common().transport, now);
            }
        }
        if take_due(&mut self.timers.old_epoch, now) {
            self.discard_old_epochs(now);
        }
        self.fire_path_timer(now);
        let transport = &self.role.common().transport;
        match self.timers.retransmission.handle_timeout(now, transport) {
            RetransmitDecision::NotDue => {}
            RetransmitDecision::Resend { count, timeout } => {
                self.outgoing.resend();
                self.shrink_flights(count);
                self.stats.flights_retransmitted = self.stats.flights_retransmitted.saturating_add(1);
                let timeout_micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
                self.tracer.tell(now, || Event::FlightRetransmitted { count, timeout_micros });
            }
            // Who was told to close does so, whether the peer still answers or not.
            RetransmitDecision::GiveUp if self.state == ConnectionState::Closing => self.outgoing.acknowledge_all(),
            RetransmitDecision::GiveUp => self.fail(Error::PeerUnreachable, now),
        }
    }
}
