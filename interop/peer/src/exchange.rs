//! The exchange that every pair of peers does: handshake, numbered messages there and back, and an orderly close; and all of it again
//! where several connections are asked for.
//!
//! The client sends message 0, waits until it comes back, sends message 1, and so on; a message that does not come
//! back is sent again, since datagrams may be lost. The server answers every message with the same bytes.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::flags::{Flags, Role};
use crate::report::{chain, connected, hex, line};
use crate::stack::{Happening, Negotiated, Stack, srtp_key_length};

/// A message is sent again after this time; on loopback an answer takes a few milliseconds at most.
const RESEND_AFTER: Duration = Duration::from_millis(300);
/// Time between the last message and the close, in which acknowledgements and answers to key updates arrive.
const SETTLE: Duration = Duration::from_millis(200);
/// How long the side that closed first waits for the other's close_notify, which the RFC lets it do without.
const CLOSE_ANSWER: Duration = Duration::from_millis(500);
/// Longest sleep on the socket: bounds how late a deadline of the exchange itself is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(10);
/// Largest UDP payload.
const LARGEST_DATAGRAM: usize = 65_535;
/// The context of every exporter value.
const EXPORT_CONTEXT: &[u8] = b"interop";
const EXPORT_LENGTH: usize = 32;
const CONTENT_HANDSHAKE: u8 = 22;
const SRTP_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Runs the exchange to its end and gives the exit code of the process.
pub fn run(flags: Flags, stack: Box<dyn Stack>) -> ExitCode {
    match Exchange::open(flags, stack).and_then(|mut exchange| exchange.all()) {
        Ok(()) => {
            line("DONE", "");
            ExitCode::SUCCESS
        }
        Err(End::Failed(sentence)) => {
            line("FAILED", &sentence);
            ExitCode::FAILURE
        }
        Err(End::OutOfTime(phase)) => {
            line("TIMEOUT", phase);
            ExitCode::from(3)
        }
    }
}

