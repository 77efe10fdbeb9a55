//! Authentication after the handshake.

use super::{Connection, ConnectionState, ExchangeId, RequestAuthenticationError};
use crate::time::Instant;

impl Connection {
    /// Server: asks the client for a certificate (RFC 9846 §4.7.2), which it offered to show. If it `is_optional`, a
    /// client without one stays connected; else the connection fails (certificate_required). Application data flows
    /// meanwhile.
    ///
    /// The answer is [`PeerAuthenticated`](super::ConnectionEvent::PeerAuthenticated) or
    /// [`PeerDeclined`](super::ConnectionEvent::PeerDeclined) with the same id. Several requests may be unanswered.
    ///
    /// # Errors
    /// Nothing was sent then; [`RequestAuthenticationError`] says why.
    pub fn request_client_authentication(
        &mut self,
        is_optional: bool,
        now: Instant,
    ) -> Result<ExchangeId, RequestAuthenticationError> {
        if self.state != ConnectionState::Connected {
            return Err(RequestAuthenticationError::NotConnected);
        }
        let Some(mut established) = self.established.take() else {
            return Err(RequestAuthenticationError::NotConnected);
        };
        let mut sent = false;
        let result = established.request_client_auth(is_optional, &mut self.context(now, &mut sent));
        self.established = Some(established);
        result
    }
}
