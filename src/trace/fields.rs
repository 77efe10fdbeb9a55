//! Every event as a name and named values, so that what prints events has to know no event.

use super::{Direction, DiscardReason, Event};
use crate::wire::record::RecordNumber;

impl Event<'_> {
    /// The name, as qlog writes it: `category:type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Datagram { .. } => "transport:datagram",
            Self::Record { .. } => "transport:record",
            Self::RecordDiscarded { .. } => "transport:record_discarded",
            Self::RecordHeld { .. } => "transport:record_held",
            Self::ConnectionIdUsed { .. } => "transport:connection_id_used",
            Self::Path { .. } => "connectivity:path",
            Self::Message { .. } => "dtls:message",
            Self::Ack { .. } => "dtls:ack",
            Self::Alert { .. } => "dtls:alert",
            Self::FlightRetransmitted { .. } => "recovery:flight_retransmitted",
            Self::FlightAcknowledged => "recovery:flight_acknowledged",
            Self::Negotiated { .. } => "security:parameters",
            Self::PskSelected { .. } => "security:psk_selected",
            Self::KeyInstalled { .. } => "security:key_updated",
            Self::KeyDiscarded { .. } => "security:key_discarded",
            Self::EarlyData { .. } => "security:early_data",
            Self::Secret { .. } => "security:secret",
            Self::State { .. } => "dtls:state",
            Self::TaskIssued { .. } => "security:task_issued",
            Self::TaskFinished { .. } => "security:task_finished",
            Self::HandshakeComplete => "dtls:handshake_complete",
            Self::Closed { .. } => "transport:connection_closed",
        }
    }

    /// Calls `visit` with each value and its name, always in the same order.
    pub fn fields(&self, visit: &mut dyn FnMut(&'static str, Value<'_>)) {
        match self {
            Self::Datagram { direction, bytes } => {
                visit("direction", direction.into());
                visit("bytes", Value::Bytes(bytes));
            }
            Self::Record { direction, number, content_type, offset, length, plaintext } => {
                visit("direction", direction.into());
                visit("epoch", Value::Number(number.epoch));
                visit("sequence_number", Value::Number(number.sequence_number));
                visit("content_type", Value::Text(&content_type.to_string()));
                visit("offset", size(*offset));
                visit("length", size(*length));
                visit("plaintext", Value::Bytes(plaintext));
            }
            Self::RecordDiscarded { offset, length, reason } => {
                visit("offset", size(*offset));
                visit("length", size(*length));
                visit("reason", Value::Text(reason.name()));
            }
            Self::ConnectionIdUsed { direction, connection_id } => {
                visit("direction", direction.into());
                visit("connection_id", Value::Bytes(connection_id));
            }
            Self::Path { path, what } => {
                visit("path", Value::Number(*path));
                visit("what", Value::Text(what));
            }
            Self::RecordHeld { offset, length } => {
                visit("offset", size(*offset));
                visit("length", size(*length));
            }
            Self::Message { direction, msg_type, message_seq, epoch, body } => {
                visit("direction", direction.into());
                visit("msg_type", Value::Text(&msg_type.to_string()));
                visit("message_seq", Value::Number((*message_seq).into()));
                visit("epoch", Value::Number((*epoch).into()));
                visit("body", Value::Bytes(body));
            }
            Self::Ack { direction, records } => {
                visit("direction", direction.into());
                visit("records", Value::Records(records));
            }
            Self::Alert { direction, level, description } => {
                visit("direction", direction.into());
                visit("level", Value::Number((*level).into()));
                visit("description", Value::Text(&description.to_string()));
            }
            Self::FlightRetransmitted { count, timeout_micros } => {
                visit("count", Value::Number((*count).into()));
                visit("timeout", Value::Millis { micros: *timeout_micros });
            }
            Self::FlightAcknowledged | Self::HandshakeComplete => {}
            Self::Negotiated { cipher_suite, group } => {
                visit("cipher_suite", Value::Text(&cipher_suite.to_string()));
                let group = group.map(|group| group.to_string());
                visit("group", group.as_deref().map_or(Value::Null, Value::Text));
            }
            Self::PskSelected { kind, identity } => {
                visit("kind", Value::Text(kind.name()));
                visit("identity", Value::Bytes(identity));
            }
            Self::KeyInstalled { direction, epoch } | Self::KeyDiscarded { direction, epoch } => {
                visit("direction", direction.into());
                visit("epoch", Value::Number((*epoch).into()));
            }
            Self::EarlyData { is_accepted, reason } => {
                visit("is_accepted", Value::Flag(*is_accepted));
                visit("reason", reason.map_or(Value::Null, Value::Text));
            }
            Self::Secret { label, client_random, secret } => {
                visit("label", Value::Text(label));
                visit("client_random", Value::Bytes(*client_random));
                visit("secret", Value::Bytes(secret));
            }
            Self::State { name } => visit("name", Value::Text(name)),
            Self::TaskIssued { id, name } => {
                visit("id", Value::Number(id.0.into()));
                visit("name", Value::Text(name));
            }
            Self::TaskFinished { id, ok } => {
                visit("id", Value::Number(id.0.into()));
                visit("ok", Value::Flag(*ok));
            }
            Self::Closed { error } => {
                let error = error.map(|error| error.to_string());
                visit("error", error.as_deref().map_or(Value::Null, Value::Text));
            }
        }
    }
}

/// One value of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A count, a length, a number on the wire.
    Number(u64),
    /// A time, which is written in milliseconds.
    Millis {
        /// The time in microseconds.
        micros: u64,
    },
    /// Yes or no.
    Flag(bool),
    /// A name or a sentence.
    Text(&'a str),
    /// Bytes, which are written in hexadecimal.
    Bytes(&'a [u8]),
    /// Record numbers.
    Records(&'a [RecordNumber]),
    /// Nothing, where there might be something.
    Null,
}

impl From<&Direction> for Value<'static> {
    fn from(direction: &Direction) -> Self {
        Self::Text(match direction {
            Direction::Sent => "sent",
            Direction::Received => "received",
        })
    }
}

impl DiscardReason {
    /// The reason in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::UnknownEpoch => "unknown_epoch",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::WrongConnectionId => "wrong_connection_id",
            Self::PlaintextAfterKeys => "plaintext_after_keys",
            Self::Unexpected => "unexpected",
            Self::NoRoom => "no_room",
            Self::Closed => "closed",
        }
    }
}

fn size(value: usize) -> Value<'static> {
    Value::Number(u64::try_from(value).unwrap_or(u64::MAX))
}
