//! One DTLS connection, as a machine without I/O.
//!
//! [`Connection`] has four kinds of method:
//! - **A.** Getters tell what is so: [`state`](Connection::state), [`negotiated`](Connection::negotiated), …
//! - **B.** `handle_*` tell the connection what happened. They never fail: a connection fails, and says so by an event.
//! - **C.** Commands are what the application wants: [`send`](Connection::send), [`close`](Connection::close), … Only these
//!   return errors.
//! - **D.** `poll_*` say what is to be done about it. After any method of kind B or C call each until it has nothing more,
//!   in this order: [`poll_transmit`](Connection::poll_transmit), [`poll_task`](Connection::poll_task),
//!   [`poll_event`](Connection::poll_event); then arm a timer with [`poll_timeout`](Connection::poll_timeout).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::{ClientConfig, CommonConfig, ConfigError, ServerConfig};
use crate::crypto::task::{PresentedIdentity, Task, TaskError, TaskId, TaskOutput};
use crate::error::Error;
use crate::flight::acknowledge::ToAcknowledge;
use crate::flight::outgoing::Outgoing;
use crate::flight::reassembly::Reassembly;
use crate::handshake::early::EarlyData;
use crate::handshake::server::hello::{Accepted, ExpectClientHello};
use crate::handshake::{Context, Established, Negotiated, State};
use crate::record::RecordLayer;
use crate::schedule::exporter::ExportError;
use crate::time::Instant;
use crate::trace::{Trace, Tracer};
use crate::wire::alert::Alert;
use crate::wire::post_handshake::KeyUpdateRequest;
use crate::wire::record::RecordNumber;
use crate::wire::registry::AlertDescription;

mod authentication;
mod connection_ids;
mod drive;
mod early;
mod event;
mod extended_key_update;
mod last_words;
mod name;
#[cfg(any(test, feature = "sim"))]
mod node;
mod offer;
mod path;
mod receive;
mod settings;
mod timers;
mod transmit;

pub use crate::handshake::early::EarlyDataStatus;
pub use crate::handshake::exchange::ExchangeId;
pub use crate::handshake::exchange::client_auth::RequestAuthenticationError;
pub use crate::handshake::exchange::key_update::ExtendedKeyUpdateError;
pub use connection_ids::ConnectionIdError;
pub use early::SendEarlyError;
pub use event::{ConnectionEvent, ConnectionState, SendError, SrtpKeys, Stats, UpdateKeysError};
pub use name::ServerName;
pub use offer::ClientOffer;
pub use path::PathId;

use connection_ids::ConnectionIds;
use drive::Tasks;
use last_words::LastWords;
use path::Paths;
use timers::Timers;

/// One DTLS connection. See the [module](self) for how to drive it.
pub struct Connection {
    role: Role,
    state: ConnectionState,
    error: Option<Error>,
    records: RecordLayer,
    incoming: Reassembly,
    outgoing: Outgoing,
    to_acknowledge: ToAcknowledge,
    /// Whether a flight of ours is begun and not yet to be sent.
    flight_begun: bool,
    /// Whether an ACK is to be sent at the next opportunity.
    ack_due: bool,
    timers: Timers,
    /// How long a datagram may be.
    max_datagram_size: usize,
    /// How long a datagram of a flight may be: shorter after repeated silence.
    flight_datagram_size: usize,
    /// Present once connection IDs were negotiated.
    connection_ids: Option<Box<ConnectionIds>>,
    paths: Paths,
    /// Present until the handshake is complete.
    handshake: Option<State>,
    /// Present from then on.
    established: Option<Box<Established>>,
    tasks: Tasks,
    /// Records whose keys do not exist yet.
    held: VecDeque<Vec<u8>>,
    /// Application data that arrived before the handshake was complete.
    ahead: VecDeque<Vec<u8>>,
    /// Where early data (0-RTT) stands.
    early_data: EarlyData,
    /// Early data that waits to be sent.
    early_queue: VecDeque<Vec<u8>>,
    events: VecDeque<ConnectionEvent>,
    received_bytes: usize,
    send_queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    alerts: VecDeque<Alert>,
    last_words: LastWords,
    /// Whether a record was deprotected: from then on plaintext records have nothing to say.
    saw_protected: bool,
    /// The number of the peer's close_notify.
    peer_closed_at: Option<RecordNumber>,
    tracer: Tracer,
    stats: Stats,
}

