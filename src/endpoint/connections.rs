//! The connections of an endpoint: who they are, which have something to do, and when.

use std::collections::{BTreeSet, VecDeque};

use super::address::PeerAddress;
use super::limits::EndpointLimits;
use super::paths::PeerPaths;
use super::routes::{Associations, Routes};
use super::slots::{ConnectionHandle, Slots};
use super::{EndpointEvent, RemovalReason};
use crate::connection::{Connection, ConnectionState};
use crate::crypto::task::{Task, TaskId};
use crate::time::Instant;

/// The connections.
pub(super) struct Connections {
    pub(super) slots: Slots<Box<Entry>>,
    pub(super) routes: Routes,
    /// When each connection wants to be called, at most one time for each.
    timers: BTreeSet<(Instant, ConnectionHandle)>,
    /// Those that are over, the first one first.
    over: BTreeSet<(Instant, ConnectionHandle)>,
    /// Those that clients have begun and not completed, the oldest first.
    half_open: BTreeSet<(Instant, ConnectionHandle)>,
    /// Those that may have something to send, each at most once; likewise below. Handles of removed ones are skipped.
    transmit: VecDeque<ConnectionHandle>,
    tasks: VecDeque<ConnectionHandle>,
    events: VecDeque<ConnectionHandle>,
    /// What the endpoint itself has to tell, and what removed connections have left.
    own_events: VecDeque<(ConnectionHandle, EndpointEvent)>,
}

/// A connection and its place in the structures above.
pub(super) struct Entry {
    pub(super) connection: Connection,
    pub(super) address: PeerAddress,
    pub(super) paths: PeerPaths,
    /// Its connection IDs by which it is found.
    pub(super) ids: Vec<Box<[u8]>>,
    phase: Phase,
    origin: Origin,
    began: Instant,
    timer: Option<Instant>,
    is_queued: Queued,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its handshake is not complete.
    HalfOpen,
    /// Its handshake is complete.
    Open,
    /// It is over, and still answers its peer for a while.
    Over {
        /// From when on it may be removed.
        reap_at: Instant,
    },
}

/// How a connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Client,
    Server {
        /// The random of the ClientHello that was accepted, by which a retransmission of it is known.
        random: Option<[u8; 32]>,
        /// The number of that ClientHello.
        message_seq: u16,
    },
}

/// In which queues a connection stands.
#[derive(Clone, Copy, Debug, Default)]
struct Queued {
    transmit: bool,
    task: bool,
    event: bool,
}

impl Entry {
    pub(super) fn client(connection: Connection, address: PeerAddress, now: Instant) -> Self {
        Self::new(connection, address, Origin::Client, now)
    }

    pub(super) fn server(
        connection: Connection,
        address: PeerAddress,
        random: Option<[u8; 32]>,
        message_seq: u16,
        now: Instant,
    ) -> Self {
        Self::new(connection, address, Origin::Server { random, message_seq }, now)
    }

    fn new(connection: Connection, address: PeerAddress, origin: Origin, began: Instant) -> Self {
        let is_queued = Queued::default();
        let (paths, ids) = (PeerPaths::default(), Vec::new());
        Self { connection, address, paths, ids, phase: Phase::HalfOpen, origin, began, timer: None, is_queued }
    }

