//! Every bound in one table, each argued.

use core::time::Duration;

use super::ConfigError;

/// Every bound, so that no peer can make us hold or do more than was decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest handshake message to accept, in bytes. Default: 32 KiB, a chain of five RSA-4096 certificates twice
    /// over; the format would allow 16 MiB.
    pub handshake_message: usize,
    /// Handshake bytes that may wait for a gap to be filled, in bytes. Default: 64 KiB: two messages of the longest kind.
    pub reassembly: usize,
    /// How far ahead of the next expected message a fragment may be, in messages. Default: 8; the longest flight
    /// (EncryptedExtensions to Finished, with a ticket behind it) has 6.
    pub messages_ahead: u16,
    /// Pieces that one message may arrive in out of order. Default: 64: a message of 32 KiB in datagrams of 512 bytes.
    pub fragments: usize,
    /// Certificates in the peer's chain. Default: 10.
    pub certificate_chain: usize,
    /// Requests for a client certificate that may be unanswered, or whose answer is not acknowledged yet. Default: 4: an
    /// application that asks again before it was answered asks for another purpose, and has few of those.
    pub authentication_requests: usize,
    /// Pre-shared keys of a ClientHello that a server looks at, each of which may cost a decryption or a look-up. Default:
    /// 16: eight external keys, imported for both hashes.
    pub psk_identities: usize,
    /// Tickets that a client takes from one connection; more are acknowledged and forgotten. Default: 32; RFC 9149 §2 speaks
    /// of one for each connection that is tried at a time.
    pub tickets: u8,
    /// Records that are held because their keys do not exist yet. Default: 8: a flight that overtakes a ServerHello.
    pub held_records: usize,
    /// Bytes of application data that wait to be sent. Default: 256 KiB.
    pub send_queue: usize,
    /// Bytes of application data that were received and wait to be taken, with the queue itself. Default: 1 MiB; more is dropped
    /// and counted.
    pub receive_queue: usize,
    /// Record numbers that one ACK lists. Default: 32: more than a flight of 32 KiB has records.
    pub ack_records: usize,
    /// Records of our own whose acknowledgement is still understood. Default: 128: a flight of 32 KiB, sent four times.
    pub sent_records: usize,
    /// The longest connection ID of the peer's that our records will carry, in bytes; a server does without if the client
    /// wants a longer one. Default: 255, all that there are: RFC 9146 §3 wants every length to be sent. The limit is
    /// lower where datagrams are so short that fewer than 128 bytes would remain.
    pub peer_connection_id: usize,
    /// Connection IDs of ours that the peer may use at the same time. Default: 8, as many as QUIC implementations mostly
    /// keep: two paths, each changed three times within `old_epoch`. For more the peer waits.
    pub own_connection_ids: usize,
    /// Spare connection IDs of the peer's that are kept; more are discarded (RFC 9147 §9). Default: 8, of 255 bytes at
    /// the most.
    pub spare_connection_ids: usize,
    /// How often the peer may ask for connection IDs. Default: 4,096, a sixteenth of the message numbers that our answers
    /// use up: a new one every minute for almost three days. Then the connection ends by too_many_cids_requested.
    pub connection_id_requests: u32,
    /// Answers to path challenges that wait to be sent; more are not answered. Default: 16: the caller fetches them after
    /// each datagram, and an honest peer puts one into each.
    pub path_responses: usize,
    /// How long keys of a previous epoch are kept for records that were overtaken, and for a client that has not heard
    /// the ACK of its last flight. Default: 240 s, twice the maximum segment lifetime of RFC 793: no less will do for a
    /// server (RFC 9147 §5.8.1).
    pub old_epoch: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_message: 32 * 1024,
            reassembly: 64 * 1024,
            messages_ahead: 8,
            fragments: 64,
            certificate_chain: 10,
            authentication_requests: 4,
            psk_identities: 16,
            tickets: 32,
            held_records: 8,
            send_queue: 256 * 1024,
            receive_queue: 1024 * 1024,
            ack_records: 32,
            sent_records: 128,
            peer_connection_id: 255,
            own_connection_ids: 8,
            spare_connection_ids: 8,
            connection_id_requests: 4096,
            path_responses: 16,
            old_epoch: Duration::from_secs(240),
        }
    }
}

/// The longest handshake message that there can be: its length has 24 bits (RFC 9147 §5.2).
const MAX_MESSAGE: usize = (1 << 24) - 1;

impl Limits {
    /// Checks that something can be done within the bounds, and that they agree with each other.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let sensible = [
            ("handshake_message", self.handshake_message, 1..=MAX_MESSAGE),
            // What waits behind a gap comes on top of the message that is being put together.
            ("reassembly", self.reassembly, self.handshake_message..=usize::MAX),
            ("fragments", self.fragments, 1..=usize::MAX),
            ("certificate_chain", self.certificate_chain, 1..=usize::MAX),
            // An ACK names at least the record that it is sent for, and a flight remembers at least its last record.
            ("ack_records", self.ack_records, 1..=usize::MAX),
            ("sent_records", self.sent_records, 1..=usize::MAX),
        ];
        match sensible.into_iter().find(|(_, value, range)| !range.contains(value)) {
            Some((name, value, _)) => Err(ConfigError::InvalidLimit { name, value }),
            None => Ok(()),
        }
    }
}
