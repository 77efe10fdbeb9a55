//! A connection as a part of a simulation.

use super::Connection;
use crate::sim::Node;
use crate::time::Instant;

impl Node for Connection {
    fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        Self::handle_datagram(self, datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        Self::poll_transmit(self, datagram, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}
