//! One connection, from its first datagram to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dtls_wasm::config::ServerConfig;
use dtls_wasm::connection::{Connection, ConnectionEvent, UpdateKeysError};
use dtls_wasm::crypto::resumption::Session;
use dtls_wasm::crypto::task::{Backend as _, CredentialsRequest, Task};
use dtls_wasm::error::{Error, PeerIncompatible, PeerMisbehaved};
use dtls_wasm::ticket::SealedTickets;
use dtls_wasm::time::Instant;
use dtls_wasm::wire::registry::AlertDescription;

use crate::checks::{self, Observed};
use crate::configure::Configured;
use crate::credentials::Wallet;
use crate::errors;
use crate::flags::Flags;
use crate::transport::{Input, Transport};

/// Timers that are nearer than this count as expired, as in BoringSSL.
const SLACK: Duration = Duration::from_millis(15);

/// What `-shim-writes-first` writes.
const FIRST_WORDS: &[u8] = b"hello";

/// Why a test is not passed.
pub enum Failure {
    /// It wants what we have not.
    Unimplemented(String),
    /// The connection or a check failed: what BoringSSL would have printed.
    Failed(String),
}

impl Failure {
    pub fn io(error: io::Error) -> Self {
        Self::Failed(format!("the runner's connection: {error}"))
    }
}

/// What is kept from one connection to the next.
pub struct Memory {
    /// The clock, which only the runner moves.
    now: Instant,
    /// What a client can resume.
    pub session: Option<Session>,
    /// What a server's tickets are sealed with.
    tickets: Option<Arc<SealedTickets>>,
}

impl Memory {
    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn tickets(&mut self, config: &ServerConfig) -> Result<Arc<SealedTickets>, Failure> {
        if let Some(tickets) = &self.tickets {
            return Ok(Arc::clone(tickets));
        }
        let tickets = SealedTickets::new(&config.common.provider, config.ticket_lifetime, self.now)
            .map_err(|error| Failure::Failed(format!("{error:?}")))?;
        Ok(Arc::clone(self.tickets.insert(Arc::new(tickets))))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { now: Instant::from_micros(1_700_000_000_000_000), session: None, tickets: None }
    }
}

pub fn run(
    configured: Configured,
    transport: Transport,
    flags: &Flags,
    is_resumption: bool,
    memory: &mut Memory,
) -> Result<(), Failure> {
    let Configured { mut connection, backend, verdict } = configured;
    let observed = Observed::listen(&mut connection, verdict);
    let mut exchange =
        Exchange { connection, transport, backend, flags, observed, is_resumption, will_read: false, memory };
    let result = exchange.until_the_end();
    exchange.transport.finish();
    result
}

struct Exchange<'a> {
    connection: Connection,
    transport: Transport,
    backend: Arc<Wallet>,
    flags: &'a Flags,
    observed: Observed,
    is_resumption: bool,
    /// Application data is awaited: before that keys may have to be updated.
    will_read: bool,
    memory: &'a mut Memory,
}

/// What happened while there was something to do.
#[derive(PartialEq, Eq)]
enum Progress {
    /// The next input is awaited.
    Waiting,
    /// It is over.
    Done,
}

