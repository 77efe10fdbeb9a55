//! Early data (0-RTT): application data in the client's first flight (RFC 9846 §2.3, RFC 9147 §5.6).

use core::fmt;

use super::event::held_by;
use super::transmit::Written;
use super::{Connection, ConnectionEvent, ConnectionState};
use crate::error::{Error, PeerMisbehaved};
use crate::handshake::early::{EPOCH_EARLY, EarlyDataStatus};
use crate::handshake::{EPOCH_HANDSHAKE, State};
use crate::schedule::exporter::ExportError;
use crate::time::Instant;
use crate::trace::DiscardReason;
use crate::wire::registry::ContentType;

use super::receive::Handled;

/// Early data. It reaches the server one round trip earlier than any other, and has two weaknesses that nothing can
/// mend: whoever records it can send it to the server again (RFC 9846 §8), and whoever steals the ticket's key later can
/// read it. So only send what may be done twice.
impl Connection {
    /// What became of early data. It is certain once the handshake is complete.
    pub const fn early_data(&self) -> EarlyDataStatus {
        self.early_data.status
    }

    /// How many bytes of early data may still be sent; 0 if none was offered or the server refused it.
    pub fn early_data_left(&self) -> usize {
        match self.early_data.status {
            EarlyDataStatus::Offered | EarlyDataStatus::Accepted if !self.is_server() && self.handshake.is_some() => {
                usize::try_from(self.early_data.left).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Queues `data` as one datagram's worth of early data. To be called once the client was made with a session that
    /// allows it, and before the handshake is complete.
    ///
    /// Data that is lost on the way is not sent again, as ever. What is still queued when the handshake completes goes
    /// as ordinary data, if the server took the early data; if it did not
    /// ([`EarlyDataRejected`](ConnectionEvent::EarlyDataRejected)), all of it is lost, and it is for the application to
    /// decide what to send again.
    ///
    /// # Errors
    /// If no early data was offered or it was refused, when the handshake is complete, or when `data` is longer than a
    /// datagram or the server's limit allows. Nothing is queued then.
    pub fn send_early(&mut self, data: &[u8]) -> Result<(), SendEarlyError> {
        let is_connecting = self.state == ConnectionState::Connecting && !self.is_server();
        match self.early_data.status {
            EarlyDataStatus::NotOffered => return Err(SendEarlyError::NotOffered),
            EarlyDataStatus::Rejected => return Err(SendEarlyError::Rejected),
            _ if !is_connecting => return Err(SendEarlyError::TooLate),
            EarlyDataStatus::Offered | EarlyDataStatus::Accepted => {}
        }
        let limit = self.max_early_send_size();
        if data.len() > limit {
            return Err(SendEarlyError::TooLarge { len: data.len(), limit });
        }
        // RFC 9846 §4.7.1: what counts is the content, without type and padding.
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let Some(left) = self.early_data.left.checked_sub(len) else {
            return Err(SendEarlyError::LimitReached { left: self.early_data_left() });
        };
        let queued = self.early_queue.iter().map(|data| held_by(data)).fold(held_by(data), usize::saturating_add);
        if queued > self.common().limits.send_queue {
            return Err(SendEarlyError::Full { limit: self.common().limits.send_queue });
        }
        self.early_data.left = left;
        self.early_queue.push_back(data.to_vec());
        Ok(())
    }

    /// As [`export_keying_material`](Self::export_keying_material), from the secret of early data, and only until the
    /// handshake is complete. Keys that are exported so are those of every copy of the ClientHello too (RFC 9846 appendix
    /// F.5.1).
    ///
    /// # Errors
    /// If there is no early data, or not any more, or when `out` is longer than the derivation allows.
    pub fn export_early_keying_material(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        let exporter = self.early_data.exporter.as_ref().ok_or(ExportError::NotConnected)?;
        exporter.export(label, context, out)
    }

    /// How many bytes one [`send_early`](Self::send_early) may carry.
    pub fn max_early_send_size(&self) -> usize {
        let limit = self.common().transport.max_datagram_size;
        match self.records.max_plaintext(EPOCH_EARLY, limit) {
            // The keys come with the ClientHello.
            0 => limit.saturating_sub(RECORD_OVERHEAD),
            most => most,
        }
    }
}

/// More than protection adds to a record: a header of five bytes, the type, and a tag of at most 16 bytes.
const RECORD_OVERHEAD: usize = 5 + 1 + 16;

impl Connection {
    /// Early data never shares a datagram with the ClientHello: a listener takes the hello out of its datagram, and
    /// passes over what else is in it.
    pub(super) fn write_early_data(&mut self, datagram: &mut Vec<u8>, written: &mut Written) -> Result<(), Error> {
        if !datagram.is_empty() || !self.records.can_write(EPOCH_EARLY) {
            return Ok(());
        }
        if let Some(data) = self.early_queue.pop_front() {
            self.seal_in(EPOCH_EARLY, ContentType::APPLICATION_DATA, &data, datagram, written)?;
        }
        Ok(())
    }

    /// Takes a record of epoch 1, which only a server that accepted early data can read.
    pub(super) fn handle_early_record(&mut self, content_type: ContentType, content: &[u8]) -> Result<Handled, Error> {
        // RFC 9147 §5.6: there is no EndOfEarlyData; §7: there are no ACKs in epoch 1.
        if content_type != ContentType::APPLICATION_DATA {
            return Err(PeerMisbehaved::UnexpectedRecord(content_type).into());
        }
        //= https://www.rfc-editor.org/rfc/rfc9846#section-4.7.1
        //# A server
        //# receiving more than max_early_data_size bytes of 0-RTT data
        //# SHOULD terminate the connection with an "unexpected_message" alert.
        let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
        self.early_data.left = self.early_data.left.checked_sub(len).ok_or(PeerMisbehaved::TooMuchEarlyData)?;
        let held = self.received_bytes.saturating_add(held_by(content));
        if held > self.common().limits.receive_queue {
            return Ok(Handled::Ignored(DiscardReason::NoRoom));
        }
        self.received_bytes = held;
        self.events.push_back(ConnectionEvent::EarlyData(content.to_vec()));
        Ok(Handled::Yes)
    }

    /// Whether `record`, for whose epoch there are no keys, is worth keeping: early data is, until the ClientHello is
    /// answered, because it may have overtaken it. After that there are keys, or there never will be.
    pub(super) fn may_become_readable(&self, record: &[u8]) -> bool {
        let is_early = record.first().is_some_and(|first| u16::from(first & 3) == EPOCH_EARLY);
        let was_retried = matches!(&self.handshake, Some(State::ExpectClientHello(state)) if state.was_retried());
        !is_early || (self.is_server() && !was_retried && !self.records.can_write(EPOCH_HANDSHAKE))
    }

    /// The handshake is complete: the client knows for certain what became of its early data.
    pub(super) fn finish_early_data(&mut self, now: Instant) {
        self.early_data.exporter = None;
        if self.is_server() {
            return;
        }
        let mut sent = false;
        self.context(now, &mut sent).discard_write(EPOCH_EARLY);
        let unsent = core::mem::take(&mut self.early_queue);
        match self.early_data.status {
            EarlyDataStatus::Accepted => {
                self.events.push_back(ConnectionEvent::EarlyDataAccepted);
                self.queued_bytes = unsent.iter().fold(self.queued_bytes, |sum, data| sum.saturating_add(data.len()));
                self.send_queue.extend(unsent);
            }
            EarlyDataStatus::Rejected => self.events.push_back(ConnectionEvent::EarlyDataRejected),
            EarlyDataStatus::NotOffered | EarlyDataStatus::Offered => {}
        }
    }

    /// A record under the keys of application data arrived: the early data before it has arrived too, or is lost.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.6
    //# Servers
    //# SHOULD NOT accept records from epoch 1 indefinitely once they are
    //# able to process records from epoch 3.
    pub(super) fn end_early_data(&mut self, now: Instant) {
        if self.early_data.status == EarlyDataStatus::Accepted && self.is_server() {
            let mut sent = false;
            self.context(now, &mut sent).discard_read(EPOCH_EARLY);
        }
    }
}

/// Why early data was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendEarlyError {
    /// The client has no session that allows early data, or was not told to offer any.
    NotOffered,
    /// The server does not take it.
    Rejected,
    /// The handshake is complete, or the connection over: send ordinary data.
    TooLate,
    /// More than one datagram carries.
    TooLarge {
        /// What was given, in bytes.
        len: usize,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// The queue is full: poll and send what is in it first.
    Full {
        /// How many bytes the queue holds.
        limit: usize,
    },
    /// More than the server takes.
    LimitReached {
        /// How many bytes it still takes.
        left: usize,
    },
}

impl fmt::Display for SendEarlyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("no early data was offered; that takes a session that allows it"),
            Self::Rejected => f.write_str("the server does not take early data"),
            Self::TooLate => f.write_str("the handshake is complete; send ordinary data"),
            Self::TooLarge { len, limit } => write!(f, "{len} bytes do not fit one datagram; at most {limit} do"),
            Self::Full { limit } => write!(f, "the queue for early data is full; it holds {limit} bytes"),
            Self::LimitReached { left } => write!(f, "the server takes only {left} more bytes of early data"),
        }
    }
}

impl core::error::Error for SendEarlyError {}
