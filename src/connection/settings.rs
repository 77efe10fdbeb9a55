//! What the caller may change while a connection runs, and what it may ask about timers.

use core::time::Duration;

use super::{Connection, ConnectionState};
use crate::config::{MAX_DATAGRAM_SIZE, MIN_DATAGRAM_SIZE};
use crate::error::Error;
use crate::time::Instant;
use crate::wire::registry::AlertDescription;

/// C. What the application wants.
impl Connection {
    /// From now on datagrams have at most `size` bytes: the path has become wider or narrower, or was measured. What is
    /// not between [`MIN_DATAGRAM_SIZE`] and [`MAX_DATAGRAM_SIZE`] is taken for the nearer of the two.
    pub fn set_max_datagram_size(&mut self, size: usize) {
        self.max_datagram_size = size.clamp(MIN_DATAGRAM_SIZE, MAX_DATAGRAM_SIZE);
        self.flight_datagram_size = self.max_datagram_size;
    }

    /// How many bytes datagrams have at most, and those of flights, which become shorter after repeated silence: a sign
    /// of what the path carries, for whoever sets the former.
    pub const fn max_datagram_size(&self) -> (usize, usize) {
        (self.max_datagram_size, self.flight_datagram_size)
    }

    /// From now on `timeout` is what the wait for an answer to a flight begins with: the caller has measured the path,
    /// for example by ICE. A flight that waits already is counted anew from when it was sent, so that
    /// [`poll_timeout`](Self::poll_timeout) may lie in the past afterwards.
    ///
    /// RFC 9147 §5.8.2: "implementations SHOULD use an initial timer value of 1000 ms" where nothing better is known.
    pub fn set_initial_timeout(&mut self, timeout: Duration) {
        let timeout = timeout.max(MIN_INITIAL_TIMEOUT);
        self.timers.set_initial_timeout(timeout, &self.role.common().transport);
    }

    /// Ends the connection by a fatal alert of the application's choice, at once and without sending what is queued.
    pub fn abort(&mut self, alert: AlertDescription, now: Instant) {
        if matches!(self.state, ConnectionState::Closed | ConnectionState::Failed) {
            return;
        }
        self.fail(Error::Aborted(alert), now);
    }

    /// When something is sent again or acknowledged if nothing arrives before: the part of
    /// [`poll_timeout`](Self::poll_timeout) that depends on the path.
    pub fn flight_timeout(&self) -> Option<Instant> {
        match self.state {
            ConnectionState::Closed | ConnectionState::Failed => None,
            _ => self.timers.of_flights(),
        }
    }
}

/// A timer of zero would send without end.
const MIN_INITIAL_TIMEOUT: Duration = Duration::from_millis(1);
