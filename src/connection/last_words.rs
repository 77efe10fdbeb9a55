//! What a connection that is over still says.

use core::time::Duration;

use super::Connection;
use crate::time::Instant;
use crate::wire::alert::Alert;
use crate::wire::registry::ContentType;

/// How often the last alerts are repeated: as often as a peer that hears nothing sends its flight again by default.
const MOST_REPETITIONS: u8 = 8;

/// The alerts that ended the connection: they may have been lost, and are not acknowledged.
#[derive(Default)]
pub(super) struct LastWords {
    alerts: Vec<Alert>,
    spoken_at: Option<Instant>,
    repetitions: u8,
}

impl LastWords {
    /// `alert` was sent.
    pub(super) fn spoken(&mut self, alert: Alert, now: Instant) {
        self.alerts.push(alert);
        self.spoken_at = Some(now);
    }

    /// The alerts, if it is time to send them again: not within `pause` of the last time.
    fn again(&mut self, pause: Duration, now: Instant) -> Option<Vec<Alert>> {
        let is_time = self.spoken_at.is_some_and(|at| now.saturating_duration_since(at) >= pause);
        if !is_time || self.repetitions >= MOST_REPETITIONS {
            return None;
        }
        self.repetitions = self.repetitions.saturating_add(1);
        self.spoken_at = None;
        Some(core::mem::take(&mut self.alerts))
    }
}

impl Connection {
    /// The peer goes on with a connection that is over: it has not heard of the end.
    ///
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.10
    //# However, a DTLS implementation
    //# which would ordinarily issue an alert SHOULD generate a new alert
    //# message if the offending record is received again (e.g., as a
    //# retransmitted handshake message).
    pub(super) fn repeat_last_words(&mut self, content_type: ContentType, now: Instant) {
        // Alerts and ACKs are not answered, or two connections that are over would talk for ever.
        if !matches!(content_type, ContentType::HANDSHAKE | ContentType::APPLICATION_DATA) {
            return;
        }
        let pause = self.timers.ack_delay(&self.role.common().transport);
        let Some(alerts) = self.last_words.again(pause, now) else { return };
        // Without our last flight the peer may have no keys to read the alert with.
        if content_type == ContentType::HANDSHAKE {
            self.outgoing.resend();
        }
        self.alerts.extend(alerts);
    }
}
