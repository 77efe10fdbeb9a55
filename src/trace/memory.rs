//! Keeps events in memory: for tests, and for the page, which draws from them alone.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::fields::Value;
use super::json;
use super::{Event, Trace};
use crate::time::Instant;
use crate::wire::record::RecordNumber;

/// A listener that keeps what it hears. Clones share what was heard: one is given to the connection, the other read.
#[derive(Clone, Debug, Default)]
pub struct MemoryTrace {
    events: Arc<Mutex<Vec<RecordedEvent>>>,
    wants_secrets: bool,
}

impl MemoryTrace {
    /// A listener that does not ask for secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// A listener that asks for secrets.
    pub fn with_secrets() -> Self {
        Self { wants_secrets: true, ..Self::default() }
    }

    /// A copy of what was heard.
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.lock(|events| events.clone())
    }

    /// Takes what was heard; nothing is left.
    pub fn take(&self) -> Vec<RecordedEvent> {
        self.lock(core::mem::take)
    }

    /// What was heard, one line per event, without the times: for comparing runs in which only the times may differ.
    pub fn lines(&self) -> Vec<String> {
        self.lock(|events| events.iter().map(RecordedEvent::line).collect())
    }

    fn lock<T>(&self, read: impl FnOnce(&mut Vec<RecordedEvent>) -> T) -> T {
        // A reader that panicked cannot have left the list in two minds.
        read(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Trace for MemoryTrace {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        let recorded = RecordedEvent::new(at, event);
        self.lock(|events| events.push(recorded));
    }

    fn wants_secrets(&self) -> bool {
        self.wants_secrets
    }
}

/// An event that was kept. It prints as one line: the time, the name, and `name=value` for each value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// When it happened.
    pub at: Instant,
    /// Its name, `category:type`.
    pub name: &'static str,
    /// Its values and their names, in the order in which the event tells them.
    pub fields: Vec<(&'static str, OwnedValue)>,
}

impl RecordedEvent {
    /// Keeps `event`.
    pub fn new(at: Instant, event: &Event<'_>) -> Self {
        let mut fields = Vec::new();
        event.fields(&mut |name, value| fields.push((name, OwnedValue::from(&value))));
        Self { at, name: event.name(), fields }
    }

    /// The value called `name`, if the event has it.
    pub fn field(&self, name: &str) -> Option<&OwnedValue> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// The text called `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            Some(OwnedValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number called `name`.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.field(name) {
            Some(OwnedValue::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The bytes called `name`.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.field(name) {
            Some(OwnedValue::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The event as one line without its time.
    pub fn line(&self) -> String {
        let mut line = self.name.to_owned();
        for (name, value) in &self.fields {
            line.push(' ');
            line.push_str(name);
            line.push('=');
            value.write_text(&mut line);
        }
        line
    }

    /// The event as one JSON object, `{"time":…,"name":…,"data":{…}}`: the time in milliseconds, bytes as lower-case
    /// hexadecimal.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::begin_event(&mut out, self.at, self.name);
        let mut first = true;
        for (name, value) in &self.fields {
            json::write_member(&mut out, &mut first, name, &value.as_value());
        }
        json::end_event(&mut out);
        out
    }
}

impl fmt::Display for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.at, self.line())
    }
}

/// One value of an event that was kept; see [`Value`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedValue {
    /// See [`Value::Number`].
    Number(u64),
    /// See [`Value::Millis`].
    Millis {
        /// The time in microseconds.
        micros: u64,
    },
    /// See [`Value::Flag`].
    Flag(bool),
    /// See [`Value::Text`].
    Text(String),
    /// See [`Value::Bytes`].
    Bytes(Vec<u8>),
    /// See [`Value::Records`].
    Records(Vec<RecordNumber>),
    /// See [`Value::Null`].
    Null,
}

impl OwnedValue {
    /// The value, borrowed.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Millis { micros } => Value::Millis { micros: *micros },
            Self::Flag(flag) => Value::Flag(*flag),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Records(records) => Value::Records(records),
            Self::Null => Value::Null,
        }
    }

    fn write_text(&self, out: &mut String) {
        match self {
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Millis { micros } => {
                json::write_millis(out, *micros);
                out.push_str("ms");
            }
            Self::Flag(flag) => out.push_str(if *flag { "yes" } else { "no" }),
            Self::Text(text) if text.contains([' ', '\n', '"']) => json::write_string(out, text),
            Self::Text(text) => out.push_str(text),
            Self::Bytes(bytes) => json::write_hex(out, bytes),
            Self::Records(records) => {
                for (index, record) in records.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    out.push_str(&format!("{comma}{}/{}", record.epoch, record.sequence_number));
                }
            }
            Self::Null => out.push('-'),
        }
    }
}

impl From<&Value<'_>> for OwnedValue {
    fn from(value: &Value<'_>) -> Self {
        match *value {
            Value::Number(number) => Self::Number(number),
            Value::Millis { micros } => Self::Millis { micros },
            Value::Flag(flag) => Self::Flag(flag),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Records(records) => Self::Records(records.to_vec()),
            Value::Null => Self::Null,
        }
    }
}
