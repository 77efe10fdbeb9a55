//! qlog: events as JSON text sequences (RFC 7464), which viewers for QUIC traces read.

use std::io::Write;

use super::json::{write_event, write_string};
use super::{Event, Trace};
use crate::time::Instant;

/// Writes each event as a JSON text of a sequence.
///
/// The file follows draft-ietf-quic-qlog-main-schema. Times are milliseconds since the Unix epoch, if the caller's clock
/// is anchored there. Secrets are never written.
#[derive(Debug)]
pub struct Qlog<W> {
    /// `None` once writing has failed: a full disk is no reason to disturb the connection.
    to: Option<W>,
}

impl<W: Write + Send> Qlog<W> {
    /// Writes to `to`, first of all who listens where.
    pub fn new(to: W, vantage_point: VantagePoint, title: &str) -> Self {
        let mut qlog = Self { to: Some(to) };
        let mut header = String::from(
            "{\"file_schema\":\"urn:ietf:params:qlog:file:sequential\",\
             \"serialization_format\":\"application/qlog+json-seq\",\"title\":",
        );
        write_string(&mut header, title);
        header.push_str(
            ",\"trace\":{\"common_fields\":{\"time_format\":\"relative_to_epoch\",\"reference_time\":\
             {\"clock_type\":\"system\",\"epoch\":\"1970-01-01T00:00:00.000Z\"}},\
             \"event_schemas\":[\"urn:dtls-wasm:qlog:events:dtls\"],\"vantage_point\":{\"type\":",
        );
        write_string(&mut header, vantage_point.name());
        header.push_str("}}}");
        qlog.write(&header);
        qlog
    }

    fn write(&mut self, json: &str) {
        let Some(to) = &mut self.to else { return };
        if to.write_all(format!("\u{1e}{json}\n").as_bytes()).is_err() {
            self.to = None;
        }
    }
}

impl<W: Write + Send> Trace for Qlog<W> {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        if matches!(event, Event::Secret { .. }) {
            return;
        }
        let mut json = String::new();
        write_event(&mut json, at, event);
        self.write(&json);
    }
}

/// Where a listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VantagePoint {
    /// At the client.
    Client,
    /// At the server.
    Server,
}

impl VantagePoint {
    const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}
