//! Many connections on one socket, or on anything else that carries datagrams.

mod address;
mod connections;
mod cookie;
mod hello;
pub mod limits;
pub mod listener;
mod partial;
mod paths;
mod routes;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use core::fmt;

use crate::config::{ClientConfig, ConfigError, ServerConfig};
use crate::connection::{ClientOffer, Connection, ConnectionEvent, ConnectionIdError, PathId};
use crate::crypto::task::{Task, TaskError, TaskId, TaskOutput};
use crate::handshake::server::hello::Accepted;
use crate::time::Instant;
use crate::trace::Trace;

pub use address::PeerAddress;
pub use limits::{EndpointLimits, ListenerLimits};
pub use listener::{Listener, ListenerAction};
pub use slots::ConnectionHandle;

use connections::{Connections, Entry};
use hello::{hello_fragments, random_of};
use listener::Verdict;

/// Connections with many peers, clients' and servers', and a listener for new ones.
///
/// The methods are of the same four kinds as those of a [`Connection`], with the address of a peer or the handle of a
/// connection beside them:
///
/// - A, what is so: [`Endpoint::connection`], [`Endpoint::stats`], [`Endpoint::listener`];
/// - B, what happened: [`Endpoint::handle_datagram`], [`Endpoint::handle_timeout`], [`Endpoint::handle_task`];
/// - C, what the application wants: [`Endpoint::connect`], [`Endpoint::connection_mut`], [`Endpoint::remove`];
/// - D, what to do about it: [`Endpoint::poll_transmit`], [`Endpoint::poll_task`], [`Endpoint::poll_event`],
///   [`Endpoint::poll_timeout`], each until it gives nothing more, in this order, after any of B or C.
///
/// What D costs depends on how many connections have something to do, not on how many there are.
pub struct Endpoint {
    listener: Option<Listener>,
    limits: EndpointLimits,
    connections: Connections,
    replies: VecDeque<(PeerAddress, Vec<u8>)>,
    listeners: Option<MakeTrace>,
    stats: EndpointStats,
}

/// Makes the listener of a connection that is about to begin, if it is to have one.
pub type MakeTrace = Box<dyn FnMut(ConnectionHandle, &PeerAddress) -> Option<Box<dyn Trace>> + Send>;

impl Endpoint {
    /// An endpoint that accepts clients if it is given a `server` configuration, and can be a client in any case.
    pub fn new(server: Option<Arc<ServerConfig>>, now: Instant) -> Result<Self, ConfigError> {
        Self::with_limits(server, EndpointLimits::default(), now)
    }

    /// An endpoint with limits of your own.
    pub fn with_limits(
        server: Option<Arc<ServerConfig>>,
        limits: EndpointLimits,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let listener = match server {
            Some(config) => Some(Listener::with_limits(config, limits.listener.clone(), now)?),
            None => None,
        };
        Ok(Self {
            listener,
            limits,
            connections: Connections::new(),
            replies: VecDeque::new(),
            listeners: None,
            stats: EndpointStats::default(),
        })
    }

    // A. What is so.

    /// The connection called `handle`, if there still is one.
    pub fn connection(&self, handle: ConnectionHandle) -> Option<&Connection> {
        self.connections.get(handle).map(|entry| &entry.connection)
    }

    /// The address of the connection's peer.
    pub fn address(&self, handle: ConnectionHandle) -> Option<PeerAddress> {
        self.connections.get(handle).map(|entry| entry.address)
    }

    /// The address behind a path that an event of the connection names.
    pub fn path_address(&self, handle: ConnectionHandle, path: PathId) -> Option<PeerAddress> {
        self.connections.get(handle).and_then(|entry| entry.address_of(path))
    }

    /// How many connections there are, those counted that are over and still answer.
    pub const fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many connections clients have begun and not completed.
    pub fn half_open(&self) -> usize {
        self.connections.half_open()
    }

    /// The listener, if there is one.
    pub const fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    /// What has happened until now.
    pub const fn stats(&self) -> &EndpointStats {
        &self.stats
    }

    // B. What happened.

    /// A datagram arrived. It is decrypted in place.
    pub fn handle_datagram(&mut self, from: PeerAddress, datagram: &mut [u8], now: Instant) {
        if self.handle_hello(from, datagram, now) {
            return;
        }
        if let Some(handle) = self.connections.find_elsewhere(&from, datagram) {
            return self.deliver(handle, from, datagram, now);
        }
        let Some(associations) = self.connections.find(&from) else {
            count(&mut self.stats.unroutable);
            return;
        };
        // Which of two connections a record is for is for their keys to say (RFC 9147 §5.11).
        if let Some(candidate) = associations.candidate {
            self.deliver(candidate, from, &mut datagram.to_vec(), now);
        }
        self.deliver(associations.current, from, datagram, now);
    }