    /// Whether it has been over for long enough.
    pub(super) fn is_to_be_reaped(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Over { reap_at } if reap_at <= now)
    }

    /// Whether it counts against the limit of connections that clients have begun.
    const fn is_half_open_server(&self) -> bool {
        matches!((self.phase, self.origin), (Phase::HalfOpen, Origin::Server { .. }))
    }
}

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            routes: Routes::default(),
            timers: BTreeSet::new(),
            over: BTreeSet::new(),
            half_open: BTreeSet::new(),
            transmit: VecDeque::new(),
            tasks: VecDeque::new(),
            events: VecDeque::new(),
            own_events: VecDeque::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    pub(super) fn get(&self, handle: ConnectionHandle) -> Option<&Entry> {
        self.slots.get(handle).map(|entry| &**entry)
    }

    pub(super) fn get_mut(&mut self, handle: ConnectionHandle) -> Option<&mut Entry> {
        self.slots.get_mut(handle).map(|entry| &mut **entry)
    }

    pub(super) fn find(&self, address: &PeerAddress) -> Option<Associations> {
        self.routes.find(address)
    }

    /// Whether there is such a connection, and it is not over.
    pub(super) fn is_alive(&self, handle: ConnectionHandle) -> bool {
        self.get(handle).is_some_and(|entry| !matches!(entry.phase, Phase::Over { .. }))
    }

    /// Whether we are the client of a connection that is not over.
    pub(super) fn is_client(&self, handle: ConnectionHandle) -> bool {
        self.is_alive(handle) && self.get(handle).is_some_and(|entry| entry.origin == Origin::Client)
    }

    /// Whether a ClientHello of this number may be one that the connection was made of, or that is behind it: then the
    /// connection answers it as long as its handshake goes on, and when it has failed.
    pub(super) fn may_know_hello(&self, handle: ConnectionHandle, number: u16) -> bool {
        self.get(handle).is_some_and(|entry| {
            entry.phase != Phase::Open
                && matches!(entry.origin, Origin::Server { message_seq, .. } if message_seq <= number)
        })
    }

    /// Whether the connection was made of the ClientHello with this random.
    pub(super) fn has_random(&self, handle: ConnectionHandle, wanted: Option<[u8; 32]>) -> bool {
        self.get(handle).is_some_and(|entry| matches!(entry.origin, Origin::Server { random, .. } if random == wanted))
    }

    /// Lets go of a connection that a client has begun and left, if there must not be more of them; says whether there is
    /// room for one more.
    pub(super) fn make_half_open_room(&mut self, limits: &EndpointLimits, now: Instant) -> bool {
        while self.half_open() >= limits.half_open {
            let is_old = |(began, _): &&(Instant, _)| now.saturating_duration_since(*began) >= limits.half_open_grace;
            let Some(&(_, oldest)) = self.half_open.first().filter(is_old) else { return false };
            self.remove(oldest, Some(RemovalReason::RoomNeeded));
        }
        true
    }

    /// Lets go of what is over until there is room for one more; says whether there is.
    pub(super) fn make_room(&mut self, limits: &EndpointLimits) -> bool {
        while self.len() >= limits.connections {
            let Some(&(_, oldest)) = self.over.first() else { return false };
            self.remove(oldest, Some(RemovalReason::RoomNeeded));
        }
        true
    }

    /// The handle that the next connection will have.
    pub(super) fn next_handle(&self) -> Option<ConnectionHandle> {
        self.slots.next()
    }

    /// Takes in a connection, which has no place among the routes yet.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<ConnectionHandle> {
        let half_open_since = entry.is_half_open_server().then_some(entry.began);
        let handle = self.slots.insert(Box::new(entry)).ok()?;
        self.half_open.extend(half_open_since.map(|began| (began, handle)));
        Some(handle)
    }

    /// Makes the connection the only one with its address.
    pub(super) fn set_current(&mut self, handle: ConnectionHandle) {
        if let Some(address) = self.get(handle).map(|entry| entry.address) {
            self.routes.set_current(address, handle);
        }
    }

    /// Gives a connection that was just accepted its place: beside the one that its address has, if it has one that is
    /// worth keeping.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.11
    //# In
    //# cases where a server believes it has an existing association on a
    //# given host/port quartet and it receives an epoch=0 ClientHello, it
    //# SHOULD proceed with a new handshake but MUST NOT destroy the existing
    //# association until the client has demonstrated reachability either by
    //# completing a cookie exchange or by completing a complete handshake
    //# including delivering a verifiable Finished message.
    pub(super) fn place(&mut self, handle: ConnectionHandle, has_proved_address: bool) {
        let Some(address) = self.get(handle).map(|entry| entry.address) else { return };
        let Some(old) = self.routes.find(&address) else {
            self.routes.set_current(address, handle);
            return;
        };
        // A cookie would do to destroy any old connection. One that is established is kept all the same until the new
        // one is: whoever can read the path for a moment cannot end it.
        let is_kept = self.get(old.current).is_some_and(|entry| match entry.phase {
            Phase::HalfOpen => !has_proved_address,
            Phase::Open => true,
            Phase::Over { .. } => false,
        });
        let by = RemovalReason::Replaced { by: handle };
        if let Some(candidate) = old.candidate {
            self.remove(candidate, Some(by));
        }
        if is_kept {
            self.routes.set_candidate(address, handle);
        } else {
            self.remove(old.current, Some(by));
            self.routes.set_current(address, handle);
        }
    }

    /// The application is to be told `event`.
    pub(super) fn tell(&mut self, handle: ConnectionHandle, event: EndpointEvent) {
        self.own_events.push_back((handle, event));
    }

    /// Removes a connection; says whether there was one. The application is told the `reason`, if there is one to tell,
    /// after what the connection itself has left to tell.
    pub(super) fn remove(&mut self, handle: ConnectionHandle, reason: Option<RemovalReason>) -> bool {
        let Some(mut entry) = self.slots.remove(handle) else { return false };
        self.routes.remove(&entry.address, handle);
        entry.ids.iter().for_each(|id| self.routes.remove_id(id, handle));
        if let Some(timer) = entry.timer {
            self.timers.remove(&(timer, handle));
        }
        if let Phase::Over { reap_at } = entry.phase {
            self.over.remove(&(reap_at, handle));
        }
        self.half_open.remove(&(entry.began, handle));
        if let Some(reason) = reason {
            while let Some(event) = entry.connection.poll_event() {
                self.tell(handle, EndpointEvent::Connection(event));
            }
            self.tell(handle, EndpointEvent::Removed { reason });
        }
        true
    }

    /// Has the connection asked for what it may have to send, to be done, and to tell.
    pub(super) fn wake(&mut self, handle: ConnectionHandle) {
        let Some(entry) = self.slots.get_mut(handle) else { return };
        let Queued { transmit, task, event } = &mut entry.is_queued;
        for (is_queued, queue) in [(transmit, &mut self.transmit), (task, &mut self.tasks), (event, &mut self.events)] {
            if !core::mem::replace(is_queued, true) {
                queue.push_back(handle);
            }
        }
    }

    /// Takes note of what has become of the connection by some input.
    pub(super) fn settle(&mut self, handle: ConnectionHandle, now: Instant, limits: &EndpointLimits) {
        self.wake(handle);
        self.update(handle, now, limits);
    }

    /// Those whose time has come, whose timers are taken away.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<ConnectionHandle> {
        let mut due = Vec::new();
        while let Some(&(at, handle)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, handle));
            if let Some(entry) = self.get_mut(handle) {
                entry.timer = None;
                due.push(handle);
            }
        }
        due
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// One datagram of each connection in turn, so that one with much to send does not keep the others waiting.
    pub(super) fn poll_transmit(
        &mut self,
        datagram: &mut Vec<u8>,
        now: Instant,
        limits: &EndpointLimits,
    ) -> Option<PeerAddress> {
        while let Some(handle) = self.transmit.pop_front() {
            let Some(entry) = self.slots.get_mut(handle) else { continue };
            if let Some(path) = entry.connection.poll_transmit_on(datagram, now) {
                self.transmit.push_back(handle);
                return Some(entry.address_of(path).unwrap_or(entry.address));
            }
            entry.is_queued.transmit = false;
            // Timers start when a datagram is handed out, what the application wanted has taken effect by now, and either
            // may have made something to tell.
            if !core::mem::replace(&mut entry.is_queued.event, true) {
                self.events.push_back(handle);
            }
            self.update(handle, now, limits);
        }
        None
    }

    pub(super) fn poll_task(&mut self) -> Option<(ConnectionHandle, TaskId, Task)> {
        while let Some(&handle) = self.tasks.front() {
            if let Some(entry) = self.slots.get_mut(handle) {
                if let Some((id, task)) = entry.connection.poll_task() {
                    return Some((handle, id, task));
                }
                entry.is_queued.task = false;
            }
            self.tasks.pop_front();
        }
        None
    }

    pub(super) fn poll_event(&mut self) -> Option<(ConnectionHandle, EndpointEvent)> {
        if let Some(event) = self.own_events.pop_front() {
            return Some(event);
        }
        while let Some(&handle) = self.events.front() {
            if let Some(entry) = self.slots.get_mut(handle) {
                if let Some(event) = entry.connection.poll_event() {
                    return Some((handle, EndpointEvent::Connection(event)));
                }
                entry.is_queued.event = false;
            }
            self.events.pop_front();
        }
        None
    }

    /// Brings phase and timer up to date.
    fn update(&mut self, handle: ConnectionHandle, now: Instant, limits: &EndpointLimits) {
        let Some(entry) = self.slots.get_mut(handle) else { return };
        let before = entry.phase;
        entry.phase = match (before, entry.connection.state()) {
            (Phase::Over { reap_at }, _) => Phase::Over { reap_at },
            (_, ConnectionState::Closed | ConnectionState::Failed) => {
                let reap_at = now + limits.linger;
                self.over.insert((reap_at, handle));
                Phase::Over { reap_at }
            }
            (Phase::HalfOpen, ConnectionState::Connected) => Phase::Open,
            (phase, _) => phase,
        };
        let has_opened = before == Phase::HalfOpen && entry.phase == Phase::Open;
        if entry.phase != Phase::HalfOpen {
            self.half_open.remove(&(entry.began, handle));
        }

        let wanted = match entry.phase {
            Phase::Over { reap_at } => {
                entry.connection.poll_timeout().map_or(Some(reap_at), |at| Some(at.min(reap_at)))
            }
            _ => entry.connection.poll_timeout(),
        };
        if entry.timer != wanted {
            if let Some(timer) = entry.timer {
                self.timers.remove(&(timer, handle));
            }
            entry.timer = wanted;
            self.timers.extend(wanted.map(|at| (at, handle)));
        }
        let address = entry.address;
        self.reroute(handle);
        if has_opened {
            self.promote(handle, &address);
        }
    }

    /// The connection has proved itself: if it stood beside an older one, it takes that one's place.
    //= https://www.rfc-editor.org/rfc/rfc9147#section-5.11
    //# After a correct
    //# Finished message is received, the server MUST abandon the previous
    //# association to avoid confusion between two valid associations with
    //# overlapping epochs.
    fn promote(&mut self, handle: ConnectionHandle, address: &PeerAddress) {
        if let Some(Associations { current, candidate: Some(candidate) }) = self.routes.find(address)
            && candidate == handle
        {
            self.remove(current, Some(RemovalReason::Replaced { by: handle }));
        }
    }
}