enum Role {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

impl Role {
    fn common(&self) -> &CommonConfig {
        match self {
            Self::Client(config) => &config.common,
            Self::Server(config) => &config.common,
        }
    }
}

impl Connection {
    /// A client. `server_name` is the DNS name or IP address that the server's certificate must be for; a DNS name is
    /// sent to the server as well (RFC 6066 §3).
    ///
    /// # Errors
    /// If `config` cannot work, if `server_name` is neither a DNS name nor an IP address, or without random bytes.
    pub fn client(config: Arc<ClientConfig>, server_name: Option<&str>, now: Instant) -> Result<Self, ConfigError> {
        Self::client_traced(config, server_name, None, now)
    }

    /// [`client`](Self::client), with a listener that hears everything from the ClientHello on.
    ///
    /// # Errors
    /// As [`client`](Self::client).
    pub fn client_traced(
        config: Arc<ClientConfig>,
        server_name: Option<&str>,
        trace: Option<Box<dyn Trace>>,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        Self::connect(
            config,
            ClientOffer { server_name: server_name.map(str::to_owned), trace, ..ClientOffer::default() },
            now,
        )
    }

    /// A server without a listener: it takes its peer's address for proven, as ICE does.
    ///
    /// # Errors
    /// If `config` cannot work.
    pub fn server(config: Arc<ServerConfig>, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut this = Self::new(Role::Server(Arc::clone(&config)), 0, 0, now);
        this.handshake = Some(State::ExpectClientHello(Box::new(ExpectClientHello::new(config))));
        Ok(this)
    }

    /// A server for a client that a [`Listener`](crate::endpoint::listener::Listener) let in.
    ///
    /// # Errors
    /// If `config` cannot work.
    pub fn accept(config: Arc<ServerConfig>, accepted: Accepted, now: Instant) -> Result<Self, ConfigError> {
        Self::accept_traced(config, accepted, None, now)
    }

    /// [`accept`](Self::accept), with a listener that hears everything from the ClientHello on.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn accept_traced(
        config: Arc<ServerConfig>,
        accepted: Accepted,
        trace: Option<Box<dyn Trace>>,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        // A stateless HelloRetryRequest was our message 0.
        let sent = u16::from(accepted.retry.is_some());
        let next_received = accepted.message_seq.saturating_add(1);
        let mut this = Self::new(Role::Server(Arc::clone(&config)), next_received, sent, now);
        this.tracer = Tracer::from(trace);
        this.records.skip_plaintext(accepted.next_record_sequence);
        let state = match &accepted.retry {
            None => Ok(ExpectClientHello::new(config)),
            Some(retry) => ExpectClientHello::after_retry(config, retry),
        };
        match state {
            Ok(state) => this.handshake = Some(State::ExpectClientHello(Box::new(state))),
            Err(error) => this.fail(error, now),
        }
        this.take_message_of_listener(accepted, now);
        this.drive(now);
        Ok(this)
    }

    fn new(role: Role, next_received: u16, next_sent: u16, now: Instant) -> Self {
        let common = role.common();
        let timers = Timers::new(&common.transport, now);
        let outgoing = Outgoing::new(next_sent, &common.limits);
        let records = RecordLayer::with_padding(common.padding.clone());
        let max_datagram_size = common.transport.max_datagram_size;
        Self {
            role,
            state: ConnectionState::Connecting,
            error: None,
            records,
            incoming: Reassembly::new(next_received),
            outgoing,
            to_acknowledge: ToAcknowledge::default(),
            flight_begun: false,
            ack_due: false,
            timers,
            max_datagram_size,
            flight_datagram_size: max_datagram_size,
            connection_ids: None,
            paths: Paths::default(),
            handshake: None,
            established: None,
            tasks: Tasks::default(),
            held: VecDeque::new(),
            ahead: VecDeque::new(),
            early_data: EarlyData::default(),
            early_queue: VecDeque::new(),
            events: VecDeque::new(),
            received_bytes: 0,
            send_queue: VecDeque::new(),
            queued_bytes: 0,
            alerts: VecDeque::new(),
            last_words: LastWords::default(),
            saw_protected: false,
            peer_closed_at: None,
            tracer: Tracer::default(),
            stats: Stats::default(),
        }
    }
}