/// How an exchange ends that does not end well.
enum End {
    Failed(String),
    OutOfTime(&'static str),
}

impl From<String> for End {
    fn from(sentence: String) -> Self {
        Self::Failed(sentence)
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A port of this machine.
fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

struct Exchange {
    flags: Flags,
    stack: Box<dyn Stack>,
    socket: UdpSocket,
    /// Where datagrams go; a server learns it from the first that arrives.
    other: Option<SocketAddr>,
    started: Instant,
    progress: Progress,
}

/// How far one connection has come.
#[derive(Default)]
struct Progress {
    connected: bool,
    /// The numbers of the messages that came back (client) or were answered (server).
    exchanged: BTreeSet<usize>,
    /// When the current message was last sent, and when the one before came back (client).
    sent_at: Option<Instant>,
    came_back_at: Option<Instant>,
    /// When the last message had been exchanged.
    complete_at: Option<Instant>,
    /// Early data that waits for the handshake's end to be answered (server).
    unanswered: Vec<Vec<u8>>,
    keys_updated: bool,
    authentication_requested: bool,
    connection_id_replaced: bool,
    epochs: Option<(u64, u64)>,
    closed_at: Option<Instant>,
    other_closed: bool,
    /// Another connection was begun while this one had not ended (server).
    abandoned: bool,
    /// The stack said that nothing follows.
    over: bool,
}

impl Exchange {
    fn open(flags: Flags, stack: Box<dyn Stack>) -> Result<Self, End> {
        let (socket, other) = match flags.role {
            Role::Client => (UdpSocket::bind(here(0))?, Some(here(flags.port))),
            Role::Server => (UdpSocket::bind(here(flags.port))?, None),
        };
        if flags.role == Role::Server {
            line("LISTEN", &flags.port.to_string());
        }
        Ok(Self { flags, stack, socket, other, started: Instant::now(), progress: Progress::default() })
    }

    fn all(&mut self) -> Result<(), End> {
        self.one()?;
        for number in 1..self.flags.connections {
            line("AGAIN", &number.to_string());
            self.progress = Progress::default();
            if self.flags.role == Role::Client {
                // Another port, so that nothing of the connection before arrives here.
                self.socket = UdpSocket::bind(here(0))?;
            }
            self.stack.again()?;
            if self.flags.role == Role::Client {
                for early in 0..self.flags.early {
                    self.stack.send_early(&message(early, self.flags.size))?;
                    self.progress.sent_at = Some(Instant::now());
                }
            }
            self.one()?;
        }
        Ok(())
    }

    /// One connection from its first datagram to its close.
    fn one(&mut self) -> Result<(), End> {
        loop {
            self.transmit()?;
            while let Some(happening) = self.stack.poll_happening() {
                self.on(happening)?;
            }
            if self.step()? {
                return self.transmit();
            }
            self.transmit()?;
            if self.started.elapsed() > self.flags.timeout {
                let connected = self.progress.connected;
                return Err(End::OutOfTime(if connected { "after the handshake" } else { "in the handshake" }));
            }
            self.receive()?;
        }
    }

    fn transmit(&mut self) -> Result<(), End> {
        while let Some(datagram) = self.stack.poll_transmit() {
            let Some(other) = self.stack.destination().or(self.other) else { continue };
            match self.socket.send_to(&datagram, other) {
                Ok(_) => {}
                // The other process has ended: what is lost is lost, and time decides what it means.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), End> {
        let due = self.stack.timeout();
        if due == Some(Duration::ZERO) {
            self.stack.handle_timeout();
            self.transmit()?;
        }
        // A stack whose timer stays in the past still has to listen, and must not flood the other side.
        let wait = due.unwrap_or(LONGEST_WAIT).clamp(Duration::from_millis(1), LONGEST_WAIT);
        self.socket.set_read_timeout(Some(wait))?;
        let mut buffer = vec![0; LARGEST_DATAGRAM];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                if self.flags.role == Role::Server {
                    if self.progress.connected && self.other != Some(from) && datagram_is_plain(&buffer[..length]) {
                        // The client has gone and begins another connection: its close_notify must have been lost.
                        self.progress.abandoned = true;
                        return Ok(());
                    }
                    self.other = Some(from);
                }
                self.stack.handle_datagram(from, &buffer[..length]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused => Ok(()),
                _ => Err(error.into()),
            },
        }
    }

    fn on(&mut self, happening: Happening) -> Result<(), End> {
        match happening {
            Happening::Connected(negotiated) => {
                self.progress.connected = true;
                connected(&negotiated);
                if negotiated.early == Some(false) {
                    // What was refused is sent again at once.
                    self.progress.sent_at = None;
                }
                self.print_keys(&negotiated)?;
                for data in std::mem::take(&mut self.progress.unanswered) {
                    self.stack.send(&data)?;
                }
                Ok(())
            }
            Happening::Data(data) => self.on_data(&data),
            Happening::EarlyData(data) => {
                line("EARLY", &data.len().to_string());
                self.on_data(&data)
            }
            Happening::Authenticated(peer_chain) => {
                chain("AUTHENTICATED", &peer_chain);
                Ok(())
            }
            Happening::CloseNotify => {
                if !self.progress.other_closed {
                    line("CLOSE_NOTIFY", "");
                }
                self.progress.other_closed = true;
                Ok(())
            }
            Happening::Closed => {
                self.progress.over = true;
                Ok(())
            }
            Happening::Alert(code) => {
                line("ALERT", &code.to_string());
                Err(End::Failed(format!("the other side sent the fatal alert {code}")))
            }
            // Once one side has said goodbye, nothing that a stack still complains of matters.
            Happening::Failed(_) if self.progress.other_closed || self.progress.closed_at.is_some() => Ok(()),
            Happening::Failed(sentence) => Err(End::Failed(sentence)),
        }
    }

    fn print_keys(&mut self, negotiated: &Negotiated) -> Result<(), End> {
        if !self.flags.srtp.is_empty() {
            let profile = negotiated.srtp.as_ref().map_or("none", |srtp| srtp.profile.as_str());
            line("SRTP", profile);
            let given = negotiated.srtp.as_ref().and_then(|srtp| srtp.keys.clone());
            let keys = match (given, srtp_key_length(profile)) {
                (Some(keys), _) => Some(keys),
                (None, Some(length)) => Some(self.stack.export(SRTP_LABEL, None, length)?),
                (None, None) => None,
            };
            if let Some(keys) = keys {
                line("EXPORT", &format!("{SRTP_LABEL} {}", hex(&keys)));
            }
        }
        if let Some(label) = self.flags.export.clone() {
            let exported = self.stack.export(&label, Some(EXPORT_CONTEXT), EXPORT_LENGTH)?;
            line("EXPORT", &format!("{label} {}", hex(&exported)));
        }
        Ok(())
    }

    fn on_data(&mut self, data: &[u8]) -> Result<(), End> {
        let number = message_number(data).ok_or_else(|| format!("unexpected data {}", hex(data)))?;
        line("APP", &format!("{} {number}", data.len()));
        if self.flags.role == Role::Server {
            if self.progress.connected {
                self.stack.send(data)?;
            } else {
                self.progress.unanswered.push(data.to_vec());
            }
        } else if *data != *message(number, self.flags.size) {
            return Err(End::Failed(format!("message {number} came back changed")));
        }
        if self.progress.exchanged.insert(number) {
            self.progress.sent_at = None;
            self.progress.came_back_at = Some(Instant::now());
        }
        if self.progress.exchanged.len() == self.flags.messages {
            self.progress.complete_at.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// What this side does next of its own accord; true when there is nothing left to do.
    fn step(&mut self) -> Result<bool, End> {
        if !self.progress.connected {
            return if self.progress.other_closed {
                Err(End::Failed("closed in the handshake".to_owned()))
            } else {
                Ok(false)
            };
        }
        self.print_epochs();
        let open = self.progress.closed_at.is_none() && !self.progress.other_closed;
        if open
            && self
                .flags
                .update_keys
                .is_some_and(|after| !self.progress.keys_updated && self.progress.exchanged.len() >= after)
        {
            self.progress.keys_updated = self.stack.update_keys(self.flags.request_update)?;
            if self.progress.keys_updated {
                line("KEYUPDATE", if self.flags.request_update { "requested" } else { "" });
            }
        }
        let requested = self.progress.authentication_requested;
        if open && self.flags.request_auth.is_some_and(|after| !requested && self.progress.exchanged.len() >= after) {
            self.stack.request_authentication()?;
            self.progress.authentication_requested = true;
        }
        let replaced = self.progress.connection_id_replaced;
        if open && self.flags.new_cids.is_some_and(|after| !replaced && self.progress.exchanged.len() >= after) {
            self.stack.replace_connection_id()?;
            self.progress.connection_id_replaced = true;
        }
        match (self.progress.complete_at, self.progress.closed_at) {
            (_, Some(at)) => Ok(self.progress.other_closed || self.progress.over || at.elapsed() > CLOSE_ANSWER),
            (Some(at), None) => Ok(self.finish(at)),
            (None, None) => self.next_message(),
        }
    }

    fn print_epochs(&mut self) {
        let epochs = self.stack.epochs();
        if self.progress.epochs != epochs {
            self.progress.epochs = epochs;
            if let Some((read, write)) = epochs {
                line("EPOCHS", &format!("read={read} write={write}"));
            }
        }
    }

    fn next_message(&mut self) -> Result<bool, End> {
        if self.progress.other_closed {
            return Err(End::Failed(format!("closed after {} messages", self.progress.exchanged.len())));
        }
        let paused = self.progress.came_back_at.is_some_and(|at| at.elapsed() < self.flags.pause);
        let due = self.progress.sent_at.map_or(!paused, |at| at.elapsed() > RESEND_AFTER);
        if self.flags.role == Role::Client && due {
            self.stack.send(&message(self.progress.exchanged.len(), self.flags.size))?;
            self.progress.sent_at = Some(Instant::now());
        }
        Ok(false)
    }

    /// All messages are exchanged: close first, or answer the other's close.
    fn finish(&mut self, complete_at: Instant) -> bool {
        let first = self.flags.close == self.flags.role;
        if self.progress.other_closed || (first && complete_at.elapsed() > SETTLE) {
            self.stack.close();
            self.progress.closed_at = Some(Instant::now());
            return self.progress.other_closed;
        }
        if !first && (self.progress.abandoned || complete_at.elapsed() > self.flags.close_grace) {
            line("NO_CLOSE_NOTIFY", "");
            return true;
        }
        false
    }
}

/// `message N ` and then as many `x` as make `size` bytes.
fn message(number: usize, size: usize) -> Vec<u8> {
    let mut bytes = format!("message {number} ").into_bytes();
    bytes.resize(size.max(bytes.len()), b'x');
    bytes
}

/// It begins with a record without protection, as a ClientHello does (RFC 9147, Section 4.1).
fn datagram_is_plain(datagram: &[u8]) -> bool {
    datagram.first() == Some(&CONTENT_HANDSHAKE)
}

fn message_number(data: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(data).ok()?;
    text.strip_prefix("message ")?.split(' ').next()?.parse().ok()
}
