//! What connections tell of themselves, kept until JavaScript takes it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::time::Instant;
use crate::trace::{Event, Trace, json, keylog};

/// What to record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct What {
    /// Events.
    pub trace: bool,
    /// Secrets among the events.
    pub secrets: bool,
    /// Lines of SSLKEYLOGFILE.
    pub keylog: bool,
}

impl What {
    /// As `bitsOf` in core.ts gives it.
    pub(super) const fn from_bits(bits: u8) -> Self {
        Self { trace: bits & 1 != 0, secrets: bits & 2 != 0, keylog: bits & 4 != 0 }
    }

    /// Whether there is anything to record.
    pub(super) const fn any(self) -> bool {
        self.trace || self.keylog
    }
}

/// What was recorded of one connection. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    trace: VecDeque<String>,
    keylog: VecDeque<String>,
}

impl Recording {
    /// A recording, and its listener if there is anything to record.
    pub(super) fn begin(what: What) -> (Self, Option<Box<dyn Trace>>) {
        let recording = Self::default();
        let listener = what.any().then(|| recording.listener(what));
        (recording, listener)
    }

    /// A listener that records here.
    pub(super) fn listener(&self, what: What) -> Box<dyn Trace> {
        Box::new(Recorder { what, to: self.clone() })
    }

    /// Takes the next event, as JSON.
    pub(super) fn next_event(&self) -> Option<String> {
        self.lock(|lines| lines.trace.pop_front())
    }

    /// Takes the next line of the key log.
    pub(super) fn next_key_line(&self) -> Option<String> {
        self.lock(|lines| lines.keylog.pop_front())
    }

    /// Whether a listener, or anybody else, still has it too.
    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn lock<T>(&self, use_it: impl FnOnce(&mut Lines) -> T) -> T {
        // Whoever panicked while it held the lock cannot have left the lists in two minds.
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Recorder {
    what: What,
    to: Recording,
}

impl Trace for Recorder {
    fn event(&mut self, at: Instant, event: &Event<'_>) {
        let secret = if let Event::Secret { label, client_random, secret } = event {
            if self.what.keylog {
                let line = keylog::line(label, client_random, secret);
                self.to.lock(|lines| lines.keylog.push_back(line));
            }
            true
        } else {
            false
        };
        if self.what.trace && (!secret || self.what.secrets) {
            let mut text = String::new();
            json::write_event(&mut text, at, event);
            self.to.lock(|lines| lines.trace.push_back(text));
        }
    }

    fn wants_secrets(&self) -> bool {
        self.what.keylog || self.what.secrets
    }
}
