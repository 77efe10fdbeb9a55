//! SSLKEYLOGFILE (RFC 9850): what lets other tools decrypt a capture.
//!
//! Whoever reads such a file can read everything that the connection carried. It is for test data only.

use std::io::Write;

use super::json::write_hex;
use super::{Event, Trace};
use crate::time::Instant;

/// Writes each secret as a line. Each line is one call of `write_all`, so that several connections can share a file, as
/// `Arc<File>`.
#[derive(Debug)]
pub struct KeyLog<W> {
    /// `None` once writing has failed: a full disk is no reason to disturb the connection.
    to: Option<W>,
}

impl<W: Write + Send> KeyLog<W> {
    /// Writes to `to`.
    pub const fn new(to: W) -> Self {
        Self { to: Some(to) }
    }
}

impl<W: Write + Send> Trace for KeyLog<W> {
    fn event(&mut self, _: Instant, event: &Event<'_>) {
        let Event::Secret { label, client_random, secret } = event else { return };
        let Some(to) = &mut self.to else { return };
        if to.write_all(line(label, client_random, secret).as_bytes()).is_err() {
            self.to = None;
        }
    }

    fn wants_secrets(&self) -> bool {
        true
    }
}

/// One line of the file, with its line feed.
///
/// ```text
/// label SP client_random SP secret LF
/// ```
pub fn line(label: &str, client_random: &[u8; 32], secret: &[u8]) -> String {
    let mut line = String::with_capacity(label.len().saturating_add(2 * 32 + 2 * 48 + 3));
    line.push_str(label);
    line.push(' ');
    write_hex(&mut line, client_random);
    line.push(' ');
    write_hex(&mut line, secret);
    line.push('\n');
    line
}