/// A. What is so.
impl Connection {
    /// Where the connection stands.
    pub const fn state(&self) -> ConnectionState {
        self.state
    }

    /// Whether we are the server.
    pub const fn is_server(&self) -> bool {
        matches!(self.role, Role::Server(_))
    }

    /// What was agreed on, once the handshake is complete.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.established.as_ref().map(|established| &established.negotiated)
    }

    /// The peer's certificate chain, DER, its own certificate first; empty before the handshake is complete, or if the
    /// peer has none.
    pub fn peer_certificates(&self) -> &[Vec<u8>] {
        self.peer_identity().map(|peer| peer.chain.as_slice()).unwrap_or_default()
    }

    /// Who the peer is, once the handshake is complete, and if it proved that by a certificate; if it did so several times,
    /// the last.
    pub fn peer_identity(&self) -> Option<&PresentedIdentity> {
        self.established.as_ref()?.peer.as_deref()
    }

    /// Why the connection failed, if it did.
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// How many bytes one [`send`](Self::send) may carry, so that the datagram keeps within `max_datagram_size`.
    pub fn max_send_size(&self) -> usize {
        let epoch = self.records.write_epoch();
        self.records.max_plaintext(epoch, self.max_datagram_size)
    }

    /// Counters.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The epochs in which the peer sends and in which we send.
    pub fn epochs(&self) -> (u16, u16) {
        (self.records.read_epoch(), self.records.write_epoch())
    }

    /// Bytes that wait in the send queue.
    pub const fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    fn common(&self) -> &CommonConfig {
        self.role.common()
    }
}

/// B. What happened.
impl Connection {
    /// A datagram arrived. It is decrypted in place, so that its content is unspecified afterwards.
    ///
    /// Whatever is wrong with it: records that do not deprotect are discarded and counted (RFC 9147 §4.5.2).
    pub fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        self.receive_datagram(datagram, now);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fire_timers(now);
    }

    /// The result of a task of [`poll_task`](Self::poll_task). A late, foreign or repeated one is ignored.
    pub fn handle_task(&mut self, id: TaskId, result: Result<TaskOutput, TaskError>, now: Instant) {
        self.finish_task(id, result, now);
    }
}

/// C. What the application wants.
impl Connection {
    /// Queues `data` as one datagram's worth of application data.
    ///
    /// # Errors
    /// Before the handshake is complete, after the end, when `data` is longer than
    /// [`max_send_size`](Self::max_send_size), or when the queue is full. Nothing is queued then.
    pub fn send(&mut self, data: &[u8]) -> Result<(), SendError> {
        match self.state {
            ConnectionState::Connecting => return Err(SendError::NotConnected),
            ConnectionState::Connected => {}
            ConnectionState::Closing | ConnectionState::Closed | ConnectionState::Failed => {
                return Err(SendError::Closed);
            }
        }
        let limit = self.max_send_size();
        if data.len() > limit {
            return Err(SendError::TooLarge { len: data.len(), limit });
        }
        let queued = self.queued_bytes.saturating_add(data.len());
        if queued > self.common().limits.send_queue {
            return Err(SendError::Full { limit: self.common().limits.send_queue });
        }
        self.queued_bytes = queued;
        self.send_queue.push_back(data.to_vec());
        Ok(())
    }

    /// Derives keys for another use (RFC 9846 §7.5, with the label prefix of RFC 9147 §5.9) and fills `out` with them.
    /// The output depends on its length.
    ///
    /// # Errors
    /// Before the handshake is complete, or when `out` is longer than the derivation allows.
    pub fn export_keying_material(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        let established = self.established.as_ref().ok_or(ExportError::NotConnected)?;
        established.exporter.export(label, context, out)
    }

    /// The SRTP master keys and salts (RFC 5764 §4.2), if SRTP was negotiated.
    pub fn srtp_keys(&self) -> Option<SrtpKeys> {
        let established = self.established.as_ref()?;
        SrtpKeys::derive(established.negotiated.srtp.as_ref()?, &established.exporter)
    }

