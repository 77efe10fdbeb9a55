//! How datagrams are sent: sizes and waits.

use core::time::Duration;

use super::ConfigError;

/// How datagrams are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// The largest datagram to send, in bytes, without UDP and IP headers. Default: 1200, which fits every path that
    /// carries QUIC; at least 256.
    pub max_datagram_size: usize,
    /// How long to wait for an answer to a flight before it is sent again. Default: 1 s (RFC 9147 §5.8.2); 400 ms or
    /// one and a half round-trip times where the path is known to be short, as in WebRTC.
    pub initial_timeout: Duration,
    /// The longest wait: each retransmission doubles it up to here. Default: 60 s (RFC 9147 §5.8.2).
    pub max_timeout: Duration,
    /// How often a flight is sent again before the peer counts as unreachable. Default: 12, as in
    /// BoringSSL: with the other defaults some seven minutes, of which a handshake is given one.
    pub max_retransmissions: u32,
    /// How long to wait for the rest of a flight before what arrived is acknowledged, as a fraction of the current
    /// retransmission timeout: one over this. Default: 4 (RFC 9147 §7.1).
    pub ack_delay_divisor: u32,
    /// How long the whole handshake may take. Default: 60 s.
    pub handshake_timeout: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            max_datagram_size: 1200,
            initial_timeout: Duration::from_secs(1),
            max_timeout: Duration::from_secs(60),
            max_retransmissions: 12,
            ack_delay_divisor: 4,
            handshake_timeout: Duration::from_secs(60),
        }
    }
}

/// The smallest `max_datagram_size`: a record header of 13 bytes, a handshake header of 12 and an AEAD tag of 16 must
/// leave room for progress, and 256 is what an IPv6 path of 1280 bytes leaves several times over.
pub const MIN_DATAGRAM_SIZE: usize = 256;

/// The largest `max_datagram_size`: the largest payload of UDP over IPv4.
pub const MAX_DATAGRAM_SIZE: usize = 65_507;

impl TransportConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !(MIN_DATAGRAM_SIZE..=MAX_DATAGRAM_SIZE).contains(&self.max_datagram_size) {
            return Err(ConfigError::InvalidDatagramSize { size: self.max_datagram_size });
        }
        if self.initial_timeout.is_zero() || self.max_timeout < self.initial_timeout {
            return Err(ConfigError::InvalidTimeouts);
        }
        if self.ack_delay_divisor == 0 {
            return Err(ConfigError::InvalidAckDelay);
        }
        Ok(())
    }
}