impl Exchange<'_> {
    fn until_the_end(&mut self) -> Result<(), Failure> {
        loop {
            if self.work()? == Progress::Done {
                return Ok(());
            }
            if std::mem::take(&mut self.will_read) {
                self.update_keys_before_read()?;
                continue;
            }
            let Some(input) = self.transport.receive().map_err(Failure::io)? else {
                return self.at_end_of_stream();
            };
            self.take(input)?;
        }
    }

    /// The runner hangs up at the end of a test; before the handshake is complete that is a failure.
    fn at_end_of_stream(&self) -> Result<(), Failure> {
        match self.connection.negotiated() {
            Some(_) => checks::at_end(&self.observed, self.flags),
            None => Err(Failure::Failed("the runner hung up during the handshake".into())),
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Failure> {
        match input {
            Input::Datagram(mut datagram) => self.connection.handle_datagram(&mut datagram, self.memory.now),
            Input::Advance(duration) => {
                self.transport.confirm_advance().map_err(Failure::io)?;
                self.advance(duration);
            }
            Input::ExpectTimeout(expected) => return self.expect_timeout(expected),
            Input::Mtu(size) => self.connection.set_max_datagram_size(size),
            Input::InitialTimeout(timeout) => self.connection.set_initial_timeout(timeout),
        }
        Ok(())
    }

    fn advance(&mut self, duration: Duration) {
        self.memory.now = self.memory.now.saturating_add(duration);
        // What is due within the slack is due now.
        if self.next_timer().is_some_and(|left| left.is_zero()) {
            self.connection.handle_timeout(self.memory.now.saturating_add(SLACK));
        } else {
            self.connection.handle_timeout(self.memory.now);
        }
    }

    /// How far away the next timer of a flight or an ACK is.
    fn next_timer(&self) -> Option<Duration> {
        let left = self.connection.flight_timeout()?.saturating_duration_since(self.memory.now);
        Some(if left < SLACK { Duration::ZERO } else { left })
    }

    fn expect_timeout(&self, expected: Option<Duration>) -> Result<(), Failure> {
        let micros = |time: Option<Duration>| time.map(|time| time.as_micros());
        let next = self.next_timer();
        if micros(next) == micros(expected) {
            return Ok(());
        }
        Err(Failure::Failed(format!("the next timeout should be {expected:?} away, and is {next:?}")))
    }

    /// Does what is to be done until the connection waits for the runner.
    fn work(&mut self) -> Result<Progress, Failure> {
        loop {
            while self.run_tasks()? {}
            self.send_all()?;
            let Some(event) = self.connection.poll_event() else { return Ok(Progress::Waiting) };
            if self.handle(event)? == Progress::Done {
                self.send_all()?;
                return Ok(Progress::Done);
            }
        }
    }

    /// Runs a task that the back end left to us: a signature by a key that takes its time.
    fn run_tasks(&mut self) -> Result<bool, Failure> {
        let Some((id, task)) = self.connection.poll_task() else { return Ok(false) };
        if let Task::SelectCredentials(request) = &task {
            return self.refuse_selection(request);
        }
        self.advance(Duration::from_millis(self.flags.private_key_delay_ms.into()));
        self.send_all()?;
        if let Some(result) = self.backend.perform(&task) {
            self.connection.handle_task(id, result, self.memory.now);
        }
        Ok(true)
    }

    /// Ends the connection, because the back end has no credentials that it would go on with.
    fn refuse_selection(&mut self, request: &CredentialsRequest) -> Result<bool, Failure> {
        self.connection.abort(AlertDescription::HANDSHAKE_FAILURE, self.memory.now);
        self.send_all()?;
        Err(Failure::Failed(self.backend.why_none(request).into()))
    }

    fn send_all(&mut self) -> Result<(), Failure> {
        let mut datagram = Vec::new();
        while self.connection.poll_transmit(&mut datagram, self.memory.now) {
            self.transport.send(&datagram).map_err(Failure::io)?;
        }
        Ok(())
    }

    fn handle(&mut self, event: ConnectionEvent) -> Result<Progress, Failure> {
        match event {
            ConnectionEvent::Connected => return self.connected(),
            ConnectionEvent::Datagram(mut data) if !data.is_empty() => {
                data.iter_mut().for_each(|byte| *byte ^= 0xff);
                self.write(&data)?;
                self.will_read = true;
            }
            ConnectionEvent::SessionReceived(session) => self.memory.session = Some(*session),
            ConnectionEvent::PeerClosed => {
                checks::at_end(&self.observed, self.flags)?;
                return Ok(Progress::Done);
            }
            ConnectionEvent::Failed(error) => {
                // The alert that says why must still be sent.
                self.send_all()?;
                return Err(Failure::Failed(format!("{}\n{error}", self.name(&error))));
            }
            _ => {}
        }
        Ok(Progress::Waiting)
    }

    /// BoringSSL says why none of a server's certificates and keys would do.
    fn name(&self, error: &Error) -> String {
        match error {
            Error::PeerIncompatible(PeerIncompatible::NoCredentials) => {
                self.backend.last_refused().map_or_else(|| errors::name(error), Into::into)
            }
            // What a second hello has to leave as it was is, with a key that was found, that key.
            Error::PeerMisbehaved(PeerMisbehaved::SecondClientHelloDiffers) if self.backend.has_found_psk() => {
                ":PSK_IDENTITY_NOT_FOUND:".into()
            }
            _ => errors::name(error),
        }
    }

    fn connected(&mut self) -> Result<Progress, Failure> {
        checks::at_handshake(&self.connection, &self.observed, self.flags, self.is_resumption)?;
        self.check_selected()?;
        let flags = self.flags;
        if flags.export_length > 0 {
            let mut exported = vec![0; flags.export_length];
            self.connection
                .export_keying_material(&flags.export_label, &flags.export_context, &mut exported)
                .map_err(|error| Failure::Failed(error.to_string()))?;
            self.write(&exported)?;
        }
        if flags.send_alert {
            self.connection.abort(AlertDescription(30), self.memory.now);
            return Ok(Progress::Done);
        }
        if flags.shim_writes_first {
            self.write(FIRST_WORDS)?;
        }
        self.will_read = true;
        Ok(Progress::Waiting)
    }

    /// Of the keys and certificates that we have, the one that the test expects.
    fn check_selected(&self) -> Result<(), Failure> {
        let Some(expected) = self.flags.expect_selected_credential else { return Ok(()) };
        let identity = self.connection.negotiated().and_then(|negotiated| negotiated.psk_identity.as_deref());
        let selected = match identity {
            Some(identity) => self.backend.index_of_psk(identity).unwrap_or(-1),
            None => self.backend.selected(),
        };
        if selected == expected {
            return Ok(());
        }
        Err(Failure::Failed(format!("the credential {selected} was used, not {expected}")))
    }

    fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.connection.send(data).map_err(|error| Failure::Failed(error.to_string()))
    }

    /// While an update is under way, another one is not wanted.
    fn update_keys_before_read(&mut self) -> Result<(), Failure> {
        if !self.flags.key_update_before_read {
            return Ok(());
        }
        match self.connection.update_keys(false, self.memory.now) {
            Ok(()) | Err(UpdateKeysError::InProgress) => Ok(()),
            Err(UpdateKeysError::Exhausted) => {
                let (_, epoch) = self.connection.epochs();
                let name = if epoch == u16::MAX { ":TOO_MANY_KEY_UPDATES:" } else { ":overflow:" };
                Err(Failure::Failed(name.into()))
            }
            Err(error) => Err(Failure::Failed(error.to_string())),
        }
    }
}