    /// Begins to send under new keys as soon as the peer has acknowledged it (RFC 9147 §8); with `request_peer`, asks the
    /// peer to do the same.
    ///
    /// # Errors
    /// Before the handshake is complete, after the end, or while an earlier update is not acknowledged.
    pub fn update_keys(&mut self, request_peer: bool, now: Instant) -> Result<(), UpdateKeysError> {
        if self.state != ConnectionState::Connected {
            return Err(UpdateKeysError::NotConnected);
        }
        let Some(mut established) = self.established.take() else {
            return Err(UpdateKeysError::NotConnected);
        };
        let request = if request_peer { KeyUpdateRequest::Requested } else { KeyUpdateRequest::NotRequested };
        //= https://www.rfc-editor.org/rfc/rfc9147#section-5.8.4
        //# implementations MUST NOT send KeyUpdate, NewConnectionId, or RequestConnectionId messages if an earlier message of the same type has not yet been acknowledged.
        let result = if established.key_updates.is_some() {
            Err(UpdateKeysError::Replaced)
        } else if established.pending_key_update.is_some() {
            Err(UpdateKeysError::InProgress)
        } else {
            let mut sent = false;
            established
                .send_key_update(request, &mut self.context(now, &mut sent))
                .map_err(|_| UpdateKeysError::Exhausted)
        };
        self.established = Some(established);
        result
    }

    /// Ends the connection: what is queued is sent, then close_notify (RFC 9846 §6.1). Before the handshake is complete
    /// the handshake is given up instead.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            ConnectionState::Connecting => self.abandon_handshake(now),
            ConnectionState::Connected => self.state = ConnectionState::Closing,
            ConnectionState::Closing | ConnectionState::Closed | ConnectionState::Failed => {}
        }
    }

    /// Ends the connection at once: what is queued is lost, and the peer is told by one datagram, which may be lost too.
    /// [`close`](Self::close) is kinder to both.
    pub fn close_now(&mut self, now: Instant) {
        match self.state {
            ConnectionState::Connecting => self.abandon_handshake(now),
            ConnectionState::Connected | ConnectionState::Closing => {
                self.alerts.push_back(Alert::warning(AlertDescription::CLOSE_NOTIFY));
                self.closed(now);
            }
            ConnectionState::Closed | ConnectionState::Failed => {}
        }
    }

    /// Tells `listener` from now on what happens. A client has queued its ClientHello by then, and a server of
    /// [`accept`](Self::accept) its whole flight: use [`client_traced`](Self::client_traced) and
    /// [`accept_traced`](Self::accept_traced) to hear of those.
    pub fn set_trace(&mut self, listener: Box<dyn Trace>) {
        self.tracer.set(listener);
    }
}

/// D. What to do about it.
impl Connection {
    /// Fills `datagram`, which is cleared first, with the next datagram to send; `false`: there is none.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> bool {
        self.transmit(datagram, now)
    }

    /// A task that the configured back end did not run, to be answered by [`handle_task`](Self::handle_task).
    pub fn poll_task(&mut self) -> Option<(TaskId, Task)> {
        self.tasks.take_published()
    }

    /// Something that the application should know.
    pub fn poll_event(&mut self) -> Option<ConnectionEvent> {
        let event = self.events.pop_front()?;
        if let ConnectionEvent::Datagram(data) | ConnectionEvent::EarlyData(data) = &event {
            self.received_bytes = self.received_bytes.saturating_sub(event::held_by(data));
        }
        Some(event)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if at all. May lie in the past: then at once.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            ConnectionState::Closed | ConnectionState::Failed => None,
            _ => [self.timers.next(), self.path_timeout()].into_iter().flatten().min(),
        }
    }
}

impl Connection {
    fn context<'a>(&'a mut self, now: Instant, sent: &'a mut bool) -> Context<'a> {
        let config = self.role.common();
        Context {
            now,
            config,
            records: &mut self.records,
            outgoing: &mut self.outgoing,
            tracer: &mut self.tracer,
            early_data: &mut self.early_data,
            sent,
        }
    }
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection")
            .field("is_server", &self.is_server())
            .field("state", &self.state)
            .field("error", &self.error)
            .field("epochs", &self.epochs())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