    /// The time that [`Endpoint::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        for handle in self.connections.take_due(now) {
            let Some(entry) = self.connections.get_mut(handle) else { continue };
            if entry.is_to_be_reaped(now) {
                self.connections.remove(handle, Some(RemovalReason::Over));
                continue;
            }
            entry.connection.handle_timeout(now);
            self.connections.settle(handle, now, &self.limits);
        }
    }

    /// A task of [`Endpoint::poll_task`] came to an end. The result of a task whose connection is gone is ignored.
    pub fn handle_task(
        &mut self,
        handle: ConnectionHandle,
        id: TaskId,
        result: Result<TaskOutput, TaskError>,
        now: Instant,
    ) {
        let Some(entry) = self.connections.get_mut(handle) else { return };
        entry.connection.handle_task(id, result, now);
        self.connections.settle(handle, now, &self.limits);
    }

    // C. What the application wants.

    /// Gives every connection that begins from now on the listener that `make` makes for it: a key log, for example. The
    /// listener hears everything from the ClientHello on.
    pub fn trace_connections(&mut self, make: MakeTrace) {
        self.listeners = Some(make);
    }

    /// Begins a connection with the server at `to`, which is called `name`.
    pub fn connect(
        &mut self,
        config: Arc<ClientConfig>,
        name: Option<&str>,
        to: PeerAddress,
        now: Instant,
    ) -> Result<ConnectionHandle, ConnectError> {
        self.connect_with(
            config,
            ClientOffer { server_name: name.map(str::to_owned), ..ClientOffer::default() },
            to,
            now,
        )
    }

    /// Begins a connection with the server at `to`, and with an earlier one to resume, for example. A trace in `offer`
    /// comes before one that [`Endpoint::trace_connections`] would make.
    pub fn connect_with(
        &mut self,
        config: Arc<ClientConfig>,
        mut offer: ClientOffer,
        to: PeerAddress,
        now: Instant,
    ) -> Result<ConnectionHandle, ConnectError> {
        let old = self.connections.find(&to);
        if old.is_some_and(|old| old.iter().any(|handle| self.connections.is_alive(handle))) {
            return Err(ConnectError::AddressInUse);
        }
        if !self.connections.make_room(&self.limits) {
            return Err(ConnectError::TooManyConnections);
        }
        if offer.trace.is_none() {
            offer.trace = self.make_trace(&to);
        }
        let connection = Connection::connect(config, offer, now).map_err(ConnectError::Config)?;
        let handle =
            self.connections.insert(Entry::client(connection, to, now)).ok_or(ConnectError::TooManyConnections)?;
        for old in old.into_iter().flat_map(routes::Associations::iter) {
            self.connections.remove(old, Some(RemovalReason::Replaced { by: handle }));
        }
        self.connections.set_current(handle);
        self.connections.settle(handle, now, &self.limits);
        Ok(handle)
    }

    /// The connection called `handle`, to send on it, to close it and so on. Poll the endpoint afterwards.
    ///
    /// Leave the `handle_` and `poll_` methods of the connection to the endpoint.
    pub fn connection_mut(&mut self, handle: ConnectionHandle) -> Option<&mut Connection> {
        self.connections.wake(handle);
        self.connections.get_mut(handle).map(|entry| &mut entry.connection)
    }

    /// Forgets a connection at once and without a word to its peer; says whether there was one. To part in peace, close
    /// it: an endpoint removes what is over after a while by itself.
    pub fn remove(&mut self, handle: ConnectionHandle) -> bool {
        self.connections.remove(handle, None)
    }

    /// Sends to `address` from now on, whatever came from there: our own address has changed and stands in it, or the
    /// application has found out that the peer is there (RFC 9146 §6). Return routability needs no such help.
    ///
    /// # Errors
    /// If there is no such connection, or it is not connected.
    pub fn use_address(
        &mut self,
        handle: ConnectionHandle,
        address: PeerAddress,
        now: Instant,
    ) -> Result<(), ConnectionIdError> {
        let entry = self.connections.get_mut(handle).ok_or(ConnectionIdError::NotConnected)?;
        let path = entry.path_of(&address).ok_or(ConnectionIdError::NoRoom)?;
        let used = entry.connection.use_path(path, now);
        self.connections.settle(handle, now, &self.limits);
        used
    }

    // D. What to do about it.

    /// Fills `datagram` with the next one to send, and says where it goes.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>, now: Instant) -> Option<PeerAddress> {
        if let Some((to, reply)) = self.replies.pop_front() {
            *datagram = reply;
            return Some(to);
        }
        self.connections.poll_transmit(datagram, now, &self.limits)
    }

    /// The next task that nobody here can do.
    pub fn poll_task(&mut self) -> Option<(ConnectionHandle, TaskId, Task)> {
        self.connections.poll_task()
    }

    /// The next thing that the application should know.
    pub fn poll_event(&mut self) -> Option<(ConnectionHandle, EndpointEvent)> {
        self.connections.poll_event()
    }

    /// When [`Endpoint::handle_timeout`] wants to be called, if it does.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connections.next_timeout()
    }

    fn deliver(&mut self, handle: ConnectionHandle, from: PeerAddress, datagram: &mut [u8], now: Instant) {
        let Some(entry) = self.connections.get_mut(handle) else { return };
        let Some(path) = entry.path_of(&from) else {
            count(&mut self.stats.unroutable);
            return;
        };
        entry.connection.handle_datagram_on(path, datagram, now);
        self.connections.settle(handle, now, &self.limits);
    }

    /// Takes `datagram` if there is a ClientHello in it, and a listener; says whether it did.
    ///
    /// A hello from an address that has a connection may be one that this connection knows, sent again, or the beginning
    /// of another. The connection is shown it unless its handshake is complete; the listener is shown it in any case, and
    /// whether what it accepts is new is seen from the random.
    fn handle_hello(&mut self, from: PeerAddress, datagram: &mut [u8], now: Instant) -> bool {
        let Some(listener) = &mut self.listener else { return false };
        let Some(message_seq) = hello_fragments(datagram).next().map(|fragment| fragment.header.message_seq) else {
            return false;
        };
        let associations = self.connections.find(&from);
        // Whom we are a client of is not our client on the same path: their records could not be told apart.
        if associations.is_some_and(|known| self.connections.is_client(known.current)) {
            count(&mut self.stats.unroutable);
            return true;
        }
        let verdict = listener.judge(&from, datagram, now);
        let known: Vec<_> = associations.into_iter().flat_map(routes::Associations::iter).collect();
        let expecting: Vec<_> =
            known.iter().copied().filter(|handle| self.connections.may_know_hello(*handle, message_seq)).collect();
        match verdict {
            Verdict::Retry(reply) => self.reply(from, reply),
            // A handshake that goes on longer than its cookie is valid must not be ended for it.
            Verdict::Refuse(reply) if expecting.is_empty() => self.reply(from, reply),
            Verdict::Accept(accepted) => {
                let random = random_of(&accepted.client_hello);
                if !known.iter().any(|handle| self.connections.has_random(*handle, random)) {
                    self.accept(from, accepted, random, now);
                }
            }
            _ => {}
        }
        for handle in expecting {
            self.deliver(handle, from, &mut datagram.to_vec(), now);
        }
        true
    }

    fn make_trace(&mut self, peer: &PeerAddress) -> Option<Box<dyn Trace>> {
        let handle = self.connections.next_handle()?;
        self.listeners.as_mut().and_then(|make| make(handle, peer))
    }

    fn reply(&mut self, to: PeerAddress, reply: Vec<u8>) {
        if self.replies.len() >= self.limits.replies {
            self.replies.pop_front();
            count(&mut self.stats.replies_dropped);
        }
        self.replies.push_back((to, reply));
    }

    fn accept(&mut self, from: PeerAddress, accepted: Accepted, random: Option<[u8; 32]>, now: Instant) {
        let Some(listener) = &self.listener else { return };
        if !self.connections.make_half_open_room(&self.limits, now) || !self.connections.make_room(&self.limits) {
            count(&mut self.stats.no_room);
            return;
        }
        let message_seq = accepted.message_seq;
        let has_proved_address = accepted.retry.is_some();
        let config = Arc::clone(listener.config());
        let trace = self.make_trace(&from);
        let Ok(connection) = Connection::accept_traced(config, accepted, trace, now) else {
            count(&mut self.stats.no_room);
            return;
        };
        let Some(handle) = self.connections.insert(Entry::server(connection, from, random, message_seq, now)) else {
            count(&mut self.stats.no_room);
            return;
        };
        count(&mut self.stats.accepted);
        self.connections.place(handle, has_proved_address);
        self.connections.tell(handle, EndpointEvent::Accepted { from });
        self.connections.settle(handle, now, &self.limits);
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("connections", &self.connections.len())
            .field("half_open", &self.connections.half_open())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// What the application should know of a connection of an endpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndpointEvent {
    /// A client began this connection, and has shown that it receives what is sent to its address, if it had to.
    Accepted {
        /// Its address.
        from: PeerAddress,
    },
    /// The connection itself has something to tell.
    Connection(ConnectionEvent),
    /// The connection is gone, and its handle names nothing any more.
    Removed {
        /// Why.
        reason: RemovalReason,
    },
}

/// Why an endpoint has let go of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemovalReason {
    /// It was over, and its peer has had time to hear of it.
    Over,
    /// Its peer has begun anew from the same address (RFC 9147 §5.11).
    Replaced {
        /// With this connection.
        by: ConnectionHandle,
    },
    /// It was over, or its client had begun it and not gone on, and its room was needed.
    RoomNeeded,
}

/// What has happened to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointStats {
    /// Datagrams that were for nobody.
    pub unroutable: u64,
    /// Clients that were let in.
    pub accepted: u64,
    /// Clients for which there was no room.
    pub no_room: u64,
    /// Replies of the listener that nobody fetched in time.
    pub replies_dropped: u64,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is a connection with this address already.
    AddressInUse,
    /// The configuration cannot work.
    Config(ConfigError),
    /// There are as many connections as allowed.
    TooManyConnections,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressInUse => f.write_str("there is a connection with this address already; close it first"),
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::TooManyConnections => f.write_str("there are as many connections as the endpoint's limits allow"),
        }
    }
}

impl core::error::Error for ConnectError {}

const fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
