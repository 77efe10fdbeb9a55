//! What a connection does, told as it happens, to whoever listens.
//!
//! Key logs, qlog files, captures and the page are listeners. Nothing in a connection depends on whether one is there.

pub mod fields;
pub mod json;
pub mod keylog;
pub mod memory;
pub mod pcapng;
pub mod qlog;
pub mod tee;
#[cfg(test)]
mod tests;

use crate::crypto::psk::PskKind;
use crate::crypto::task::TaskId;
use crate::error::Error;
use crate::time::Instant;
use crate::wire::record::RecordNumber;
use crate::wire::registry::{AlertDescription, CipherSuite, ContentType, HandshakeType, NamedGroup};

/// Listens to one connection.
pub trait Trace: Send {
    /// `event` happened at `at`.
    fn event(&mut self, at: Instant, event: &Event<'_>);

    /// Whether [`Event::Secret`] is wanted. Secrets are told to nobody who does not ask.
    fn wants_secrets(&self) -> bool {
        false
    }
}

/// The listener of a connection, if there is one.
#[derive(Default)]
pub struct Tracer(Option<Box<dyn Trace>>);

impl Tracer {
    /// From now on `listener` is told.
    pub fn set(&mut self, listener: Box<dyn Trace>) {
        self.0 = Some(listener);
    }

    /// Whether somebody listens.
    pub const fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// Tells the listener, if there is one. `event` is made only then.
    pub fn tell<'a>(&mut self, at: Instant, event: impl FnOnce() -> Event<'a>) {
        if let Some(listener) = &mut self.0 {
            listener.event(at, &event());
        }
    }

    /// Tells the listener a secret, if there is one that asks for secrets.
    pub fn tell_secret(&mut self, at: Instant, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        if let Some(listener) = &mut self.0
            && listener.wants_secrets()
        {
            listener.event(at, &Event::Secret { label, client_random, secret });
        }
    }
}

impl From<Option<Box<dyn Trace>>> for Tracer {
    fn from(listener: Option<Box<dyn Trace>>) -> Self {
        Self(listener)
    }
}

impl core::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_active() { "Tracer(active)" } else { "Tracer(none)" })
    }
}

/// Which way something goes, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
}

/// Something that happened. Names follow qlog where it has one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `transport:datagram`: a datagram arrived or was handed out, whole, as it is on the wire.
    Datagram {
        /// Which way.
        direction: Direction,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// `transport:record`: one record of the datagram told of last (received) or next (sent), after deprotection or
    /// before protection.
    Record {
        /// Which way.
        direction: Direction,
        /// Its full number.
        number: RecordNumber,
        /// Its type, the inner one if it was protected.
        content_type: ContentType,
        /// Where it begins in its datagram.
        offset: usize,
        /// Its length on the wire.
        length: usize,
        /// Its content, without type and padding.
        plaintext: &'a [u8],
    },
    /// `transport:record_discarded`: a record that was received and ignored.
    RecordDiscarded {
        /// Where it begins in its datagram.
        offset: usize,
        /// Its length on the wire.
        length: usize,
        /// Why.
        reason: DiscardReason,
    },
    /// `transport:connection_id_used`: another connection ID than before.
    ConnectionIdUsed {
        /// Whose records carry it.
        direction: Direction,
        /// Its bytes.
        connection_id: &'a [u8],
    },
    /// `connectivity:path`: something about the path to the peer.
    Path {
        /// The caller's number for it.
        path: u64,
        /// What became of it: `seen`, `challenged`, `changed`, `rejected`.
        what: &'static str,
    },
    /// `transport:record_held`: a record whose keys do not exist yet was put aside.
    RecordHeld {
        /// Where it begins in its datagram.
        offset: usize,
        /// Its length on the wire.
        length: usize,
    },
    /// `dtls:message`: a whole handshake message was queued to be sent, or received and put together.
    Message {
        /// Which way.
        direction: Direction,
        /// Its type.
        msg_type: HandshakeType,
        /// Its number.
        message_seq: u16,
        /// Its epoch.
        epoch: u16,
        /// Its body, without any header.
        body: &'a [u8],
    },
    /// `dtls:ack`: an ACK was sent or received.
    Ack {
        /// Which way.
        direction: Direction,
        /// The records it names.
        records: &'a [RecordNumber],
    },
    /// `dtls:alert`: an alert was sent or received.
    Alert {
        /// Which way.
        direction: Direction,
        /// Its level byte.
        level: u8,
        /// What it says.
        description: AlertDescription,
    },
    /// `recovery:flight_retransmitted`: the timer ran out, and what was not acknowledged is sent again.
    FlightRetransmitted {
        /// How often it was sent again, this time counted.
        count: u32,
        /// How long the next wait is, in microseconds.
        timeout_micros: u64,
    },
    /// `recovery:flight_acknowledged`: nothing of what was sent is still unacknowledged.
    FlightAcknowledged,
    /// `security:parameters`: suite and group were negotiated.
    Negotiated {
        /// The suite.
        cipher_suite: CipherSuite,
        /// The group, if keys were agreed.
        group: Option<NamedGroup>,
    },
    /// `security:psk_selected`: a pre-shared key proves who the peer is.
    PskSelected {
        /// Where it comes from.
        kind: PskKind,
        /// Its identity, which was sent in the clear.
        identity: &'a [u8],
    },
    /// `security:key_updated`: the keys of an epoch are in use.
    KeyInstalled {
        /// For which way.
        direction: Direction,
        /// The epoch.
        epoch: u16,
    },
    /// `security:key_discarded`: the keys of an epoch were wiped.
    KeyDiscarded {
        /// For which way.
        direction: Direction,
        /// The epoch.
        epoch: u16,
    },
    /// `security:early_data`: the server has decided about early data.
    EarlyData {
        /// Whether it takes it.
        is_accepted: bool,
        /// Why not, if it is us who refuse it.
        reason: Option<&'static str>,
    },
    /// `security:secret`: a secret, named as in SSLKEYLOGFILE (RFC 9850). Only told to a listener that asks.
    Secret {
        /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET` and so on.
        label: &'a str,
        /// The random of the ClientHello.
        client_random: &'a [u8; 32],
        /// The secret.
        secret: &'a [u8],
    },
    /// `dtls:state`: the handshake's state changed.
    State {
        /// The name of the new state.
        name: &'static str,
    },
    /// `security:task_issued`: a task was handed out.
    TaskIssued {
        /// Its id.
        id: TaskId,
        /// Its name.
        name: &'static str,
    },
    /// `security:task_finished`: the result of a task was taken.
    TaskFinished {
        /// Its id.
        id: TaskId,
        /// Whether it succeeded.
        ok: bool,
    },
    /// `dtls:handshake_complete`: application data flows.
    HandshakeComplete,
    /// `transport:connection_closed`: nothing more will be sent or received.
    Closed {
        /// Why, if it was not by agreement.
        error: Option<&'a Error>,
    },
}

/// Why a record was ignored (RFC 9147 §4.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscardReason {
    /// Its header cannot be read, or promises more than there is.
    Malformed,
    /// Its length is more than a record may have.
    TooLong,
    /// There are no keys for its epoch (any more).
    UnknownEpoch,
    /// It was received before, or is too old to tell.
    Replayed,
    /// It did not authenticate.
    Forged,
    /// It carries a connection ID that is not ours, or lacks one.
    WrongConnectionId,
    /// It is a plaintext record where only protected ones may stand.
    PlaintextAfterKeys,
    /// Its content has no meaning here.
    Unexpected,
    /// There was no room to keep it.
    NoRoom,
    /// The connection is over.
    Closed,
}
