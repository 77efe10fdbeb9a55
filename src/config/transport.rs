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
    /// How soon signs of loss are acted on. Default: [`Reactions::Prompt`].
    pub reactions: Reactions,
    /// Whether datagrams of `max_datagram_size` are known to fit the path. Then flights keep that size however often
    /// they are lost; otherwise they shrink (RFC 9147 §4.4). Default: false.
    pub path_mtu_known: bool,
    /// Whether a flight is sent only once all of it is there, where a task makes a part of it: in fewer datagrams, but
    /// later. Meanwhile what the peer sent is acknowledged. Default: false.
    pub whole_flights: bool,
    /// Whether nobody but the peer can send us anything. Then faults in plaintext records are fatal, and the peer is
    /// told of them at once; otherwise such records are discarded, as anybody could have forged them (RFC 9147 §4.5.2).
    /// Default: false.
    pub path_is_authentic: bool,
    /// Whether the records of the first ClientHello say that they are of DTLS 1.0, as those of browsers do, for the sake
    /// of whatever on the path knows no newer version (RFC 9147 §4 allows it). Default: false.
    pub compatible_hello: bool,
}

/// How soon a connection acts on what a datagram tells about loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reactions {
    /// At once, where RFC 9147 suggests it: an ACK goes out behind a gap (§7.1) and for each record after the
    /// handshake; what an ACK leaves out is sent again (§7.2), and so is a flight when the one that it answers comes
    /// once more (§5.8.1).
    #[default]
    Prompt,
    /// By timers only, as BoringSSL does: an ACK goes out a fraction of the retransmission timeout after the first
    /// record that it acknowledges, and lists all records since our last flight of the handshake (RFC 9147 §7 lets an
    /// ACK cover more than one flight); a flight is sent again when its timer runs out. Fewer records, later repair.
    Timed,
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
            reactions: Reactions::default(),
            path_mtu_known: false,
            whole_flights: false,
            path_is_authentic: false,
            compatible_hello: false,
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
